"""The function `gateway`: calls to models, each held before and captured after.

It holds and captures in its own process, like `meter` (ADR-0007), and is best called at its
own address: Hosting keeps a streamed answer until it is whole. Source: relay-api.md 8,
DESIGN sections 3, 5 and 6.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace

from creditbase.catalog.domain import ModelPrice
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import InvalidRequest
from creditbase.metering.calls import default_model
from creditbase.relay.door import RELAY
from creditbase.relay.gateway import paying
from creditbase.relay.gateway.asks import Ask
from creditbase.relay.gateway.bounding import bound_of, prompt_of, worst_of
from creditbase.relay.gateway.chat_request import parse_chat
from creditbase.relay.gateway.chat_writer import ChatWriter, chat_error
from creditbase.relay.gateway.paying import Payer
from creditbase.relay.gateway.responses_request import parse_responses
from creditbase.relay.gateway.responses_writer import ResponsesWriter
from creditbase.relay.gateway.run import Run
from creditbase.relay.gateway.telling import reply_with
from creditbase.relay.gateway.upstreams import upstream_of
from creditbase.relay.gateway.usage import Meter
from creditbase.runtime.cors import HELD_HEADER, HOLD_HEADER
from creditbase.runtime.http import Call, Reply, Resources, endpoint
from creditbase.runtime.settings import CUSTOMER_TOKEN_KEYS, GATEWAY_WARM, UPSTREAM_KEYS

CHAT_PATH = "/api/v1/chat/completions"
NDJSON = ("application/x-ndjson", "application/ndjson")

DOOR = replace(RELAY, bodies={CHAT_PATH: chat_error})
SIZE = Resources(memory_mb=2048, concurrency=80, timeout_s=540, warm=GATEWAY_WARM)


@endpoint("gateway", door=DOOR, secrets=[UPSTREAM_KEYS, CUSTOMER_TOKEN_KEYS], resources=SIZE)
def gateway(call: Call) -> Reply:
    """Call a model, and charge for what it used."""
    return OPERATIONS[call.route.name](call)


def _responses(call: Call) -> Reply:
    accept = call.headers.get("Accept", "").lower()
    ask = parse_responses(call.body, streams=any(kind in accept for kind in NDJSON))
    run, price = _held(call, ask)
    writer = ResponsesWriter(f"resp_{secrets.token_hex(12)}", run.model, price.provider)
    return _told_its_hold(run, reply_with(run, writer))


def _chat(call: Call) -> Reply:
    ask = parse_chat(call.body)
    run, _ = _held(call, ask)
    writer = ChatWriter(
        answer_id=f"chatcmpl-{secrets.token_hex(12)}",
        model=run.model,
        created_s=int(call.now.timestamp()),
        shows_usage=ask.shows_usage,
    )
    return _told_its_hold(run, reply_with(run, writer))


OPERATIONS: dict[str, Callable[[Call], Reply]] = {
    "POST /api/v1/responses": _responses,
    f"POST {CHAT_PATH}": _chat,
}


def _told_its_hold(run: Run, reply: Reply) -> Reply:
    """Name the hold, which is known before the first word: its end has the receipt."""
    told = {HOLD_HEADER: run.held.hold_id, HELD_HEADER: str(run.held.amount_nanos)}
    return replace(reply, headers={**reply.headers, **told})


def _held(call: Call, ask: Ask) -> tuple[Run, ModelPrice]:
    """Return a run whose worst cost is held, and the price of its model."""
    return paying.with_payer(call, lambda payer: _held_by(payer, call, ask))


def _held_by(payer: Payer, call: Call, ask: Ask) -> tuple[Run, ModelPrice]:
    model = ask.model or default_model(payer.ref)
    if not model:
        raise InvalidRequest("Say which model", field="model")
    catalog = load_catalog(payer.ref.project_id)
    price = catalog.prices.find(model, call.now)
    if price is None or price.variant:  # variants are asked for otherwise than by a name
        raise InvalidRequest("This model has no price", field="model")
    # `openai/gpt-5` of the price book is what OpenAI calls gpt-5.
    prefix = "" if model in catalog.rates.models else f"{price.provider}/"
    named = model.removeprefix(prefix)
    upstream = upstream_of(price.provider)
    sent = upstream.body_of(
        ask.without_media(), model=named, output_tokens=price.max_output_tokens
    )
    bound = bound_of(ask, price, sent)
    worst = worst_of(bound, price, bound.output_tokens)
    held = paying.hold(call, payer, model=model, quantities=worst, prompt=prompt_of(bound))
    meter = Meter(bound=bound, model=price, output_tokens_held=held.output_tokens)
    return Run(ask=ask, model=named, held=held, meter=meter, upstream=upstream), price

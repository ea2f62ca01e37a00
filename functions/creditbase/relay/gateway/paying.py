"""Who pays for a call, and the hold that it is made under.

Source: DESIGN sections 5 and 7, relay-api.md 8. A request id that comes again is the same
request: while its call runs, and once it was charged, it is refused; where nothing was
charged, it is made again (ADR-0020).
"""

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from uuid import UUID

from creditbase.accounts.domain import ACCOUNT
from creditbase.kernel.errors import Conflict, InvalidRequest, NotFound
from creditbase.kernel.ids import sha256_hex
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.commands import Budget
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.paths import WalletRef
from creditbase.metering.calls import Asked, HeldCall, find_call, hold_call
from creditbase.metering.names import Answer, customer_names
from creditbase.runtime.http import Call
from creditbase.runtime.identity import CallerKind
from creditbase.subscriptions.use_cases import first_touch

CUSTOMER_HEADER = "X-ModelRelay-Customer-Id"
REQUEST_HEADER = "X-ModelRelay-Request-Id"
ATTEMPTS_MAX = 10
"""How often one request id may be tried; each time before nothing was charged."""
HOLD_TTL_S = 180
"""A hold lives so long without a word from its call, which gives one much more often."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose wallet pays, within which budget of the credential shown."""

    ref: WalletRef
    budget: Budget | None


def with_payer(call: Call, act: Callable[[Payer], Answer]) -> Answer:
    """Act for who pays for a call.

    Raises:
        NotFound: the secret key's project has no such customer.
        InvalidRequest: the header that names a customer names none.
    """
    caller = call.caller
    match caller.kind:
        case CallerKind.SECRET_KEY:
            return _with_named(call, _named(call), lambda ref: act(_payer(call, ref)))
        case CallerKind.FIREBASE:
            customer = first_touch(
                caller.uid, now=call.now, email=caller.email, signed_in_at=caller.signed_in_at
            )
            return act(Payer(WalletRef(customer.project_id, customer.customer_id), None))
        case _:
            return act(_payer(call, WalletRef(caller.project_id, caller.customer_id)))


def _with_named(call: Call, named: str, act: Callable[[WalletRef], Answer]) -> Answer:
    """Act for the customer of an id, or else of the project's own name for it."""
    project_id = call.caller.project_id
    if _is_id(named):
        try:
            return act(WalletRef(project_id, named.lower()))
        except NotFound as refusal:
            if refusal.reason:
                raise
    return customer_names().follow(project_id, named, act, now=call.now)


def _payer(call: Call, ref: WalletRef) -> Payer:
    caller = call.caller
    budget = None
    if caller.budget_nanos is not None:
        budget = Budget(caller.key_id, caller.budget_nanos)
    return Payer(ref, budget)


def _named(call: Call) -> str:
    """Return how the header names the customer; without it, it is the project's own."""
    given = call.headers.get(CUSTOMER_HEADER)
    if given is None:
        return ACCOUNT
    with suppress(UnicodeError):  # a header's bytes arrive as if they were Latin-1
        given = given.encode("latin-1").decode()
    named = given.strip()
    if not named:
        # A caller who forgot to fill it in does not mean to pay itself.
        raise InvalidRequest("Name a customer, or leave this header out", field=CUSTOMER_HEADER)
    return named


def _is_id(named: str) -> bool:
    try:
        return str(UUID(named)) == named.lower()
    except ValueError:
        return False


def hold(
    call: Call,
    payer: Payer,
    *,
    model: str,
    quantities: Mapping[str, int],
    prompt: Mapping[str, int],
) -> HeldCall:
    """Hold the worst that a call can cost, with less output where that is affordable.

    `prompt` is what it costs at least once it is sent: what a process leaves behind that
    dies before its first word.

    Raises:
        Conflict: this request id is being answered, or was charged already.
        IdempotencyConflict: it was used for another request.
        BillingError: as `hold_call` refuses.
    """
    _check_id(call)
    nonce = secrets.token_hex(12)
    for attempt in range(ATTEMPTS_MAX):
        asked = Asked(
            ref=payer.ref,
            request_id="/".join((call.route.name, call.request_id, str(attempt))),
            digest=sha256_hex(json.dumps(call.body, sort_keys=True)),
            model=model,
            quantities=quantities,
            prompt=prompt,
            ttl_s=HOLD_TTL_S,
            output_at_least=1,
            budget=payer.budget,
            # Tells this very call from its twins, also where the commit's reply was lost.
            metadata={"call": nonce, "request_id": call.request_id},
        )
        held = hold_call(asked, now=call.now)
        if held.entry.metadata.get("call") == nonce:
            return held
        _check_free(call, held)
    raise Conflict("This request was tried too often; give it another id")


def _check_id(call: Call) -> None:
    """Refuse an id that cannot be one: taken for none, it would be charged each time."""
    given = call.headers.get(REQUEST_HEADER, "").strip()
    if given and given != call.request_id:
        raise InvalidRequest(
            "A request id has letters, digits, dots, colons and dashes, at most a hundred"
            " and twenty-eight",
            field=REQUEST_HEADER,
        )


def _check_free(call: Call, held: HeldCall) -> None:
    """Refuse a request id whose earlier call is not over, or was charged."""
    found, _ = find_call(held, now=call.now)
    if not isinstance(found, Entry):
        raise Conflict("A request with this id is being answered")
    if found.captured_nanos or found.shortfall_nanos or found.kind == "capture":
        raise Conflict("A request with this id was answered and charged; give a new one")

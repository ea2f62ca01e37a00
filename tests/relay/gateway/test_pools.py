"""Every pool that a provider reports: priced by its own price, never free by accident."""

import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.catalog.domain import (
    COUNTED_UNIT,
    UNITS,
    LongContext,
    Margin,
    ModelPrice,
    Usage,
)
from creditbase.catalog.domain.pricing import price_call
from creditbase.kernel.errors import InvalidRequest
from creditbase.relay.gateway.bounding import (
    INPUT_UNITS,
    OUTPUT_UNITS,
    Bound,
    Quantities,
    bound_of,
    worst_of,
)
from creditbase.relay.gateway.chat_request import parse_chat
from creditbase.relay.gateway.pieces import Report
from creditbase.relay.gateway.usage import Meter, anthropic_report, openai_report
from tests.relay.desk import CREDIT, CREDITS, Desk, Tenant, json_of
from tests.relay.gateway.counter import ANTHROPIC_MODEL, CHAT, OPENAI_MODEL, Counter, says
from tests.relay.gateway.upstream import DONE, chunk, event, usage_chunk
from tests.sold import CATALOG, sell

HELD = 1_000
PRICES = {unit: 1_000 + 100 * place for place, unit in enumerate(UNITS)}
LONG = LongContext(50, {unit: 2 * price for unit, price in PRICES.items()})
COUNTS = st.fixed_dictionaries({}, optional={unit: st.integers(0, 90) for unit in UNITS})
ANY_COUNTS = st.dictionaries(st.sampled_from(UNITS), st.integers(0, 10**12))
AT_COST = Margin(0)


def model(**more: Any) -> ModelPrice:
    """Return a model that has a price for everything."""
    known = ModelPrice("m", "p", "M", 10_000, HELD, PRICES, (LONG,))
    return replace(known, **more)


def meter(priced: ModelPrice, *pieces: Report, **more: Any) -> Meter:
    """Return a meter of a prompt that has been sent, and these reports heard."""
    bound = Bound(
        **{"input_tokens": 900, "input_tokens_counted": 9, "output_tokens": HELD, **more}
    )
    found = Meter(bound=bound, model=priced, output_tokens_held=HELD)
    for piece in pieces:
        found.note(piece)
    return found


def cost_nanos(priced: ModelPrice, quantities: Quantities) -> int:
    """Return what quantities cost, as `POST /charges` computes it."""
    usage = Usage(**{"requests": 0, **quantities})
    return price_call(priced, usage, AT_COST).cost_nanos


@given(COUNTS)
def test_a_call_costs_what_a_charge_of_its_pools_costs(pools: dict[str, int]) -> None:
    """Sound, images, caches, thoughts and searches, each by its own price."""
    reported = {unit: count for unit, count in pools.items() if unit != COUNTED_UNIT}
    priced = model()
    heard = meter(priced, Report({"input_tokens": 1, "output_tokens": 1, **reported}, True))

    used = heard.quantities()

    whole = {"input_tokens": 1, "output_tokens": 1, **reported, COUNTED_UNIT: 1}
    if any(whole[unit] for unit in whole if unit in INPUT_UNITS):
        assert used == {unit: count for unit, count in whole.items() if count}
        assert cost_nanos(priced, used) == cost_nanos(priced, whole)
        assert not heard.exceeds_bound


@given(ANY_COUNTS, st.booleans(), st.integers(0, 3))
def test_whatever_is_reported_costs_no_more_than_was_held(
    pools: dict[str, int], has_media: bool, searches: int
) -> None:
    """In whichever pools: what the hold does not pay for is cut, and a person is told."""
    priced = model()
    heard = meter(priced, Report(pools, True), has_media=has_media, searches=searches)

    used = heard.quantities()

    worst = worst_of(heard.bound, priced, HELD)
    assert cost_nanos(priced, used) <= cost_nanos(priced, worst)
    for units, most in ((INPUT_UNITS, 900), (OUTPUT_UNITS, HELD)):
        assert sum(used.get(unit, 0) for unit in units) <= most
        if sum(pools.get(unit, 0) for unit in units) > most:
            assert heard.exceeds_bound


def test_what_has_no_price_is_left_out_and_told() -> None:
    """The capture of it would be refused, and the whole call be free."""
    priced = model(nanos_per_million={"input_tokens": 5, "output_tokens": 6}, long_context=())
    said = {"input_tokens": 3, "audio_input_tokens": 4, "output_tokens": 1, "searches": 2}

    heard = meter(priced, Report(said, True))

    assert heard.quantities() == {"input_tokens": 7, "output_tokens": 1, COUNTED_UNIT: 1}
    assert heard.exceeds_bound


def test_a_part_that_is_not_said_any_more_is_none() -> None:
    """A provider that counts up says the whole each time; its parts must not outlive it."""
    first = {"cached_tokens": 6}, {"reasoning_tokens": 8, "audio_tokens": 1}
    usage = {"prompt_tokens": 7, "completion_tokens": 9}
    early = {
        **usage,
        "prompt_tokens_details": first[0],
        "completion_tokens_details": first[1],
    }
    claude = {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 8}}

    spoken = [openai_report(said, is_final=True) for said in (early, usage)]
    written = [
        anthropic_report(said, is_final=True)
        for said in ({**claude, "input_tokens": 7}, {"output_tokens": 9})
    ]

    for reports in (spoken, written):
        heard = meter(model(), *[report for report in reports if report is not None])
        assert heard.quantities() == {"input_tokens": 7, "output_tokens": 9, COUNTED_UNIT: 1}


@pytest.mark.parametrize(
    ("name", "prices"),
    [
        ("gpt-4o-search-preview", {}),
        ("sonar-large-online", {}),
        ("paints", {"image_output_tokens": 9}),
        ("films", {"video_output_tokens": 9}),
    ],
)
def test_what_would_be_free_by_accident_is_refused(name: str, prices: dict[str, int]) -> None:
    """Nothing bounds what has no price, and nobody pays for what cannot be told."""
    text = {"input_tokens": 5, "output_tokens": 6}
    ask = parse_chat({"messages": says("Hi")})

    with pytest.raises(InvalidRequest):
        bound_of(ask, model(model_id=name, nanos_per_million={**text, **prices}), {})

    assert bound_of(ask, model(model_id="research", nanos_per_million=text), {})


def test_searches_that_a_model_makes_by_itself_are_held_for() -> None:
    """Where each has a price; one that is in the price of the request is held for anyway."""
    text = {"input_tokens": 5, "output_tokens": 6}
    ask = parse_chat({"messages": says("Hi")})

    def worst(**prices: int) -> Quantities:
        priced = model(model_id="web-search", nanos_per_million={**text, **prices})
        return worst_of(bound_of(ask, priced, {}), priced, 1)

    assert worst(searches=7)["searches"] > 0
    assert "searches" not in worst(requests=7)


def test_images_in_a_prompt_are_held_for_at_their_own_price() -> None:
    """And only where there are any: the price of sound and images is no price of text."""
    dear = model(nanos_per_million={**PRICES, "image_input_tokens": 9_999}, long_context=())

    assert "image_input_tokens" in worst_of(meter(dear, has_media=True).bound, dear, 1)
    assert "image_input_tokens" not in worst_of(meter(dear).bound, dear, 1)


# ---- through the gateway -------------------------------------------------------------------


def claude_that_searched() -> list[bytes]:
    """Return an answer of Anthropic's with every pool that it counts."""
    read = {
        "input_tokens": 70,
        "cache_read_input_tokens": 30,
        "cache_creation_input_tokens": 20,
        "cache_creation": {"ephemeral_1h_input_tokens": 5},
        "output_tokens": 1,
    }
    written = {
        "output_tokens": 21,
        "output_tokens_details": {"thinking_tokens": 8},
        "server_tool_use": {"web_search_requests": 2},
    }
    return [
        event("message_start", message={"usage": read}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Found"}),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage=written),
        event("message_stop"),
    ]


def test_the_gateway_charges_each_pool_as_a_charge_of_it(counter: Counter) -> None:
    """Whoever meters by hand and whoever calls through us pay the same, to the nano."""
    heard = usage_chunk(
        90,
        40,
        prompt_tokens_details={"cached_tokens": 30, "audio_tokens": 20},
        completion_tokens_details={"reasoning_tokens": 10, "audio_tokens": 5},
    )
    counter.provider.will(*claude_that_searched())
    counter.provider.will(chunk("Heard", finish="stop"), heard, DONE)
    pools = {
        ANTHROPIC_MODEL: {
            "input_tokens": 70,
            "cached_input_tokens": 30,
            "cache_write_tokens": 15,
            "cache_write_1h_tokens": 5,
            "output_tokens": 13,
            "reasoning_tokens": 8,
            "searches": 2,
        },
        "gpt-audio": {
            "input_tokens": 70,
            "audio_input_tokens": 20,
            "output_tokens": 25,
            "audio_output_tokens": 5,
            "reasoning_tokens": 10,
        },
    }

    for name, used in pools.items():
        answer = counter.post(CHAT, {"model": name, "messages": says("What is new?")})
        said = json_of(answer)["usage"]
        charged = json_of(counter.desk.charge_for(uuid.uuid4().hex, name, **used))

        capture = counter.entries("capture")[-1]
        assert capture["captured_nanos"] == charged["charge"]["amount_nanos"]
        assert said["completion_tokens"] == sum(used.get(unit, 0) for unit in OUTPUT_UNITS)


def test_a_call_pays_the_fee_and_the_least_once(counter: Counter) -> None:
    """What the markup says of a request holds for one through the gateway, and for no other."""
    tenant = Tenant.made()
    markup = CATALOG.markup.model_copy(update={"fee_nanos": 700, "minimum_nanos": 5 * CREDIT})
    sell(tenant.project_id, CATALOG.model_copy(update={"markup": markup}))
    desk = Desk.opened(counter.desk.client, tenant, counter.desk.clock, nanos=CREDITS * CREDIT)
    till = Counter(desk, counter.client, counter.provider)
    till.provider.will(chunk("a", finish="stop"), usage_chunk(1, 1), DONE)
    till.provider.will(chunk("a", finish="stop"), usage_chunk(9, 2_500), DONE)
    till.provider.refuses(400, {"error": {"message": "no"}})

    till.chat().get_data()
    assert till.spent() == 5 * CREDIT

    till.chat().get_data()
    dear = till.price(OPENAI_MODEL, input_tokens=9, output_tokens=2_500) + 700
    assert till.spent() == 5 * CREDIT + dear

    assert till.chat().status_code == 400
    assert till.spent() == 5 * CREDIT + dear

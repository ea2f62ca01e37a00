"""The bound: whatever is asked, no provider can read more than was held for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.catalog.domain import LongContext, ModelPrice
from creditbase.kernel.errors import InvalidRequest
from creditbase.relay.gateway.asks import Ask
from creditbase.relay.gateway.bounding import Bound, bound_of, prompt_of, worst_of
from creditbase.relay.gateway.chat_request import parse_chat
from creditbase.relay.gateway.openai_upstream import OpenAiUpstream
from creditbase.relay.gateway.pieces import Report
from creditbase.relay.gateway.usage import Meter
from tests.relay.gateway.counter import says

OPENAI = OpenAiUpstream("https://a", "k", "max_tokens")
PRICES = {"input_tokens": 10, "output_tokens": 40, "cached_input_tokens": 1}


def model(**more: Any) -> ModelPrice:
    """Return a model of the price book."""
    return ModelPrice(
        **{
            "model_id": "m",
            "provider": "p",
            "display_name": "M",
            "context_window": 10_000_000,
            "max_output_tokens": 1_000,
            "nanos_per_million": PRICES,
            **more,
        }
    )


def asking(**more: object) -> Ask:
    """Return an ask with these fields."""
    return parse_chat({"messages": says("Hi"), **more})


def bounded(ask: Ask, priced: ModelPrice | None = None) -> Bound:
    """Return the bound of an ask to a provider that speaks OpenAI's words."""
    priced = priced or model()
    sent = OPENAI.body_of(ask.without_media(), model="m", output_tokens=1)
    return bound_of(ask, priced, sent)


@given(
    st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7)
)
def test_nothing_that_a_provider_reports_costs_more_than_was_held(
    plain: int, cached: int, output: int, reasoning: int
) -> None:
    """In whichever pools it says it, long contexts and dear pools included."""
    dear = {**PRICES, "cache_write_tokens": 13, "reasoning_tokens": 40}
    long = LongContext(100, {unit: 2 * price for unit, price in dear.items()})
    priced = model(nanos_per_million=dear, long_context=(long,))
    bound = bounded(asking(), priced)
    meter = Meter(bound=bound, model=priced, output_tokens_held=bound.output_tokens)
    pools = {"input_tokens": plain, "cached_input_tokens": cached, "output_tokens": output}

    meter.note(Report({**pools, "reasoning_tokens": reasoning}, is_final=True))

    def cost(quantities: dict[str, int]) -> int:
        return sum(
            count * long.nanos_per_million.get(unit, 0) for unit, count in quantities.items()
        )

    worst = worst_of(bound, priced, bound.output_tokens)
    assert cost(meter.quantities()) <= cost(worst)
    assert cost(prompt_of(bound)) <= cost(worst)


def test_output_is_what_is_asked_up_to_what_the_model_writes() -> None:
    """Nothing asked means all that it can write."""
    assert bounded(asking()).output_tokens == 1_000
    assert bounded(asking(max_tokens=7)).output_tokens == 7
    assert bounded(asking(max_completion_tokens=10**6)).output_tokens == 1_000


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}}
FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 4000}}


SOUND = {"type": "file", "file": {"file_data": "data:audio/mp3;base64," + "A" * 40}}


def seeing(*parts: dict[str, Any]) -> Ask:
    """Return an ask with media."""
    return asking(messages=[{"role": "user", "content": list(parts)}])


def test_media_count_with_the_most_that_the_book_knows() -> None:
    """Their bytes say nothing of their tokens."""
    sharp = model(image_tokens_max=500)
    without = bounded(seeing(), sharp).input_tokens

    one, two = (bounded(seeing(*[IMAGE] * count), sharp).input_tokens for count in (1, 2))

    assert without + 500 <= one < without + 600
    assert one + 500 <= two < one + 600
    # where nobody says: nothing reads more than a whole context
    assert bounded(seeing(IMAGE)).input_tokens == model().context_window
    assert bounded(seeing(FILE), sharp).input_tokens == sharp.context_window


def test_a_model_must_be_able_to_do_what_is_asked() -> None:
    """Refused before anything is held; a book that does not say refuses nothing."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    blind = model(capabilities=("text_generation",))

    for ask in (seeing(IMAGE), seeing(FILE), asking(tools=tools)):
        with pytest.raises(InvalidRequest):
            bounded(ask, blind)
        assert bounded(ask)
    for other in (
        model(max_output_tokens=0),
        model(nanos_per_million={"images": 5}),
        model(nanos_per_million={"input_tokens": 5}),
    ):
        with pytest.raises(InvalidRequest):
            bounded(asking(), other)


def test_the_worst_is_the_dearest_name_that_a_token_can_have() -> None:
    """Writing a cache may cost more than reading a prompt, and thinking more than words."""
    dear = model(nanos_per_million={**PRICES, "cache_write_tokens": 13, "reasoning_tokens": 41})
    bound = bounded(asking(), dear)

    assert worst_of(bound, dear, 9) == {
        "cache_write_tokens": bound.input_tokens,
        "reasoning_tokens": 9,
        "requests": 1,
    }
    assert worst_of(bound, model(), 9) == {
        "input_tokens": bound.input_tokens,
        "output_tokens": 9,
        "requests": 1,
    }


@pytest.mark.parametrize(
    "body",
    [
        {"n": 2},
        {"logprobs": True},
        {"audio": {"voice": "alloy"}},
        {"modalities": ["audio"]},
        {"web_search_options": {}},
        {"prediction": {"type": "content", "content": "x"}},
        {"service_tier": "priority"},
        {"tools": [{"type": "web_search"}]},
        {"tool_choice": "auto"},
        {"max_tokens": 0},
        {"max_tokens": 1, "max_completion_tokens": 1},
        {"temperature": 3},
        {"messages": []},
        {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
        {"messages": [{"role": "robot", "content": "x"}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "http://a/b"}}],
                }
            ]
        },
        {"messages": [{"role": "user", "content": [SOUND]}]},
        {"previous_response_id": "r"},
        {"background": True},
        {"best_of": 2},
        {"top_logprobs": 5},
        {"functions": [{"name": "f"}]},
        {"stream_options": {"include_usage": False, "continuous_usage_stats": True}},
        {"tools": [{"type": "function", "function": {"name": "f"}, "cache_control": {}}]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"thinking": {"type": "enabled", "budget_tokens": 10**6}},
        {"max_tokens": 10**7 + 1},
        {"max_tokens": 1.5},
        {"max_tokens": "9"},
        {"service_tier": "flex"},
    ],
    ids=str,
)
def test_what_cannot_be_bounded_is_refused(body: dict[str, Any]) -> None:
    """Rather than called for a price that nobody knows."""
    with pytest.raises(InvalidRequest):
        asking(**body)

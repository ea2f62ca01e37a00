"""The bound: whatever is asked, no provider can read more than was held for."""

import json
import unicodedata
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditbase.catalog.domain import LongContext, ModelPrice
from creditbase.kernel.errors import InvalidRequest
from creditbase.relay.gateway import anthropic_upstream
from creditbase.relay.gateway.asks import Ask
from creditbase.relay.gateway.bounding import (
    STRETCH_CHARACTERS,
    bound_of,
    bytes_of,
    prompt_of,
    worst_of,
)
from creditbase.relay.gateway.chat_request import parse_chat
from creditbase.relay.gateway.openai_upstream import OpenAiUpstream
from creditbase.relay.gateway.pieces import Report
from creditbase.relay.gateway.usage import Meter
from tests.relay.gateway.counter import says

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


# Ligatures and compatibility characters, which some tokenizers write out in full.
TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\ufdfa\ufb03\u2028½①ｶﾞ")
)
PART = st.builds(lambda text: {"type": "text", "text": text}, TEXT)
CALL = st.builds(
    lambda name, given: {
        "id": "c1",
        "type": "function",
        "function": {"name": name or "f", "arguments": json.dumps({"a": given})},
    },
    TEXT.map(lambda text: text[:128]),
    TEXT,
)
MESSAGE = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "developer", "user", "assistant"]),
        TEXT | st.lists(PART, max_size=3),
    ),
    st.builds(
        lambda text, calls: {"role": "assistant", "content": text, "tool_calls": calls},
        TEXT,
        st.lists(CALL, max_size=2),
    ),
    st.builds(lambda text: {"role": "tool", "tool_call_id": "c1", "content": text}, TEXT),
)
TOOL = st.builds(
    lambda description, name: {
        "type": "function",
        "function": {
            "name": "f",
            "description": description,
            "parameters": {"type": "object", "properties": {name: {"type": "string"}}},
        },
    },
    TEXT,
    TEXT,
)


def texts(value: object) -> list[str]:
    """Return every text inside, names of fields too, but for what is no prompt."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    if isinstance(value, dict):
        return [text for name, inner in value.items() for text in [name, *texts(inner)]]
    return []


def greedy_tokens(body: dict[str, Any]) -> int:
    """Return the tokens that the worst of all tokenizers makes of what a provider reads.

    One for each byte of the longer form of each text, and marks around each message.
    """
    read = [body["messages"], body.get("system", ""), body.get("tools", [])]
    written = "".join(texts(read))
    # Field names of the API are no prompt; the tools' are, as the model is shown schemas.
    names = "".join(text for text in texts([*body["messages"]]) if text in FIELD_NAMES)
    normal = unicodedata.normalize("NFKC", written)
    size = max(len(written.encode()), len(normal.encode())) - len(names)
    return size + 8 * len(body["messages"]) + 32 * len(body.get("tools", [])) + 3


FIELD_NAMES = frozenset(
    {"role", "content", "type", "text", "tool_calls", "function", "name", "arguments", "id"}
) | {"input", "tool_use_id", "tool_call_id"}


@example([{"role": "user", "content": "\ufdfa" * 100}], [])  # eleven times as long, normalised
@given(st.lists(MESSAGE, min_size=1, max_size=4), st.lists(TOOL, max_size=2))
def test_no_tokenizer_makes_more_of_a_prompt_than_was_held(
    messages: list[dict[str, Any]], tools: list[dict[str, Any]]
) -> None:
    """Told to either kind of provider, whatever is written in it."""
    ask = parse_chat({"messages": messages, **({"tools": tools} if tools else {})})

    bound = bound_of(ask, model())

    openai = OpenAiUpstream("https://a", "k", "max_tokens")
    for body in (
        openai.body_of(ask, model="m", output_tokens=1),
        anthropic_upstream.body_of(ask, model="m", output_tokens=1),
    ):
        assert greedy_tokens(body) <= bound.input_tokens
    assert 0 < bound.input_tokens_counted <= bound.input_tokens


def test_a_long_run_of_marks_is_normalised_a_stretch_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sorting combining marks is quadratic: four megabytes of them would stop an instance."""
    marks = "a" + "\u0315\u0300" * 1_000
    whole = len(unicodedata.normalize("NFKC", marks).encode())
    normalize, lengths = unicodedata.normalize, list[int]()

    def noted(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        lengths.append(len(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", noted)

    counted = bytes_of(marks)

    assert 0 < max(lengths) <= STRETCH_CHARACTERS
    assert counted >= max(whole, len(marks.encode()))


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
    bound = bound_of(asking(), priced)
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
    assert bound_of(asking(), model()).output_tokens == 1_000
    assert bound_of(asking(max_tokens=7), model()).output_tokens == 7
    assert bound_of(asking(max_completion_tokens=10**6), model()).output_tokens == 1_000


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}}
FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 4000}}


def seeing(*parts: dict[str, Any]) -> Ask:
    """Return an ask with media."""
    return asking(messages=[{"role": "user", "content": list(parts)}])


def test_media_count_with_the_most_that_the_book_knows() -> None:
    """Their bytes say nothing of their tokens."""
    sharp = model(image_tokens_max=500)
    without = bound_of(seeing(), sharp).input_tokens

    one, two = (bound_of(seeing(*[IMAGE] * count), sharp).input_tokens for count in (1, 2))

    assert without + 500 <= one < without + 600
    assert one + 500 <= two < one + 600
    # where nobody says: nothing reads more than a whole context
    assert bound_of(seeing(IMAGE), model()).input_tokens == model().context_window
    assert bound_of(seeing(FILE), sharp).input_tokens == sharp.context_window


def test_a_model_must_be_able_to_do_what_is_asked() -> None:
    """Refused before anything is held; a book that does not say refuses nothing."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    blind = model(capabilities=("text_generation",))

    for ask in (seeing(IMAGE), seeing(FILE), asking(tools=tools)):
        with pytest.raises(InvalidRequest):
            bound_of(ask, blind)
        assert bound_of(ask, model())
    for other in (
        model(max_output_tokens=0),
        model(nanos_per_million={"images": 5}),
        model(nanos_per_million={"input_tokens": 5}),
    ):
        with pytest.raises(InvalidRequest):
            bound_of(asking(), other)


def test_the_worst_is_the_dearest_name_that_a_token_can_have() -> None:
    """Writing a cache may cost more than reading a prompt, and thinking more than words."""
    dear = model(nanos_per_million={**PRICES, "cache_write_tokens": 13, "reasoning_tokens": 41})
    bound = bound_of(asking(), dear)

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
        {"previous_response_id": "r"},
    ],
    ids=str,
)
def test_what_cannot_be_bounded_is_refused(body: dict[str, Any]) -> None:
    """Rather than called for a price that nobody knows."""
    with pytest.raises(InvalidRequest):
        asking(**body)

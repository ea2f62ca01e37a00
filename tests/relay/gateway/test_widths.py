"""The width of a prompt: however a provider prints it for its model, the bound is wider."""

import json
import unicodedata
from collections.abc import Callable
from itertools import product
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditbase.catalog.domain import ModelPrice
from creditbase.relay.gateway.anthropic_upstream import AnthropicUpstream
from creditbase.relay.gateway.asks import Json
from creditbase.relay.gateway.bounding import bound_of
from creditbase.relay.gateway.chat_request import parse_chat
from creditbase.relay.gateway.openai_upstream import OpenAiUpstream
from creditbase.relay.gateway.widths import STRETCH_CHARACTERS, bytes_of
from tests.relay.gateway.counter import says

IMAGE_TOKENS = 500
MODEL = ModelPrice(
    model_id="m",
    provider="p",
    display_name="M",
    context_window=10**9,
    max_output_tokens=1_000,
    nanos_per_million={"input_tokens": 10, "output_tokens": 40},
    image_tokens_max=IMAGE_TOKENS,
)
UPSTREAMS = (
    OpenAiUpstream("https://a", "k", "max_tokens"),
    AnthropicUpstream("https://a", "k"),
)
MARKS, TOOL_MARKS = 8, 32
"""Tokens that stand around a message and a tool in the most generous of known templates."""

# ---- requests, as wild as they come --------------------------------------------------------

# Ligatures and compatibility characters, which some tokenizers write out in full.
TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\ufdfa\ufb03\u2028½①ｶﾞ<>&'")
)
NUMBER = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(TEXT, VALUE, max_size=3)
JSON_TEXT = st.builds(
    lambda value, indent, is_ascii: json.dumps(value, indent=indent, ensure_ascii=is_ascii),
    OBJECT,
    st.none() | st.integers(0, 2),
    st.booleans(),
)
PART = st.builds(lambda text: {"type": "text", "text": text}, TEXT) | st.just(
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
)
DECLINED = st.builds(lambda text: {"type": "refusal", "refusal": text}, TEXT)
CALL = st.builds(
    lambda name, arguments: {
        "id": "c1",
        "type": "function",
        "function": {"name": name[:128] or "f", "arguments": arguments},
    },
    TEXT,
    JSON_TEXT,
)
MESSAGE = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "developer"]),
        TEXT,
    ),
    st.builds(
        lambda content: {"role": "user", "content": content},
        TEXT | st.lists(PART, max_size=3),
    ),
    st.builds(
        lambda content, refusal, calls: {
            "role": "assistant",
            "content": content,
            "refusal": refusal,
            "tool_calls": calls,
        },
        st.none() | TEXT | st.lists(DECLINED, max_size=2),
        st.none() | TEXT,
        st.lists(CALL, max_size=2),
    ),
    st.builds(
        lambda text: {"role": "tool", "tool_call_id": "c1", "content": text}, TEXT | JSON_TEXT
    ),
)
TOOL = st.builds(
    lambda description, schema: {
        "type": "function",
        "function": {"name": "f", "description": description, "parameters": schema},
    },
    TEXT,
    OBJECT,
)

# ---- readers, as greedy as they come -------------------------------------------------------


def in_full(value: object, depth: int = 1) -> str:
    """Print as JavaScript and Go do: numbers below 10 to the 21 in all their digits."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**21:
        return str(int(value))
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else ((None, v) for v in value)
        inner = [
            ("" if name is None else json.dumps(name) + ": ") + in_full(found, depth + 1)
            for name, found in pairs
        ]
        gap = "\n" + "    " * depth
        return "{" + gap + ("," + gap).join(inner) + "\n" + "    " * (depth - 1) + "}"
    return json.dumps(value)


def for_html(value: object) -> str:
    """Print as Jinja and minijinja do."""
    text = json.dumps(value)
    for character in "<>&'":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


PRINTERS: tuple[Callable[[object], str], ...] = (
    lambda value: json.dumps(value, ensure_ascii=False),
    lambda value: json.dumps(value, ensure_ascii=True, indent=4),
    for_html,
    in_full,
)


def structures(text: str) -> list[object]:
    """Return what a template may take a text for: itself, and its structure if it is JSON."""
    try:
        return [text, json.loads(text)] if text.startswith(("{", "[")) else [text]
    except ValueError:
        return [text]


def read_of(body: Json, print_anew: Callable[[object], str], choice: int) -> str:
    """Return all that a model is shown, where structures are printed in one way."""
    shown = [str(body.get("system", ""))]
    for message in body["messages"]:
        content = message.get("content") or ""
        parts = [content] if isinstance(content, str) else content
        shown += [_read_part(part, message["role"], print_anew, choice) for part in parts]
        for call in message.get("tool_calls", []):
            function = call["function"]
            found = structures(function["arguments"])
            shown += [function["name"], print_anew(found[choice % len(found)])]
        shown.append(message.get("refusal") or "")
    shown += [print_anew(tool) for tool in body.get("tools", [])]
    return "".join(shown)


def _read_part(part: Any, role: str, print_anew: Callable[[object], str], choice: int) -> str:
    match part:
        case str():
            found = structures(part)
            return print_anew(found[choice % len(found)]) if role == "tool" else part
        case {"type": "tool_use"}:
            return str(part["name"]) + print_anew(part["input"])
        case {"type": "tool_result"}:
            found = structures(part["content"])
            return print_anew(found[choice % len(found)])
        case _:
            return str(part.get("text") or part.get("refusal") or "")


def greediest(text: str) -> int:
    """Return the tokens of a text where each byte of its longer form is one."""
    return max(len(text.encode()), len(unicodedata.normalize("NFKC", text).encode()))


@example([{"role": "user", "content": "\ufdfa" * 100}], [])  # eleven times as long, normalised
@example(
    [
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "f", "arguments": '{"a":[' + "1e20," * 99 + "1e15]}"},
                }
            ],
        }
    ],
    [],
)
@example([{"role": "tool", "tool_call_id": "c", "content": "<'>" * 99}], [])
@example([{"role": "tool", "tool_call_id": "c", "content": "["}], [])
@example(
    says("Hi"),
    [{"type": "function", "function": {"name": "f", "parameters": {"a": [[["b"] * 300]]}}}],
)
@given(st.lists(MESSAGE, min_size=1, max_size=3), st.lists(TOOL, max_size=2))
def test_no_provider_reads_more_than_was_held_for(
    messages: list[Json], tools: list[Json]
) -> None:
    """However it is written to either kind of provider, and printed there for the model."""
    ask = parse_chat({"messages": messages, **({"tools": tools} if tools else {})})
    marks = MARKS * len(messages) + TOOL_MARKS * len(tools) + 3
    images = IMAGE_TOKENS * len(ask.media())
    for upstream in UPSTREAMS:
        sent = upstream.body_of(ask.without_media(), model="m", output_tokens=1)

        bound = bound_of(ask, MODEL, sent)

        text_tokens = bound.input_tokens - images
        text = json.dumps(sent, ensure_ascii=False, separators=(",", ":"))
        assert greediest(text) <= text_tokens
        whole = upstream.body_of(ask, model="m", output_tokens=1)
        for print_anew, choice in product(PRINTERS, range(2)):
            read = read_of(whole, print_anew, choice)
            assert greediest(read) + marks <= text_tokens
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


@pytest.mark.parametrize(
    ("arguments", "printed_bytes"),
    [
        ('{"a":' + "[" * 3_000 + "]" * 3_000 + "}", 4 * 3_000 * 3_000),
        ('{"n":' + "9" * 5_000 + ',"a":[' + "[]," * 5_000 + "[]]}", 12 * 5_000),
        ('{"s":"\\ud800","a":[' + "[]," * 5_000 + "[]]}", 12 * 5_000),
    ],
    ids=["deep", "a long number", "half a character"],
)
def test_what_only_others_can_read_counts_as_wide_as_they_print_it(
    arguments: str, printed_bytes: int
) -> None:
    """Python gives up on depth and on long numbers; a provider's own reader need not."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    ask = parse_chat({"messages": [*says("Hi"), {"role": "assistant", "tool_calls": [call]}]})
    sent = UPSTREAMS[0].body_of(ask, model="m", output_tokens=1)

    assert bound_of(ask, MODEL, sent).input_tokens > printed_bytes


@pytest.mark.parametrize(
    "arguments", ["[" * 5_000, "9" * 5_000, '{"a":NaN}', '{"a":"\\ud800"}']
)
def test_arguments_that_no_template_can_parse_count_as_text(arguments: str) -> None:
    """A provider that takes any text as arguments is sent it; it breaks nothing here."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    ask = parse_chat({"messages": [*says("Hi"), {"role": "assistant", "tool_calls": [call]}]})
    sent = UPSTREAMS[0].body_of(ask, model="m", output_tokens=1)

    assert bound_of(ask, MODEL, sent).input_tokens > len(arguments)

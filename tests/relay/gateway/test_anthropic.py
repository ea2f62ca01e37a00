"""Anthropic behind the gateway: told in its own words, and read back."""

from typing import Any

import pytest

from creditbase.kernel.errors import InvalidRequest
from creditbase.relay.gateway.anthropic_upstream import body_of
from creditbase.relay.gateway.chat_request import parse_chat
from tests.relay.desk import json_of
from tests.relay.gateway.counter import ANTHROPIC_MODEL, CHAT, Counter, says
from tests.relay.gateway.upstream import DONE, chunk, event

FUNCTION = {
    "name": "weather",
    "description": "Tells it",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CALLED = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
ASKED: dict[str, Any] = {
    "model": ANTHROPIC_MODEL,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {"role": "assistant", "content": None, "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "c1", "content": "none"},
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": "required",
    "stop": "END",
    "max_tokens": 100,
}
TOLD = {
    "model": ANTHROPIC_MODEL,
    "system": "Be brief.",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "none"}],
        },
    ],
    "tools": [
        {
            "name": "weather",
            "description": "Tells it",
            "input_schema": FUNCTION["parameters"],
        }
    ],
    "tool_choice": {"type": "any"},
    "stop_sequences": ["END"],
    "max_tokens": 100,
    "stream": True,
}


def message_start(**usage: int) -> bytes:
    """Return how an answer begins, which has the usage of the prompt."""
    return event("message_start", message={"usage": usage})


def block(index: int, **content: object) -> bytes:
    """Return how a block of content begins."""
    return event("content_block_start", index=index, content_block=content)


def delta(index: int, **content: object) -> bytes:
    """Return a part of a block."""
    return event("content_block_delta", index=index, delta=content)


def test_anthropic_is_asked_and_read_in_its_own_words(counter: Counter) -> None:
    """The same request, told from OpenAI's words and back, with tools both ways."""
    counter.provider.will(
        message_start(input_tokens=70, cache_read_input_tokens=30, output_tokens=1),
        block(0, type="text", text=""),
        delta(0, type="text_delta", text="I look"),
        event("ping"),
        block(1, type="tool_use", id="toolu_1", name="weather", input={}),
        delta(1, type="input_json_delta", partial_json='{"city":"Bern"}'),
        event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 21}),
        event("message_stop"),
    )

    answer = counter.post(CHAT, ASKED)

    assert counter.provider.asked == [TOLD]
    assert counter.provider.headers[0]["x-api-key"] == "key-a"
    choice = json_of(answer)["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "I look"
    assert choice["message"]["tool_calls"] == [
        {
            "id": "toolu_1",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city":"Bern"}'},
        }
    ]
    assert counter.spent() == counter.price(
        ANTHROPIC_MODEL, input_tokens=70, cached_input_tokens=30, output_tokens=21
    )


def told(**more: object) -> dict[str, Any]:
    """Return what Anthropic is told of a request with these options."""
    ask = parse_chat({"messages": says("Hi"), **more})
    return body_of(ask, model="m", output_tokens=5)


def test_images_files_and_choices_have_their_forms() -> None:
    """Bytes go as bytes, addresses as addresses, and one function by its name."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    parts = [
        {"type": "image_url", "image_url": {"url": "https://a.example/i.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,BBBB"}},
    ]

    body = told(
        messages=[{"role": "user", "content": parts}],
        tools=tools,
        tool_choice={"type": "function", "function": {"name": "f"}},
        parallel_tool_calls=False,
        temperature=0.5,
        stop=["A", "B"],
    )

    assert [part["source"] for part in body["messages"][0]["content"]] == [
        {"type": "url", "url": "https://a.example/i.png"},
        {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        {"type": "base64", "media_type": "application/pdf", "data": "BBBB"},
    ]
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {
        "type": "tool",
        "name": "f",
        "disable_parallel_tool_use": True,
    }
    assert (body["temperature"], body["stop_sequences"]) == (0.5, ["A", "B"])
    assert told(tools=tools, parallel_tool_calls=False)["tool_choice"]["type"] == "auto"
    assert "tool_choice" not in told(tools=tools)


def test_how_a_model_declined_is_told_as_its_words() -> None:
    """Clients send back what they got, as a part or beside the content; empty text is none."""
    declined = {"type": "refusal", "refusal": "I will not."}
    empty = {"type": "text", "text": ""}

    body = told(
        messages=[
            *says("Do it"),
            {"role": "assistant", "content": [empty, declined]},
            *says("Please"),
            {"role": "assistant", "content": None, "refusal": "No."},
            {"role": "user", "content": [empty, {"type": "text", "text": "Bye"}]},
        ]
    )

    said = [[block["text"] for block in message["content"]] for message in body["messages"]]
    assert said == [["Do it"], ["I will not."], ["Please"], ["No."], ["Bye"]]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def test_what_a_tool_has_to_show_is_shown() -> None:
    """An image in a tool's result was charged, and dropped."""
    parts = [{"type": "text", "text": "Look:"}, IMAGE]

    body = told(messages=[*says("Hi"), {"role": "tool", "tool_call_id": "c", "content": parts}])

    (result,) = body["messages"][1]["content"]
    assert [block["type"] for block in result["content"]] == ["text", "image"]


def calling(arguments: str, role: str = "assistant") -> dict[str, Any]:
    """Return a message that calls a function with these arguments."""
    function = {"name": "f", "arguments": arguments}
    return {
        "role": role,
        "content": "x",
        "tool_calls": [{"id": "c", "type": "function", "function": function}],
    }


UNTOLD: dict[str, dict[str, Any]] = {
    "a format": {"response_format": {"type": "json_object"}},
    "an image in a system message": {"messages": [{"role": "system", "content": [IMAGE]}]},
    "a result of no call": {"messages": [{"role": "tool", "content": "x"}]},
    "arguments that are no object": {"messages": [calling("[1]")]},
    "a call by the user": {"messages": [calling("{}", role="user")]},
    "bytes in another coding": {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "data:image/png,A"}}],
            }
        ]
    },
}


@pytest.mark.parametrize("what", UNTOLD)
def test_what_anthropic_cannot_be_told_is_refused(counter: Counter, what: str) -> None:
    """Rather than dropped: the caller would get another answer than was asked for. And
    before anything is held.
    """
    body = {"model": ANTHROPIC_MODEL, "messages": says("Hi"), **UNTOLD[what]}

    answer = counter.post(CHAT, body)

    assert answer.status_code == 400
    assert "provider takes" in json_of(answer)["message"]
    assert counter.entries("hold") == []


def test_a_format_that_is_none_is_no_format() -> None:
    """Clients say it where they mean nothing by it."""
    assert "response_format" not in told(response_format={"type": "text"})


@pytest.mark.parametrize("arguments", ["{", '{"a":NaN}', '{"a":"\\ud800"}', "[" * 100_000])
def test_arguments_that_cannot_be_sent_are_the_callers_fault(arguments: str) -> None:
    """Half of a character, or no number: refused, and not a bug of ours that is tried again."""
    broken = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}

    with pytest.raises(InvalidRequest):
        told(messages=[{"role": "assistant", "tool_calls": [broken]}])


@pytest.mark.parametrize("streams", [False, True])
def test_half_of_a_character_does_not_spoil_an_answer(
    counter: Counter, *, streams: bool
) -> None:
    """JSON can write what no text can have: it was charged, and answered with an error."""
    counter.provider.will(chunk("a\ud83d"), chunk(finish="stop"), DONE)
    counter.provider.will(
        message_start(input_tokens=7, output_tokens=1),
        delta(0, type="text_delta", text="a\ud83d"),
        event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2}),
        event("message_stop"),
    )

    answers = [
        counter.chat(stream=streams),
        counter.chat(model=ANTHROPIC_MODEL, stream=streams),
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert all("a?" in answer.text and "stop" in answer.text for answer in answers)

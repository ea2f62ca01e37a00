"""Calls that go well: what the caller reads, what the provider was asked, what it cost."""

from tests.relay.desk import json_of
from tests.relay.gateway.counter import (
    CHAT,
    NDJSON,
    OPENAI_MODEL,
    Counter,
    events_of,
    lines_of,
    says,
)
from tests.relay.gateway.upstream import DONE, chunk, usage_chunk

HELLO = (chunk("Good "), chunk("morning"), chunk(finish="stop"))


def test_a_chat_completion_is_answered_and_charged_for_what_it_used(counter: Counter) -> None:
    """The usage that the caller is told is the usage of the receipt."""
    counter.provider.will(*HELLO, usage_chunk(9, 4), DONE)

    answer = counter.chat("Hello", max_tokens=50)

    assert answer.status_code == 200, answer.text
    body = json_of(answer)
    assert body["object"] == "chat.completion"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Good morning", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert (body["model"], body["usage"]["prompt_tokens"]) == (OPENAI_MODEL, 9)
    assert body["usage"]["completion_tokens"] == 4
    (asked,) = counter.provider.asked
    assert asked["stream_options"] == {"include_usage": True}
    assert (asked["stream"], asked["max_completion_tokens"]) == (True, 50)
    assert counter.provider.headers[0]["authorization"] == "Bearer key-o"
    assert counter.spent() == counter.price(OPENAI_MODEL, input_tokens=9, output_tokens=4)
    assert counter.open_holds() == 0


def test_a_chat_stream_has_the_usage_where_it_is_asked_for(counter: Counter) -> None:
    """OpenAI's clients ask for it; the provider is asked in any case."""
    counter.provider.will(*HELLO, usage_chunk(9, 4), DONE)
    counter.provider.will(*HELLO, usage_chunk(9, 4), DONE)

    told = counter.chat(stream=True, stream_options={"include_usage": True})
    plain = counter.chat(stream=True)

    assert told.content_type == "text/event-stream; charset=utf-8"
    events = events_of(told)
    deltas = [event["choices"][0]["delta"] for event in events if event["choices"]]
    assert deltas == [
        {"role": "assistant", "content": ""},
        {"content": "Good "},
        {"content": "morning"},
        {},
    ]
    assert events[-1]["usage"]["total_tokens"] == 13
    assert all(event["usage"] is None for event in events[:-1])
    assert not any("usage" in event for event in events_of(plain))
    assert [entry["kind"] for entry in counter.entries("capture")] == ["capture"] * 2


def test_a_response_is_one_object_or_lines(counter: Counter) -> None:
    """As the official SDKs read it: relay-api.md 8."""
    for _ in range(2):
        counter.provider.will(*HELLO, usage_chunk(9, 4), DONE)

    whole = json_of(counter.respond())
    lines = lines_of(streamed := counter.respond(accept=NDJSON))

    usage = {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13}
    assert whole.pop("id").startswith("resp_")
    assert whole == {
        "model": OPENAI_MODEL,
        "provider": "openai",
        "stop_reason": "stop",
        "output": [
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "text", "text": "Good morning"}],
            }
        ],
        "usage": usage,
    }
    assert streamed.content_type == "application/x-ndjson"
    assert lines[0].pop("request_id").startswith("resp_")
    assert lines == [
        {"type": "start", "model": OPENAI_MODEL, "provider": "openai"},
        {"type": "update", "delta": "Good "},
        {"type": "update", "delta": "morning"},
        {
            "type": "completion",
            "content": "Good morning",
            "usage": usage,
            "stop_reason": "stop",
        },
    ]


def test_pools_are_exclusive_and_each_has_its_price(counter: Counter) -> None:
    """Cached input costs less, and is inside the sum that OpenAI reports."""
    details = {"prompt_tokens_details": {"cached_tokens": 60}}
    counter.provider.will(*HELLO, usage_chunk(100, 4, **details), DONE)

    answer = counter.chat("word " * 100)

    assert json_of(answer)["usage"]["prompt_tokens_details"] == {"cached_tokens": 60}
    (entry,) = counter.entries("capture")
    assert entry["metered"]["quantities"] == {
        "input_tokens": 40,
        "cached_input_tokens": 60,
        "output_tokens": 4,
        "requests": 1,
    }


def test_a_local_model_says_back_what_it_was_told(counter: Counter) -> None:
    """What a developer has without any provider, the same each time."""
    body = {"model": "local-echo", "messages": says("one two three")}

    whole = json_of(counter.post(CHAT, body))
    cut = json_of(counter.post(CHAT, {**body, "max_tokens": 2}))

    assert whole["choices"][0]["message"]["content"] == "one two three"
    assert whole["usage"]["total_tokens"] == 8
    assert cut["choices"][0]["message"]["content"] == "one two "
    assert cut["choices"][0]["finish_reason"] == "length"

"""A hostile customer at the gateway's door: nothing is held, asked or charged."""

import json

import pytest

from tests.relay.gateway.counter import CHAT, OPENAI_MODEL, RESPONSES, Counter, says

GOOD = json.dumps({"model": OPENAI_MODEL, "messages": says("Hi")})
DEEP = '{"a":' * 20 + "1" + "}" * 20
RAW: dict[str, tuple[int, str]] = {
    "a name twice": (400, GOOD[:-1] + ',"n":1,"n":5}'),
    "a model twice": (400, GOOD[:-1] + ',"model":"local-echo"}'),
    "no number": (400, GOOD[:-1] + ',"temperature":NaN}'),
    "a number without end": (400, GOOD[:-1] + ',"temperature":1e999}'),
    "a number of five thousand digits": (400, GOOD[:-1] + ',"seed":' + "9" * 5_000 + "}"),
    "half of a character": (400, GOOD.replace("Hi", "\\ud800")),
    "half of a character as a name": (400, GOOD[:-1] + ',"logit_bias":{"\\udfff":1}}'),
    "a schema without end": (
        400,
        GOOD[:-1]
        + ',"tools":[{"type":"function","function":{"name":"f","parameters":'
        + DEEP
        + "}}]}",
    ),
    "brackets without end": (400, "[" * 200_000),
    "five megabytes": (413, GOOD.replace("Hi", "x" * 5 * 1024 * 1024)),
    "no object": (400, "[1]"),
    "nothing": (400, ""),
}


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_what_is_no_request_is_refused_and_costs_nothing(counter: Counter, path: str) -> None:
    """In the dialect of the path, whatever JSON leaves open."""
    key = {"X-ModelRelay-Api-Key": counter.desk.tenant.secret_key}
    client = counter.client.application.test_client()
    for what, (status, raw) in RAW.items():
        answer = client.post(path, data=raw, headers=key, content_type="application/json")

        assert answer.status_code == status, what
        body = answer.get_json()
        code = body["error"]["code"] if path == CHAT else body["code"]
        assert code in {"VALIDATION_ERROR", "BODY_TOO_LARGE"}, what
    assert counter.provider.asked == []
    assert counter.entries("hold") == []


SMUGGLED = {
    "service_tier": "auto",
    "store": True,
    "metadata": {"a": "b"},
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "modalities": ["text"],
    "logprobs": False,
    "n": 1,
}
"""What clients may say, and what no provider hears."""
CACHED = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}


def test_only_what_the_bound_has_seen_is_sent(counter: Counter) -> None:
    """What is dropped is dropped everywhere, also inside a message."""
    message = {"role": "user", "content": [CACHED], "audio": {"id": "a"}, "prefix": True}
    counter.provider.refuses(400, {})

    body = {"model": OPENAI_MODEL, "messages": [message], "max_tokens": 5, **SMUGGLED}
    counter.post(CHAT, body)

    (asked,) = counter.provider.asked
    assert asked == {
        "model": OPENAI_MODEL,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 5,
    }
    assert (counter.open_holds(), counter.spent()) == (0, 0)


def test_no_header_of_the_caller_reaches_the_provider(counter: Counter) -> None:
    """Neither its credentials, nor switches of the provider's own."""
    counter.provider.refuses(400, {})

    counter.post(
        CHAT,
        json.loads(GOOD),
        OpenAI_Organization="org-mine",
        OpenAI_Beta="everything",
        anthropic_beta="context-1m-2025-08-07",
        Cookie="a=b",
    )

    (sent,) = counter.provider.headers
    assert sent["authorization"] == "Bearer key-o"
    names = set(sent)
    assert not names.intersection(
        {"openai-organization", "openai-beta", "anthropic-beta", "cookie", "x-api-key"}
    )
    assert not any(name.startswith("x-modelrelay") for name in names)

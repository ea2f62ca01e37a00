"""Anthropic's Messages API, told from an ask and read back into pieces.

Source: Anthropic's API reference, "Messages" and "Streaming messages", version 2023-06-01.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from creditbase.kernel.errors import InvalidRequest, Unavailable
from creditbase.kernel.records import dataclass
from creditbase.relay.gateway.asks import (
    MEDIA,
    Ask,
    Json,
    parts_of,
    text_of,
    text_of_part,
)
from creditbase.relay.gateway.pieces import (
    Finish,
    FinishReason,
    Piece,
    Text,
    Thought,
    ToolCall,
)
from creditbase.relay.gateway.upstream_http import (
    Cancel,
    UpstreamFailed,
    ask_for_events,
    parsed,
)
from creditbase.relay.gateway.usage import anthropic_report

VERSION = "2023-06-01"
STOPPED: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
SAME_NAME = ("temperature", "top_p")
UNTRANSLATED = ("response_format",)
"""Options that would change the answer's form and have no counterpart that we send."""
CHOICES = {"auto": "auto", "required": "any", "none": "none"}


@dataclass(frozen=True, slots=True)
class AnthropicUpstream:
    """The Messages API at a base address."""

    base_url: str
    key: str = field(repr=False)

    def body_of(self, ask: Ask, *, model: str, output_tokens: int) -> Json:
        """Return the request as the Messages API wants it.

        Raises:
            InvalidRequest: the ask has no form in this API.
        """
        return body_of(ask, model=model, output_tokens=output_tokens)

    def pieces(
        self, ask: Ask, *, model: str, output_tokens: int, cancel: Cancel
    ) -> Iterator[Piece]:
        """Ask, and yield the answer as it comes.

        Raises:
            UpstreamFailed: it does not come, or not to the end.
            InvalidRequest: the ask has no form in this API.
        """
        events = ask_for_events(
            f"{self.base_url}/messages",
            headers={"x-api-key": self.key, "anthropic-version": VERSION},
            body=self.body_of(ask, model=model, output_tokens=output_tokens),
            cancel=cancel,
        )
        for event in events:
            if event.name == "message_stop":
                return
            yield from _pieces_of(event.name, parsed(event))
        raise UpstreamFailed(Unavailable(), "truncated")


# ---- the request ---------------------------------------------------------------------------


def body_of(ask: Ask, *, model: str, output_tokens: int) -> Json:
    """Return the request as the Messages API wants it.

    Raises:
        InvalidRequest: the ask has no form in this API.
    """
    for name in UNTRANSLATED:
        if ask.options.get(name, {"type": "text"}) != {"type": "text"}:
            raise InvalidRequest(f"This model's provider takes no {name}", field=name)
    system = [_system(message) for message in ask.messages if _is_system(message)]
    body: Json = {
        "model": model,
        "messages": [_message(message) for message in ask.messages if not _is_system(message)],
        "max_tokens": output_tokens,
        "stream": True,
        **{name: ask.options[name] for name in SAME_NAME if name in ask.options},
    }
    if system:
        body["system"] = "\n\n".join(filter(None, system))
    if stop := ask.options.get("stop"):
        body["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if ask.tools:
        body["tools"] = [_tool(tool["function"]) for tool in ask.tools]
        if choice := _choice(ask.options):
            body["tool_choice"] = choice
    return body


def _is_system(message: Json) -> bool:
    return message["role"] in {"system", "developer"}


def _system(message: Json) -> str:
    if any(part["type"] in MEDIA for part in parts_of(message)):
        raise _untold("system messages of text only")
    return text_of(message)


def _message(message: Json) -> Json:
    if message["role"] == "tool":
        return {"role": "user", "content": [_tool_result(message)]}
    calls = message.get("tool_calls", [])
    if calls and message["role"] != "assistant":
        raise _untold("tool calls of the assistant only")
    return {
        "role": message["role"],
        "content": [*_blocks(message), *(_tool_use(call) for call in calls)],
    }


def _tool_result(message: Json) -> Json:
    if not message.get("tool_call_id"):
        raise _untold("tool results with their tool_call_id only")
    has_media = any(part["type"] in MEDIA for part in parts_of(message))
    return {
        "type": "tool_result",
        "tool_use_id": message["tool_call_id"],
        "content": _blocks(message) if has_media else text_of(message),
    }


def _blocks(message: Json) -> list[Json]:
    """Return what a message says; text that is empty is not taken, and says nothing."""
    if not (parts := parts_of(message)):
        text = text_of(message)
        return [{"type": "text", "text": text}] if text else []
    return [_block(part) for part in parts if part["type"] in MEDIA or text_of_part(part)]


def _block(part: Json) -> Json:
    if part["type"] == "image_url":
        return {"type": "image", "source": _source(part["image_url"]["url"])}
    if part["type"] == "file":
        source = _source(part["file"]["file_data"])
        return {"type": "document", "source": source}
    return {"type": "text", "text": text_of_part(part)}


def _source(url: str) -> Json:
    """Return where the bytes are: in the request itself, or at an address."""
    if not url.startswith("data:"):
        return {"type": "url", "url": url}
    head, _, encoded = url.removeprefix("data:").partition(",")
    media_type, _, coding = head.partition(";")
    if coding != "base64":
        raise _untold("media in base64 only")
    return {"type": "base64", "media_type": media_type, "data": encoded}


def _tool_use(call: Json) -> Json:
    function = call["function"]
    try:
        given = json.loads(function["arguments"] or "{}")
        # What is no JSON after all (NaN), or no Unicode, could not be sent.
        json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as failure:
        raise InvalidRequest(
            "The arguments of a tool call are no JSON", field="messages"
        ) from failure
    if not isinstance(given, dict):
        raise _untold("arguments of tool calls that are objects")
    return {"type": "tool_use", "id": call["id"], "name": function["name"], "input": given}


def _untold(what: str) -> InvalidRequest:
    return InvalidRequest(f"This model's provider takes {what}", field="messages")


def _tool(function: Json) -> Json:
    tool: Json = {
        "name": function["name"],
        "input_schema": function.get("parameters") or {"type": "object"},
    }
    if function.get("description"):
        tool["description"] = function["description"]
    return tool


def _choice(options: Json) -> Json | None:
    choice = options.get("tool_choice")
    found: Json | None = None
    if isinstance(choice, str):
        found = {"type": CHOICES[choice]}
    elif choice is not None:
        found = {"type": "tool", "name": choice["function"]["name"]}
    if options.get("parallel_tool_calls") is False:
        found = {**(found or {"type": "auto"}), "disable_parallel_tool_use": True}
    return found


# ---- the answer ----------------------------------------------------------------------------


def _pieces_of(name: str, event: Json) -> Iterator[Piece]:
    match name:
        case "message_start":
            report = anthropic_report(_inner(event, "message").get("usage"), is_final=False)
            if report is not None:
                yield report
        case "content_block_start":
            block = _inner(event, "content_block")
            if block.get("type") == "tool_use":
                yield ToolCall(
                    _index(event), call_id=_text(block.get("id")), name=_text(block.get("name"))
                )
        case "content_block_delta":
            yield from _pieces_of_delta(_index(event), _inner(event, "delta"))
        case "message_delta":
            reason = _text(_inner(event, "delta").get("stop_reason"))
            report = anthropic_report(event.get("usage"), is_final=bool(reason))
            if report is not None:
                yield report
            if reason:
                yield Finish(STOPPED.get(reason, "stop"))
        case "error":
            raise UpstreamFailed(Unavailable(), "error in the stream")
        case _:  # ping, the end of a block, and what may be added to the API
            return


def _pieces_of_delta(index: int, delta: Json) -> Iterator[Piece]:
    match delta.get("type"):
        case "text_delta":
            yield Text(_text(delta.get("text")))
        case "thinking_delta":
            yield Thought(_text(delta.get("thinking")))
        case "input_json_delta":
            yield ToolCall(index, arguments=_text(delta.get("partial_json")))
        case _:
            return


def _inner(event: Json, name: str) -> dict[str, Any]:
    found = event.get(name)
    return found if isinstance(found, dict) else {}


def _index(event: Json) -> int:
    found = event.get("index")
    return found if type(found) is int else 0


def _text(value: object) -> str:
    """Return a text without the halves of characters that JSON can write."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""

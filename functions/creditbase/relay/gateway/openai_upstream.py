"""Any provider that speaks OpenAI's chat completions.

Source: the OpenAPI description of OpenAI's API, `createChatCompletion`, its stream.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from creditbase.kernel.errors import Unavailable
from creditbase.kernel.records import dataclass
from creditbase.relay.gateway.asks import Ask, Json
from creditbase.relay.gateway.pieces import (
    Finish,
    FinishReason,
    Piece,
    Refused,
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
from creditbase.relay.gateway.usage import openai_report

FINISHED: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class OpenAiUpstream:
    """An OpenAI-compatible API at a base address."""

    base_url: str
    key: str = field(repr=False)
    limit_name: str

    def pieces(
        self, ask: Ask, *, model: str, output_tokens: int, cancel: Cancel
    ) -> Iterator[Piece]:
        """Ask, and yield the answer as it comes.

        Raises:
            UpstreamFailed: it does not come, or not to the end.
        """
        reading = _Reading()
        events = ask_for_events(
            f"{self.base_url}/chat/completions",
            headers={"Authorization": f"Bearer {self.key}"},
            body=self.body_of(ask, model=model, output_tokens=output_tokens),
            cancel=cancel,
        )
        for event in events:
            if event.text.strip() == DONE:
                return
            yield from reading.pieces_of(parsed(event))
        if not reading.has_finished:
            raise UpstreamFailed(Unavailable(), "truncated")

    def body_of(self, ask: Ask, *, model: str, output_tokens: int) -> Json:
        """Return the request as this API wants it. Usage is asked for, always."""
        body: Json = {
            "model": model,
            "messages": list(ask.messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            self.limit_name: output_tokens,
            **ask.options,
        }
        return {**body, "tools": list(ask.tools)} if ask.tools else body


class _Reading:
    """What the chunks so far have said."""

    def __init__(self) -> None:
        self.has_finished = False

    def pieces_of(self, chunk: Json) -> Iterator[Piece]:
        if chunk.get("error"):
            raise UpstreamFailed(Unavailable(), "error in the stream")
        choices = _list(chunk.get("choices"))
        for choice in choices:
            if not isinstance(choice, dict) or choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta")
            if isinstance(delta, dict):
                yield from _pieces_of_delta(delta)
            reason = choice.get("finish_reason")
            if isinstance(reason, str) and reason:
                self.has_finished = True
                yield Finish(FINISHED.get(reason, "stop"))
        # Some providers say the usage so far in every chunk: only the last is the whole.
        is_final = self.has_finished or not choices
        report = openai_report(chunk.get("usage"), is_final=is_final)
        if report is not None:
            yield report


def _pieces_of_delta(delta: Json) -> Iterator[Piece]:
    for name in ("reasoning_content", "reasoning"):
        if thought := _text(delta.get(name)):
            yield Thought(thought)
            break
    if text := _text(delta.get("content")):
        yield Text(text)
    if text := _text(delta.get("refusal")):
        yield Refused(text)
    for call in _list(delta.get("tool_calls")):
        if not isinstance(call, dict):
            continue
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        index = call.get("index")
        yield ToolCall(
            index=index if type(index) is int else 0,
            call_id=_text(call.get("id")),
            name=_text(function.get("name")),
            arguments=_text(function.get("arguments")),
        )


def _text(value: object) -> str:
    """Return a text without the halves of characters that JSON can write."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []

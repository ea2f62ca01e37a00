"""Answers and refusals in the words of OpenAI's chat completions.

Source: OpenAI's API reference, the objects `chat.completion` and `chat.completion.chunk`.
The usage told is the usage charged.
"""

from collections.abc import Mapping
from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.relay.gateway.asks import Json
from creditbase.relay.gateway.bounding import INPUT_UNITS, OUTPUT_UNITS, Quantities
from creditbase.relay.gateway.pieces import (
    Finish,
    Piece,
    Refused,
    Text,
    Thought,
    ToolCall,
)
from creditbase.relay.gateway.telling import Assembly, line_of, tool_call
from creditbase.runtime.doors import Body, Refusal, flat_body

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
"""What OpenAI's clients know an error of a status as; `server_error` where nothing stands."""


def chat_error(refusal: Refusal, request_id: str) -> Body:
    """Return a refusal where OpenAI's clients look for it, beside the relay's own fields."""
    return {**flat_body(refusal, request_id), "error": _error(refusal)}


def _error(refusal: Refusal) -> Json:
    return {
        "message": refusal.message,
        "type": TYPES.get(refusal.status, "server_error"),
        "code": refusal.code,
        "param": refusal.wrong_field or None,
        **refusal.facts,
    }


@dataclass(frozen=True, slots=True)
class ChatWriter:
    """Writes one answer of `POST /chat/completions`."""

    answer_id: str
    model: str
    created_s: int
    shows_usage: bool
    content_type: str = "text/event-stream; charset=utf-8"

    def whole(self, answer: Assembly, used: Quantities) -> Json:
        """Return the answer as one object."""
        message: Json = {
            "role": "assistant",
            "content": answer.text or None,
            "refusal": answer.refusal or None,
        }
        if answer.thoughts:
            message["reasoning_content"] = answer.thoughts
        if answer.calls:
            message["tool_calls"] = answer.tool_calls()
        elif message["content"] is None and message["refusal"] is None:
            message["content"] = ""
        choice = {"index": 0, "message": message, "logprobs": None}
        return {
            **self._head("chat.completion"),
            "choices": [{**choice, "finish_reason": answer.finish}],
            "usage": usage_of(used),
        }

    def start(self) -> bytes:
        """Return the chunk that says who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, piece: Piece) -> bytes:
        """Return the chunk of a piece."""
        match piece:
            case Text():
                return self._chunk({"content": piece.text})
            case Thought():
                return self._chunk({"reasoning_content": piece.text})
            case Refused():
                return self._chunk({"refusal": piece.text})
            case ToolCall():
                return self._chunk({"tool_calls": [_tool_delta(piece)]})
            case Finish():
                return self._chunk({}, finish=piece.reason)
            case _:  # usage is told at the end
                return b""

    def sign_of_life(self) -> bytes:
        """Return a comment, which clients pass over."""
        return b": still working\n\n"

    def end(self, answer: Assembly, used: Quantities) -> bytes:
        """Return the usage, if it was asked for, and the mark of the end."""
        del answer
        last = b"data: [DONE]\n\n"
        if not self.shows_usage:
            return last
        head = self._head("chat.completion.chunk")
        return _event({**head, "choices": [], "usage": usage_of(used)}) + last

    def failed(self, refusal: Refusal) -> bytes:
        """Return the error, which clients raise."""
        return _event({"error": _error(refusal)})

    def _chunk(self, delta: Json, *, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = {**self._head("chat.completion.chunk"), "choices": [choice]}
        return _event({**chunk, "usage": None} if self.shows_usage else chunk)

    def _head(self, kind: str) -> Json:
        return {
            "id": self.answer_id,
            "object": kind,
            "created": self.created_s,
            "model": self.model,
        }


def usage_of(used: Mapping[str, int]) -> Json:
    """Return what was charged as OpenAI tells usage: details are inside the sums."""
    prompt = sum(used.get(unit, 0) for unit in INPUT_UNITS)
    completion = sum(used.get(unit, 0) for unit in OUTPUT_UNITS)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": used.get("cached_input_tokens", 0)},
        "completion_tokens_details": {"reasoning_tokens": used.get("reasoning_tokens", 0)},
    }


def _tool_delta(piece: ToolCall) -> Json:
    if piece.call_id:
        return {"index": piece.index, **tool_call(piece)}
    return {"index": piece.index, "function": {"arguments": piece.arguments}}


def _event(value: Any) -> bytes:
    return b"data: " + line_of(value) + b"\n\n"

"""Answers in the relay's own words: one object, or lines of JSON.

Source: relay-api.md 8, and the official SDKs' readers: `src/responses_ndjson.ts`.
"""

from collections.abc import Mapping

from creditbase.kernel.records import dataclass
from creditbase.relay.gateway.asks import Json
from creditbase.relay.gateway.bounding import INPUT_UNITS, OUTPUT_UNITS, Quantities
from creditbase.relay.gateway.pieces import FinishReason, Piece, Refused, Text, ToolCall
from creditbase.relay.gateway.telling import Assembly, line_of, tool_call
from creditbase.runtime.doors import Refusal

STOP_REASONS: Mapping[FinishReason, str] = {
    "stop": "stop",
    "length": "max_tokens",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}
PROVIDERS = {
    "anthropic": "anthropic",
    "openai": "openai",
    "x-ai": "xai",
    "google": "google-ai-studio",
}
"""The SDKs' closed list, by the price book's names; others are left out."""


@dataclass(frozen=True, slots=True)
class ResponsesWriter:
    """Writes one answer of `POST /responses`."""

    answer_id: str
    model: str
    provider: str
    content_type: str = "application/x-ndjson"

    def whole(self, answer: Assembly, used: Quantities) -> Json:
        """Return the answer as one object."""
        item: Json = {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": answer.text or answer.refusal}],
        }
        if answer.calls:
            # Both spellings: the SDKs disagree.
            item |= {"tool_calls": answer.tool_calls(), "toolCalls": answer.tool_calls()}
        return {
            "id": self.answer_id,
            **self._names(),
            "stop_reason": STOP_REASONS[answer.finish],
            "output": [item],
            "usage": usage_of(used),
        }

    def start(self) -> bytes:
        """Return the line that names the answer."""
        return _line({"type": "start", "request_id": self.answer_id, **self._names()})

    def piece(self, piece: Piece) -> bytes:
        """Return the line of a piece."""
        match piece:
            case Text() | Refused():
                return _line({"type": "update", "delta": piece.text})
            case ToolCall():
                kind = "tool_use_start" if piece.call_id else "tool_use_delta"
                call = tool_call(piece)
                if not piece.call_id:
                    del call["id"]
                return _line({"type": kind, "tool_call_delta": {"index": piece.index, **call}})
            case _:  # why it stopped and the usage are told at the end
                return b""

    def sign_of_life(self) -> bytes:
        """Return a line that clients pass over."""
        return _line({"type": "keepalive"})

    def end(self, answer: Assembly, used: Quantities) -> bytes:
        """Return the line with the whole answer and its usage."""
        calls = answer.tool_calls()
        last: Json = {
            "type": "completion",
            "content": answer.text or answer.refusal,
            "usage": usage_of(used),
            "stop_reason": STOP_REASONS[answer.finish],
        }
        if not calls:
            return _line(last)
        return _line({"type": "tool_use_stop", "tool_calls": calls}) + _line(
            {**last, "tool_calls": calls}
        )

    def failed(self, refusal: Refusal) -> bytes:
        """Return the line of an error."""
        said = {"code": refusal.code, "message": refusal.message, "status": refusal.status}
        return _line({"type": "error", **said})

    def _names(self) -> Json:
        provider = PROVIDERS.get(self.provider)
        names = {"model": self.model}
        return {**names, "provider": provider} if provider else names


def usage_of(used: Mapping[str, int]) -> Json:
    """Return what was charged as the relay tells usage."""
    read = sum(used.get(unit, 0) for unit in INPUT_UNITS)
    written = sum(used.get(unit, 0) for unit in OUTPUT_UNITS)
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}


def _line(value: Json) -> bytes:
    return line_of(value) + b"\n"

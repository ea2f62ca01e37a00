"""Pieces: what an upstream answers, bit by bit, whichever provider it is."""

from collections.abc import Mapping
from typing import Literal

from creditbase.kernel.records import dataclass

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Text:
    """A part of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A part of what the model thought aloud before it answered."""

    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A part of the text by which a model declines."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A part of a call of the caller's own function; the first part has id and name."""

    index: int
    call_id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """Why the model stopped."""

    reason: FinishReason


@dataclass(frozen=True, slots=True)
class Report:
    """Usage as the provider says it, in exclusive pools; each pool replaces what was said.

    `is_final` where it covers the whole answer; else it is what was used when it was sent.
    """

    quantities: Mapping[str, int]
    is_final: bool


Piece = Text | Thought | Refused | ToolCall | Finish | Report


def written_by(piece: Piece) -> str:
    """Return what the model wrote in a piece, whatever it was for."""
    match piece:
        case Text() | Thought() | Refused():
            return piece.text
        case ToolCall():
            return piece.name + piece.arguments
        case _:
            return ""

"""An ask: what a caller wants of a model, in the one form that every upstream is told from.

Messages and tools are in the words of OpenAI's chat completions, checked at the border and
reduced to what is known: nothing that the bound did not see reaches a provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Medium = Literal["image", "file"]
MEDIA: Mapping[str, Medium] = {"image_url": "image", "file": "file"}
"""Parts of a message that are no text, by their type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request to a model. `model` is empty where the payer's tier shall choose."""

    model: str
    messages: tuple[Json, ...]
    tools: tuple[Json, ...] = ()
    options: Json = field(default_factory=dict)
    """Sampling and format, under OpenAI's names."""
    output_tokens_max: int | None = None
    streams: bool = False
    shows_usage: bool = False
    """Whether a stream shall end with the usage, as OpenAI's clients may ask."""

    def media(self) -> tuple[Medium, ...]:
        """Return what the messages have beside text, in order."""
        parts = (part for message in self.messages for part in _parts(message))
        return tuple(MEDIA[part["type"]] for part in parts if part["type"] in MEDIA)

    def text(self) -> Json:
        """Return everything that a model may read as text: all of the ask but its media."""
        messages = [
            {**message, "content": [part for part in _parts(message) if _is_text(part)]}
            if isinstance(message.get("content"), list)
            else message
            for message in self.messages
        ]
        return {"messages": messages, "tools": list(self.tools), **self.options}


def _parts(message: Json) -> list[Json]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _is_text(part: Json) -> bool:
    return part["type"] not in MEDIA


def text_of(message: Json) -> str:
    """Return the text of a message, its parts joined."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if _is_text(part))
    return str(content or "")

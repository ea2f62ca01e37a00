"""An ask: what a caller wants of a model, in the one form that every upstream is told from.

Messages and tools are in the words of OpenAI's chat completions, checked at the border and
reduced to what is known: nothing that the bound did not see reaches a provider.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any, Literal

from creditbase.kernel.records import dataclass

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
        parts = (part for message in self.messages for part in parts_of(message))
        return tuple(MEDIA[part["type"]] for part in parts if part["type"] in MEDIA)

    def without_media(self) -> "Ask":
        """Return the ask with its media emptied: what is left of them is their form."""
        messages = tuple(
            {**message, "content": [_emptied(part) for part in content]}
            if isinstance(content := message.get("content"), list)
            else message
            for message in self.messages
        )
        return replace(self, messages=messages)


def _emptied(part: Json) -> Json:
    match part["type"]:
        case "image_url":
            image = part["image_url"]
            return {**part, "image_url": {**image, "url": _head(image["url"])}}
        case "file":
            file = part["file"]
            return {**part, "file": {**file, "file_data": _head(file["file_data"])}}
        case _:
            return part


def _head(url: str) -> str:
    """Return an address as far as it says what kind it is."""
    return "".join(url.partition(",")[:2]) if url.startswith("data:") else "https://"


def parts_of(message: Json) -> list[Json]:
    """Return the parts of a message; none where its content is a text."""
    content = message.get("content")
    return content if isinstance(content, list) else []


def _is_text(part: Json) -> bool:
    return part["type"] not in MEDIA


def text_of(message: Json) -> str:
    """Return the text of a message, its parts joined."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(text_of_part(part) for part in content if _is_text(part))
    return str(content or message.get("refusal") or "")


def text_of_part(part: Json) -> str:
    """Return what a part of a message says, or by which words a model declined."""
    return str(part.get("text") or part.get("refusal") or "")

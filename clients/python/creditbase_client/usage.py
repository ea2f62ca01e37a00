"""What OpenAI's API says of a call's size: the most that it can use, and what it used.

Nothing of `openai` is imported: its objects are read by the names of their fields, and so are
the same answers as JSON.
"""

import json
from collections.abc import Mapping
from typing import Any

from creditbase_client.types_gen import UsageFields

OUTPUT_TOKENS_MAX = 4_096
"""What is held for an answer where the request sets no limit."""
LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
ASKED = (
    "messages",
    "input",
    "instructions",
    "tools",
    "functions",
    "response_format",
    "text",
    "text_format",
)
"""The fields of a request that a model reads."""
KEPT = ("previous_response_id", "conversation", "prompt")
"""The fields that name what a provider keeps and a model reads beside the request."""
MEDIA = frozenset({"image", "image_url", "audio", "file"})
QUANTITY_MAX = 2**53
"""The most that Creditbase takes of anything."""
TOKENS_A_MESSAGE = 16
"""What a provider adds around a message."""


class Unbounded(ValueError):
    """What a call reads cannot be counted here (images, sound, files): say `usage_max`."""


def usage_of(answer: object) -> UsageFields | None:
    """Return what an answer or a piece of a stream says was used; None where it says nothing.

    It reads chat completions, responses, their pieces, and the same as JSON.
    OpenAI counts cached and thinking tokens inside of the others; Creditbase's pools exclude
    each other.
    """
    told = _of(answer, "usage")
    if told is None:  # a stream of a response ends with the response
        told = _of(_of(answer, "response"), "usage")
    read = _count(told, "prompt_tokens", "input_tokens")
    if read is None:
        return None
    written = _count(told, "completion_tokens", "output_tokens")
    if written is None:
        if any(_of(told, name) is not None for name in ("completion_tokens", "output_tokens")):
            return None  # no count that can be: nobody knows
        written = 0
    inside = _of(told, "prompt_tokens_details") or _of(told, "input_tokens_details")
    outside = _of(told, "completion_tokens_details") or _of(told, "output_tokens_details")
    cached = min(read, _count(inside, "cached_tokens") or 0)
    thought = _count(outside, "reasoning_tokens") or 0
    if thought and _count(told, "total_tokens") == read + written + thought:
        written += thought  # some count it beside what was written
    thought = min(written, thought)
    usage: UsageFields = {"input_tokens": read - cached, "output_tokens": written - thought}
    if cached:
        usage["cached_input_tokens"] = cached
    if thought:
        usage["reasoning_tokens"] = thought
    return usage


def usage_max_of(
    request: Mapping[str, Any], *, output_tokens_max: int = OUTPUT_TOKENS_MAX
) -> UsageFields:
    """Return the most that a request with text can use.

    A token has at least one byte, so what is read has at most as many as its JSON has bytes.

    Raises: Unbounded: it has more than text.
    """
    asked = {name: request[name] for name in ASKED if _is_given(request.get(name))}
    try:
        text = json.dumps(asked, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as problem:
        raise Unbounded("say usage_max: the request cannot be counted") from problem
    if _has_media(asked) or any(_is_given(request.get(name)) for name in KEPT):
        raise Unbounded("say usage_max: the request has more than the text that it sends")
    messages = request.get("messages") or request.get("input") or ()
    count = len(messages) if isinstance(messages, list) else 1
    bound: UsageFields = {"input_tokens": len(text.encode()) + TOKENS_A_MESSAGE * count}
    limits = [request[name] for name in LIMITS if isinstance(request.get(name), int)]
    answers = request["n"] if isinstance(request.get("n"), int) else 1
    bound["output_tokens"] = (min(limits) if limits else output_tokens_max) * answers
    return bound


def _is_given(value: object) -> bool:
    # OpenAI's marks for what is left out have names that begin so.
    return value is not None and type(value).__name__ not in {"NotGiven", "Omit"}


def _has_media(value: object) -> bool:
    if isinstance(value, Mapping):
        kind = value.get("type")
        if isinstance(kind, str) and kind.removeprefix("input_") in MEDIA:
            return True
        return any(_has_media(one) for one in value.values())
    return isinstance(value, list) and any(_has_media(one) for one in value)


def _plain(value: object) -> object:
    """Return what is sent of a model of pydantic's, or of a class of them: its schema.

    Raises: TypeError: it is neither, or can be read only once.
    """
    for name in ("model_json_schema",) if isinstance(value, type) else ("model_dump",):
        written = getattr(value, name, None)
        if callable(written):
            return written()
    raise TypeError(f"{type(value).__name__} cannot be counted")


def _of(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _count(value: object, *names: str) -> int | None:
    for name in names:
        found = _of(value, name)
        if type(found) is int and 0 <= found <= QUANTITY_MAX:
            return found
    return None

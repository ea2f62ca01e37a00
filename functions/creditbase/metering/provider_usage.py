"""What providers report of a call, as exclusive pools that add up to what they count. Pure.

Each provider counts in its own way: OpenAI's and Gemini's input has what was cached inside,
Anthropic's has not; OpenAI's output has the thoughts inside, Gemini's has not. Usage that makes
no sense (a count below zero, a part that is no number) is none: nobody is charged by it.
"""

from collections.abc import Mapping
from typing import cast

from creditbase.catalog.domain.units import FALLS_BACK_TO

Quantities = dict[str, int]

OUTPUT = ("output_tokens", "reasoning_tokens")
TEXT_OF = {
    "cache_write_1h_tokens": "cache_write_tokens",
    "audio_input_tokens": "input_tokens",
    "image_input_tokens": "input_tokens",
    "video_input_tokens": "input_tokens",
    "cached_audio_tokens": "cached_input_tokens",
    "cached_image_tokens": "cached_input_tokens",
    "audio_output_tokens": "output_tokens",
    "image_output_tokens": "output_tokens",
    "video_output_tokens": "output_tokens",
}
"""The pool of text that a pool is counted in where a model has one price for all it reads."""
COUNTED_AS = {**FALLS_BACK_TO, **TEXT_OF}
"""The pool that a pool is counted in where a model has no price for it."""


class _Senseless(ValueError):
    """A count that no provider can mean."""


def chat_usage(usage: object) -> Quantities | None:
    """Return the usage of an OpenAI-compatible chat completion; None where it makes no sense.

    `completion_tokens` has the reasoning tokens inside, but for providers that add them to the
    total beside it (xAI): the total tells which.
    """
    return _openai(usage, "prompt_tokens", "completion_tokens")


def responses_usage(usage: object) -> Quantities | None:
    """Return the usage of an OpenAI response; None where it makes no sense."""
    return _openai(usage, "input_tokens", "output_tokens")


def _openai(usage: object, read: str, written: str) -> Quantities | None:
    try:
        prompt, completion = _count(usage, read), _count(usage, written)
        if prompt is None or completion is None:
            return None
        inside, outside = _inner(usage, f"{read}_details"), _inner(usage, f"{written}_details")
        reasoning = _count(outside, "reasoning_tokens") or 0
        total = _count(usage, "total_tokens")
        if reasoning and total == prompt + completion + reasoning:
            completion += reasoning
        return {
            **_split(
                prompt,
                "input_tokens",
                cached_input_tokens=_count(inside, "cached_tokens"),
                cache_write_tokens=_count(inside, "cache_write_tokens"),
                audio_input_tokens=_count(inside, "audio_tokens"),
                image_input_tokens=_count(inside, "image_tokens"),
            ),
            **_split(
                completion,
                "output_tokens",
                reasoning_tokens=reasoning,
                audio_output_tokens=_count(outside, "audio_tokens"),
                image_output_tokens=_count(outside, "image_tokens"),
            ),
        }
    except _Senseless:
        return None


def anthropic_usage(usage: object) -> Quantities | None:
    """Return the usage of an Anthropic message, only what is said of it; None where nothing is.

    Its input pools are exclusive. Parts of a stream say some of them, and later ones replace
    earlier ones. What is written to the cache for an hour is inside what is written at all, and
    thoughts are inside the output.
    """
    try:
        said = {
            "input_tokens": _count(usage, "input_tokens"),
            "cached_input_tokens": _count(usage, "cache_read_input_tokens"),
            "searches": _count(_inner(usage, "server_tool_use"), "web_search_requests"),
        }
        found = {unit: count for unit, count in said.items() if count is not None}
        written = _count(usage, "cache_creation_input_tokens")
        if written is not None:
            hour = _count(_inner(usage, "cache_creation"), "ephemeral_1h_input_tokens")
            found |= _split(written, "cache_write_tokens", cache_write_1h_tokens=hour)
        output = _count(usage, "output_tokens")
        if output is not None:
            thought = _count(_inner(usage, "output_tokens_details"), "thinking_tokens")
            found |= _split(output, "output_tokens", reasoning_tokens=thought)
    except _Senseless:
        return None
    return found or None


def gemini_usage(usage: object) -> Quantities | None:
    """Return the usage of Gemini's `usageMetadata`; None where it makes no sense.

    What was cached is inside the prompt; what tools read is beside it, and so are the thoughts
    beside the answer.
    """
    try:
        prompt = _count(usage, "promptTokenCount")
        if prompt is None:
            return None
        cached = min(_count(usage, "cachedContentTokenCount") or 0, prompt)
        kinds = _by_kind(usage, "promptTokensDetails")
        cached_kinds = _by_kind(usage, "cacheTokensDetails")
        fresh = {kind: max(0, kinds[kind] - cached_kinds.get(kind, 0)) for kind in kinds}
        spoken = _by_kind(usage, "candidatesTokensDetails")
        pools = {
            **_split(
                prompt - cached,
                "input_tokens",
                audio_input_tokens=fresh.get("AUDIO"),
                image_input_tokens=fresh.get("IMAGE"),
                video_input_tokens=fresh.get("VIDEO"),
            ),
            **_split(
                cached,
                "cached_input_tokens",
                cached_audio_tokens=cached_kinds.get("AUDIO"),
                cached_image_tokens=cached_kinds.get("IMAGE"),
            ),
            **_split(
                _count(usage, "candidatesTokenCount") or 0,
                "output_tokens",
                audio_output_tokens=spoken.get("AUDIO"),
                image_output_tokens=spoken.get("IMAGE"),
                video_output_tokens=spoken.get("VIDEO"),
            ),
            "reasoning_tokens": _count(usage, "thoughtsTokenCount") or 0,
        }
        pools["input_tokens"] += _count(usage, "toolUsePromptTokenCount") or 0
    except _Senseless:
        return None
    return pools


def in_priced(pools: Mapping[str, int], prices: Mapping[str, int]) -> Quantities:
    """Return the pools under units that have a price; what has none is counted as text.

    So do providers that publish no other price. What has no price as text either stays, to be
    refused.
    """
    found: Quantities = {}
    for unit, count in pools.items():
        kept = unit
        while kept not in prices and kept in COUNTED_AS:
            kept = COUNTED_AS[kept]
        found[kept] = found.get(kept, 0) + count
    return found


def _split(whole: int, rest: str, **parts: int | None) -> Quantities:
    """Return the parts of a count, and what is left of it; together they are the whole.

    Parts that claim more than there is have only what is left.
    """
    found = {}
    for unit, claimed in parts.items():
        found[unit] = min(claimed or 0, whole)
        whole -= found[unit]
    return {rest: whole, **{unit: count for unit, count in found.items() if count}}


def _by_kind(usage: object, name: str) -> Quantities:
    """Return the counts of a list of Gemini's by modality."""
    rows = _inner(usage, name)
    counts: Quantities = {}
    for row in cast("list[object]", rows) if isinstance(rows, list) else ():
        kind = _inner(row, "modality")
        if isinstance(kind, str):
            counts[kind] = counts.get(kind, 0) + (_count(row, "tokenCount") or 0)
    return counts


def _inner(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _count(value: object, name: str) -> int | None:
    """Return a count, None where it is not said."""
    found = _inner(value, name)
    if found is None:
        return None
    if type(found) is not int or found < 0:
        raise _Senseless(name)
    return found

"""The most that an ask can cost, and how usage is counted that nobody reported. Pure.

A token stands for at least one byte of text, whatever the tokenizer, and marks around each
message and tool are few; so the bytes of the request as it is sent bound its tokens. Some
tokenizers normalise first (NFKC), which can make text longer: the longer form counts. What
has a structure (tools, the arguments of calls, results) may be printed anew for the model,
and counts as wide as that can come out (`widths`). Images and files count with the most that
the price book knows; nothing reads more than the model's context window.
"""

import json
from dataclasses import dataclass

from creditbase.catalog.domain import COUNTED_UNIT, ModelPrice, Usage
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import ceil_div
from creditbase.relay.gateway.asks import Ask, Json
from creditbase.relay.gateway.widths import bytes_of, widening_bytes

REQUEST_TOKENS = 64
"""Marks around a whole prompt."""
MESSAGE_TOKENS = 16
"""Marks around a message: its role, its begin, its end."""
TOOLS_TOKENS = 1_024
"""What a provider adds to a prompt that has tools at all."""
TOOL_TOKENS = 64
"""What it adds to each."""
BYTES_PER_TOKEN = 4
"""The rule for what no provider reported: a token for each four bytes that were begun."""
ENVELOPE = frozenset(
    {"model", "stream", "stream_options", "max_tokens", "max_completion_tokens"}
)
"""Fields of requests that no model reads, and that the counting rule leaves out."""

CAPABILITY_OF = {"image": "vision", "file": "document"}
"""What a model must be able to do to be shown something; asked where the book says it."""

INPUT_UNITS = ("input_tokens", "cached_input_tokens", "cache_write_tokens")
OUTPUT_UNITS = ("output_tokens", "reasoning_tokens")

Quantities = dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The most an ask can use. `input_tokens_counted` is its prompt by the counting rule."""

    input_tokens: int
    input_tokens_counted: int
    output_tokens: int

    def __post_init__(self) -> None:
        assert 0 < self.input_tokens_counted <= self.input_tokens
        assert self.output_tokens > 0


def bound_of(ask: Ask, model: ModelPrice, sent: Json) -> Bound:
    """Return the most that the ask can use of the model.

    `sent` is the request that the model's provider is sent, its media emptied.

    Raises:
        InvalidRequest: the model has no price for text, so that nothing bounds its cost, or
            cannot do what the ask needs.
    """
    _check_capabilities(ask, model)
    read = {name: value for name, value in sent.items() if name not in ENVELOPE}
    marks = REQUEST_TOKENS + MESSAGE_TOKENS * len(ask.messages)
    if ask.tools:
        marks += TOOLS_TOKENS + TOOL_TOKENS * len(ask.tools)
    media = sum(_medium_tokens(medium == "image", model) for medium in ask.media())
    counted = count_tokens(_size_bytes(read)) + media
    widest = _size_bytes(sent) + marks + media
    if widest < model.context_window:
        widest += widening_bytes(ask)
    asked = ask.output_tokens_max or model.max_output_tokens
    return Bound(
        input_tokens=min(model.context_window, widest),
        input_tokens_counted=min(model.context_window, counted),
        output_tokens=min(asked, model.max_output_tokens),
    )


def _size_bytes(value: Json) -> int:
    return bytes_of(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _check_capabilities(ask: Ask, model: ModelPrice) -> None:
    prices = model.nanos_per_million
    writes = model.max_output_tokens > 0 and "output_tokens" in prices
    if not writes or "input_tokens" not in prices:
        raise InvalidRequest("This model does not answer text with text", field="model")
    if not model.capabilities:
        return
    needed = {CAPABILITY_OF[medium] for medium in ask.media()}
    if ask.tools:
        needed.add("tools")
    for capability in sorted(needed.difference(model.capabilities)):
        raise InvalidRequest(f"This model does not have {capability}", field="model")


def _medium_tokens(is_image: bool, model: ModelPrice) -> int:
    known = model.image_tokens_max if is_image else 0
    return known or model.context_window


def count_tokens(text_bytes: int) -> int:
    """Return the tokens of that much text by the counting rule."""
    return ceil_div(text_bytes, BYTES_PER_TOKEN)


def worst_of(bound: Bound, model: ModelPrice, output_tokens: int) -> Quantities:
    """Return the dearest usage within the bound, with so much output.

    Each kind of token is counted as the dearest that a provider could call it.
    """
    prices = model.prices_for(Usage(input_tokens=bound.input_tokens))

    def dearest(units: tuple[str, ...]) -> str:
        return max((unit for unit in units if unit in prices), key=lambda unit: prices[unit])

    return {
        dearest(INPUT_UNITS): bound.input_tokens,
        dearest(OUTPUT_UNITS): output_tokens,
        COUNTED_UNIT: 1,
    }


def prompt_of(bound: Bound) -> Quantities:
    """Return what an ask uses at least, once it was sent: its prompt by the counting rule."""
    return {"input_tokens": bound.input_tokens_counted, COUNTED_UNIT: 1}

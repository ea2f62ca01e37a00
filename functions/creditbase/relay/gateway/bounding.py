"""The most that an ask can cost, and how usage is counted that nobody reported. Pure.

A token stands for at least one byte of text, whatever the tokenizer, and marks around each
message and tool are few; so the bytes of the request as it is sent bound its tokens. Some
tokenizers normalise first (NFKC), which can make text longer: the longer form counts. What
has a structure (tools, the arguments of calls, results) may be printed anew for the model,
and counts as wide as that can come out (`widths`). Images and files count with the most that
the price book knows; nothing reads more than the model's context window.

Refused is what would be free by accident: a model that draws or films beside its words, which
nobody could be told, and one that searches by itself where no search has a price.
"""

import json
import re
from collections.abc import Mapping

from creditbase.catalog.domain import COUNTED_UNIT, ModelPrice, Usage
from creditbase.catalog.domain.units import INPUT_TOKENS, OUTPUT_TOKENS
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import ceil_div
from creditbase.kernel.records import dataclass
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

INPUT_UNITS = INPUT_TOKENS
OUTPUT_UNITS = OUTPUT_TOKENS
"""Whatever a provider may report; priced each by its own price, as far as the hold goes."""
READ = ("input_tokens", "cached_input_tokens", "cache_write_tokens")
SEEN = ("image_input_tokens", "cached_image_tokens")
WRITTEN = ("output_tokens", "reasoning_tokens")
"""What the hold counts with: text, images where the ask has any, and words and thoughts. No
ask has sound or film, asks for sound, or has anything cached for an hour."""
UNTOLD = ("image_output_tokens", "video_output_tokens")
SEARCH_PRICES = ("searches", "requests")
SEARCHES_BY_ITSELF = re.compile(r"(?<![a-z])(search|online)(?![a-z])")
"""In the name of a model that does: no published list says it otherwise."""
SEARCHES_MAX = 5
"""How many searches of such a model are held for, where each has a price."""

Quantities = dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The most an ask can use. `input_tokens_counted` is its prompt by the counting rule."""

    input_tokens: int
    input_tokens_counted: int
    output_tokens: int
    has_media: bool = False
    searches: int = 0

    def __post_init__(self) -> None:
        assert 0 < self.input_tokens_counted <= self.input_tokens
        assert self.output_tokens > 0


def bound_of(ask: Ask, model: ModelPrice, sent: Json) -> Bound:
    """Return the most that the ask can use of the model.

    `sent` is the request that the model's provider is sent, its media emptied.

    Raises:
        InvalidRequest: the model has no price for what it does, so that nothing bounds its
            cost, or cannot do what the ask needs.
    """
    _check_priced(model)
    _check_capabilities(ask, model)
    read = {name: value for name, value in sent.items() if name not in ENVELOPE}
    marks = REQUEST_TOKENS + MESSAGE_TOKENS * len(ask.messages)
    if ask.tools:
        marks += TOOLS_TOKENS + TOOL_TOKENS * len(ask.tools)
    shown = ask.media()
    media = sum(_medium_tokens(medium == "image", model) for medium in shown)
    counted = count_tokens(_size_bytes(read)) + media
    widest = _size_bytes(sent) + marks + media
    if widest < model.context_window:
        widest += widening_bytes(ask)
    asked = ask.output_tokens_max or model.max_output_tokens
    prices = model.nanos_per_million
    return Bound(
        input_tokens=min(model.context_window, widest),
        input_tokens_counted=min(model.context_window, counted),
        output_tokens=min(asked, model.max_output_tokens),
        has_media=bool(shown),
        searches=SEARCHES_MAX if _searches(model) and "searches" in prices else 0,
    )


def _searches(model: ModelPrice) -> bool:
    return SEARCHES_BY_ITSELF.search(model.model_id) is not None


def _size_bytes(value: Json) -> int:
    return bytes_of(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _check_priced(model: ModelPrice) -> None:
    prices = model.nanos_per_million
    writes = model.max_output_tokens > 0 and "output_tokens" in prices
    if not writes or "input_tokens" not in prices or any(unit in prices for unit in UNTOLD):
        raise InvalidRequest("This model does not answer text with text alone", field="model")
    if _searches(model) and not any(unit in prices for unit in SEARCH_PRICES):
        raise InvalidRequest("This model has no price for its searches", field="model")


def _check_capabilities(ask: Ask, model: ModelPrice) -> None:
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

    worst = {
        dearest((*READ, *SEEN) if bound.has_media else READ): bound.input_tokens,
        dearest(WRITTEN): output_tokens,
        COUNTED_UNIT: 1,
    }
    return {**worst, "searches": bound.searches} if bound.searches else worst


def value_of(quantities: Mapping[str, int], prices: Mapping[str, int]) -> int:
    """Return what quantities cost us, in millionths of a nano."""
    return sum(count * prices.get(unit, 0) for unit, count in quantities.items())


def prompt_of(bound: Bound) -> Quantities:
    """Return what an ask uses at least, once it was sent: its prompt by the counting rule."""
    return {"input_tokens": bound.input_tokens_counted, COUNTED_UNIT: 1}

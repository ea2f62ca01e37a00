"""What a run used: as its provider reported it, or else by the counting rule. Pure.

A provider is believed up to the bound: what it reports beyond is cut, so that nobody pays
more than was held. Where it reports nothing, or nothing for text that was written, tokens
are counted by the bytes (`bounding.BYTES_PER_TOKEN`). Of an answer that its caller left, the
prompt is charged, the thinking before it, and the part that the caller was given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from creditbase.catalog.domain import COUNTED_UNIT, ModelPrice
from creditbase.kernel.money import ceil_div
from creditbase.metering.provider_usage import anthropic_usage, chat_usage, in_text
from creditbase.relay.gateway.bounding import (
    INPUT_UNITS,
    OUTPUT_UNITS,
    Bound,
    Quantities,
    count_tokens,
)
from creditbase.relay.gateway.pieces import Piece, Report, Thought, written_by
from creditbase.relay.gateway.widths import bytes_of

PLAIN_OF = {
    "cached_input_tokens": "input_tokens",
    "cache_write_tokens": "input_tokens",
    "reasoning_tokens": "output_tokens",
}
"""Where a pool is counted that the model has no price of its own for."""


@dataclass(slots=True)
class Written:
    """Bytes that a model wrote: all that is known of, and what of it the caller was given."""

    whole_bytes: int = 0
    told_bytes: int = 0
    reported_bytes: int = 0
    """How much had been written when the provider last reported."""

    def add(self, size_bytes: int, *, is_told: bool) -> None:
        """Count more."""
        self.whole_bytes += size_bytes
        self.told_bytes += size_bytes if is_told else 0

    def told_of(self, tokens: int) -> int:
        """Return what of reported tokens was for what the caller was given, rounded up."""
        if self.told_bytes >= self.reported_bytes:
            return tokens
        return ceil_div(tokens * self.told_bytes, self.reported_bytes)


@dataclass(slots=True)
class Meter:
    """Adds up what a run wrote, and keeps what its provider reported."""

    bound: Bound
    model: ModelPrice
    output_tokens_held: int
    is_final: bool = False
    _reported: Quantities = field(default_factory=dict)
    _thoughts: Written = field(default_factory=Written)
    _words: Written = field(default_factory=Written)

    def note(self, piece: Piece) -> None:
        """Count a piece that is passed on."""
        self._add(piece, is_told=True)

    def overhear(self, piece: Piece) -> None:
        """Take in a piece that nobody is there for any more: what is in it is not charged."""
        self._add(piece, is_told=False)

    def _add(self, piece: Piece, *, is_told: bool) -> None:
        if isinstance(piece, Report):
            self._reported |= piece.quantities
            self.is_final = self.is_final or piece.is_final
            for written in (self._thoughts, self._words):
                written.reported_bytes = written.whole_bytes
        else:
            written = self._thoughts if isinstance(piece, Thought) else self._words
            size_bytes = bytes_of(written_by(piece))
            written.add(size_bytes, is_told=is_told)
            if size_bytes:
                self.is_final = False  # a report before the last word is not of the whole

    @property
    def written_bytes(self) -> int:
        """Return how much the caller was given."""
        return self._thoughts.told_bytes + self._words.told_bytes

    @property
    def exceeds_bound(self) -> bool:
        """Return whether the provider reports more than the most that was held for."""
        return (
            _sum_of(self._reported, INPUT_UNITS) > self.bound.input_tokens
            or _sum_of(self._reported, OUTPUT_UNITS) > self.output_tokens_held
        )

    def quantities(self) -> Quantities:
        """Return what was used so far, in pools that the model has prices for."""
        inputs = _cut(self._pools(self._reported, INPUT_UNITS), self.bound.input_tokens)
        if not sum(inputs.values()):
            inputs = self._pools({"input_tokens": self.bound.input_tokens_counted}, INPUT_UNITS)
        outputs = _cut(self._pools(self._outputs(), OUTPUT_UNITS), self.output_tokens_held)
        pools = {**inputs, **outputs, COUNTED_UNIT: 1}
        return {unit: quantity for unit, quantity in pools.items() if quantity}

    def _outputs(self) -> Quantities:
        """Return what was written for the caller: as reported, and by the rule beyond that."""
        thought = self._reported.get("reasoning_tokens", 0)
        said = self._reported.get("output_tokens", 0)
        # Where no pool is for thoughts, they are in the other.
        inside = self._words if thought else self._everything()
        is_reported = self.is_final and bool(thought or said)
        thought, spoken = self._thoughts.told_of(thought), inside.told_of(said)
        if not is_reported:
            spoken = max(spoken, count_tokens(self._words.told_bytes))
            spoken = max(spoken, count_tokens(self.written_bytes) - thought)
        return {"output_tokens": spoken, "reasoning_tokens": thought}

    def _everything(self) -> Written:
        both = (self._thoughts, self._words)
        return Written(
            told_bytes=self.written_bytes,
            reported_bytes=sum(written.reported_bytes for written in both),
        )

    def _pools(self, counted: Quantities, units: tuple[str, ...]) -> Quantities:
        """Return pools under units that have a price."""
        prices = self.model.nanos_per_million
        pools: Quantities = {}
        for unit in units:
            quantity = counted.get(unit, 0)
            kept = unit if unit in prices else PLAIN_OF.get(unit, unit)
            if kept not in prices:
                kept = next(name for name in units if name in prices)
            pools[kept] = pools.get(kept, 0) + quantity
        return pools


def _sum_of(quantities: Mapping[str, int], units: tuple[str, ...]) -> int:
    return sum(quantities.get(unit, 0) for unit in units)


def _cut(pools: Quantities, most: int) -> Quantities:
    """Return the pools, in their order, as far as they go within the bound."""
    kept: Quantities = {}
    for unit, quantity in pools.items():
        kept[unit] = min(quantity, most)
        most -= kept[unit]
    return kept


# ---- what providers report -----------------------------------------------------------------


def openai_report(usage: object, *, is_final: bool) -> Report | None:
    """Return what an OpenAI-compatible provider reports; None where it makes no sense."""
    pools = chat_usage(usage)
    return None if pools is None else Report(in_text(pools), is_final)


def anthropic_report(usage: object, *, is_final: bool) -> Report | None:
    """Return what Anthropic reports: only what is there is said."""
    pools = anthropic_usage(usage)
    if pools is None:
        return None
    return Report(in_text(pools), is_final and "output_tokens" in pools)

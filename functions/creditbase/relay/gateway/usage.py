"""What a run used: as its provider reported it, or else by the counting rule. Pure.

A provider is believed up to the bound: each pool that it reports is priced by its own price,
and what it reports beyond the tokens or the money that were held for is cut, so that nobody
pays more. What has no price at all is left out; a person is told of both. Where it reports
nothing, or nothing for text that was written, tokens are counted by the bytes
(`bounding.BYTES_PER_TOKEN`). Of an answer that its caller left, the prompt is charged, the
thinking before it, and the part that the caller was given.
"""

from collections.abc import Mapping
from dataclasses import field

from creditbase.catalog.domain import COUNTED_UNIT, UNITS, ModelPrice, Usage
from creditbase.kernel.money import ceil_div
from creditbase.kernel.records import dataclass
from creditbase.metering.provider_usage import anthropic_usage, chat_usage, in_priced
from creditbase.relay.gateway.bounding import (
    INPUT_UNITS,
    OUTPUT_UNITS,
    Bound,
    Quantities,
    count_tokens,
    value_of,
    worst_of,
)
from creditbase.relay.gateway.pieces import Piece, Report, Thought, written_by
from creditbase.relay.gateway.widths import bytes_of

THOUGHTS = "reasoning_tokens"
WORDS = tuple(unit for unit in OUTPUT_UNITS if unit != THOUGHTS)
COUNTED_BESIDE = tuple(
    unit for unit in UNITS if unit not in {*INPUT_UNITS, *OUTPUT_UNITS, COUNTED_UNIT}
)
"""Units that are no tokens: searches and what else a provider does for a call."""
ANTHROPIC_PARTS = {
    "cache_write_tokens": "cache_write_1h_tokens",
    "output_tokens": THOUGHTS,
}
"""What is said with something, or is none of it."""


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
        """Return whether the provider reports more than was held for, or what has no price."""
        reported = self._reported
        return (
            _sum_of(reported, INPUT_UNITS) > self.bound.input_tokens
            or _sum_of(reported, OUTPUT_UNITS) > self.output_tokens_held
            or self._pools() != self.quantities()
        )

    def quantities(self) -> Quantities:
        """Return what was used so far, in pools that have a price, as far as the hold goes."""
        prices = self._prices()
        worst = worst_of(self.bound, self.model, self.output_tokens_held)
        dear = self.model.prices_for(Usage(input_tokens=self.bound.input_tokens))
        left = value_of(worst, dear)
        kept: Quantities = {}
        for unit, quantity in self._pools().items():
            if unit not in prices:
                kept[unit] = 1 if unit == COUNTED_UNIT else 0
                continue
            affordable = left // prices[unit] if prices[unit] else quantity
            kept[unit] = min(quantity, affordable)
            left -= kept[unit] * prices[unit]
        return {unit: quantity for unit, quantity in kept.items() if quantity}

    def _pools(self) -> Quantities:
        """Return what was used so far, its tokens cut at the bound."""
        outputs = _cut(self._outputs(), self.output_tokens_held)
        others = {unit: self._reported.get(unit, 0) for unit in COUNTED_BESIDE}
        pools = in_priced({**self._inputs(), **outputs, **others}, self._prices())
        counted = {COUNTED_UNIT: 1, **pools}
        return {unit: quantity for unit, quantity in counted.items() if quantity}

    def _prices(self) -> Mapping[str, int]:
        """Return the prices that the call falls under, by the length of its prompt."""
        return self.model.prices_for(Usage(input_tokens=sum(self._inputs().values())))

    def _inputs(self) -> Quantities:
        """Return what was read: as reported, or else the prompt by the rule."""
        said = {unit: self._reported.get(unit, 0) for unit in INPUT_UNITS}
        if not any(said.values()):
            return {"input_tokens": self.bound.input_tokens_counted}
        return _cut(said, self.bound.input_tokens)

    def _outputs(self) -> Quantities:
        """Return what was written for the caller: as reported, and by the rule beyond that."""
        thought = self._reported.get(THOUGHTS, 0)
        said = {unit: self._reported.get(unit, 0) for unit in WORDS}
        # Where no pool is for thoughts, they are in the others.
        inside = self._words if thought else self._everything()
        is_reported = self.is_final and bool(thought or any(said.values()))
        thought = self._thoughts.told_of(thought)
        spoken = {unit: inside.told_of(count) for unit, count in said.items()}
        if not is_reported:
            by_rule = count_tokens(self._words.told_bytes)
            by_rule = max(by_rule, count_tokens(self.written_bytes) - thought)
            spoken["output_tokens"] += max(0, by_rule - sum(spoken.values()))
        return {**spoken, THOUGHTS: thought}

    def _everything(self) -> Written:
        both = (self._thoughts, self._words)
        return Written(
            told_bytes=self.written_bytes,
            reported_bytes=sum(written.reported_bytes for written in both),
        )


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
    """Return what an OpenAI-compatible provider reports; None where it makes no sense.

    Each report is of everything: a part that is not said any more is none.
    """
    pools = chat_usage(usage)
    if pools is None:
        return None
    return Report({**dict.fromkeys((*INPUT_UNITS, *OUTPUT_UNITS), 0), **pools}, is_final)


def anthropic_report(usage: object, *, is_final: bool) -> Report | None:
    """Return what Anthropic reports: only what is there is said, but a whole with its parts."""
    pools = anthropic_usage(usage)
    if pools is None:
        return None
    for whole, part in ANTHROPIC_PARTS.items():
        if whole in pools:
            pools.setdefault(part, 0)
    return Report(pools, is_final and "output_tokens" in pools)

"""What models cost us: by unit, by length of the prompt, by variant, and from when on. Pure.

A price is an integer of nanos for a million units (DESIGN section 2). What has no price is
refused, never free; a free unit is one whose price is 0 on purpose.
"""

from collections.abc import Mapping
from datetime import datetime

from creditbase.catalog.domain.units import FALLS_BACK_TO, Usage
from creditbase.kernel.instants import EPOCH
from creditbase.kernel.records import dataclass

STANDARD = ""
"""The variant of a model that is asked for by its name alone."""
VARIANT_MARK = "@"
"""Between a model's name and the variant that is asked for: `gpt-5@batch`."""
MINUTES_PER_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class LongContext:
    """Dearer prices for a whole call whose prompt is longer than a number of tokens."""

    above_input_tokens: int
    nanos_per_million: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Table:
    """What each unit costs, and then in calls with longer prompts, the shorter first."""

    nanos_per_million: Mapping[str, int]
    long_context: tuple[LongContext, ...] = ()

    def __post_init__(self) -> None:
        lengths = [step.above_input_tokens for step in self.long_context]
        assert lengths == sorted(set(lengths))

    def every(self) -> tuple[Mapping[str, int], ...]:
        """Return the tables of all lengths of prompts."""
        longer = (step.nanos_per_million for step in self.long_context)
        return (self.nanos_per_million, *longer)

    def completed(self) -> "Table":
        """Return the table with what falls back to another unit's price written out."""
        steps = tuple(
            LongContext(step.above_input_tokens, _completed(step.nanos_per_million))
            for step in self.long_context
        )
        return Table(_completed(self.nanos_per_million), steps)


def _completed(prices: Mapping[str, int]) -> Mapping[str, int]:
    whole = dict(prices)
    for unit, plain in FALLS_BACK_TO.items():
        if unit not in whole and plain in whole:
            whole[unit] = whole[plain]
    return whole


@dataclass(frozen=True, slots=True)
class Period:
    """Prices from an instant on, all day or between two minutes of each day, in UTC.

    `until_minute` is outside; a span over midnight is two periods.
    """

    table: Table
    starts_at: datetime = EPOCH
    from_minute: int = 0
    until_minute: int = MINUTES_PER_DAY

    def __post_init__(self) -> None:
        assert 0 <= self.from_minute < self.until_minute <= MINUTES_PER_DAY

    def covers(self, at: datetime) -> bool:
        """Return whether the instant lies in it."""
        minute = at.hour * 60 + at.minute
        return self.starts_at <= at and self.from_minute <= minute < self.until_minute


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """A model as it is priced at one instant, in one variant."""

    model_id: str
    provider: str
    display_name: str
    context_window: int
    """0 where nobody says."""
    max_output_tokens: int
    nanos_per_million: Mapping[str, int]
    long_context: tuple[LongContext, ...] = ()
    description: str = ""
    capabilities: tuple[str, ...] = ()
    deprecated: bool = False
    image_tokens_max: int = 0
    """The most tokens of one image in a prompt; 0 where nobody says."""
    variant: str = STANDARD

    def prices_for(self, usage: Usage) -> Mapping[str, int]:
        """Return the price table that this call falls under."""
        found = self.nanos_per_million
        for step in self.long_context:
            if usage.prompt_tokens > step.above_input_tokens:
                found = step.nanos_per_million
        return found


@dataclass(frozen=True, slots=True)
class Model:
    """A model and what it costs in the course of time, the later periods last."""

    model_id: str
    provider: str
    display_name: str
    context_window: int
    max_output_tokens: int
    periods: Mapping[str, tuple[Period, ...]]
    """By variant."""
    description: str = ""
    capabilities: tuple[str, ...] = ()
    deprecated: bool = False
    image_tokens_max: int = 0

    def at(self, at: datetime, variant: str = STANDARD) -> ModelPrice | None:
        """Return the model as it is priced then: by the last period that covers the instant.

        None where it has no such variant, or no price yet.
        """
        for period in reversed(self.periods.get(variant, ())):
            if period.covers(at):
                return self._priced(period.table, variant)
        return None

    def _priced(self, table: Table, variant: str) -> ModelPrice:
        whole = table.completed()
        return ModelPrice(
            model_id=self.model_id,
            provider=self.provider,
            display_name=self.display_name,
            context_window=self.context_window,
            max_output_tokens=self.max_output_tokens,
            nanos_per_million=whole.nanos_per_million,
            long_context=whole.long_context,
            description=self.description,
            capabilities=self.capabilities,
            deprecated=self.deprecated,
            image_tokens_max=self.image_tokens_max,
            variant=variant,
        )

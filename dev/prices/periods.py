"""What a model of `genai-prices` costs in the course of time, in our tables.

Which of its prices hold at an instant is asked of the library itself, at every instant at
which that can change; so its rules are its own, and not written a second time here.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import pairwise

from genai_prices.data_units import unit_data
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)
from genai_prices.units import UnitRegistry

from creditbase.catalog.domain.prices import (
    MINUTES_PER_DAY,
    STANDARD,
    LongContext,
    Period,
    Table,
)
from creditbase.kernel.instants import EPOCH
from dev.prices.exact import nanos_per_million

REGISTRY = UnitRegistry(unit_data)
UNIT_OF = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cached_input_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "output_reasoning_tokens": "reasoning_tokens",
    "input_audio_tokens": "audio_input_tokens",
    "cache_audio_read_tokens": "cached_audio_tokens",
    "output_audio_tokens": "audio_output_tokens",
    "input_image_tokens": "image_input_tokens",
    "cache_image_read_tokens": "cached_image_tokens",
    "output_image_tokens": "image_output_tokens",
    "input_video_tokens": "video_input_tokens",
    "output_video_tokens": "video_output_tokens",
    "web_searches": "searches",
    "storage_searches": "file_searches",
    "requests": "requests",
}
"""Our unit of theirs. Theirs counts what is inside it too, ours does not."""
CONTEXT_OF = {
    "batch": {"processing": "batch"},
    "priority": {"service_tier": "priority"},
    "flex": {"service_tier": "flex"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
"""What is asked of a provider by the name of a variant."""


class Unsuited(ValueError):
    """A model that the book cannot hold, with the reason."""


def periods_of(model: ModelInfo) -> dict[str, tuple[Period, ...]]:
    """Return the periods of a model by variant; variants that cost as usual are left out.

    Raises:
        Unsuited: it has no price, one of 0, one in a unit that we have not, or none in nanos.
    """
    found = {STANDARD: _course(model, {})}
    offered = {
        (key, value)
        for variant in model.price_variants or ()
        for key, value in variant.when.items()
    }
    for name, context in CONTEXT_OF.items():
        if offered.intersection(context.items()):
            course = _course(model, context)
            if course != found[STANDARD]:
                found[name] = course
    return found


def _course(model: ModelInfo, context: Mapping[str, str]) -> tuple[Period, ...]:
    """Return the periods of one variant, those that repeat what was left out."""
    cuts = sorted({0, MINUTES_PER_DAY, *_cuts(model)})
    course: list[Period] = []
    before: list[tuple[int, int, Table]] = []
    for starts_at in sorted({EPOCH, *_starts(model)}):
        day: list[tuple[int, int, Table]] = []
        for first, last in pairwise(cuts):
            at = starts_at.replace(hour=first // 60, minute=first % 60)
            table = table_of(model.get_prices(at, context))
            begins = day.pop()[0] if day and day[-1][2] == table else first
            day.append((begins, last, table))
        if day != before:
            course += [Period(table, starts_at, first, last) for first, last, table in day]
        before = day
    return tuple(course)


def table_of(prices: ModelPrice) -> Table:
    """Return what each unit costs, for prompts of every length.

    Raises:
        Unsuited: as `periods_of`.
    """
    named = {key: value for key, value in vars(prices).items() if value is not None}
    if not named:
        raise Unsuited("no price")
    starts = {
        tier.start
        for value in named.values()
        if isinstance(value, TieredPrices)
        for tier in value.tiers
    }
    steps = [LongContext(start, _prices(named, start + 1)) for start in sorted(starts)]
    return Table(_prices(named, 0), tuple(steps))


def _prices(named: Mapping[str, Decimal | TieredPrices], prompt_tokens: int) -> dict[str, int]:
    found = {}
    for price_key, value in named.items():
        unit = REGISTRY.unit_for_price_key(price_key)
        if unit.usage_key not in UNIT_OF:
            raise Unsuited(f"priced by {unit.usage_key}")
        found[UNIT_OF[unit.usage_key]] = nanos_per_million(
            _at_length(value, prompt_tokens), per=unit.per
        )
    free = sorted(unit for unit, nanos in found.items() if not nanos)
    if free:
        raise Unsuited(f"{free[0]} costs 0, and nobody says on purpose")
    return found


def _at_length(value: Decimal | TieredPrices, prompt_tokens: int) -> Decimal:
    """Return the price of a prompt of that length: the last tier's that it exceeds."""
    if isinstance(value, Decimal):
        return value
    exceeded = [tier.price for tier in value.tiers if prompt_tokens > tier.start]
    return exceeded[-1] if exceeded else value.base


def _constraints(model: ModelInfo) -> Iterator[object]:
    conditional: list[ConditionalPrice | PriceVariant] = [*(model.price_variants or ())]
    if not isinstance(model.prices, ModelPrice):
        conditional += model.prices
    yield from (it.constraint for it in conditional)


def _starts(model: ModelInfo) -> Iterator[datetime]:
    for constraint in _constraints(model):
        if isinstance(constraint, StartDateConstraint):
            yield _midnight(constraint.start_date)


def _cuts(model: ModelInfo) -> Iterator[int]:
    for constraint in _constraints(model):
        if isinstance(constraint, TimeOfDateConstraint):
            yield _minute(constraint.start_time)
            yield _minute(constraint.end_time)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _minute(at: time) -> int:
    """Return the minute of the day, in UTC."""
    of_a_day = datetime.combine(date(2000, 1, 1), at, tzinfo=at.tzinfo or UTC).astimezone(UTC)
    assert not of_a_day.second
    return of_a_day.hour * 60 + of_a_day.minute

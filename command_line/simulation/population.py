"""Who is simulated: segments of customers, and what each of them does, drawn by a seed.

What a customer wants to do does not depend on what is sold: the same seed sends the same calls
at every catalog, so that two results differ by the catalogs alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from creditbase.catalog.domain import UNITS
from creditbase.catalog.models import FREE_PLAN, first_fault, no_twins
from creditbase.catalog.shipped import CatalogFault
from creditbase.kernel.windows import Window, months_after

BPS = 10_000
CUSTOMERS_MAX = 100_000
QUANTITY_MAX = 10_000_000
POPULATION_FILE = Path(__file__).with_name("population.json")


def _span(bounds: list[int]) -> list[int]:
    if len(bounds) != 2 or not 0 <= bounds[0] <= bounds[1] <= QUANTITY_MAX:
        raise ValueError("two whole numbers are needed, the smaller one first")
    return bounds


def _usage(spans: dict[str, list[int]]) -> dict[str, list[int]]:
    for unit, bounds in spans.items():
        if unit not in UNITS:
            raise ValueError(f"{unit} is no unit; the units are {', '.join(UNITS)}")
        _span(bounds)
    return spans


Count = Annotated[int, Field(ge=0, le=CUSTOMERS_MAX)]
Chance = Annotated[int, Field(ge=0, le=BPS)]
Weight = Annotated[int, Field(ge=1, le=1_000_000)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CallRow(_Row):
    """A kind of call: its model, how often it is the one, and what it uses."""

    model: Annotated[str, Field(min_length=1, max_length=128)]
    weight: Weight = 1
    usage: Annotated[dict[str, list[int]], AfterValidator(_usage)]
    """By unit, the least and the most."""


class RequestsRow(_Row):
    """Some of the customers: how many calls they make in a month, the least and the most."""

    weight: Weight = 1
    between: Annotated[list[int], AfterValidator(_span)]


class SegmentRow(_Row):
    """Customers who are alike. Chances are basis points; those of a month unless said."""

    name: Name
    plan: str = FREE_PLAN
    """A plan of the catalog, or a tier."""
    customers: Count
    """On the first day."""
    joins: Count = 0
    """New ones in each month."""
    leaves_bps: Chance = 0
    """They stop calling; a subscription ends with its period."""
    fails_bps: Chance = 0
    """A renewal is not paid: two weeks later the subscription ends."""
    moves_to: str = ""
    moves_bps: Chance = 0
    """They take another plan: at once from a free one, from the next period from a paid one."""
    buys: str = ""
    buys_bps: Chance = 0
    """They buy this pack where a call is refused."""
    requests: Annotated[list[RequestsRow], Field(min_length=1)]
    calls: Annotated[list[CallRow], Field(min_length=1)]


class Population(_Row):
    """Everybody."""

    segments: Annotated[list[SegmentRow], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        if len({it.name for it in self.segments}) < len(self.segments):
            raise ValueError("two segments have one name")
        return self


def read_population(path: Path) -> Population:
    """Return the population of a file.

    Raises:
        CatalogFault: it cannot be read, or something in it is not sound.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return Population.model_validate(json.loads(text, object_pairs_hook=no_twins))
    except OSError as failure:
        raise CatalogFault(f"{path}: {failure.strerror}") from failure
    except ValidationError as fault:
        raise CatalogFault(f"{path}: {first_fault(fault)}") from fault
    except ValueError as fault:
        raise CatalogFault(f"{path}: {fault}") from fault


@dataclass(frozen=True, slots=True)
class Call:
    """A call that somebody wants to make."""

    at: datetime
    model: str
    quantities: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Luck:
    """What a month brings beside calls: instants, or None where it does not happen."""

    leaves_at: datetime | None
    moves_at: datetime | None


@dataclass(frozen=True, slots=True)
class Person:
    """A simulated customer. Everything about it follows from the seed and its name."""

    name: str
    seed: int
    segment: SegmentRow
    joined_at: datetime

    def luck(self, number: int, month: Window) -> Luck:
        """Return what a month brings, by its number."""
        chance = self._chance("luck", number)
        is_gone, has_moved = chance.randrange(BPS), chance.randrange(BPS)
        leaves_at, moves_at = _instant(chance, month), _instant(chance, month)
        return Luck(
            leaves_at if is_gone < self.segment.leaves_bps else None,
            moves_at if has_moved < self.segment.moves_bps and self.segment.moves_to else None,
        )

    def calls(self, number: int, month: Window) -> list[Call]:
        """Return the calls that it wants to make in a month, in their order."""
        chance = self._chance("calls", number)
        rows = self.segment.requests
        low, high = (
            self._always("requests").choices(rows, [it.weight for it in rows])[0].between
        )
        kinds = self.segment.calls
        weights = [it.weight for it in kinds]
        found = [
            _call(chance, chance.choices(kinds, weights)[0], month)
            for _ in range(chance.randint(low, high))
        ]
        return sorted(found, key=lambda call: call.at)

    def fails(self, renewal: int) -> bool:
        """Return whether a renewal is not paid."""
        return self._chance("renewal", renewal).randrange(BPS) < self.segment.fails_bps

    def buys(self, refusal: int) -> bool:
        """Return whether it buys a pack when it is refused."""
        chance = self._chance("refusal", refusal).randrange(BPS)
        return bool(self.segment.buys) and chance < self.segment.buys_bps

    def _chance(self, what: str, number: int) -> Random:
        return self._always(f"{what}/{number}")

    def _always(self, what: str) -> Random:
        return Random(f"{self.seed}/{self.name}/{what}")  # noqa: S311  a made-up life, no secret


def _instant(chance: Random, month: Window) -> datetime:
    seconds = int((month.end_at - month.start_at).total_seconds())
    return month.start_at + timedelta(seconds=chance.randrange(seconds))


def _call(chance: Random, kind: CallRow, month: Window) -> Call:
    at = _instant(chance, month)
    drawn = {unit: chance.randint(*bounds) for unit, bounds in kind.usage.items()}
    return Call(at, kind.model, {"requests": 1, **drawn})


def months_of(starts_at: datetime, count: int) -> list[Window]:
    """Return so many calendar months from an instant on."""
    edges = [months_after(starts_at, number) for number in range(count + 1)]
    return [Window(start, end) for start, end in pairwise(edges)]


def people(population: Population, months: Sequence[Window], *, seed: int) -> Iterator[Person]:
    """Yield everybody who is there at the start, and who joins in each month."""
    for segment in population.segments:
        for month_number, month in enumerate([None, *months]):
            count = segment.customers if month is None else segment.joins
            for number in range(count):
                name = f"{segment.name}/{month_number}/{number}"
                chance = Random(f"{seed}/{name}/joins")  # noqa: S311  a made-up life, no secret
                first_day = Window(months[0].start_at, months[0].start_at + timedelta(days=1))
                yield Person(name, seed, segment, _instant(chance, month or first_day))


def count_people(population: Population, months: int) -> int:
    """Return how many customers there will be."""
    return sum(it.customers + it.joins * months for it in population.segments)

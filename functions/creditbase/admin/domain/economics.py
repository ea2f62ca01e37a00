"""What admins are told of a range of days: totals, models, margins. Pure; hub-api.md 6.

Two margins: at the face of the credits, as the specification says, and on the money that was
received for them, which discounts and gifts make smaller. Both in hundredths of a percent.
"""

from collections.abc import Iterable, Mapping, Sequence

from creditbase.admin.domain.rolling import DayUse, total_of
from creditbase.kernel.money import NANOS_PER_CREDIT, apportion_up
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.cells import Cell
from creditbase.ledger.domain.wallet import Tally

HUNDREDTHS = 10_000
"""Of a percent, in a whole."""


def margin_hundredths(revenue_nanos: int, cost_nanos: int) -> int | None:
    """Return what is left of a revenue, in hundredths of a percent, to the nearest.

    None where there is no revenue. A half is rounded away from zero.
    """
    assert revenue_nanos >= 0
    if revenue_nanos == 0:
        return None
    left = (revenue_nanos - cost_nanos) * HUNDREDTHS
    nearest = (2 * abs(left) + revenue_nanos) // (2 * revenue_nanos)
    return nearest if left >= 0 else -nearest


@dataclass(frozen=True, slots=True)
class Economics:
    """Counters with what they earned; `revenue_credits` is a share of the whole answer's."""

    tally: Tally
    revenue_credits: int

    @property
    def face_margin(self) -> int | None:
        """Return the margin of the credits that are shown, at their face."""
        return margin_hundredths(self.revenue_credits * NANOS_PER_CREDIT, self.tally.cost_nanos)

    @property
    def received_margin(self) -> int | None:
        """Return the margin on the money that was received."""
        return margin_hundredths(self.tally.received_nanos, self.tally.cost_nanos)

    @property
    def is_below_cost(self) -> bool:
        """Return whether it was sold for less than it cost, or for less money, if for any."""
        return is_below_cost(self.tally)


def is_below_cost(tally: Tally) -> bool:
    """Return whether use was sold for less than it cost; what was only given away was not."""
    return loss_nanos(tally) > 0


def loss_nanos(tally: Tally) -> int:
    """Return by how much use was sold below cost: at its face, or for money, if for any."""
    earned_nanos = min(tally.amount_nanos, tally.received_nanos or tally.amount_nanos)
    return max(0, tally.cost_nanos - earned_nanos)


@dataclass(frozen=True, slots=True)
class ModelEconomics:
    """A model of a provider."""

    model: str
    provider: str
    economics: Economics


@dataclass(frozen=True, slots=True)
class Report:
    """All models of a range, the largest revenue first, and their sum."""

    models: tuple[ModelEconomics, ...]
    totals: Economics


def report_of(days: Iterable[DayUse]) -> Report:
    """Return the economics of the days together, a row for each model of a provider."""
    by_model: dict[Cell, Tally] = {}
    for day in days:
        for cell, tally in day.cells.items():
            key = Cell(cell.model, cell.provider)
            known = by_model.get(key)
            by_model[key] = tally if known is None else known.joined(tally)
    ordered = sorted(by_model.items(), key=lambda it: (-it[1].amount_nanos, it[0]))
    shares = apportion_up(
        [tally.amount_nanos for _, tally in ordered], unit_nanos=NANOS_PER_CREDIT
    )
    models = tuple(
        ModelEconomics(cell.model, cell.provider, Economics(tally, share))
        for (cell, tally), share in zip(ordered, shares, strict=True)
    )
    return Report(models, Economics(total_of(by_model), sum(shares)))


@dataclass(frozen=True, slots=True)
class DayTrend:
    """A day of all customers."""

    date: str
    requests: int
    credit_count: int
    active_users: int


@dataclass(frozen=True, slots=True)
class Usage:
    """A range of days; `active_users` are distinct over all of it."""

    trends: tuple[DayTrend, ...]
    requests: int
    credit_count: int
    active_users: int


def usage_of(dates: Sequence[str], days: Mapping[str, DayUse]) -> Usage:
    """Return what was used on each date, zeros where nothing was."""
    found = [days.get(date, DayUse()) for date in dates]
    totals = [total_of(day.cells) for day in found]
    shares = apportion_up([total.amount_nanos for total in totals], unit_nanos=NANOS_PER_CREDIT)
    everybody = 0
    for day in found:
        everybody |= day.active
    trends = tuple(
        DayTrend(date, total.requests, share, day.active.bit_count())
        for date, day, total, share in zip(dates, found, totals, shares, strict=True)
    )
    return Usage(
        trends, sum(total.requests for total in totals), sum(shares), everybody.bit_count()
    )

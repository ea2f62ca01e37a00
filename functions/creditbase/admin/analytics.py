"""What admins read: usage of all customers, the economics of models and of customers.

All figures are those of the newest published sweep of `roll_up_usage`, exact as of its
instant; hub-api.md 6.1 and 6.2, ADR 0027.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from creditbase.admin import rollup_store as store
from creditbase.admin.domain.economics import (
    Economics,
    Report,
    Usage,
    is_below_cost,
    report_of,
    usage_of,
)
from creditbase.admin.domain.rolling import DayUse
from creditbase.admin.rollup_store import DayName, Progress
from creditbase.kernel.money import credits_used
from creditbase.ledger.domain.cells import Cell
from creditbase.ledger.domain.wallet import Tally

LOSSES_MAX = 20
"""So many customers are named in one alert."""


@dataclass(frozen=True, slots=True)
class CustomerMonth:
    """What a customer has used in a month, and what it earned. `place` is where it stands."""

    customer_id: str
    economics: Economics
    place: tuple[int, str]


@dataclass(frozen=True, slots=True)
class DayCell:
    """A line of the export: a day, what it is told apart by, and its counters."""

    date: str
    cell: Cell
    tally: Tally


def read_usage(project_id: str, dates: Sequence[str]) -> tuple[Usage, datetime | None]:
    """Return what was used on the dates, and as of when; one RPC, a read for each date."""
    progress, days = _settled_days(project_id, dates)
    return usage_of(dates, days), progress.as_of


def read_models(project_id: str, dates: Sequence[str]) -> tuple[Report, datetime | None]:
    """Return the economics of every model, and as of when; reads as `read_usage`."""
    progress, days = _settled_days(project_id, dates)
    return report_of(days.values()), progress.as_of


def read_cells(project_id: str, dates: Sequence[str]) -> list[DayCell]:
    """Return the dates' counters by model, provider and plan; reads as `read_usage`."""
    _, days = _settled_days(project_id, dates)
    return [
        DayCell(date, cell, days[date].cells[cell])
        for date in dates
        if date in days
        for cell in sorted(days[date].cells)
    ]


def read_customers(
    project_id: str, month: str, *, after: tuple[int, str] | None, limit: int
) -> tuple[list[CustomerMonth], datetime | None]:
    """Return a page of a month's customers, the dearest to us first, and as of when."""
    progress = store.load_progress()
    found = store.find_months(project_id, month, after=after, limit=limit)
    customers = []
    for snapshot in found:
        assert snapshot.fields is not None
        tally = store.read_month(snapshot).settled(progress.published)
        customer_id = snapshot.fields["customer_id"]
        place = (snapshot.fields["margin_nanos"], customer_id)
        shown = Economics(tally, credits_used(tally.amount_nanos))
        customers.append(CustomerMonth(customer_id, shown, place))
    return customers, progress.as_of


def _settled_days(project_id: str, dates: Sequence[str]) -> tuple[Progress, dict[str, DayUse]]:
    progress, days = store.load_days(project_id, dates)
    return progress, {date: day.settled(progress.published) for date, day in days.items()}


# ---- losses ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loss:
    """Models and customers of a project that were sold below cost."""

    project_id: str
    models: tuple[str, ...]
    customers: tuple[str, ...]


def find_losses(progress: Progress, date: str) -> list[Loss]:
    """Return what was sold below cost on a day, by model, and in its month, by customer."""
    losses = []
    for name, kept in store.days_of_all(date):
        report = report_of([kept.settled(progress.published)])
        models = [it.model for it in report.models if it.economics.is_below_cost]
        customers = _losing_customers(name, progress)
        if models or customers:
            losses.append(Loss(name.project_id, tuple(models), tuple(customers)))
    return losses


def _losing_customers(name: DayName, progress: Progress) -> list[str]:
    month = name.date[: len("2026-01")]
    found = store.find_months(name.project_id, month, after=None, limit=LOSSES_MAX)
    return [
        it.fields["customer_id"]
        for it in found
        if it.fields is not None
        and is_below_cost(store.read_month(it).settled(progress.published))
    ]

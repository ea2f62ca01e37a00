"""What admins read: usage of all customers, the economics of models and of customers.

All figures are those of the newest published sweep of `roll_up_usage`, exact as of its
instant; hub-api.md 6.1 and 6.2, ADR 0027.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from creditbase.admin import rollup_store as store
from creditbase.admin.domain.economics import (
    Economics,
    Report,
    Usage,
    loss_nanos,
    report_of,
    usage_of,
)
from creditbase.admin.domain.rolling import DayUse
from creditbase.admin.rollup_progress import Progress, load_progress
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.instants import EPOCH, to_micros
from creditbase.kernel.money import credits_used
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.cells import Cell
from creditbase.ledger.domain.wallet import Tally
from creditbase.runtime.firestore import Snapshot

LOSSES_MAX = 20
"""So many models and customers are named in one alert."""
LIST_LASTS = timedelta(minutes=30)
"""How long the pages of a list may be turned: the store keeps its instant for an hour."""
PLACE = re.compile(r"([0-9]{16}):(-?[0-9]{1,16}):([0-9a-f-]{36})")


@dataclass(frozen=True, slots=True)
class AsOf:
    """The instant whose sums figures are, and whether they are exact; None before the first."""

    at: datetime | None
    is_exact: bool


@dataclass(frozen=True, slots=True)
class CustomerMonth:
    """What a customer has used in a month, and what it earned."""

    customer_id: str
    economics: Economics


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of customers ended, and the instant of the store's that its list is of."""

    read_at: datetime
    margin_nanos: int
    customer_id: str

    @property
    def text(self) -> str:
        """Return the place as it is handed out."""
        return f"{to_micros(self.read_at)}:{self.margin_nanos}:{self.customer_id}"


def place_of(text: str) -> Place:
    """Return the place that was handed out.

    Raises:
        InvalidRequest: it is none.
    """
    found = PLACE.fullmatch(text)
    if found is None:
        raise InvalidRequest("That is no cursor", field="cursor")
    read_at = EPOCH + timedelta(microseconds=int(found[1]))
    return Place(read_at, int(found[2]), found[3])


@dataclass(frozen=True, slots=True)
class Page:
    """Some customers of a list; `after` is None on its last page."""

    customers: list[CustomerMonth]
    as_of: AsOf
    after: Place | None


@dataclass(frozen=True, slots=True)
class DayCell:
    """A line of the export: a day, what it is told apart by, and its counters."""

    date: str
    cell: Cell
    tally: Tally


def read_usage(project_id: str, dates: Sequence[str]) -> tuple[Usage, AsOf]:
    """Return what was used on the dates, and as of when; one RPC, a read for each date."""
    progress, days = _settled_days(project_id, dates)
    return usage_of(dates, days), _as_of(progress)


def read_models(project_id: str, dates: Sequence[str]) -> tuple[Report, AsOf]:
    """Return the economics of every model, and as of when; reads as `read_usage`."""
    progress, days = _settled_days(project_id, dates)
    return report_of(days.values()), _as_of(progress)


def read_cells(project_id: str, dates: Sequence[str]) -> list[DayCell]:
    """Return the dates' counters by model, provider and plan; reads as `read_usage`."""
    _, days = _settled_days(project_id, dates)
    return [
        DayCell(date, cell, days[date].cells[cell])
        for date in dates
        if date in days
        for cell in sorted(days[date].cells)
    ]


def count_customers(project_id: str, month: str) -> int:
    """Return how many customers have used anything in a month."""
    return store.count_months(project_id, month)


def read_customers(
    project_id: str, month: str, *, limit: int, after: Place | None = None
) -> Page:
    """Return a page of a month's customers, those with the least margin first.

    Raises:
        InvalidRequest: the list of the place has ended, or it is no place of ours.
    """
    progress = load_progress()
    assert progress.seen_at is not None
    read_at = progress.seen_at
    if after is not None:
        if not read_at - LIST_LASTS <= after.read_at <= read_at:
            raise InvalidRequest("This list has ended; begin it again", field="cursor")
        read_at = after.read_at
        progress = load_progress(read_at=read_at)
    begins = None if after is None else (after.margin_nanos, after.customer_id)
    found = store.find_months(project_id, month, after=begins, limit=limit + 1, read_at=read_at)
    shown = [(it, _fields(it)) for it in islice(found, limit)]
    customers = [_customer(it, progress) for it, _ in shown]
    next_place = None
    if len(found) > limit:
        last = shown[-1][1]
        next_place = Place(read_at, last["margin_nanos"], last["customer_id"])
    return Page(customers, _as_of(progress), next_place)


def _customer(snapshot: Snapshot, progress: Progress) -> CustomerMonth:
    tally = store.read_month(snapshot).settled(progress.published)
    economics = Economics(tally, credits_used(tally.amount_nanos))
    return CustomerMonth(_fields(snapshot)["customer_id"], economics)


def _fields(snapshot: Snapshot) -> Mapping[str, Any]:
    assert snapshot.fields is not None
    return snapshot.fields


def _as_of(progress: Progress) -> AsOf:
    return AsOf(progress.as_of, progress.is_exact)


def _settled_days(project_id: str, dates: Sequence[str]) -> tuple[Progress, dict[str, DayUse]]:
    progress, days = store.load_days(project_id, dates)
    return progress, {date: day.settled(progress.published) for date, day in days.items()}


# ---- losses ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lost:
    """What was sold below cost, and by how much."""

    name: str
    nanos: int


@dataclass(frozen=True, slots=True)
class Losses:
    """Models of a project's day, and customers of its month, that were sold below cost."""

    project_id: str
    models: tuple[Lost, ...]
    customers: tuple[Lost, ...]


def find_losses(progress: Progress, date: str) -> list[Losses]:
    """Return what was sold below cost on a day, by model, and in its month, by customer.

    The largest losses first, of each project the first twenty.
    """
    found = []
    for project_id in store.projects_used_on(date):
        models = _losing_models(project_id, date)
        customers = _losing_customers(project_id, date[: len("2026-01")], progress)
        if models or customers:
            found.append(Losses(project_id, models, customers))
    return found


def _losing_models(project_id: str, date: str) -> tuple[Lost, ...]:
    _, days = _settled_days(project_id, [date])
    rows = report_of(days.values()).models
    losing = [
        Lost(f"{row.provider}/{row.model}" if row.provider else row.model, nanos)
        for row in rows
        if (nanos := loss_nanos(row.economics.tally))
    ]
    return tuple(sorted(losing, key=lambda it: (-it.nanos, it.name))[:LOSSES_MAX])


def _losing_customers(project_id: str, month: str, progress: Progress) -> tuple[Lost, ...]:
    found = store.find_losing_months(project_id, month, limit=LOSSES_MAX)
    settled = [_customer(it, progress) for it in found]
    return tuple(
        Lost(it.customer_id, nanos)
        for it in settled
        if (nanos := loss_nanos(it.economics.tally))
    )

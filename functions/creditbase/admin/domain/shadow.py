"""What shadow mode has found out about a customer, and whether it may end. Pure."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.shadow import Compared
from creditbase.ledger.domain.wallet import DayCount

DAYS_MAX = 31
DAYS = 7
"""How many days are looked at where nobody says: as long without a difference is enough."""


@dataclass(frozen=True, slots=True)
class Line:
    """What was compared of a model on a day."""

    date: str
    model: str
    compared: Compared


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What was compared of a customer in the newest days, today among them.

    `since` is None where it is not in shadow mode. `agreed_days` have passed without any
    difference, the running one among them, but no more than were looked at. It `is_ready`
    once those are all of them, it was in the mode for as long, and something was decided.
    """

    customer_id: str
    since: datetime | None
    days: int
    lines: tuple[Line, ...]
    total: Compared
    agreed_days: int
    is_ready: bool


def dates_of(days: int, now: datetime) -> list[str]:
    """Return the newest days, the oldest first, today the last of them."""
    today = now.date()
    return [(today - timedelta(days=back)).isoformat() for back in range(days - 1, -1, -1)]


def report_of(
    customer_id: str,
    counted: Iterable[DayCount],
    *,
    since: datetime | None,
    days: int,
    now: datetime,
) -> ShadowReport:
    """Return the report of so many days, of what was counted on them."""
    dates = frozenset(dates_of(days, now))
    lines = tuple(
        Line(day.date, model, compared)
        for day in sorted(counted, key=lambda day: day.date)
        if day.date in dates
        for model, compared in sorted(day.compared.items())
    )
    total = Compared()
    for line in lines:
        total = total.joined(line.compared)
    differed = [line.date for line in lines if line.compared.different]
    newest = date.fromisoformat(max(differed)) if differed else None
    agreed_days = days if newest is None else (now.date() - newest).days
    was_long = since is not None and since <= now - timedelta(days=days)
    return ShadowReport(
        customer_id=customer_id,
        since=since,
        days=days,
        lines=lines,
        total=total,
        agreed_days=agreed_days,
        is_ready=was_long and agreed_days == days and total.decided > 0,
    )

"""Ranges of UTC days, both ends inside, as reports are asked for. Source: hub-api.md 6.1."""

from datetime import date, timedelta

from creditbase.kernel.errors import InvalidRequest

DAYS = 30
DAYS_MAX = 366
EARLIEST, LATEST = date(2000, 1, 1), date(2199, 12, 31)


def range_of(first: date | None, last: date | None, *, today: date) -> tuple[date, date]:
    """Return the first and the last day that are meant; where unsaid the last thirty.

    Raises:
        InvalidRequest: beyond all days, the wrong order, or more than a year.
    """
    ends = today if last is None else last
    if not EARLIEST <= ends <= LATEST:
        raise InvalidRequest("The last day is beyond all days", field="end_date")
    begins = ends - timedelta(days=DAYS - 1) if first is None else first
    if not EARLIEST <= begins <= LATEST:
        raise InvalidRequest("The first day is beyond all days", field="start_date")
    if begins > ends:
        raise InvalidRequest("The first day is after the last", field="start_date")
    if (ends - begins).days >= DAYS_MAX:
        raise InvalidRequest("That is more than a year of days", field="start_date")
    return begins, ends


def days_between(first: date, last: date) -> list[str]:
    """Return the names of the days, both inclusive."""
    return [
        (first + timedelta(days=number)).isoformat()
        for number in range((last - first).days + 1)
    ]

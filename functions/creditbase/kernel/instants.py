"""Instants: aware UTC datetimes with microseconds, and how they are written.

Nothing here reads a clock; `now` is passed in from the door.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)
"""Sorts after every real instant; stands for "never" in comparisons, never stored."""


def utc(at: datetime) -> datetime:
    """Return the same instant as a plain aware datetime in UTC. Naive input is a bug."""
    assert at.tzinfo is not None
    at = at.astimezone(UTC)
    return datetime(
        at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, tzinfo=UTC
    )


def to_micros(at: datetime) -> int:
    """Return whole microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


@lru_cache(maxsize=1_024)
def write_exact(at: datetime) -> str:
    """Return RFC 3339 in UTC with six decimals: the form of the canonical JSON."""
    assert at.tzinfo is not None
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def write_seconds(at: datetime) -> str:
    """Return RFC 3339 in UTC without a fraction: the form of every API answer."""
    assert at.tzinfo is not None
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text: str) -> datetime:
    """Return the instant that RFC 3339 text names.

    Raises:
        ValueError: the text is no RFC 3339 instant, has no zone, or leaves the calendar.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    try:
        return utc(at)
    except OverflowError as beyond:
        raise ValueError("an instant lies between the years 1 and 9999") from beyond

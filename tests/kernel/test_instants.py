"""Instants: exact to the microsecond, always UTC, and refused where they are unclear."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel import instants
from tests.kernel.profiles import PURE

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)


class StoredDatetime(datetime):
    """Stands for the store's own subclass."""


def test_both_spellings_of_an_instant() -> None:
    """The ledger's form has six decimals, the API's none; both say UTC."""
    at = datetime(2026, 3, 10, 14, 0, 1, 42, tzinfo=timezone(timedelta(hours=2)))

    assert instants.write_exact(at) == "2026-03-10T12:00:01.000042Z"
    assert instants.write_seconds(at) == "2026-03-10T12:00:01Z"


@PURE
@given(st.datetimes(NAIVE.replace(year=1000), timezones=st.just(UTC)))
def test_what_is_written_exactly_is_read_back(at: datetime) -> None:
    """An entry read from its JSON hashes to the same value for ever."""
    assert instants.read(instants.write_exact(at)) == at


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    """A client's zone is a way of writing, not another time."""
    assert instants.read("2026-03-10T17:30:00+05:30") == NOON
    assert instants.read("2026-03-10T12:00:00Z").tzinfo is UTC


def test_the_stores_own_datetime_becomes_a_plain_one() -> None:
    """Firestore hands out a subclass; what compares and copies by it would surprise later."""
    stored = StoredDatetime(2026, 3, 10, 12, 0, 0, 7, tzinfo=UTC)

    plain = instants.utc(stored)

    assert type(plain) is datetime
    assert plain == NOON + timedelta(microseconds=7)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-03-10T12:00:00",
        "2026-03-10",
        "2026-02-30T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_names_no_instant_is_refused(text: str) -> None:
    """A wrong date is the caller's mistake, a 400; nothing else may escape, or it is a 500."""
    with pytest.raises(ValueError, match=r"."):
        instants.read(text)


def test_microseconds_are_exact() -> None:
    """Seconds as a float lose the last digits from the year 2004 on; integers do not."""
    assert instants.to_micros(instants.EPOCH) == 0
    assert instants.to_micros(
        datetime(2026, 3, 10, 12, 0, 0, 999_999, tzinfo=UTC)
    ) % 1_000_000 == (999_999)
    assert instants.to_micros(instants.EPOCH - timedelta(microseconds=1)) == -1


def test_an_instant_without_a_zone_is_a_bug() -> None:
    """Guessing a zone moves money by hours."""
    for write in (instants.utc, instants.write_exact, instants.write_seconds):
        with pytest.raises(AssertionError):
            write(NAIVE)

"""Windows: every calendar, day by day, for fifty years. Periods tile time (promise P23)."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.windows import Window, free_window, months_after, window_number
from tests import figures
from tests.kernel.profiles import PURE

FIFTY_YEARS = 50 * 12
TICK = timedelta(microseconds=1)
SINCE = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
INSTANTS = st.datetimes(SINCE, SINCE.replace(year=2100), timezones=st.just(UTC))


YEAR = [date(2024, 1, 1) + timedelta(days=number) for number in range(366)]
ANCHORS = [day for day in YEAR if (day.month, day.day) != (2, 29)]
"""Every day of a year; the 29th of February, which is no day of most, has a test of its own."""
PERIODS = len(ANCHORS) * FIFTY_YEARS


def _starts(anchor: date) -> list[date]:
    """Return the day on which each of fifty years' periods begins, found day by day.

    The oracle knows no arithmetic of months: a period begins on the anchor's day of the month,
    or on the month's last day where there is no such day.
    """
    return [
        max(day for day in days if day.day <= anchor.day)
        for month, days in MONTHS.items()
        if month >= (anchor.year, anchor.month)
    ][: FIFTY_YEARS + 1]


def _months() -> dict[tuple[int, int], list[date]]:
    found: dict[tuple[int, int], list[date]] = {}
    day = date(2024, 1, 1)
    while day.year < 2024 + 52:
        found.setdefault((day.year, day.month), []).append(day)
        day += timedelta(days=1)
    return found


MONTHS = _months()


@pytest.mark.parametrize("month", range(1, 13))
def test_free_windows_tile_fifty_years_from_every_day(month: int) -> None:
    """No instant is outside all windows, none in two, whatever day the customer came."""
    clock = time(23, 59, 59, 999_999, tzinfo=UTC)
    for anchor in [day for day in ANCHORS if day.month == month]:
        anchor_at = datetime.combine(anchor, clock)
        starts = [datetime.combine(day, clock) for day in _starts(anchor)]
        assert len(starts) == FIFTY_YEARS + 1
        assert starts[0] == anchor_at

        for number, (start_at, end_at) in enumerate(pairwise(starts)):
            # each begins where the last ended, in its month, on the day or the month's last
            assert free_window(anchor_at, number) == Window(start_at, end_at)
            # and its number is known again from its first and its last instant
            assert window_number(anchor_at, start_at) == number
            assert window_number(anchor_at, end_at - TICK) == number
        figures.count("T2 periods of the calendar", FIFTY_YEARS)


def test_every_anchor_of_a_year_is_tried() -> None:
    """The figure of promises.md: 365 anchors, 50 years, 12 periods in each."""
    assert PERIODS == 219_000


def test_who_came_on_a_leap_day_is_there_in_every_year() -> None:
    """The 29th of February tiles like any other: its 28th where there is no 29th."""
    anchor_at = datetime(2024, 2, 29, 12, tzinfo=UTC)

    ends = [free_window(anchor_at, number).start_at for number in range(0, 49, 12)]

    assert [end.day for end in ends] == [29, 28, 28, 28, 29]


@PURE
@given(INSTANTS, INSTANTS)
def test_every_instant_lies_in_the_window_of_its_number(one: datetime, other: datetime) -> None:
    """The number is the inverse of the window, so credits come once and on the day."""
    anchor_at, at = sorted((one, other))

    number = window_number(anchor_at, at)

    assert number >= 0
    assert free_window(anchor_at, number).holds(at)
    assert not free_window(anchor_at, number + 1).holds(at)


def test_a_customer_of_the_31st_returns_to_the_31st() -> None:
    """Counting from the month before would drift to the 28th for ever (incident I-17)."""
    anchor_at = datetime(2024, 1, 31, 8, tzinfo=UTC)

    days = [months_after(anchor_at, months).day for months in range(5)]

    assert days == [31, 29, 31, 30, 31]
    assert months_after(anchor_at, 13).day == 28
    assert months_after(anchor_at, -2) == datetime(2023, 11, 30, 8, tzinfo=UTC)


def test_a_window_contains_its_start_and_not_its_end() -> None:
    """At the instant of the turn the customer is in the new window, and only there."""
    start_at, end_at = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    window = Window(start_at, end_at)

    assert window.holds(start_at)
    assert window.holds(end_at - TICK)
    assert not window.holds(end_at)
    assert not window.holds(start_at - TICK)


def test_what_a_programmer_promised_is_asserted() -> None:
    """A window that ends before it starts, or time before the account: bugs of ours."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(AssertionError):
        Window(at, at)
    with pytest.raises(AssertionError):
        window_number(at, at - TICK)

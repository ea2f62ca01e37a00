"""Windows: every calendar, day by day, for fifty years. Periods tile time (promise P23)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.windows import Window, free_window, months_after, window_number
from tests.kernel.profiles import PURE

FIFTY_YEARS = 50 * 12
TICK = timedelta(microseconds=1)
SINCE = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
INSTANTS = st.datetimes(SINCE, SINCE.replace(year=2100), timezones=st.just(UTC))


@pytest.mark.parametrize("day", range(1, 32))
def test_free_windows_tile_fifty_years(day: int) -> None:
    """No instant is outside all windows, none in two, whatever day the customer came."""
    anchor_at = datetime(2023, 1, day, 23, 59, 59, 999_999, tzinfo=UTC)
    previous = free_window(anchor_at, 0)
    assert previous.start_at == anchor_at

    for number in range(1, FIFTY_YEARS):
        window = free_window(anchor_at, number)
        # each begins where the last ended
        assert window.start_at == previous.end_at
        # and its number is known again from its first and its last instant
        assert window_number(anchor_at, window.start_at) == number
        assert window_number(anchor_at, window.start_at - TICK) == number - 1
        assert window_number(anchor_at, window.end_at - TICK) == number
        # in the month where it belongs, on the customer's day or the month's last
        assert window.start_at.month == number % 12 + 1
        next_day = window.start_at + timedelta(days=1)
        assert window.start_at.day == day or (window.start_at.day < day and next_day.day == 1)
        previous = window


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

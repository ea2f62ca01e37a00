"""What shadow mode has found out about a customer, and when it may end."""

from datetime import UTC, datetime, timedelta

import pytest

from creditbase.admin.domain.shadow import ShadowReport, dates_of, report_of
from creditbase.ledger.domain.shadow import Compared
from creditbase.ledger.domain.wallet import DayCount

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
AGREED, DIFFERENT = Compared(decided=3), Compared(decided=1, refused=1, different=1)


def report(compared: dict[str, Compared], *, in_mode_days: int | None = 7) -> ShadowReport:
    """Return the report of three days, of what was compared on dates."""
    days = [DayCount(date, compared={"m": it}) for date, it in compared.items()]
    since = None if in_mode_days is None else NOON - timedelta(days=in_mode_days)
    return report_of("c", days, since=since, days=3, now=NOON)


def test_the_newest_days_end_with_today() -> None:
    """In UTC, the oldest first."""
    assert dates_of(3, NOON) == ["2026-03-08", "2026-03-09", "2026-03-10"]


def test_days_add_up_and_those_of_before_are_left_out() -> None:
    """In their order, whatever order they are read in."""
    found = report({"2026-03-10": DIFFERENT, "2026-03-08": AGREED, "2026-03-07": DIFFERENT})

    assert [line.date for line in found.lines] == ["2026-03-08", "2026-03-10"]
    assert found.total == Compared(decided=4, refused=1, different=1)


@pytest.mark.parametrize(
    ("compared", "agreed_days"),
    [
        ({"2026-03-10": AGREED}, 3),
        ({"2026-03-09": DIFFERENT}, 1),
        ({"2026-03-10": DIFFERENT}, 0),
        ({}, 3),
    ],
)
def test_days_without_a_difference_are_counted_back_from_today(
    compared: dict[str, Compared], agreed_days: int
) -> None:
    """A day without use has no difference."""
    assert report(compared).agreed_days == agreed_days


def test_it_is_ready_after_as_many_days_in_the_mode_with_use_and_without_a_difference() -> None:
    """Each of the four is needed."""
    assert report({"2026-03-10": AGREED}).is_ready
    assert not report({"2026-03-08": DIFFERENT, "2026-03-10": AGREED}).is_ready
    assert not report({}).is_ready
    assert not report({"2026-03-10": AGREED}, in_mode_days=2).is_ready
    assert not report({"2026-03-10": AGREED}, in_mode_days=None).is_ready

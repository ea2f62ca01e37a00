"""Windows: half-open billing periods in UTC, and the monthly tiling of a free customer.

Source: DESIGN section 5: free windows are numbered from account creation, the day clamped
to short months; periods tile time, so each end is the next start (promise P23).
"""

from calendar import monthrange
from datetime import datetime

from creditbase.kernel.records import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A billing period: `start_at` is inside, `end_at` is not."""

    start_at: datetime
    end_at: datetime

    def __post_init__(self) -> None:
        assert self.start_at < self.end_at

    def holds(self, at: datetime) -> bool:
        """Return whether the instant lies in this window."""
        return self.start_at <= at < self.end_at


def months_after(anchor_at: datetime, months: int) -> datetime:
    """Return the anchor moved by whole months, its day clamped to a short month.

    Always counted from the anchor, so a customer of the 31st returns to the 31st after
    February. Time of day stays.
    """
    month0 = anchor_at.month - 1 + months
    year, month = anchor_at.year + month0 // 12, month0 % 12 + 1
    day = min(anchor_at.day, monthrange(year, month)[1])
    return anchor_at.replace(year=year, month=month, day=day)


def window_number(anchor_at: datetime, at: datetime) -> int:
    """Return the number of the free window that holds `at`; the first is 0."""
    assert at >= anchor_at
    number = (at.year - anchor_at.year) * 12 + at.month - anchor_at.month
    return number if months_after(anchor_at, number) <= at else number - 1


def free_window(anchor_at: datetime, number: int) -> Window:
    """Return the free window of that number, counted from account creation."""
    return Window(months_after(anchor_at, number), months_after(anchor_at, number + 1))

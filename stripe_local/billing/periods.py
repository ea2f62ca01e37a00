"""When the periods of a subscription begin and end. Pure.

Every boundary is counted from the anchor, not from the boundary before it: what was anchored
on the 31st ends on the 28th of February and on the 31st of March.
"""

import calendar
from datetime import UTC, datetime, timedelta

from stripe_local.wire.resource import Resource

DAY_S = 86_400
_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


def boundary(anchor_s: int, recurring: Resource, count: int) -> int:
    """Return the moment that lies so many intervals after the anchor, or before it."""
    anchor = datetime.fromtimestamp(anchor_s, UTC)
    intervals = count * int(recurring["interval_count"])
    interval = recurring["interval"]
    if interval in _DAYS:
        return int((anchor + timedelta(days=intervals * _DAYS[interval])).timestamp())
    months = anchor.year * 12 + anchor.month - 1 + intervals * _MONTHS[interval]
    year, month = divmod(months, 12)
    day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
    return int(anchor.replace(year=year, month=month + 1, day=day).timestamp())


def period_after(anchor_s: int, recurring: Resource, at_s: int) -> tuple[int, int]:
    """Return the period that is under way at a moment: from when, and until when."""
    count = 0
    while boundary(anchor_s, recurring, count + 1) <= at_s:
        count += 1
    while boundary(anchor_s, recurring, count) > at_s:
        count -= 1
    return boundary(anchor_s, recurring, count), boundary(anchor_s, recurring, count + 1)

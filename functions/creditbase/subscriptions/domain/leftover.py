"""What a bill of a relay tier sold that nobody used, once another subscription counts. Pure.

Of a limit: what is left of it; of no limit: the time that is left. Source: ADR-0024.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction

from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.kernel.records import dataclass
from creditbase.kernel.windows import Window, free_window, window_number
from creditbase.subscriptions.domain.mirror import Invoice, InvoiceLine, Subscription

SECOND = timedelta(seconds=1)
Limit = int | None
"""The most that may be used in a window, in nanos; None where there is no end to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """What a bill sold until its period's end, and when it was left for another subscription.

    A bill for a dearer tier sold what that tier's limit adds to the one of before.
    """

    sold: Window
    left_at: datetime
    month: Window
    """The window whose limit was in use then: the period, or of a year its month."""
    floor_nanos: Limit
    top_nanos: Limit

    def unused_part(self, used_nanos: int) -> Fraction:
        """Return the part of it that was not used, by what the month's limit has spent.

        Of a year the months to come are unused, and those that are over are not.
        """
        running_s = _seconds(max(self.sold.start_at, self.month.start_at), self.month.end_at)
        to_come_s = _seconds(self.month.end_at, self.sold.end_at)
        floor_nanos, top_nanos = self.floor_nanos, self.top_nanos
        if floor_nanos is None or top_nanos is None or top_nanos <= floor_nanos:
            unused_s = Fraction(_seconds(self.left_at, self.month.end_at))
        else:
            left_nanos = max(0, top_nanos - max(used_nanos, floor_nanos))
            unused_s = Fraction(running_s * left_nanos, top_nanos - floor_nanos)
        sold_s = _seconds(self.sold.start_at, self.sold.end_at)
        return (to_come_s + unused_s) * Fraction(1, sold_s)


def leftover_of(
    one: Subscription, bill: Invoice, tiers: Tiers, *, by: Subscription
) -> Leftover | None:
    """Return what is to be known of a bill; None where it sold nothing of the running period.

    `by` is the subscription that counts instead. It was made when it was made: nothing of
    this depends on when anybody looks.
    """
    lines = [line for line in bill.lines if line.end_at == one.period.end_at]
    sold = [line for line in lines if line.amount_cents > 0]
    if not sold:
        return None
    start_at = min(line.start_at for line in sold)
    left_at = max(start_at, min(by.created_at, one.period.end_at - SECOND))
    returned = [line for line in lines if line.amount_cents < 0]
    return Leftover(
        sold=Window(start_at, one.period.end_at),
        left_at=left_at,
        month=_month(one, left_at),
        floor_nanos=_greatest(_tiers_of(returned, tiers)),
        top_nanos=_greatest(_tiers_of(sold, tiers)),
    )


def _month(one: Subscription, at: datetime) -> Window:
    """Return the window that the wallet counted in, as `Terms.month_at` has it."""
    begins_at, ends_at = one.period.start_at, one.period.end_at
    if not one.is_yearly:
        return one.period
    month = free_window(begins_at, window_number(begins_at, at))
    return Window(month.start_at, min(month.end_at, ends_at))


def _tiers_of(lines: Iterable[InvoiceLine], tiers: Tiers) -> list[Tier]:
    found = (tiers.by_id(line.plan_code) for line in lines)
    return [tier for tier in found if tier is not None]


def _greatest(tiers: Iterable[Tier]) -> Limit:
    limits = [None if tier.is_unlimited else tier.limit_nanos for tier in tiers]
    return None if None in limits else max((it for it in limits if it is not None), default=0)


def _seconds(from_at: datetime, until_at: datetime) -> int:
    return (until_at - from_at) // SECOND

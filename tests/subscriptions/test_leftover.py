"""What of a tier's bill is paid back when another subscription counts: what was not used."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.kernel.windows import Window, free_window, months_after
from creditbase.subscriptions.domain.leftover import Leftover, leftover_of
from creditbase.subscriptions.domain.mirror import Invoice, Subscription
from tests.subscriptions.pictures import DAY, START, month
from tests.subscriptions.test_tier_standing import (
    CENT,
    ENDLESS,
    PRO,
    STARTER,
    TIERS,
    YEARLY,
    a_bill,
    a_change,
    a_subscription,
)

YEAR = Window(START, months_after(START, 12))


def dearer(day: float) -> Subscription:
    """Return the subscription that counts instead, made on a day."""
    at = START + day * DAY
    return a_subscription(ENDLESS, subscription_id="sub_2", created_at=at)


def left(
    tier: Tier, bill: Invoice | None = None, *, day: float = 1, tiers: Tiers = TIERS
) -> Leftover:
    """Return what is left of a bill of the first period, whose last line's tier this is."""
    one = a_subscription(tier)
    if one.is_yearly:
        one = replace(one, period=YEAR)
        whole = a_bill(tier)
        bill = replace(whole, lines=(replace(whole.lines[0], end_at=YEAR.end_at),))
    found = leftover_of(one, bill or a_bill(tier), tiers, by=dearer(day))
    assert found is not None
    return found


class TestOfALimit:
    """The limit is what the money was for, whenever it was used."""

    @given(st.integers(min_value=0, max_value=4_000 * CENT), st.integers(0, 29))
    def test_the_rest_of_the_limit_is_the_rest_of_the_money(self, used: int, day: int) -> None:
        """To the nano, and on whatever day; never less than nothing, never more than all."""
        limit = STARTER.limit_nanos

        part = left(STARTER, day=day).unused_part(used)

        assert part == Fraction(max(0, limit - used), limit)

    @given(st.integers(min_value=0, max_value=40_000 * CENT), st.integers(0, 10**6))
    def test_money_and_usage_never_come_to_more_than_was_paid(
        self, used: int, more: int
    ) -> None:
        """Using more never gives more back: of a whole period, and of what a change sold."""
        for found in (left(PRO), left(PRO, a_change(STARTER, PRO, 10), day=12)):
            assert 0 <= found.unused_part(used + more) <= found.unused_part(used) <= 1

    def test_the_bill_of_an_upgrade_sold_what_the_limit_grew_by(self) -> None:
        """What the smaller tier allowed was paid for by another bill."""
        found = left(PRO, a_change(STARTER, PRO, 10), day=12)
        room = PRO.limit_nanos - STARTER.limit_nanos

        assert found.unused_part(STARTER.limit_nanos) == 1
        assert found.unused_part(STARTER.limit_nanos + room // 4) == Fraction(3, 4)
        assert found.unused_part(PRO.limit_nanos) == 0

    def test_of_a_year_the_months_to_come_are_unused(self) -> None:
        """And those that are over are used, whatever they were used for."""
        found = left(YEARLY, day=40)
        year_s, month_s = (
            (span.end_at - span.start_at).total_seconds()
            for span in (YEAR, free_window(START, 1))
        )

        assert found.month == free_window(START, 1)
        whole = found.unused_part(0)
        assert whole == Fraction(int(year_s) - 30 * 86_400, int(year_s))
        assert found.unused_part(YEARLY.limit_nanos) == whole - Fraction(
            int(month_s), int(year_s)
        )


class TestOfNoLimit:
    """There is nothing but time to measure by."""

    @pytest.mark.parametrize("used", [0, 10**15])
    def test_the_time_that_is_left(self, used: int) -> None:
        """By when the other was made, whoever looks whenever."""
        assert left(ENDLESS, day=0).unused_part(used) == 1
        assert left(ENDLESS, day=12).unused_part(used) == Fraction(18, 30)
        up = left(ENDLESS, a_change(STARTER, ENDLESS, 10), day=15)
        assert up.unused_part(used) == Fraction(15, 20)
        assert left(ENDLESS, day=90).unused_part(used) == Fraction(1, 30 * 86_400)

    def test_a_limit_for_more_money_than_none(self) -> None:
        """A tier that costs more and allows less is measured by time, too."""
        capped = left(PRO, a_change(ENDLESS, PRO, 10), day=20)

        assert capped.unused_part(10**15) == Fraction(1, 2)

    def test_a_year_without_limit(self) -> None:
        """Its days, whichever month they are in."""
        endless = replace(YEARLY, spend_limit_cents=0)
        tiers = Tiers.of("p", [endless])

        assert left(endless, day=73, tiers=tiers).unused_part(10**15) == Fraction(4, 5)


def test_one_that_was_made_before_has_not_been_used() -> None:
    """The cheaper page was paid last: its subscription never counted."""
    assert left(ENDLESS, day=-3).unused_part(0) == 1


def test_a_bill_of_another_period_sold_nothing_of_this_one() -> None:
    """That of the last month is no bill of this one; nor is one that only gave back."""
    one = a_subscription(STARTER, period=month(1))
    back = a_change(PRO, STARTER, 10)
    only_back = replace(back, lines=back.lines[:1])

    assert leftover_of(one, a_bill(STARTER), TIERS, by=dearer(31)) is None
    assert leftover_of(a_subscription(STARTER), only_back, TIERS, by=dearer(11)) is None


def test_a_price_of_no_tier_is_measured_by_time() -> None:
    """What it allowed nobody knows any more."""
    found = left(STARTER, tiers=Tiers.of("p", []), day=15)

    assert found.left_at - found.sold.start_at == timedelta(days=15)
    assert found.unused_part(10**15) == Fraction(1, 2)

"""From when on a change of tier is prorated: what was used is kept, and not paid for twice."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.kernel.windows import Window
from creditbase.payments.tier_reckoning import (
    Layer,
    Sale,
    Usage,
    begins_anew,
    cap_of,
    gives_back,
    paid_layers,
    prorated_from,
    sales_of,
)
from creditbase.subscriptions.domain.mirror import Invoice
from tests.catalog.tiers import a_paid_tier
from tests.subscriptions.pictures import DAY, START, month
from tests.subscriptions.test_tier_standing import (
    CENT,
    ENDLESS,
    PRO,
    STARTER,
    YEARLY,
    a_bill,
    a_change,
    a_subscription,
)

MID = a_paid_tier(tier_id="mid", spend_limit_cents=9_900, price_amount_cents=10_000)
CHEAP = a_paid_tier(tier_id="cheap", spend_limit_cents=29_900, price_amount_cents=1_000)
TIERS = Tiers.of("p", [STARTER, MID, PRO, ENDLESS, YEARLY, CHEAP])
ROOM = PRO.spend_limit_cents - STARTER.spend_limit_cents
MONTH = month(0)
SECOND = timedelta(seconds=1)
ALMOST = pytest.approx


def priced(bill: Invoice) -> Invoice:
    """Return a bill whose lines say what a whole period of their tiers costs."""
    lines = []
    for line in bill.lines:
        tier = TIERS.by_id(line.plan_code)
        assert tier is not None
        lines.append(replace(line, price_cents=tier.price_amount_cents or 0))
    return replace(bill, lines=tuple(lines))


def changed(old: Tier, new: Tier, day: float, *, since: float | None = None) -> Invoice:
    """Return the paid bill of a change on a day, prorated since then or another day."""
    bill = priced(a_change(old, new, 0))
    from_at = START + (day if since is None else since) * DAY
    lines = tuple(replace(line, start_at=from_at) for line in bill.lines)
    at = START + day * DAY
    return replace(bill, invoice_id=f"in_{day}", created_at=at, number=f"{day}", lines=lines)


def from_day(
    before: Tier, after: Tier, used_cents: int, *bills: Invoice, day: float = 0
) -> float:
    """Return the day of the thirty from which a change of a day is prorated."""
    now = START + day * DAY
    live = a_subscription(before)
    paid = [priced(a_bill(before if not bills else STARTER)), *bills]
    usage = Usage(used_cents * CENT, MONTH)
    at = prorated_from(live, after, paid, TIERS, usage, now=now)
    return (at - START) / DAY


class TestDown:
    """What was used of the dearer limit is not given back."""

    def test_nothing_used_of_it_is_given_back_by_time(self) -> None:
        """As Stripe prorates."""
        assert from_day(PRO, STARTER, STARTER.spend_limit_cents) == 0
        assert from_day(PRO, STARTER, 0, day=10) == 10

    def test_a_third_used_keeps_a_third(self) -> None:
        """Or more, where more of the time is over."""
        used = STARTER.spend_limit_cents + ROOM // 3

        assert from_day(PRO, STARTER, used) == 10
        assert from_day(PRO, STARTER, used, day=20) == 20

    def test_what_was_paid_for_half_a_period_is_used_of_that_half(self) -> None:
        """An upgrade in the middle: half of its part is half of its money."""
        used = STARTER.spend_limit_cents + ROOM // 2
        up = changed(STARTER, PRO, 15)

        assert from_day(PRO, STARTER, used, up, day=15) == 22.5

    def test_all_of_it_used_is_all_of_it_kept(self) -> None:
        """But for the last second, which is still of the period. An unlimited tier is whole."""
        assert from_day(PRO, STARTER, PRO.spend_limit_cents) == ALMOST(30, abs=SECOND / DAY)
        used = STARTER.spend_limit_cents + 1
        assert from_day(ENDLESS, STARTER, used) == ALMOST(30, abs=SECOND / DAY)
        assert from_day(ENDLESS, STARTER, STARTER.spend_limit_cents) == 0

    def test_a_limit_that_does_not_fall_takes_nothing(self) -> None:
        """Cheaper, and no smaller."""
        assert from_day(PRO, CHEAP, 20_000) == 0

    def test_usage_fills_the_tiers_from_below(self) -> None:
        """What the middle one covers is its own; of the dearest nothing was used then."""
        bills = changed(STARTER, MID, 0), changed(MID, PRO, 15)

        assert from_day(PRO, MID, MID.spend_limit_cents, *bills, day=15) == 15
        # The middle one, a quarter of both prices' difference, is kept to the end.
        assert from_day(PRO, STARTER, MID.spend_limit_cents, *bills, day=15) == ALMOST(
            30 - 15 * 200 / 270, abs=SECOND / DAY
        )

    def test_what_was_never_paid_is_not_given_back(self) -> None:
        """A tier that the Dashboard gave without a bill."""
        live = a_subscription(PRO)
        at = prorated_from(live, STARTER, [priced(a_bill())], TIERS, Usage(0, MONTH), now=START)
        assert at == MONTH.end_at - SECOND

    @given(st.integers(0, 40_000), st.integers(0, 30), st.integers(0, 30))
    def test_usage_and_refund_are_never_more_than_was_paid(
        self, used: int, begun: int, now: int
    ) -> None:
        """In parts of the difference: used and given back make one at most."""
        begun, now = min(begun, now), max(begun, now)
        from_at = from_day(PRO, STARTER, used, changed(STARTER, PRO, begun), day=now)
        over = max(0, used - STARTER.spend_limit_cents)

        kept = (30 - begun) - (30 - from_at)
        assert kept * ROOM >= min(over, ROOM) * (30 - begun) - 1


class TestUpAgain:
    """What is kept of a dearer tier is not paid for a second time."""

    def test_it_is_prorated_from_where_the_way_down_left_it(self) -> None:
        """Half used: half came back on the way down, and half is paid now."""
        used = STARTER.spend_limit_cents + ROOM // 2
        bills = changed(STARTER, PRO, 0), changed(PRO, STARTER, 1, since=15)

        assert from_day(STARTER, PRO, used, *bills, day=2) == 15
        assert from_day(STARTER, PRO, used, *bills, day=20) == 20
        again = *bills, changed(STARTER, PRO, 2, since=15)
        assert from_day(PRO, STARTER, used, *again, day=3) == 15, "as if never gone down"

    def test_a_tier_between_is_paid_already(self) -> None:
        """What was kept of the dearest is more than the middle one costs."""
        bills = changed(STARTER, PRO, 0), changed(PRO, STARTER, 1, since=15)

        assert from_day(STARTER, MID, 9_900, *bills, day=2) == ALMOST(30, abs=SECOND / DAY)

    def test_what_was_kept_of_one_between_is_taken_off(self) -> None:
        """The dearest costs the difference to what is kept, not to what Stripe bills now."""
        bills = (
            changed(STARTER, MID, 0),
            changed(MID, STARTER, 0.5, since=30 - SECOND / DAY),
        )

        assert from_day(STARTER, PRO, 9_900, *bills, day=0.5) == ALMOST(
            30 - 29.5 * 200 / 270, abs=0.01
        )

    def test_the_first_time_it_is_prorated_by_time(self) -> None:
        """As Stripe prorates; a tier of the same price moves no money at all."""
        assert from_day(STARTER, PRO, 0, day=10) == 10
        twin = replace(CHEAP, price_amount_cents=STARTER.price_amount_cents)
        assert from_day(STARTER, twin, 0, day=10) == 10


class TestAnotherRhythm:
    """The period begins anew, and the limit with it: nothing that was used is given back."""

    def test_it_leaves_nothing_of_the_old_limit(self) -> None:
        """All that was used is kept, whatever comes next."""
        assert from_day(STARTER, YEARLY, STARTER.spend_limit_cents // 2) == 15
        assert from_day(STARTER, YEARLY, 0, day=3) == 3
        assert from_day(ENDLESS, YEARLY, 1) == ALMOST(30, abs=SECOND / DAY)

    def test_of_a_year_the_months_to_come_are_whole(self) -> None:
        """Only the running one can be used up."""
        year = Window(START, START + 360 * DAY)
        live = a_subscription(YEARLY, period=year, is_yearly=True)
        used = Usage(YEARLY.limit_nanos, MONTH)

        def at(now: datetime) -> datetime:
            return prorated_from(live, STARTER, [], TIERS, used, now=now)

        assert at(START) == MONTH.end_at
        assert at(MONTH.end_at + DAY) == MONTH.end_at + DAY

    def test_it_is_told_by_what_is_paid_not_by_what_the_tier_says_now(self) -> None:
        """A tier's interval may have been changed since it was bought."""
        assert begins_anew(a_subscription(YEARLY, is_yearly=False), YEARLY)
        assert not begins_anew(a_subscription(STARTER, is_yearly=True), YEARLY)
        assert begins_anew(a_subscription(YEARLY, is_yearly=True), STARTER)


@pytest.mark.parametrize(
    ("before", "after", "is_yearly", "gives", "cap_cents"),
    [
        (STARTER, PRO, False, False, PRO.spend_limit_cents),
        (PRO, STARTER, False, True, STARTER.spend_limit_cents),
        (STARTER, YEARLY, False, True, 0),
        (YEARLY, PRO, True, True, 0),
        (PRO, replace(ENDLESS, price_amount_cents=1), False, True, None),
    ],
)
def test_what_may_be_used_meanwhile(
    before: Tier, after: Tier, is_yearly: bool, gives: bool, cap_cents: int | None
) -> None:
    """What the next tier allows; of a limit that begins anew, nothing more."""
    live = a_subscription(before, is_yearly=is_yearly)

    assert gives_back(live, after) is gives
    assert cap_of(live, after) == (None if cap_cents is None else cap_cents * CENT)


def test_a_trial_moves_no_money() -> None:
    """Stripe bills nothing for a change within it."""
    live = a_subscription(PRO, "trialing")
    usage = Usage(PRO.limit_nanos, MONTH)

    assert not gives_back(live, STARTER)
    assert prorated_from(live, STARTER, [], TIERS, usage, now=START) == START


def test_bills_that_sold_nothing_of_the_period_are_left_out() -> None:
    """Unpaid ones, other periods', and changes that moved no money."""
    nothing = changed(STARTER, PRO, 3)
    lines = tuple(replace(line, amount_cents=0) for line in nothing.lines)
    bills: list[Any] = [
        priced(a_bill(number=1)),
        replace(changed(STARTER, PRO, 2), status="open"),
        replace(nothing, lines=lines),
    ]

    assert sales_of(MONTH, bills) == []


def test_a_part_that_is_too_small_for_a_cent_is_still_a_change() -> None:
    """Of one of both lines the amount is rounded to nothing."""
    down = changed(PRO, STARTER, 1)
    lines = (down.lines[0], replace(down.lines[1], amount_cents=0))

    (sale,) = sales_of(MONTH, [replace(down, lines=lines)])

    assert (sale.before_cents, sale.after_cents) == (30_000, 3_000)


def test_layers_are_paid_and_given_back_from_above() -> None:
    """Two prices, the upper given back for ten of the thirty days."""
    begin, end = int(MONTH.start_at.timestamp()), int(MONTH.end_at.timestamp())
    limits = {3_000: 29, 30_000: 299}
    sales = [Sale(begin, begin, 0, 30_000), Sale(begin, end - 10 * 86_400, 30_000, 3_000)]

    assert paid_layers(MONTH, limits, sales) == (
        Layer(
            cents=3_000,
            price_cents=3_000,
            floor_nanos=0,
            top_nanos=29,
            since_s=begin,
            until_s=end,
        ),
        Layer(
            cents=27_000,
            price_cents=30_000,
            floor_nanos=29,
            top_nanos=299,
            since_s=begin,
            until_s=end - 10 * 86_400,
        ),
    )

"""What a period is owed: never more credits than were paid for, whatever the sequence."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from operator import itemgetter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from creditbase.catalog.domain import Plan
from creditbase.subscriptions.domain.mirror import Invoice
from creditbase.subscriptions.domain.owed import dearest_paid_nanos, owed_grants
from tests.subscriptions.pictures import (
    DAY,
    GURU,
    PLANS,
    PRO,
    START,
    Watch,
    a_bill,
    a_change,
    a_subscription,
    credits_of,
    month,
    stand,
)

LAST_DAY = month(0).end_at - DAY


def owed(*bills: Invoice, plan: Plan = PRO) -> dict[str, int]:
    """Return what a subscription with these invoices is owed now."""
    found = credits_of(owed_grants(a_subscription(plan), plan, bills, PLANS))
    return {name.partition(":")[2]: count for name, count in found.items() if "up" in name}


def test_an_upgrade_one_day_before_the_end_brings_a_days_credits() -> None:
    """1,500 credits for 1.33 dollars, not 45,000."""
    assert owed(a_bill(), a_change(GURU, PRO, LAST_DAY)) == {"in_up": 1_500}


def test_an_upgrade_half_way_brings_half() -> None:
    """Twenty dollars, 22,500 credits."""
    assert owed(a_bill(), a_change(GURU, PRO, START + 15 * DAY)) == {"in_up": 22_500}


def test_an_upgrade_that_was_not_paid_brings_nothing() -> None:
    """Its credits come with its money."""
    for status in ("draft", "open", "uncollectible", "void"):
        assert owed(a_bill(), a_change(GURU, PRO, LAST_DAY, status=status)) == {}


def test_the_periods_own_credits_are_those_of_the_plan_that_was_billed() -> None:
    """Seen for the first time after the upgrade: 10,000 and the difference, not 55,000."""
    grants = stand(a_subscription(PRO), bills=[a_change(GURU, PRO, LAST_DAY), a_bill()]).grants

    assert [grant.amount_nanos // 1_000_000 for grant in grants] == [10_000, 1_500]
    assert [grant.plan_code for grant in grants] == ["guru", "pro"]


def test_an_invoice_of_an_unknown_price_brings_the_plan_that_is_shown() -> None:
    """Its money came; a person is told of the price."""
    line = replace(a_bill().lines[0], plan_code="odd")

    standing = stand(a_subscription(), bills=[replace(a_bill(), lines=(line,))])

    assert list(credits_of(standing.grants).values()) == [10_000]


def test_prorations_of_an_earlier_period_bring_nothing_now() -> None:
    """They come on the next one where an upgrade made none; their time is over."""
    late = replace(
        a_bill(1, PRO), lines=(*a_bill(1, PRO).lines, *a_change(GURU, PRO, LAST_DAY).lines)
    )

    standing = stand(a_subscription(PRO, period=month(1)), bills=[a_bill(), late])

    assert list(credits_of(standing.grants).values()) == [55_000]


def test_lines_of_unknown_prices_and_of_nothing_weigh_nothing() -> None:
    """Another product on the same invoice is none of the plan's credits."""
    change = a_change(GURU, PRO, LAST_DAY)
    odd = replace(change.lines[1], plan_code="odd")
    nothing = replace(change.lines[1], amount_cents=0)

    assert owed(replace(change, lines=(odd, nothing))) == {}
    assert dearest_paid_nanos(month(0), [replace(change, lines=(odd,))], PLANS) == 0


def test_going_down_and_up_again_sells_nothing_twice() -> None:
    """Stripe returns the money on the way down; the way up again is not new money."""
    up = a_change(GURU, PRO, START + 10 * DAY, name="in_up1")
    down = a_change(PRO, GURU, START + 11 * DAY, name="in_down")
    again = a_change(GURU, PRO, START + 12 * DAY, name="in_up2")

    assert owed(a_bill(), up, down, again) == {"in_up1": 30_000}


def test_up_and_down_and_up_within_one_second_sells_nothing_twice() -> None:
    """Stripe's clock ticks in seconds, and its ids are random: the bills' numbers tell."""
    up = a_change(GURU, PRO, LAST_DAY, name="in_upm", counted=9_999)
    down = a_change(PRO, GURU, LAST_DAY, name="in_z", counted=10_000)
    again = a_change(GURU, PRO, LAST_DAY, name="in_upa", counted=10_001)

    assert owed(a_bill(), up) == {"in_upm": 1_500}
    assert owed(a_bill(), up, down, again) == {"in_upm": 1_500}


walks = st.lists(
    st.tuples(
        st.one_of(st.integers(1, 30 * 24 * 3600 - 1), st.sampled_from([9, 99_999])),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)
"""When, to which plan, and whether its invoice is paid; several often within one second."""


def walked(walk: list[tuple[int, bool, bool]]) -> tuple[list[Invoice], Plan]:
    """Return the invoices of a walk through the plans within a period, and where it ends."""
    plan, bills = GURU, [a_bill()]
    for number, (second, to_pro, is_paid) in enumerate(sorted(walk, key=itemgetter(0))):
        target = PRO if to_pro else GURU
        if target is not plan:
            at = START + timedelta(seconds=second)
            status = "paid" if is_paid else "open"
            name, counted = f"in_{9 - number}up", number + 2
            bills.append(a_change(plan, target, at, status=status, name=name, counted=counted))
            plan = target
    return bills, plan


@given(walks)
def test_no_walk_is_owed_more_than_the_highest_sum_that_was_paid_for(
    walk: list[tuple[int, bool, bool]],
) -> None:
    """Up and down, paid and unpaid: the credits of the time that was really bought, once."""
    bills, plan = walked(walk)
    bought = highest = Fraction(0)
    period_s = 30 * 24 * 3600
    for bill in bills[1:]:
        if bill.is_paid:
            left_s = (month(0).end_at - bill.created_at) // timedelta(seconds=1)
            step = Fraction(45_000 * left_s, period_s)
            bought += step if bill.lines[1].plan_code == "pro" else -step
            highest = max(highest, bought)

    granted = sum(owed(*bills, plan=plan).values())

    assert granted == highest // 1


@given(walks, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_what_stripe_lists_matters(
    walk: list[tuple[int, bool, bool]], random: Random
) -> None:
    """The same picture gives the same standing, looked at once or often."""
    bills, plan = walked(walk)
    shuffled = random.sample(bills, len(bills))
    seen, watch = [a_subscription(plan)], Watch()

    first = watch.look(seen, bills)

    assert watch.look(seen, shuffled) == first
    assert stand(*seen, bills=shuffled) == first

"""Changes of tier, decided without Stripe: what is given back, and what is kept of a wish."""

from datetime import timedelta

import pytest

from creditbase.catalog.domain.tiers import Tier
from creditbase.kernel.errors import PaymentRefused
from creditbase.payments.tier_moves import (
    REPEATS_WITHIN,
    Action,
    Begin,
    Change,
    Leave,
    Modify,
    Move,
    Put,
    Stay,
    Way,
    action_of,
    change_fields,
    change_from,
    choose_way,
    yearly_cents,
)
from tests.subscriptions.pictures import START
from tests.subscriptions.test_tier_standing import (
    FREE,
    PRO,
    STARTER,
    YEARLY,
    a_subscription,
    on,
)

MOVES: list[Move] = [
    Begin(
        project_id="p",
        customer_id="c",
        stripe_customer_id="cus",
        tier_id="t",
        price_id="price",
        method_id="pm",
        trial_days=7,
    ),
    Modify(subscription_id="s", item_id="i", tier_id="t", price_id="p", prorated_from_s=9),
    Leave(subscription_id="s", next_tier_id="free"),
    Stay(subscription_id="s"),
    Put(tier_id="t"),
]


@pytest.mark.parametrize("move", MOVES, ids=lambda move: type(move).__name__)
def test_what_is_kept_of_a_change_is_the_change(move: Move) -> None:
    """A repeat in another process carries out the very same."""
    change = Change(number=3, tier_id="t", asked_at=START, action=Action.LEAVES, move=move)

    for each in (change, change.ended(on(FREE)), change.ended(None)):
        assert change_from(change_fields(each)) == each


def test_a_wish_is_repeated_for_a_minute_unless_nothing_came_of_it() -> None:
    """A declined card is mended and tried again at once."""
    change = Change(
        number=1, tier_id="t", asked_at=START, action=Action.UPGRADED, move=MOVES[3]
    )

    assert change.answers("t", None, START + REPEATS_WITHIN - timedelta(seconds=1))
    assert not change.answers("t", None, START + REPEATS_WITHIN)
    assert not change.answers("u", None, START)
    assert not change.ended(None).answers("t", None, START)


@pytest.mark.parametrize(
    ("current", "target", "told"),
    [
        (STARTER, PRO, "upgraded"),
        (PRO, STARTER, "downgraded"),
        (YEARLY, STARTER, "upgraded"),
        (STARTER, YEARLY, "downgraded"),
        (PRO, PRO, "changed"),
        (FREE, STARTER, "upgraded"),
        (None, STARTER, "upgraded"),
    ],
)
def test_dearer_is_up_by_what_a_year_costs(
    current: Tier | None, target: Tier, told: str
) -> None:
    """Ten dollars a year are less than thirty a month."""
    before_cents = yearly_cents(current) if current is not None else 0

    assert str(action_of(Way.MODIFY, before_cents=before_cents, target=target)) == told


@pytest.mark.parametrize("status", ["past_due", "unpaid", "paused"])
def test_whoever_is_behind_may_leave_and_not_rise(status: str) -> None:
    """A dearer tier would be paid for, and have a limit of nothing."""
    live = a_subscription(status=status)

    with pytest.raises(PaymentRefused):
        choose_way(PRO, current=STARTER, live=live, is_held=True)

    assert choose_way(FREE, current=STARTER, live=live, is_held=True) is Way.LEAVE

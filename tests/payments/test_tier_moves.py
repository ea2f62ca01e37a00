"""Changes of tier, decided without Stripe: what is given back, and what is kept of a wish."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.catalog.domain.tiers import Tier
from creditbase.kernel.errors import PaymentRefused
from creditbase.kernel.windows import Window
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
    begins_anew,
    change_fields,
    change_from,
    choose_way,
    paid_since,
    prorated_from,
)
from tests.subscriptions.pictures import DAY, START, month
from tests.subscriptions.test_tier_standing import (
    CENT,
    ENDLESS,
    FREE,
    PRO,
    STARTER,
    YEARLY,
    a_bill,
    a_change,
    a_subscription,
    on,
)

ROOM = PRO.spend_limit_cents - STARTER.spend_limit_cents
MONTH = month(0)


def from_when(used_cents: int, **given: Any) -> float:
    """Return from which day of the thirty the difference is given back."""
    asked: dict[str, Any] = {
        "used_nanos": used_cents * CENT,
        "before": PRO,
        "after": STARTER,
        "begun_at": START,
        "window": MONTH,
        "now": START,
        **given,
    }
    return (prorated_from(**asked) - START) / DAY


class TestProration:
    """What was used of the dearer limit is not given back."""

    def test_nothing_used_of_it_is_given_back_by_time(self) -> None:
        """As Stripe prorates."""
        assert from_when(STARTER.spend_limit_cents) == 0
        assert from_when(0, now=START + 10 * DAY) == 10

    def test_a_third_used_keeps_a_third(self) -> None:
        """Or more, where more of the time is over."""
        used = STARTER.spend_limit_cents + ROOM // 3

        assert from_when(used) == 10
        assert from_when(used, now=START + 20 * DAY) == 20

    def test_a_limit_that_begins_anew_leaves_nothing_of_the_old_one(self) -> None:
        """All that was used is kept, by whatever comes next, without limit as well."""
        third = PRO.spend_limit_cents // 3
        for after in (STARTER, ENDLESS):
            assert round(from_when(third, after=after, is_anew=True), 1) == 10
            assert from_when(0, after=after, is_anew=True) == 0
        assert from_when(1, before=ENDLESS, is_anew=True) == 30

    def test_months_and_years_are_different_rhythms(self) -> None:
        """Told by the period that runs: a tier's interval may have been changed since."""
        year = Window(START, START + 365 * DAY)
        assert begins_anew(MONTH, YEARLY)
        assert begins_anew(year, STARTER)
        assert not begins_anew(MONTH, STARTER)
        assert not begins_anew(year, YEARLY)

    def test_what_was_paid_for_half_a_period_is_used_of_that_half(self) -> None:
        """An upgrade in the middle: half of its part is half of its money."""
        used = STARTER.spend_limit_cents + ROOM // 2
        middle = START + 15 * DAY

        assert from_when(used, begun_at=middle, now=middle) == 22.5

    def test_all_of_it_used_is_all_of_it_kept(self) -> None:
        """An unlimited tier has no part that is left."""
        assert from_when(PRO.spend_limit_cents) == 30
        assert from_when(STARTER.spend_limit_cents + 1, before=ENDLESS) == 30

    def test_a_limit_that_does_not_fall_takes_nothing(self) -> None:
        """Cheaper, and no smaller."""
        assert from_when(90_000, after=ENDLESS) == 0
        assert from_when(90_000, before=STARTER, after=PRO) == 0

    @given(st.integers(0, 40_000), st.integers(0, 30), st.integers(0, 30))
    def test_usage_and_refund_are_never_more_than_was_paid(
        self, used: int, begun: int, now: int
    ) -> None:
        """In parts of the difference: used and given back make one at most."""
        begun, now = min(begun, now), max(begun, now)
        given_back = 30 - from_when(used, begun_at=START + begun * DAY, now=START + now * DAY)
        over = max(0, used - STARTER.spend_limit_cents)

        kept = (30 - begun) - given_back
        assert kept * ROOM >= min(over, ROOM) * (30 - begun) - 1

    def test_since_when_it_was_paid_is_on_the_newest_bill(self) -> None:
        """Or since the period began, where no bill says."""
        bills = [a_bill(), a_change(STARTER, PRO, 4), a_change(STARTER, PRO, 6, status="open")]

        assert paid_since("pro", MONTH, bills) == START + 4 * DAY
        assert paid_since("endless", MONTH, bills) == START


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
    assert str(action_of(Way.MODIFY, current=current, target=target)) == told


@pytest.mark.parametrize("status", ["past_due", "unpaid", "paused"])
def test_whoever_is_behind_may_leave_and_not_rise(status: str) -> None:
    """A dearer tier would be paid for, and have a limit of nothing."""
    live = a_subscription(status=status)

    with pytest.raises(PaymentRefused):
        choose_way(PRO, current=STARTER, live=live, is_held=True)

    assert choose_way(FREE, current=STARTER, live=live, is_held=True) is Way.LEAVE

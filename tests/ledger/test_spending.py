"""Spending: what pays for a charge or a hold, in which order, and where it is refused."""

from datetime import timedelta

import pytest

from creditbase.kernel.errors import Forbidden, InvalidRequest, PaymentRequired
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.commands import Freeze
from creditbase.ledger.domain.grants import GrantKind
from creditbase.ledger.domain.wallet import Metered, Terms
from tests.ledger.builders import (
    BARE,
    DAY,
    FREE,
    HOUR,
    MINUTE,
    NOON,
    PERIOD,
    Story,
    a_story,
    drawn,
    tier,
)

SOON, LATER = NOON + DAY, NOON + 2 * DAY


def refused(story: Story, amount_nanos: int) -> PaymentRequired:
    """Return the refusal of a charge, which leaves the wallet as it was."""
    before = story.wallet
    with pytest.raises(PaymentRequired) as caught:
        story.charge(amount_nanos)
    assert story.wallet is before
    return caught.value


# ---- the order of burning ------------------------------------------------------------------

FIRST_THEN: list[
    tuple[str, tuple[GrantKind, dict[str, object]], tuple[GrantKind, dict[str, object]]]
] = [
    ("lower priority", ("topup", {"priority": 10}), ("topup", {"priority": 11})),
    (
        "priority before expiry",
        ("topup", {"priority": 10}),
        ("topup", {"priority": 11, "expires_at": SOON}),
    ),
    ("plan before top-up", ("plan", {"expires_at": LATER}), ("topup", {"expires_at": SOON})),
    ("sooner expiry", ("promo", {"expires_at": SOON}), ("promo", {"expires_at": LATER})),
    ("some expiry before none", ("topup", {"expires_at": LATER}), ("promo", {})),
    (
        "free before paid",
        ("voucher", {"expires_at": SOON}),
        ("topup", {"expires_at": SOON}),
    ),
    ("free before paid, no expiry", ("promo", {}), ("topup", {})),
]


@pytest.mark.parametrize("is_newer", [False, True], ids=["made first", "made last"])
@pytest.mark.parametrize(
    ("why", "first", "then"), FIRST_THEN, ids=[row[0] for row in FIRST_THEN]
)
def test_credits_burn_in_the_order_of_the_design(
    why: str,
    first: tuple[GrantKind, dict[str, object]],
    then: tuple[GrantKind, dict[str, object]],
    is_newer: bool,
) -> None:
    """What would be lost first is spent first, whenever it was given and whatever its id."""
    story = a_story()
    named = {"z-first": first, "a-then": then}
    for grant_id in sorted(named, reverse=not is_newer):
        kind, terms = named[grant_id]
        story.grant(grant_id, 10, kind, **terms)
        story.wait(timedelta(seconds=1))

    entry = story.charge(15)

    assert drawn(entry.draws) == [("z-first", 10), ("a-then", 5)], why


def test_of_two_alike_the_older_burns_first_and_then_the_lower_id() -> None:
    """A tie must break the same way everywhere, or two servers disagree."""
    story = a_story()
    story.grant("z-old", 10, "topup")
    story.wait(timedelta(seconds=1))
    story.grant("b", 10, "topup")
    story.grant("a", 10, "topup")

    entry = story.charge(25)

    assert drawn(entry.draws) == [("z-old", 10), ("a", 10), ("b", 5)]


# ---- a charge ------------------------------------------------------------------------------


def test_a_charge_over_several_grants_leaves_the_rest_where_it_was() -> None:
    """The receipt names each parcel, and the postings say the same."""
    story = a_story(a=30, b=30, c=30)

    entry = story.charge(70)

    assert drawn(entry.draws) == [("a", 30), ("b", 30), ("c", 10)]
    assert entry.postings == {"consumed": 70, "grant:a": -30, "grant:b": -30, "grant:c": -10}
    assert (entry.amount_nanos, entry.captured_nanos, entry.status) == (70, 70, "captured")
    assert story.left() == {"c": 20}
    assert entry.figures.available_nanos == 20


def test_all_that_is_there_can_be_spent_and_not_a_nano_more() -> None:
    """The boundary of the promise: never negative, and never refused for what is there."""
    story = a_story(a=60, b=40)

    refusal = refused(story, 101)

    assert refusal.facts() == {
        "available_nanos": 100,
        "required_nanos": 101,
        "limit_source": "wallet",
    }
    assert refusal.plan == "none"
    story.charge(100)
    assert story.wallet.grants == {}
    assert refused(story, 1).available_nanos == 0


def test_a_charge_of_nothing_is_an_entry_that_counts_the_request() -> None:
    """Free usage is usage: it shows in the statistics, also on an empty wallet."""
    story = a_story()

    entry = story.charge(0, Metered("small"))

    assert (entry.draws, entry.postings) == ((), {})
    tally = story.wallet.window.tallies["small"]
    assert (tally.requests, tally.amount_nanos) == (1, 0)


@pytest.mark.parametrize("amount_nanos", [-1, AMOUNT_NANOS_MAX + 1])
def test_an_amount_out_of_range_is_refused(amount_nanos: int) -> None:
    """A negative charge would be a grant; a huge one would not survive JSON."""
    story = a_story(a=100)
    for ask in (story.charge, story.hold):
        with pytest.raises(InvalidRequest) as caught:
            ask(amount_nanos)
        assert caught.value.field == "amount_nanos"


def test_the_largest_amount_is_an_amount() -> None:
    """The limit itself is inside."""
    story = a_story(a=AMOUNT_NANOS_MAX)

    assert story.charge(AMOUNT_NANOS_MAX).captured_nanos == AMOUNT_NANOS_MAX
    assert refused(story, AMOUNT_NANOS_MAX).required_nanos == AMOUNT_NANOS_MAX


def test_an_expired_grant_pays_nothing_from_its_very_instant() -> None:
    """The expiry is the first instant at which the credits are gone."""
    for wait, is_there in ((DAY - timedelta(microseconds=1), True), (DAY, False)):
        story = a_story()
        story.grant("promo", 10, "promo", expires_at=SOON)
        story.wait(wait)
        if is_there:
            assert drawn(story.charge(10).draws) == [("promo", 10)]
        else:
            refused(story, 1)


def test_a_frozen_wallet_spends_nothing_until_it_thaws() -> None:
    """A dispute stops new work, even free work; a hold that is open may still be settled."""
    story = a_story(a=100)
    hold_id = story.hold(40)
    story.do(Freeze("dispute"))

    for ask in (lambda: story.charge(0), lambda: story.hold(0)):
        with pytest.raises(Forbidden):
            ask()
    assert story.capture(hold_id, 30).captured_nanos == 30

    story.do(Freeze(""))
    assert story.charge(70).captured_nanos == 70


def test_time_never_goes_back_in_a_wallet() -> None:
    """A server whose clock is behind decides at the wallet's instant, not before it."""
    story = a_story(a=100)
    story.grant("promo", 10, "promo", expires_at=SOON)
    story.wait(DAY)
    story.charge(1)
    story.now = NOON

    entry = story.charge(1)

    assert entry.at == SOON
    assert drawn(entry.draws) == [("a", 1)]


# ---- a tier's limit ------------------------------------------------------------------------


def test_the_limit_pays_first_and_the_wallet_what_exceeds_it() -> None:
    """With overage on, the customer's own credits are touched last."""
    story = a_story(tier(100), a=50)

    entry = story.charge(120)

    assert drawn(entry.draws) == [("included", 100), ("a", 20)]
    assert entry.postings == {"consumed": 120, "included": -100, "grant:a": -20}
    assert entry.figures.included_remaining_nanos == 0
    assert refused(story, 31).facts() == {
        "available_nanos": 30,
        "required_nanos": 31,
        "limit_source": "wallet",
        "next_credits_at": "2026-04-10T12:00:00Z",
    }


def test_without_overage_the_limit_is_the_end() -> None:
    """A customer who did not allow it never pays beyond the tier."""
    story = a_story(tier(100, draws_wallet=False), a=50)

    story.charge(99)

    refusal = refused(story, 2)
    assert (refusal.available_nanos, refusal.limit_source) == (1, "included")
    assert drawn(story.charge(1).draws) == [("included", 1)]


@pytest.mark.parametrize("included", ["limited", "unlimited"])
def test_what_a_cap_keeps_of_the_limit_is_not_taken_from_the_wallet(included: str) -> None:
    """It was paid for, and is used or paid back later; what exceeds the limit is overage."""
    capped = tier(100, included=included, cap_nanos=40, cap_until_at=NOON + 2 * MINUTE)
    story = a_story(capped, a=50)

    assert drawn(story.charge(30).draws) == [("included", 30)]
    refusal = refused(story, 11)
    assert (refusal.available_nanos, refusal.limit_source) == (10, "included")
    assert drawn(story.charge(10).draws) == [("included", 10)]
    story.wait(2 * MINUTE)
    assert drawn(story.charge(60).draws) == [("included", 60)]


def test_a_cap_that_keeps_nothing_leaves_overage_alone() -> None:
    """Who has used the whole limit goes on paying from the wallet."""
    story = a_story(tier(100), a=50)
    story.charge(100)
    story.terms(tier(100, cap_nanos=40, cap_until_at=NOON + 2 * MINUTE), PERIOD)

    assert drawn(story.charge(20).draws) == [("a", 20)]


def test_an_open_hold_keeps_its_part_of_the_limit() -> None:
    """Two calls at once cannot both count on the last of it."""
    story = a_story(tier(100, draws_wallet=False))
    hold_id = story.hold(60)

    assert refused(story, 41).available_nanos == 40
    captured = story.capture(hold_id, 25)

    assert drawn(captured.draws) == [("included", 25)]
    assert captured.postings == {"held": -60, "included": 35, "consumed": 25}
    window = story.wallet.window
    assert (window.included_spent_nanos, window.included_held_nanos) == (25, 0)
    assert story.charge(75).figures.included_remaining_nanos == 0


def test_an_unlimited_tier_stops_where_a_window_could_no_longer_be_counted_exactly() -> None:
    """Nine million dollars in a window: absurd, and refused rather than miscounted."""
    story = a_story(tier(included="unlimited"))
    story.charge(AMOUNT_NANOS_MAX)

    with pytest.raises(InvalidRequest):
        story.charge(1)


def test_an_unlimited_tier_pays_everything_and_still_counts_it() -> None:
    """Unlimited means no limit, not no books; the wallet is left alone."""
    story = a_story(tier(included="unlimited"), a=50)

    entry = story.charge(10**12)

    assert drawn(entry.draws) == [("included", 10**12)]
    assert entry.figures.included_remaining_nanos is None
    assert story.wallet.window.included_spent_nanos == 10**12
    assert story.left() == {"a": 50}


@pytest.mark.parametrize("included", ["limited", "unlimited"])
def test_a_period_that_ended_unpaid_has_no_limit_left(included: str) -> None:
    """Past due: nothing of the next window is given before it is paid, unlimited or not."""
    story = a_story(tier(100, included=included), a=50)
    story.now = PERIOD.end_at - timedelta(microseconds=1)
    assert drawn(story.charge(5).draws) == [("included", 5)]

    story.now = PERIOD.end_at

    assert drawn(story.charge(20).draws) == [("a", 20)]
    refusal = refused(story, 31)
    assert (refusal.available_nanos, refusal.limit_source) == (30, "wallet")
    # nobody can say when more comes
    assert refusal.next_credits_at == ""


def test_a_period_that_is_about_to_start_has_its_limit_already() -> None:
    """Stripe's clock may run a moment ahead of ours; who has paid is not refused for that."""
    ahead = Window(NOON + timedelta(seconds=2), PERIOD.end_at)
    story = a_story(tier(100, draws_wallet=False), period=ahead)

    assert drawn(story.charge(100).draws) == [("included", 100)]


def test_a_lowered_limit_below_what_was_spent_leaves_nothing() -> None:
    """A change of tier keeps the window's spend; what is left never shows below zero."""
    story = a_story(tier(100, draws_wallet=False))
    story.charge(80)

    story.terms(tier(50, draws_wallet=False), PERIOD)

    assert refused(story, 1).available_nanos == 0
    story.terms(tier(81, draws_wallet=False), PERIOD)
    assert drawn(story.charge(1).draws) == [("included", 1)]


def test_no_subscription_pays_nothing() -> None:
    """No tier and no overage: every charge is refused, however much the wallet has."""
    story = a_story(Terms("none", draws_wallet=False), a=50)

    refusal = refused(story, 1)

    assert (refusal.available_nanos, refusal.limit_source) == (0, "included")
    assert refusal.next_credits_at == ""


# ---- what stands in the way ----------------------------------------------------------------


def test_a_debt_is_set_aside_and_named_when_it_is_what_refuses() -> None:
    """Whoever owes is told so, instead of being asked to buy what would not help."""
    story = a_story(a=100, b=100)
    story.charge(60)
    story.take_back("a", 100)
    assert (story.wallet.receivable_nanos, story.available_nanos) == (60, 40)

    assert refused(story, 41).limit_source == "receivable"
    assert refused(story, 100).limit_source == "receivable"
    assert refused(story, 101).limit_source == "wallet"
    assert drawn(story.charge(40).draws) == [("b", 40)]


def test_a_debt_is_named_where_the_limit_and_the_wallet_together_would_do() -> None:
    """The limit pays a part; without the debt the wallet would pay the rest."""
    story = a_story(tier(50), a=60, b=30)
    story.hold(50)
    story.charge(60)
    story.take_back("a", 60)
    story.terms(tier(100), PERIOD)

    # 50 of the limit and 30 of b, of which all is owed
    assert refused(story, 80).limit_source == "receivable"
    assert refused(story, 81).limit_source == "wallet"
    assert refused(story, 80).available_nanos == 50


def test_a_refused_free_customer_is_told_when_credits_come() -> None:
    """The answer to 402 is often: wait until the 10th."""
    story = a_story(FREE)
    assert refused(story, 501).next_credits_at == "2026-04-10T12:00:00Z"

    assert refused(a_story(BARE), 1).next_credits_at == ""
    assert refused(story.wait(HOUR), 501).available_nanos == 500

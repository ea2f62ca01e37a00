"""Credits in and out: grants, refunds and what they leave owed, and their way back."""

from datetime import timedelta

import pytest

from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.grants import GrantKind
from creditbase.ledger.domain.wallet import Terms
from tests.ledger.builders import DAY, FREE, HOUR, NOON, PERIOD, a_story, tier

PRO = Terms("pro", window="period")
TOMORROW = NOON + DAY


# ---- grants --------------------------------------------------------------------------------


def test_a_grant_is_a_parcel_with_its_cause() -> None:
    """A receipt can be written from the entry alone."""
    story = a_story()

    entry = story.grant("topup:pi_1", 70, "topup", cause={"payment_id": "pi_1"})

    assert entry.postings == {"granted": -70, "grant:topup:pi_1": 70}
    assert entry.cause == {
        "grant_id": "topup:pi_1",
        "grant_kind": "topup",
        "payment_id": "pi_1",
    }
    assert (entry.amount_nanos, entry.expires_at) == (70, None)
    grant = story.wallet.grants["topup:pi_1"]
    assert (grant.priority, grant.granted_nanos, grant.remaining_nanos) == (50, 70, 70)


@pytest.mark.parametrize(
    ("kind", "priority"),
    [("plan", 10), ("free", 10), ("promo", 50), ("voucher", 50), ("adjustment", 50)],
)
def test_every_kind_has_its_place_in_the_order(kind: GrantKind, priority: int) -> None:
    """Monthly credits before everything that lasts; a command may say otherwise."""
    story = a_story()
    story.grant("default", 1, kind)
    story.grant("chosen", 1, kind, priority=3)

    assert story.wallet.grants["default"].priority == priority
    assert story.wallet.grants["chosen"].priority == 3


@pytest.mark.parametrize("kind", ["free", "promo", "voucher", "adjustment"])
def test_unpaid_grants_that_are_alike_merge(kind: GrantKind) -> None:
    """A hundred vouchers need not be a hundred parcels in the hot document."""
    story = a_story()
    story.grant("one", 10, kind, expires_at=TOMORROW)
    hold_id = story.hold(10)
    story.wait(timedelta(seconds=1))

    entry = story.grant("two", 5, kind, expires_at=TOMORROW)

    grant = story.wallet.grants["one"]
    assert (grant.granted_nanos, grant.remaining_nanos, grant.held_nanos) == (15, 5, 10)
    assert grant.created_at == NOON
    assert entry.entry_id == "two"
    assert entry.cause["grant_id"] == "one"
    assert entry.postings["grant:one"] == 5
    story.void(hold_id)
    story.now = TOMORROW
    assert story.tidy().entries[0].amount_nanos == 15


def test_grants_that_differ_stay_apart() -> None:
    """Other expiry, priority or kind is another place in the order."""
    story = a_story()
    story.grant("one", 1, "promo", expires_at=TOMORROW)
    story.grant("later", 1, "promo", expires_at=TOMORROW + DAY)
    story.grant("first", 1, "promo", expires_at=TOMORROW, priority=1)
    story.grant("other", 1, "voucher", expires_at=TOMORROW)
    story.grant("never", 1, "promo")

    assert set(story.wallet.grants) == {"one", "later", "first", "other", "never"}


@pytest.mark.parametrize("kind", ["plan", "topup"])
def test_paid_grants_never_merge(kind: GrantKind) -> None:
    """A refund takes back the parcel of its own payment."""
    story = a_story()
    story.grant("one", 10, kind, expires_at=TOMORROW)
    story.grant("two", 10, kind, expires_at=TOMORROW)

    assert set(story.wallet.grants) == {"one", "two"}


def test_a_grant_that_comes_after_its_expiry_is_entered_and_written_off() -> None:
    """A webhook of last month is recorded, and gives nothing any more."""
    story = a_story()

    entry = story.grant("late", 10, "plan", expires_at=NOON)

    assert entry.postings == {"granted": -10, "expired": 10}
    assert story.wallet.grants == {}


def test_a_grant_of_nothing_is_an_entry_and_no_parcel() -> None:
    """A pack for a voucher of 100 % still happened."""
    story = a_story()

    assert story.grant("none", 0, "topup").postings == {}
    assert story.wallet.grants == {}


def test_a_wallet_holds_so_much_and_no_more() -> None:
    """Beyond 2^53 a JSON reader would round somebody's money."""
    story = a_story(a=AMOUNT_NANOS_MAX - 10)
    story.hold(5)
    for amount_nanos in (-1, 11, AMOUNT_NANOS_MAX + 1):
        with pytest.raises(InvalidRequest):
            story.grant("b", amount_nanos, "topup")

    story.grant("b", 10, "topup")
    story.take_back("b", 10)
    story.grant("c", 10, "topup")
    with pytest.raises(InvalidRequest):
        story.give_back("b", 1, "topup")


def test_what_a_tier_holds_does_not_count_as_credits() -> None:
    """Reserved on a limit is not in the wallet, so it takes no room there."""
    story = a_story(tier(included="unlimited"))
    story.hold(AMOUNT_NANOS_MAX)

    assert story.grant("a", AMOUNT_NANOS_MAX, "topup").figures.available_nanos > 0


# ---- taking back, and the debt -------------------------------------------------------------


def test_unspent_credits_are_taken_back() -> None:
    """Money went back, so do the credits; nothing is owed."""
    story = a_story(a=100)
    story.charge(30)

    entry = story.take_back("a", 50)

    assert entry.postings == {"grant:a": -50, "refunded": 50}
    assert entry.cause == {"grant_id": "a"}
    assert (story.left(), story.wallet.receivable_nanos) == ({"a": 20}, 0)


@pytest.mark.parametrize(
    ("kind", "owes"), [("topup", True), ("plan", False)], ids=["top-up", "plan"]
)
def test_spent_credits_are_owed_for_a_top_up_and_let_go_for_a_plan(
    kind: GrantKind, owes: bool
) -> None:
    """A refunded pack leaves a debt; a refunded month takes what is left and no more."""
    story = a_story()
    story.grant("g", 100, kind)
    story.charge(70)

    entry = story.take_back("g", 100, owes_rest=owes)

    owed = 70 if owes else 0
    assert entry.postings.get("receivable", 0) == -owed
    assert entry.postings["refunded"] == 30 + owed
    assert entry.amount_nanos == 100
    assert (story.wallet.grants, story.wallet.receivable_nanos) == ({}, owed)


def test_what_holds_keep_is_owed_until_it_comes_back() -> None:
    """Running work keeps its credits; what it does not use repays the debt at once."""
    story = a_story(a=100)
    hold_id = story.hold(60)
    story.take_back("a", 100)
    assert story.wallet.receivable_nanos == 60

    entry = story.capture(hold_id, 45)

    assert entry.postings == {"held": -60, "consumed": 45, "receivable": 15}
    assert (story.wallet.receivable_nanos, story.wallet.grants) == (45, {})


@pytest.mark.parametrize(
    ("kind", "repays"),
    [
        ("topup", True),
        ("adjustment", True),
        ("plan", False),
        ("free", False),
        ("promo", False),
        ("voucher", False),
    ],
)
def test_top_ups_and_adjustments_repay_a_debt(kind: GrantKind, repays: bool) -> None:
    """Whoever owes pays it with the next money; a month's credits stay spendable later."""
    for amount_nanos in (69, 70, 71):
        story = a_story(a=100)
        story.charge(70)
        story.take_back("a", 100)

        entry = story.grant("b", amount_nanos, kind)

        repaid = min(amount_nanos, 70) if repays else 0
        assert entry.postings.get("receivable", 0) == repaid
        assert story.wallet.receivable_nanos == 70 - repaid
        assert story.wallet.live_nanos(story.now) == amount_nanos - repaid
        assert story.available_nanos == max(0, amount_nanos - 70)


def test_plan_credits_that_come_back_from_a_hold_do_not_repay() -> None:
    """They go back to the month they belong to."""
    story = a_story(FREE, a=100)
    story.grant("b", 30, "topup")
    story.charge(500)
    story.charge(100)
    story.grant("plan", 40, "plan", expires_at=NOON + 9 * DAY)
    hold_id = story.hold(70)
    story.take_back("a", 100)

    entry = story.void(hold_id)

    assert entry.postings == {"held": -70, "grant:plan": 40, "receivable": 30}
    assert (story.left(), story.wallet.receivable_nanos) == ({"plan": 40}, 70)


def test_expired_credits_that_come_back_repay_nothing() -> None:
    """They are gone; a debt is not paid with what does not exist."""
    story = a_story(a=100)
    story.grant("promo", 50, "promo", expires_at=NOON + HOUR)
    hold_id = story.hold(50, ttl_s=7200)
    story.charge(100)
    story.take_back("a", 100)

    entry = story.wait(HOUR).void(hold_id)

    assert entry.postings == {"held": -50, "expired": 50}
    assert story.wallet.receivable_nanos == 100


def test_a_time_out_repays_the_debt_too() -> None:
    """However a hold ends, what it frees is the debt's first."""
    story = a_story(a=100)
    story.hold(100)
    story.take_back("a", 100)

    story.wait(HOUR).tidy()

    assert (story.wallet.receivable_nanos, story.wallet.grants) == (0, {})


def test_a_refund_of_what_is_not_there_is_owed_whole() -> None:
    """The parcel was spent to the last nano and has gone from the wallet."""
    story = a_story(a=100)
    story.charge(100)

    assert story.take_back("a", 100).postings == {"receivable": -100, "refunded": 100}
    with pytest.raises(InvalidRequest):
        story.take_back("a", AMOUNT_NANOS_MAX - 99, n=2)
    story.take_back("a", AMOUNT_NANOS_MAX - 100, n=2)
    assert story.wallet.receivable_nanos == AMOUNT_NANOS_MAX
    for amount_nanos in (-1, AMOUNT_NANOS_MAX + 1):
        with pytest.raises(InvalidRequest):
            story.take_back("a", amount_nanos, n=3)


# ---- giving back ---------------------------------------------------------------------------


def test_a_failed_refund_undoes_itself() -> None:
    """Taken and owed, then given back: the wallet is as it was."""
    story = a_story(a=100)
    story.charge(70)
    story.take_back("a", 100)

    entry = story.give_back("a", 100, "topup")

    assert entry.postings == {"refunded": -100, "receivable": 70, "grant:a": 30}
    assert (entry.kind, entry.amount_nanos) == ("refund", -100)
    assert (story.left(), story.wallet.receivable_nanos) == ({"a": 30}, 0)
    grant = story.wallet.grants["a"]
    assert (grant.kind, grant.priority, grant.granted_nanos) == ("topup", 50, 100)
    assert story.accounts()["refunded"] == 0


def test_a_part_given_back_joins_the_parcel_that_is_still_there() -> None:
    """One payment, one parcel."""
    story = a_story(a=100)
    story.take_back("a", 60)

    story.give_back("a", 20, "topup")

    assert story.left() == {"a": 60}
    for amount_nanos in (-1, AMOUNT_NANOS_MAX + 1):
        with pytest.raises(InvalidRequest):
            story.give_back("a", amount_nanos, "topup", n=3)


def test_what_is_given_back_after_the_expiry_is_written_off() -> None:
    """A won dispute does not revive credits of a month that is over."""
    story = a_story(PRO)
    story.grant("g", 100, "plan", expires_at=TOMORROW)
    story.take_back("g", 100)
    story.now = TOMORROW

    entry = story.give_back("g", 100, "plan", expires_at=TOMORROW)

    assert entry.postings == {"refunded": -100, "expired": 100}
    assert story.wallet.grants == {}


def test_credits_of_a_period_that_was_followed_by_another_come_back_too_late() -> None:
    """Its grant had time left for the renewal's sake: without the refund it were over, too."""
    story = a_story(PRO)
    story.grant("g", 100, "plan", expires_at=PERIOD.end_at)
    story.take_back("g", 40)
    story.terms(PRO, Window(NOON + HOUR, PERIOD.end_at + HOUR))
    assert story.written("lapse")[0].amount_nanos == 60

    entry = story.give_back("g", 40, "plan", expires_at=PERIOD.end_at)

    assert entry.postings == {"refunded": -40, "expired": 40}
    assert story.left() == {}


def test_a_refund_in_many_steps_both_ways_ends_where_it_should() -> None:
    """Stripe's cumulative truth may rise and fall; the sum of the steps is all that counts."""
    story = a_story(a=100, b=50)
    story.charge(100)
    story.take_back("a", 30, n=1)
    story.give_back("a", 10, "topup", n=2)
    story.take_back("a", 80, n=3)
    story.wait(timedelta(seconds=1))

    assert story.wallet.receivable_nanos == 100
    assert story.available_nanos == 0
    assert story.wallet.live_nanos(story.now) == 50
    story.grant("c", 60, "topup")
    assert (story.wallet.receivable_nanos, story.available_nanos) == (40, 10)

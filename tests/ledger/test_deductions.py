"""Credits that an operator takes: from what is available, in burn order, never below zero."""

from datetime import timedelta

import pytest

from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.ledger.domain.commands import Deduct, Freeze
from creditbase.ledger.domain.wallet import BY_OPERATOR
from creditbase.metering.receipts import explain
from tests.ledger.builders import Story, a_story, drawn


def take(
    story: Story, amount_nanos: int, *, owes_rest: bool = False, number: int = 1
) -> Deduct:
    """Return a deduction under a number."""
    del story
    return Deduct(f"adjust:{number}", amount_nanos, owes_rest, {"audit": "a"})


def test_what_would_be_spent_first_is_taken_first() -> None:
    """The stated order is that of spending: who loses credits loses those that end soonest."""
    story = a_story(bought=100)
    story.grant("gift", 30, "promo", expires_at=story.now + timedelta(days=3))

    entry = story.entry(take(story, 50))

    assert drawn(entry.draws) == [("gift", 30), ("bought", 20)]
    assert story.left() == {"bought": 80}
    assert (entry.kind, entry.amount_nanos) == ("refund", 50)
    assert explain(entry).agrees


@pytest.mark.parametrize(
    ("asked", "owes", "left", "owed"),
    [
        (100, False, 0, 0),
        (101, False, 0, 0),
        (101, True, 0, 1),
        (AMOUNT_NANOS_MAX, False, 0, 0),
        (99, True, 1, 0),
    ],
)
def test_the_balance_is_never_below_zero_and_the_rest_is_owed_only_where_asked(
    asked: int, owes: bool, left: int, owed: int
) -> None:
    """At the exact boundary."""
    story = a_story(a=100)

    entry = story.entry(take(story, asked, owes_rest=owes))

    assert (story.available_nanos, story.wallet.receivable_nanos) == (left, owed)
    assert entry.amount_nanos == 100 - left + owed
    assert entry.cause["asked_nanos"] == asked
    assert story.accounts()["refunded"] == entry.amount_nanos


def test_an_empty_wallet_gives_nothing_and_says_so() -> None:
    """An entry of zero: somebody asked, and nothing was there."""
    story = a_story()

    entry = story.entry(take(story, 10))

    assert (entry.amount_nanos, entry.draws, dict(entry.postings)) == (0, (), {})


def test_what_holds_keep_and_what_is_owed_already_is_not_taken() -> None:
    """Work in progress is paid for; a debt comes before a deduction."""
    story = a_story(a=100, b=40)
    hold = story.hold(60)
    story.take_back("b", 30)
    story.charge(20)
    story.grant("gift", 5, "promo")
    available = story.available_nanos

    story.do(take(story, 1_000))

    assert available > 0
    assert story.available_nanos == 0
    assert story.wallet.held_nanos == 60
    story.capture(hold, 60)
    assert story.available_nanos == 0


def test_the_same_deduction_is_made_once() -> None:
    """Its entry is its guard, also with other figures: those are told apart at the door."""
    story = a_story(a=100)
    first = story.entry(take(story, 30))

    again = story.do(take(story, 40))

    assert (again.is_replay, again.entry) == (True, first)
    assert story.available_nanos == 70
    story.do(take(story, 30, number=2))
    assert story.available_nanos == 40


def test_credits_are_taken_from_a_frozen_wallet_too() -> None:
    """Freezing stops spending, not its correction."""
    story = a_story(a=100)
    story.do(Freeze(BY_OPERATOR))

    story.do(take(story, 30))

    assert story.left() == {"a": 70}


@pytest.mark.parametrize("amount_nanos", [-1, AMOUNT_NANOS_MAX + 1])
def test_an_amount_out_of_range_is_refused(amount_nanos: int) -> None:
    """A negative deduction would be a gift without a grant."""
    story = a_story(a=100)

    with pytest.raises(InvalidRequest):
        story.do(take(story, amount_nanos))


def test_a_debt_beyond_what_a_wallet_may_owe_is_refused() -> None:
    """And nothing is half done."""
    story = a_story(a=100)
    story.do(take(story, AMOUNT_NANOS_MAX, owes_rest=True))

    with pytest.raises(InvalidRequest):
        story.do(take(story, AMOUNT_NANOS_MAX, owes_rest=True, number=2))

    assert story.wallet.receivable_nanos == AMOUNT_NANOS_MAX - 100

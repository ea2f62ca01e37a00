"""The history of a balance: every kind of row says what it is, and all of them add up."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import given

from creditbase.ledger.domain.commands import (
    CutMonthly,
    Deduct,
    GiveBack,
    GrantCredits,
    TakeBack,
)
from creditbase.ledger.domain.wallet import INCLUDED
from creditbase.ledger.history import Row
from creditbase.relay import history_answers
from creditbase.relay.history_answers import row_answer
from tests.kernel.profiles import STORIES
from tests.ledger.builders import DAY, NOON, Story, a_story
from tests.ledger.programs import PROGRAMS, RETURNS, Step, Twin
from tests.relay.test_wallet_answers import CENT, rows_of, signed

NANOS_PER_SHOWN = 3
"""The programs' amounts are small: what is shown of them are units of three nanos."""
GIVEN = {
    "topup",
    "promo_credit",
    "voucher",
    "adjustment",
    "subscription_payment",
    "free_credit",
}


def in_threes(nanos: int) -> int:
    """Return whole units, rounded down, as cents are."""
    return nanos // NANOS_PER_SHOWN


def check_rows(story: Story) -> None:
    """Hold each row of a life against its entry, and all of them against the balance."""
    running = 0
    with patch.object(history_answers, "cents_remaining", in_threes):
        for row in rows_of(story):
            told = row_answer(row)
            running += signed(told)
            assert told["balance_after_cents"] == running
            check_words(row, told)
    assert running == in_threes(story.wallet.rowed_nanos)


def check_words(row: Row, told: dict[str, Any]) -> None:
    """Hold that a reason, a direction and an entry say the same."""
    entry, fell_nanos = row.entry, row.before_nanos - row.after_nanos
    code, is_credit = told["reason_code"], told["direction"] == "credit"
    if fell_nanos:
        assert is_credit == (fell_nanos < 0)
    if code == "usage":
        assert not is_credit
        assert any(draw.source != INCLUDED for draw in entry.draws)
    elif code == "expired":
        assert not is_credit
        assert entry.postings["expired"] > 0
    elif entry.entry_id.startswith("adjust:"):
        assert code == "adjustment"
        assert not is_credit
    elif code == "refund":
        assert is_credit == (told["description"] == history_answers.UNDONE[2])
        assert entry.kind == "refund" or fell_nanos > 0
    elif told["description"] == history_answers.SMALLER[2]:
        assert not is_credit
        assert entry.entry_id.startswith("c")
    else:
        assert is_credit
        assert code in GIVEN


def test_what_an_operator_took_is_no_refund() -> None:
    """Nobody got money for it; a promise of it in the history would be asked for."""
    story = a_story(topup=5 * CENT)

    story.do(Deduct("adjust:1", 2 * CENT))

    assert newest(story) == ("Adjustment by the operator", "debit", 2)


@STORIES
@given(PROGRAMS)
def test_every_row_of_every_life_says_what_it_is_and_they_add_up(program: list[Step]) -> None:
    """Plans, tiers, holds that end late, grants that end first: nothing is called otherwise."""
    twin = Twin()
    for step in program:
        twin.take(step)

    check_rows(twin.story)


@STORIES
@given(RETURNS)
def test_so_they_do_while_money_goes_back_and_forth(program: list[Step]) -> None:
    """Refunds of what open holds keep are where the words go wrong first."""
    twin = Twin()
    for pick in (0, 2):  # a plan and a pack
        twin.take(Step(0, "grant", 30, pick))
    for step in program:
        twin.take(step)

    check_rows(twin.story)


def newest(story: Story) -> tuple[str, str, int]:
    """Return the reason, the direction and the amount of the newest row."""
    told = row_answer(rows_of(story)[-1])
    return told["description"], told["direction"], told["amount_cents"]


def test_a_voided_hold_of_a_refunded_pack_is_a_refund() -> None:
    """The call used nothing and nothing expired: what it kept goes where the money went."""
    story = a_story(topup=5 * CENT)
    hold_id = story.hold(3 * CENT)
    story.do(TakeBack("r1", "topup:0", 5 * CENT, owes_rest=True))
    assert newest(story) == ("Refund of a payment", "debit", 2)

    story.void(hold_id)

    assert newest(story) == ("A call gave back what a refund had taken", "debit", 3)


def test_a_call_that_uses_little_of_what_a_refund_waits_for() -> None:
    """Most of what goes is the refund's, so the row is; and it names no model."""
    story = a_story(topup=5 * CENT)
    hold_id = story.hold(5 * CENT, model="m")
    story.do(TakeBack("r1", "topup:0", 5 * CENT, owes_rest=True))

    story.capture(hold_id, CENT)

    assert newest(story) == ("A call gave back what a refund had taken", "debit", 5)
    assert "model_id" not in row_answer(rows_of(story)[-1])


def test_a_hold_whose_credit_has_ended_is_expired() -> None:
    """What comes back from it cannot be spent any more."""
    story = a_story()
    story.do(GrantCredits("p", "promo", 2 * CENT, expires_at=NOON + DAY))
    hold_id = story.hold(2 * CENT, ttl_s=86_400)
    story.wait(timedelta(days=1)).tidy()

    assert hold_id not in story.wallet.holds
    assert newest(story) == ("What was left of a credit has expired", "debit", 2)


def test_a_refund_beside_an_open_dispute_is_a_refund() -> None:
    """Each step says which of the two it was, whatever the sums have become."""
    story = a_story(topup=5 * CENT)
    for number, is_dispute in ((1, True), (2, False)):
        cause = {"disputed_cents": 2, "is_dispute": is_dispute}
        story.do(TakeBack(f"r{number}", "topup:0", 2 * CENT, owes_rest=True, cause=cause))

        told = "A payment was disputed" if is_dispute else "Refund of a payment"
        assert newest(story) == (told, "debit", 2)

    story.do(GiveBack("r3", "topup:0", "topup", 2 * CENT, None, {"disputed_cents": 0}))
    assert newest(story) == ("A refund or dispute was undone", "credit", 2)


def test_a_plan_that_became_smaller_says_so() -> None:
    """Nobody has refunded anything there."""
    story = a_story()
    story.do(GrantCredits("cycle:1", "plan", 5 * CENT))
    story.do(CutMonthly("c1", 2 * CENT))
    assert newest(story) == ("The plan became a smaller one", "debit", 3)

"""What is owed of credits that were taken back, and what is not: to the nano.

Only what was spent; neither what lapsed, nor what work gives back, however late.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from creditbase.kernel.errors import Contention
from creditbase.ledger.domain.commands import (
    ChangeTerms,
    GiveBack,
    TakeBack,
)
from creditbase.ledger.domain.decide import decide
from creditbase.ledger.encoding import read_grant, write_grant
from tests.ledger.builders import FREE, MINUTE, PERIOD, a_story
from tests.ledger.test_recalls import PLAN, PRO, on_plan, refund, undo


@pytest.mark.parametrize("used", [0, 25, 60, 80])
@pytest.mark.parametrize("is_before", [True, False], ids=["refund-first", "end-first"])
def test_a_refunded_pack_owes_what_was_used_of_it_and_no_more(
    used: int, is_before: bool
) -> None:
    """Held credits are a debt at once, and pay it when they come back: to the nano."""
    story = a_story(a=100)
    hold = story.hold(60)

    if is_before:
        story.take_back("a", 100)
        assert story.wallet.receivable_nanos == 60
        story.capture(hold, used)
    else:
        story.capture(hold, used)
        story.take_back("a", 100)

    # above the hold the work finds credits only where they have not gone yet
    assert story.wallet.receivable_nanos == min(used, 60 if is_before else 100)
    assert (story.available_nanos, story.wallet.grants) == (0, {})


def test_a_packs_refund_that_fails_after_the_work_gives_all_of_it_back() -> None:
    """Held, refunded, given back, and the refund failed: the pack is whole again."""
    story = a_story(a=100)
    hold = story.hold(60)
    story.take_back("a", 100)
    story.void(hold)
    assert (story.wallet.receivable_nanos, story.available_nanos) == (0, 0)

    story.give_back("a", 100, "topup")

    assert story.left() == {"a": 100}


def test_a_pack_that_comes_back_is_again_what_was_bought() -> None:
    """Not a gift: what it costs us to serve is still set against the money that came in."""
    story = a_story()
    story.grant("topup:1", 1_000, "topup", paid_nanos=700)
    before = story.wallet.grants["topup:1"]
    story.take_back("topup:1", 1_000)
    assert "topup:1" not in story.wallet.grants

    story.give_back("topup:1", 1_000, "topup")

    after = story.wallet.grants["topup:1"]
    assert after == replace(before, created_at=after.created_at)


def test_a_plans_failed_refund_does_not_pay_the_debt_of_a_pack() -> None:
    """Plan credits repay nothing, so those that come back do not either."""
    story = on_plan(50)
    story.grant("pack", 30, "topup")
    refund(story, 50)
    story.charge(30)
    story.take_back("pack", 30)

    undo(story, 50)

    assert (story.left(), story.wallet.receivable_nanos) == ({PLAN: 50}, 30)


def test_a_disputed_plans_debt_is_paid_when_the_dispute_is_won() -> None:
    """What was made a debt is no debt any more, the rest are credits again."""
    story = on_plan(50)
    story.charge(20)
    story.take_back(PLAN, 50)
    assert story.wallet.receivable_nanos == 20

    story.entry(GiveBack(f"refund:{PLAN}:2", PLAN, "plan", 50, PERIOD.end_at, owed_nanos=20))

    assert (story.left(), story.wallet.receivable_nanos) == ({PLAN: 30}, 0)


@pytest.mark.parametrize("used", [0, 25, 60])
@pytest.mark.parametrize("is_over", [True, False], ids=["over", "running"])
def test_a_disputed_plan_owes_of_what_was_held_only_what_was_used(
    used: int, *, is_over: bool
) -> None:
    """Held credits are a debt at once, and pay it when they come back, however late."""
    story = on_plan()
    story.now = PERIOD.end_at - MINUTE
    hold = story.hold(60)
    if is_over:
        story.now = PERIOD.end_at

    entry = story.take_back(PLAN, 100)
    assert -entry.postings["receivable"] == 60
    ended = story.capture(hold, used)

    assert story.wallet.receivable_nanos == used
    assert ended.cause.get("redeemed", {}) == ({PLAN: 60 - used} if used < 60 else {})
    story.entry(GiveBack(f"refund:{PLAN}:2", PLAN, "plan", 100, PERIOD.end_at, owed_nanos=60))
    assert story.wallet.receivable_nanos == 0
    assert story.available_nanos == (0 if is_over else 100 - used)


@pytest.mark.parametrize("is_held", [True, False], ids=["by-a-hold", "by-the-bank"])
def test_what_somebody_paid_of_a_debt_that_is_none_returns_for_good(*, is_held: bool) -> None:
    """A pack paid what a dispute had made a debt: its credits do not end with the month."""
    story = on_plan()
    hold = story.hold(60)
    if not is_held:
        story.capture(hold, 60)
    story.take_back(PLAN, 100)
    story.grant("pack", 80, "topup")
    assert story.left() == {"pack": 20} | ({PLAN: 0} if is_held else {})

    if is_held:
        story.void(hold)
    else:
        story.entry(
            GiveBack(f"refund:{PLAN}:2", PLAN, "plan", 60, PERIOD.end_at, owed_nanos=60)
        )
    story.now = PERIOD.end_at
    story.tidy()

    assert (story.available_nanos, story.wallet.receivable_nanos) == (80, 0)


def test_a_grant_of_an_older_document_recalls_nothing() -> None:
    """Documents from before recalls have no such field, and the new ones only where needed."""
    grant = on_plan().wallet.grants[PLAN]
    fields = write_grant(grant)

    assert not {"recalled_nanos", "forgone_nanos"} & set(fields)
    assert read_grant(fields) == grant
    story = on_plan()
    hold = story.hold(30)
    refund(story, 90)
    assert write_grant(story.wallet.grants[PLAN])["recalled_nanos"] == 20
    story.do(ChangeTerms(PRO, PERIOD))
    story.capture(hold, 30)
    assert write_grant(story.wallet.grants[PLAN])["forgone_nanos"] == 20


# ---- what lapsed unspent ---------------------------------------------------------------------


@pytest.mark.parametrize("is_looked_at", [True, False], ids=["lapsed-before", "lapses-now"])
def test_a_disputed_plan_of_an_older_period_owes_only_what_was_spent_of_it(
    *, is_looked_at: bool
) -> None:
    """Seventy were written off unspent: nobody had them, so nobody owes them."""
    story = on_plan()
    story.charge(30)
    story.now = PERIOD.end_at
    if is_looked_at:
        story.tidy()

    entry = story.take_back(PLAN, 100)

    assert entry.postings == {"receivable": -30, "refunded": 30}
    assert entry.cause["lapsed_nanos"] == 70
    assert story.wallet.receivable_nanos == 30


def test_a_disputed_plan_does_not_owe_what_came_back_when_it_was_over() -> None:
    """Two holds span the end: what they give back late was spent by nobody."""
    story = on_plan()
    story.charge(20)
    story.now = PERIOD.end_at - MINUTE
    first, second = story.hold(40), story.hold(30)
    story.now = PERIOD.end_at
    story.capture(first, 25)
    assert story.wallet.grants[PLAN].late_nanos == 15
    story.void(second)

    (told,) = [entry for entry in story.entries.values() if entry.entry_id.endswith(":held")]
    assert (told.amount_nanos, told.postings) == (45, {})
    entry = story.take_back(PLAN, 100)

    assert entry.cause["lapsed_nanos"] == 55
    assert story.wallet.receivable_nanos == 45


def test_what_lapsed_sets_off_once() -> None:
    """A refund in part was for what lapsed; the dispute of the rest is for what was spent."""
    story = on_plan()
    story.charge(30)
    story.now = PERIOD.end_at
    assert refund(story, 60).cause["lapsed_nanos"] == 60

    story.do(TakeBack(f"refund:{PLAN}:2", PLAN, 40, owes_rest=True, lapsed_nanos=60))

    assert story.wallet.receivable_nanos == 30


def test_whether_it_lapsed_is_read_before_it_is_decided() -> None:
    """A warm wallet knows no old entries: guessing would make a debt of unspent credits."""
    story = on_plan()
    story.now = PERIOD.end_at
    story.tidy()
    command = TakeBack(f"refund:{PLAN}:1", PLAN, 100, owes_rest=True)

    with pytest.raises(Contention):
        decide(story.wallet, {}, command, now=story.now)

    assert story.entry(command).postings == {}


def test_a_free_window_that_was_wholly_held_is_left_and_entered_again() -> None:
    """Nothing was set aside, so nothing is given back; the work gives back what it held."""
    story = a_story(FREE)
    hold_id = story.hold(500)
    story.terms(PRO, PERIOD)

    assert story.terms(FREE).entries == ()
    assert story.available_nanos == 0
    story.void(hold_id)

    assert story.left() == {"free:0": 500}


def test_what_was_written_off_is_not_written_off_again() -> None:
    """A document of before it was counted when plans end: the entry itself says that it did."""
    story = on_plan()
    refund(story, 60)
    story.terms(FREE)
    lapse_id = f"expire:{PLAN}"
    assert lapse_id in story.entries
    story.wallet = replace(story.wallet, plans_over_seq=0)

    undo(story, 60)
    assert story.left().get(PLAN, 0) == 0

    story.wait(timedelta(days=60)).tidy()
    assert list(story.entries).count(lapse_id) == 1

"""A plan that becomes a smaller one within its period, and a larger one again.

What goes with it comes back with it, and refunds in between change nothing of that.
"""

import pytest

from creditbase.ledger.domain.commands import (
    CutMonthly,
    GiveBack,
    UndoCut,
)
from tests.ledger.builders import FREE, MINUTE, PERIOD, Story
from tests.ledger.test_recalls import PLAN, on_plan, refund, undo


@pytest.mark.parametrize(
    ("spent", "most", "used", "left"),
    [(50, 30, 0, 30), (50, 30, 40, 30), (50, 30, 15, 30), (200, 30, 0, 30), (200, 30, 40, 10)],
)
def test_a_smaller_plan_is_not_made_larger_by_work_that_ends(
    spent: int, most: int, used: int, left: int
) -> None:
    """Whatever a hold gives back, no more than the smaller plan's credits can be spent."""
    story = on_plan(150)
    story.wait(MINUTE)
    story.grant("upgrade:i", 100, "plan", expires_at=PERIOD.end_at)
    hold = story.hold(40)
    story.charge(spent)  # of 250: ten are left where 200 were spent

    entry = story.entry(CutMonthly("downgrade:s:1:1", most))
    assert story.available_nanos == min(most, 210 - spent)
    assert sum(entry.cause["cutting"].values()) == (40 if spent == 50 else 20)
    story.capture(hold, used)

    assert story.available_nanos == left


def test_a_cut_recalls_from_what_burns_last() -> None:
    """Held credits of two grants: those of the way up go before the period's own."""
    story = on_plan(50)
    story.wait(MINUTE)
    story.grant("upgrade:i", 100, "plan", expires_at=PERIOD.end_at)
    hold = story.hold(150)

    entry = story.entry(CutMonthly("downgrade:s:1:1", 30))

    assert entry.postings == {}
    assert entry.cause["cutting"] == {PLAN: 20, "upgrade:i": 100}
    assert story.void(hold).cause == {"cut": {PLAN: 20, "upgrade:i": 100}}
    assert story.left() == {PLAN: 30, "upgrade:i": 0}


def up_and_down(amount_nanos: int = 100) -> Story:
    """Return the story of an upgrade whose plan became the smaller one again."""
    story = on_plan(50)
    story.wait(MINUTE)
    story.grant("upgrade:i", amount_nanos, "plan", expires_at=PERIOD.end_at)
    story.do(CutMonthly("downgrade:s:1:1", 50))
    return story


@pytest.mark.parametrize(("over", "back"), [(0, 100), (30, 70), (100, 0), (200, 0)])
def test_up_again_gives_back_what_was_cut_and_is_paid_for(over: int, back: int) -> None:
    """The second way up was paid, but for the time in which the plan was the smaller one."""
    story = up_and_down()

    entry = story.entry(UndoCut("downgrade:s:1:1:0", over, 50))

    assert (entry.amount_nanos, story.available_nanos) == (-back, 50 + back)
    assert story.do(UndoCut("other", over, 50)).is_replay


def test_a_smaller_plan_that_nobody_saw_leaves_no_more_than_one_that_was_seen() -> None:
    """Down and up between two looks: what nobody paid for goes, above the smaller plan."""
    ends = []
    for is_seen in (True, False):
        story = on_plan(50)
        story.wait(MINUTE)
        story.grant("upgrade:i", 100, "plan", expires_at=PERIOD.end_at)
        story.charge(20)
        if is_seen:
            story.do(CutMonthly("downgrade:s:1:1", 50))
        story.do(UndoCut("downgrade:s:1:1:60", 60, 50))
        ends.append(story.available_nanos)

    assert ends == [70, 70]


@pytest.mark.parametrize("used", [0, 10, 40])
@pytest.mark.parametrize("is_before", [True, False], ids=["up-first", "end-first"])
def test_up_again_while_work_holds_what_was_cut(used: int, *, is_before: bool) -> None:
    """What the work does not use is the larger plan's again."""
    story = on_plan(50)
    story.wait(MINUTE)
    story.grant("upgrade:i", 100, "plan", expires_at=PERIOD.end_at)
    hold = story.hold(120)
    story.do(CutMonthly("downgrade:s:1:1", 50))
    again = UndoCut("downgrade:s:1:1:0", 0, 50)

    if is_before:
        story.do(again)
    story.capture(hold, used)
    if not is_before:
        story.do(again)

    assert story.available_nanos == 150 - used


@pytest.mark.parametrize("is_up_again", [True, False])
def test_a_refund_that_fails_on_a_smaller_plan_gives_no_more_than_it_left(
    *, is_up_again: bool
) -> None:
    """As if there had been no refund: what comes back is cut as it would have been."""
    story = on_plan(150)
    refund(story, 150)
    story.do(CutMonthly("downgrade:s:1:1", 50))

    undo(story, 150)
    if is_up_again:
        story.do(UndoCut("downgrade:s:1:1:30", 30, 50))

    assert story.available_nanos == (120 if is_up_again else 50)


def test_a_refund_takes_what_was_cut_before_it_lets_anything_go() -> None:
    """Else going up again would give back credits that were refunded."""
    story = up_and_down()
    entry = story.take_back("upgrade:i", 100, owes_rest=True)
    assert (entry.postings, entry.cause["cut"]) == ({}, {"upgrade:i": -100})

    story.do(UndoCut("downgrade:s:1:1:0", 0, 50))
    assert story.available_nanos == 50
    story.entry(
        GiveBack("refund:upgrade:i:2", "upgrade:i", "plan", 0, PERIOD.end_at, cut_nanos=100)
    )

    assert story.available_nanos == 150


def test_what_was_cut_and_refunded_lapses_with_a_plan_that_was_left() -> None:
    """It is told, because nobody owes it when the payment is disputed after all."""
    story = up_and_down()
    story.take_back("upgrade:i", 100, owes_rest=False)
    story.terms(FREE)

    entry = story.entry(
        GiveBack("refund:upgrade:i:2", "upgrade:i", "plan", 0, PERIOD.end_at, cut_nanos=100)
    )

    assert (entry.postings, entry.cause["lapsed_nanos"]) == ({}, -100)


def test_nobody_owes_what_a_smaller_plan_has_cut() -> None:
    """The upgrade's payment is disputed when its period is over: nothing of it was spent."""
    story = up_and_down()
    story.now = PERIOD.end_at

    entry = story.take_back("upgrade:i", 100)

    assert entry.cause["lapsed_nanos"] == 100
    assert story.wallet.receivable_nanos == 0

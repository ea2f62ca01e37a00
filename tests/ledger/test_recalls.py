"""Recalled credits: what is taken back while work holds it goes when the work gives it back.

Whoever is refunded in the middle of a call keeps neither more nor less than who is refunded
after it.
"""

from itertools import permutations

import pytest

from creditbase.kernel.errors import Contention
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.commands import (
    GiveBack,
)
from creditbase.ledger.domain.decide import decide
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.wallet import Terms
from tests.ledger.builders import DAY, FREE, NOON, PERIOD, Story, a_story

PRO = Terms("pro", window="period")
PLAN = "cycle:s:1"


def on_plan(amount_nanos: int = 100) -> Story:
    """Return the story of somebody whose plan has just been paid."""
    story = a_story(PRO)
    story.grant(PLAN, amount_nanos, "plan", expires_at=PERIOD.end_at)
    return story


def refund(story: Story, amount_nanos: int, n: int = 1) -> Entry:
    """Refund a part of the plan: what is left of it goes, and no more."""
    return story.take_back(PLAN, amount_nanos, owes_rest=False, n=n)


def undo(story: Story, amount_nanos: int = 0, *, recalled: int = 0, n: int = 2) -> Entry:
    """Undo a refund that had taken so much, and recalled so much."""
    return story.entry(
        GiveBack(
            f"refund:{PLAN}:{n}",
            PLAN,
            "plan",
            amount_nanos,
            PERIOD.end_at,
            recalled_nanos=recalled,
        )
    )


def test_held_credits_of_a_refunded_plan_go_when_they_come_back() -> None:
    """All of the money is back: nothing of the plan may be spent after the work."""
    story = on_plan()
    hold = story.hold(40)

    taken = refund(story, 100)
    ended = story.void(hold)

    assert taken.postings == {f"grant:{PLAN}": -60, "refunded": 60}
    assert taken.cause == {"grant_id": PLAN, "recall": {PLAN: 40}}
    assert ended.postings == {"held": -40, "refunded": 40}
    assert ended.cause == {"recalled": {PLAN: 40}}
    assert (story.available_nanos, story.wallet.grants) == (0, {})


@pytest.mark.parametrize(("used", "left"), [(0, 0), (10, 0), (39, 0), (40, 0), (55, 0)])
def test_work_may_use_what_it_holds_whatever_was_refunded(used: int, left: int) -> None:
    """What it does not use is gone; above its hold there is nothing to draw on."""
    story = on_plan()
    hold = story.hold(40)
    refund(story, 100)

    entry = story.capture(hold, used)

    assert entry.captured_nanos == min(used, 40)
    assert entry.shortfall_nanos == max(0, used - 40)
    assert entry.postings.get("refunded", 0) == max(0, 40 - used)
    assert story.available_nanos == left


@pytest.mark.parametrize("order", list(permutations(("refund", "end", "spend"))), ids="-".join)
@pytest.mark.parametrize("used", [0, 15, 30])
def test_a_refund_in_part_takes_the_same_before_and_after_the_work(
    order: tuple[str, ...], used: int
) -> None:
    """Of 100 credits 45 are refunded, 20 spent, and of 30 held some are used."""
    story = on_plan()
    hold = story.hold(30)
    for event in order:
        if event == "refund":
            refund(story, 45)
        elif event == "end":
            story.capture(hold, used)
        else:
            story.charge(20)

    assert story.available_nanos == 100 - 45 - 20 - used


@pytest.mark.parametrize("used", [0, 10, 60])
@pytest.mark.parametrize("is_before", [True, False], ids=["undone-first", "ended-first"])
def test_a_refund_that_fails_leaves_no_trace(used: int, is_before: bool) -> None:
    """The money came back to us: the customer has what there would be without the refund."""
    story = on_plan()
    hold = story.hold(60)
    assert refund(story, 100).cause["recall"] == {PLAN: 60}

    if is_before:
        undo(story, 40, recalled=60)
        assert story.wallet.grants[PLAN].recalled_nanos == 0
    story.capture(hold, used)
    if not is_before:
        undo(story, 40, recalled=60)

    assert story.available_nanos == 100 - used
    grant = story.wallet.grants[PLAN]
    assert (grant.recalled_nanos, grant.forgone_nanos) == (0, 0)


def test_undoing_a_part_of_a_recall_first_forgets_what_was_used_instead() -> None:
    """As if less had been recalled: the used credits are not given again."""
    story = on_plan(60)
    first, second = story.hold(30), story.hold(30)
    refund(story, 60)
    story.capture(first, 20)  # ten came back and went

    undo(story, recalled=20)  # as if 40 had been recalled: ten went, thirty are still wanted
    grant = story.wallet.grants[PLAN]
    assert (grant.recalled_nanos, grant.forgone_nanos, grant.remaining_nanos) == (30, 0, 0)
    undo(story, recalled=35, n=3)  # as if five had been

    assert story.wallet.grants[PLAN].remaining_nanos == 5
    story.void(second)
    assert story.available_nanos == 35


def test_what_was_used_instead_is_remembered_beyond_the_plan() -> None:
    """Without a credit left in it: a refund may fail months later, and its books stay true."""
    story = on_plan(60)
    hold = story.hold(60)
    refund(story, 60)
    story.capture(hold, 20)

    assert story.wallet.grants[PLAN].forgone_nanos == 20
    story.now = PERIOD.end_at + 40 * DAY
    story.tidy()
    undone = undo(story, recalled=60)

    assert undone.postings == {"refunded": -40, "expired": 40}
    assert story.accounts()["refunded"] == 0
    assert (story.available_nanos, PLAN in story.wallet.grants) == (0, False)


def test_two_refunds_recall_no_more_than_is_held() -> None:
    """The second finds nothing that could still come back; the rest was spent."""
    story = on_plan()
    story.charge(30)
    hold = story.hold(70)

    assert refund(story, 50).cause["recall"] == {PLAN: 50}
    assert refund(story, 50, n=2).cause["recall"] == {PLAN: 20}
    assert "recall" not in refund(story, 50, n=3).cause

    story.void(hold)
    assert story.available_nanos == 0
    assert story.accounts()["refunded"] == 70


def test_a_hold_that_times_out_after_the_window_gives_what_was_recalled_to_nobody() -> None:
    """The window turns meanwhile: what was recalled is refunded, the rest has lapsed."""
    story = on_plan()
    story.hold(50, ttl_s=86_400)
    refund(story, 80)
    story.terms(PRO, Window(PERIOD.end_at, PERIOD.end_at + 30 * DAY))

    assert story.wallet.grants[PLAN].recalled_nanos == 30
    story.wait(2 * DAY).tidy()

    (ended,) = story.written("expire")
    assert ended.postings == {"held": -50, "refunded": 30, "expired": 20}
    assert story.wallet.grants == {}


def test_a_held_part_of_merged_credits_is_recalled() -> None:
    """Unpaid grants that are alike are one; so is what is recalled of them."""
    story = a_story(PRO)
    story.grant("promo:1", 50, "promo", expires_at=NOON + DAY)
    hold = story.hold(50)
    story.take_back("promo:1", 50, owes_rest=False)
    story.grant("promo:2", 20, "promo", expires_at=NOON + DAY)
    grant = story.wallet.grants["promo:1"]
    assert (grant.remaining_nanos, grant.recalled_nanos) == (20, 50)

    story.void(hold)

    assert story.left() == {"promo:1": 20}


# ---- a plan that was left, or is over --------------------------------------------------------


@pytest.mark.parametrize("used", [0, 10, 60])
@pytest.mark.parametrize("left", ["before-the-end", "after-the-end", "after-the-undoing"])
def test_a_refund_that_fails_revives_no_plan_that_was_left(left: str, used: int) -> None:
    """The money is ours again; the plan was given up, and its credits with it."""
    story = on_plan()
    hold = story.hold(60)
    refund(story, 100)
    if left == "before-the-end":
        story.terms(FREE)
    story.capture(hold, used)
    if left == "after-the-end":
        story.terms(FREE)

    undo(story, 40, recalled=60)
    if left == "after-the-undoing":
        story.terms(FREE)

    assert story.left() == {"free:0": 500}
    assert story.accounts()["refunded"] == 0
    assert story.accounts()["expired"] == 100 - used


def test_a_refund_that_fails_revives_nothing_that_was_wholly_taken() -> None:
    """The wallet has forgotten a grant that is empty; its entry tells when it was given."""
    story = on_plan()
    refund(story, 100)
    story.terms(FREE)

    with pytest.raises(Contention):
        decide(story.wallet, {}, GiveBack("r:2", PLAN, "plan", 100), now=story.now)
    entry = undo(story, 100)

    assert entry.postings == {"refunded": -100, "expired": 100}


def test_a_plan_that_is_heard_of_late_is_no_plan_that_was_left() -> None:
    """First left, then bought again: a refund of the second that fails is undone."""
    story = on_plan()
    story.terms(FREE)
    story.terms(PRO, PERIOD)
    story.grant("cycle:s:2", 70, "plan", expires_at=PERIOD.end_at)
    story.take_back("cycle:s:2", 70, owes_rest=False)

    story.give_back("cycle:s:2", 70, "plan", expires_at=PERIOD.end_at)

    assert story.available_nanos == 70

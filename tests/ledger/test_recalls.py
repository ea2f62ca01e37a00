"""Recalled credits: what is taken back while work holds it goes when the work gives it back.

Whoever is refunded in the middle of a call keeps neither more nor less than who is refunded
after it.
"""

from itertools import permutations

import pytest

from creditbase.kernel.errors import Contention
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.commands import ChangeTerms, CutMonthly, GiveBack, TakeBack
from creditbase.ledger.domain.decide import decide
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.encoding import read_grant, write_grant
from tests.ledger.builders import DAY, FREE, MINUTE, NOON, PERIOD, Story, a_story

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


def test_what_was_recalled_is_remembered_while_the_plan_lives() -> None:
    """Without a credit left in it: who undoes the refund must not give what was used."""
    story = on_plan(60)
    hold = story.hold(60)
    refund(story, 60)
    story.capture(hold, 20)

    assert story.wallet.grants[PLAN].forgone_nanos == 20
    story.now = PERIOD.end_at
    story.tidy()

    assert PLAN not in story.wallet.grants


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


# ---- a smaller plan --------------------------------------------------------------------------


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
    assert sum(entry.cause["recall"].values()) == (40 if spent == 50 else 20)
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
    assert entry.cause["recall"] == {PLAN: 20, "upgrade:i": 100}
    story.void(hold)
    assert story.left() == {PLAN: 30}


# ---- what owes -------------------------------------------------------------------------------


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

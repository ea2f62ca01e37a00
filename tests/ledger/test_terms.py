"""Other terms: plans and tiers come and go; nobody farms credits, or loses what was bought."""

from dataclasses import replace
from datetime import datetime

import pytest

from creditbase.kernel.windows import Window, free_window
from creditbase.ledger.domain.commands import ChangeTerms, CutMonthly, GrantCredits
from creditbase.ledger.domain.wallet import Metered, Terms
from tests.ledger.builders import (
    BARE,
    DAY,
    FREE,
    HOUR,
    MINUTE,
    NOON,
    PERIOD,
    a_story,
    requests,
    tier,
    turn_of,
)

PRO = Terms("pro", window="period", allocation_nanos=0)
NEXT = Window(PERIOD.end_at, datetime(2026, 5, 10, 12, tzinfo=NOON.tzinfo))


def test_a_paid_period_ends_the_free_credits() -> None:
    """The plan's credits replace them; what the customer bought stays (P25)."""
    story = a_story(FREE, a=100)

    decided = story.terms(PRO, PERIOD)

    assert [entry.entry_id for entry in decided.entries] == ["expire:free:0"]
    assert decided.must_publish
    story.grant("cycle:s:1", 1000, "plan", expires_at=PERIOD.end_at)
    assert story.left() == {"a": 100, "cycle:s:1": 1000}
    assert (story.wallet.window.span, story.wallet.window.number) == (PERIOD, None)


def test_the_same_period_told_again_changes_nothing_but_the_terms() -> None:
    """Events repeat and overlap: spend and credits stay as they are."""
    story = a_story(tier(100))
    story.charge(30)
    story.grant("cycle:s:1", 50, "plan")
    longer = Window(PERIOD.start_at, PERIOD.end_at + DAY)

    story.terms(tier(200), longer)

    assert story.wallet.window.included_spent_nanos == 30
    assert story.wallet.window.span == longer
    assert story.left() == {"cycle:s:1": 50}
    assert story.wallet.included_remaining_nanos(story.now) == 170


def test_a_new_period_ends_the_old_plan_credits_and_starts_the_limit_anew() -> None:
    """Renewal: unused plan credits lapse, open holds keep theirs."""
    story = a_story(tier(100))
    story.grant("cycle:s:1", 50, "plan", expires_at=PERIOD.end_at + 2 * HOUR)
    story.charge(100)
    story.now = NEXT.start_at - MINUTE
    hold_id = story.hold(20, ttl_s=3600)
    story.wait(2 * MINUTE)

    story.terms(tier(100), NEXT)

    assert story.written("lapse")[0].amount_nanos == 30
    assert story.wallet.included_remaining_nanos(story.now) == 100
    assert story.capture(hold_id, 15).postings == {"held": -20, "expired": 5, "consumed": 15}
    assert story.closed_windows == [PERIOD.start_at]


def test_a_grant_without_unheld_credits_ends_with_its_window_too() -> None:
    """All of it is held: what comes back from the hold must not outlive the window."""
    story = a_story(PRO)
    story.grant("cycle:s:1", 50, "plan", expires_at=PERIOD.end_at + 2 * HOUR)
    hold_id = story.hold(50)

    story.terms(FREE)

    assert story.written("lapse") == []
    assert story.void(hold_id).postings == {"held": -50, "expired": 50}
    assert story.left() == {"free:0": 500}


def test_a_plan_told_late_does_not_use_up_a_free_window() -> None:
    """Webhooks may be late: credits that nobody could have spent would be missing later."""
    story = a_story(FREE)
    story.now = free_window(story.wallet.created_at, 1).start_at + MINUTE

    told = story.terms(PRO, Window(story.now - HOUR, story.now + DAY))
    back = story.terms(FREE)

    assert [entry.entry_id for entry in told.entries] == ["expire:free:0"]
    assert [entry.entry_id for entry in back.entries] == ["free:1"]


def test_returning_to_free_gives_the_running_windows_credits_only_once() -> None:
    """Upgrading and cancelling in a loop must not farm free credits (P24)."""
    story = a_story(FREE)
    story.charge(500)
    for _ in range(3):
        story.wait(DAY).terms(PRO, Window(story.now, story.now + 30 * DAY))
        story.wait(DAY).terms(FREE)

    assert story.left() == {}
    assert [entry.entry_id for entry in story.written("grant")] == ["free:0"]
    # and the next window gives again
    story.now = turn_of(story)
    story.tidy()
    assert story.left() == {"free:1": 500}


def test_returning_to_free_enters_the_running_window_with_its_first_credits() -> None:
    """Who was on a plan from the start has not had this window's credits yet."""
    story = a_story(PRO)
    story.now = free_window(NOON, 2).start_at + DAY

    story.terms(FREE)

    assert story.left() == {"free:2": 500}
    assert story.wallet.window.span == free_window(NOON, 2)
    assert story.wallet.grants["free:2"].expires_at == free_window(NOON, 2).end_at


def test_other_free_terms_within_a_window_grant_nothing_more() -> None:
    """The same window, so its credits were given already."""
    story = a_story(FREE)

    decided = story.terms(Terms("free", allocation_nanos=900))

    assert decided.entries == ()
    assert story.left() == {"free:0": 500}


def test_a_window_left_early_is_taken_up_again_and_written_once() -> None:
    """Free, paid, cancelled at once, free: one window, one document, and all of its usage."""
    story = a_story(FREE, a=100)
    story.charge(10, Metered("x"))
    hold_id = story.hold(20, ttl_s=86_400)
    story.wait(HOUR).terms(PRO, Window(story.now, story.now + 30 * DAY))
    story.charge(5, Metered("y"))
    assert story.closed_windows == []
    story.wait(HOUR).terms(FREE)

    assert story.wallet.window.tallies["x"].amount_nanos == 10
    story.capture(hold_id, 20)
    assert story.wallet.window.tallies["unspecified"].amount_nanos == 20
    story.now = turn_of(story) + DAY
    decided = story.tidy()

    assert {w.span.start_at: set(w.tallies) for w in decided.closed_windows} == {
        NOON: {"x", "unspecified"},
        NOON + HOUR: {"y"},
    }
    assert story.wallet.closing == ()


def test_going_back_to_a_period_goes_back_to_its_spend() -> None:
    """Two subscriptions whose events alternate must not renew a limit each time."""
    story = a_story(tier(100, draws_wallet=False))
    story.charge(60)
    hold_id = story.hold(30)
    other = Window(NOON + MINUTE, NOON + 30 * DAY)
    story.wait(2 * MINUTE)

    story.terms(tier(100, draws_wallet=False), other)
    story.charge(100)
    story.terms(tier(100, draws_wallet=False), PERIOD)

    assert story.wallet.included_remaining_nanos(story.now) == 10
    assert story.capture(hold_id, 25).figures.included_remaining_nanos == 15


def test_a_period_that_starts_with_the_free_window_is_one_window() -> None:
    """An account and its subscription of the same instant: holds find what they drew on."""
    story = a_story(Terms("start", included="limited", limit_nanos=100))
    hold_id = story.hold(40)

    story.terms(tier(100), PERIOD)

    assert story.wallet.included_remaining_nanos(story.now) == 60
    story.capture(hold_id, 40)
    assert story.wallet.window.included_spent_nanos == 40
    assert story.wallet.closing == ()


def test_a_hold_whose_window_is_gone_is_a_bug() -> None:
    """It could be counted nowhere; better nothing than a wrong count."""
    story = a_story(FREE)
    story.now = turn_of(story) - MINUTE
    hold_id = story.hold(10)
    story.wait(2 * MINUTE).tidy()
    story.wallet = replace(story.wallet, closing=())

    with pytest.raises(AssertionError):
        story.capture(hold_id, 10)


def test_a_period_must_be_told() -> None:
    """Only Stripe knows when a paid period starts; leaving it out is a bug of ours."""
    story = a_story(BARE)
    with pytest.raises(AssertionError):
        story.terms(PRO)


def test_terms_of_an_older_revision_change_nothing() -> None:
    """A slow handler must not end the credits of the period that was paid meanwhile."""
    story = a_story(FREE)
    story.terms(replace(PRO, revision=7), NEXT)
    story.grant("cycle:s:2", 50, "plan", expires_at=NEXT.end_at)

    story.terms(replace(PRO, revision=6), PERIOD)

    assert story.left() == {"cycle:s:2": 50}
    assert (story.wallet.window.span, story.wallet.terms.revision) == (NEXT, 7)


def test_what_was_decided_with_older_terms_is_let_go() -> None:
    """Else a slow handler gives credits whose money another one has given back meanwhile."""
    story = a_story(FREE)
    story.terms(replace(PRO, revision=7), PERIOD)
    late = GrantCredits("cycle:old:1", "plan", 100, expires_at=PERIOD.end_at, revision=6)
    cut = CutMonthly("cut:old:1", 10, {}, 6)
    story.grant("cycle:s:1", 50, "plan", expires_at=PERIOD.end_at)

    assert story.do(late).is_replay
    assert story.do(cut).is_replay

    assert story.left() == {"cycle:s:1": 50}
    assert not story.do(replace(late, revision=7)).is_replay
    assert not story.do(replace(cut, revision=7)).is_replay
    assert sum(story.left().values()) == 10


def test_terms_that_are_known_are_not_written_again() -> None:
    """Stripe repeats itself, and a look at what is right costs no write; time waits."""
    story = a_story(FREE)
    unpaid = replace(PRO, subscription_status="unpaid")
    told = ChangeTerms(unpaid, PERIOD, ends_monthly=True)
    story.do(told)
    story.grant("voucher:x", 5, "promo", expires_at=NOON + HOUR)
    story.now = NOON + DAY

    assert story.do(told).is_replay
    assert not story.terms(unpaid, NEXT).is_replay, "another period is news"
    story.grant("cycle:s:2", 50, "plan", expires_at=NEXT.end_at)
    assert story.terms(unpaid, NEXT).is_replay
    assert not story.do(replace(told, window=NEXT)).is_replay, "credits are left to end"
    assert not story.terms(FREE).is_replay
    assert story.terms(FREE).is_replay


def test_a_plan_that_may_not_spend_ends_its_credits_within_the_window() -> None:
    """Unpaid or paused: top-ups are all that is left, and the window stays what it was."""
    story = a_story(PRO, a=100)
    story.grant("cycle:s:1", 50, "plan", expires_at=PERIOD.end_at)

    story.do(ChangeTerms(replace(PRO, subscription_status="unpaid"), PERIOD, ends_monthly=True))

    assert story.left() == {"a": 100}
    assert [entry.entry_id for entry in story.written("lapse")] == ["expire:cycle:s:1"]


def test_a_smaller_plan_leaves_at_most_its_own_credits() -> None:
    """What burns last goes first; holds and bought packs are not touched, nothing is owed."""
    story = a_story(PRO, a=100)
    story.grant("cycle:s:1", 50, "plan", expires_at=PERIOD.end_at)
    story.wait(MINUTE)
    story.grant("upgrade:i", 200, "plan", expires_at=PERIOD.end_at)
    story.hold(10)

    cut = CutMonthly("downgrade:s:1:1", 30, {"plan": "guru"})
    entry = story.entry(cut)

    assert story.left() == {"a": 100, "cycle:s:1": 30, "upgrade:i": 0}
    assert entry.postings == {"grant:cycle:s:1": -10, "grant:upgrade:i": -200, "refunded": 210}
    assert (entry.amount_nanos, entry.cause["plan"]) == (210, "guru")
    assert story.wallet.receivable_nanos == 0
    story.charge(5)
    story.grant("cycle:s:2", 70, "plan", expires_at=PERIOD.end_at)
    assert story.entry(cut) == entry


def test_a_cut_above_what_there_is_takes_nothing() -> None:
    """Who has spent most of a plan keeps the rest of it."""
    story = a_story(PRO)
    story.grant("cycle:s:1", 50, "plan", expires_at=PERIOD.end_at)

    entry = story.entry(CutMonthly("downgrade:s:1:1", 50))

    assert (entry.postings, entry.amount_nanos) == ({}, 0)
    assert story.left() == {"cycle:s:1": 50}


# ---- whose period it is ----------------------------------------------------------------------


def test_a_period_of_another_subscription_ends_the_first_ones_credits() -> None:
    """Both began in the same second; the second was paid for by itself."""
    story = a_story(replace(PRO, origin="sub_1"))
    story.grant("cycle:sub_1:1", 50, "plan", expires_at=PERIOD.end_at)
    story.charge(20)
    hold = story.hold(10)

    story.terms(replace(PRO, origin="sub_2"), PERIOD)
    story.grant("cycle:sub_2:1", 70, "plan", expires_at=PERIOD.end_at)

    assert story.left() == {"cycle:sub_1:1": 0, "cycle:sub_2:1": 70}
    story.void(hold)
    assert story.left() == {"cycle:sub_2:1": 70}
    assert requests(story) == {"unspecified": (1, 20)}, "what was used in it stays counted"
    story.terms(replace(PRO, origin="sub_2", payment_issue=True), PERIOD)
    assert story.left() == {"cycle:sub_2:1": 70}


def test_a_period_that_nobody_named_goes_on_under_its_subscription() -> None:
    """Documents from before have no name in them; their credits stay."""
    story = a_story(PRO)
    story.grant("cycle:sub_1:1", 50, "plan", expires_at=PERIOD.end_at)

    story.terms(replace(PRO, origin="sub_1"), PERIOD)

    assert story.left() == {"cycle:sub_1:1": 50}
    assert story.wallet.terms.origin == "sub_1"


# ---- the free window that was left for a plan ------------------------------------------------


@pytest.mark.parametrize("is_told_in_time", [True, False], ids=["in-time", "late"])
def test_who_comes_back_to_a_free_window_finds_what_was_left(*, is_told_in_time: bool) -> None:
    """A trial that was begun and cancelled costs nothing, whenever we heard of it."""
    story = a_story(FREE)
    story.charge(120)

    for number in (1, 2):
        story.wait(DAY)
        if is_told_in_time:
            story.terms(replace(PRO, revision=2 * number), Window(story.now, story.now + DAY))
            story.grant(f"cycle:s:{number}", 50, "plan", expires_at=NOON + 30 * DAY)
            assert story.available_nanos == 50
        story.wait(HOUR)
        story.terms(replace(FREE, revision=2 * number + 1))
        assert story.available_nanos == 380

    names = [entry.entry_id for entry in story.written("lapse")]
    assert [name for name in names if "free" in name] == (
        [
            "expire:free:0",
            "return:free:0:1",
            "expire:free:0:return:free:0:1",
            "return:free:0:2",
        ]
        if is_told_in_time
        else []
    )
    assert len(story.written("grant")) == (3 if is_told_in_time else 1)
    story.charge(380)


def test_work_that_began_on_free_gives_back_to_the_free_window() -> None:
    """Held before the plan, given back during it, and there again after it."""
    story = a_story(FREE)
    early, late = story.hold(100, ttl_s=86_400), story.hold(100, ttl_s=86_400)
    story.terms(PRO, PERIOD)
    ended = story.capture(early, 30)

    assert (story.available_nanos, ended.postings["expired"]) == (0, 70)
    story.terms(FREE)
    assert story.left() == {"free:0": 370}
    story.void(late)

    assert story.left() == {"free:0": 470}


def test_a_free_window_that_ended_meanwhile_gives_nothing_back() -> None:
    """Its credits were the month's; the next month has its own, once."""
    story = a_story(FREE)
    story.terms(PRO, PERIOD)
    assert story.wallet.grants["free:0"].aside_nanos == 500

    story.now = PERIOD.end_at
    story.terms(FREE)

    assert story.left() == {"free:1": 500}
    assert [entry.amount_nanos for entry in story.written("lapse")] == [500]


def test_an_empty_free_window_is_not_remembered() -> None:
    """Who had spent all of it comes back to nothing, and no line says so."""
    story = a_story(FREE)
    story.charge(500)
    story.terms(PRO, PERIOD)
    assert story.wallet.grants == {}

    assert story.terms(FREE).entries == ()
    assert story.available_nanos == 0

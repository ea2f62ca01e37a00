"""Levels: who wants to hear that a balance is low hears it once for every time it falls."""

from dataclasses import replace
from datetime import timedelta

import pytest

from creditbase.ledger.domain.commands import ChangeTerms, Freeze, GrantCredits, SetLevel
from creditbase.ledger.domain.notes import Crossing
from creditbase.ledger.domain.wallet import Terms
from tests.ledger.builders import NOON, Story, a_charge, a_story

LOW = 50


def watched(amount_nanos: int, *, low_nanos: int = LOW) -> Story:
    """Return a wallet that was topped up, and whose owner is reminded below a height."""
    story = a_story()
    story.do(GrantCredits("topup:1", "topup", amount_nanos, low_nanos=low_nanos))
    return story


def crossings_of(story: Story, amount_nanos: int) -> tuple[Crossing, ...]:
    """Return what a charge crosses."""
    return story.do(a_charge(amount_nanos, story.next_key())).crossings


def test_the_charge_that_takes_the_balance_below_tells_it_once() -> None:
    """A reminder for every call below the threshold would be a flood, none a surprise."""
    story = watched(100)

    assert crossings_of(story, 50) == ()  # exactly at it is not below
    (told,) = crossings_of(story, 1)
    assert crossings_of(story, 10) == ()

    assert told == Crossing("low", 1, LOW, 49, NOON)


def test_a_level_is_armed_again_when_the_balance_has_risen_to_it() -> None:
    """Who tops up and spends it all again is reminded again, under a new number."""
    story = watched(100)
    crossings_of(story, 60)

    story.do(GrantCredits("topup:2", "topup", 9))
    assert crossings_of(story, 1) == ()
    story.do(GrantCredits("topup:3", "topup", 2))
    (told,) = crossings_of(story, 1)

    assert (told.number, told.balance_nanos) == (2, 49)


def test_a_replay_crosses_nothing() -> None:
    """A repeated request must not remind twice."""
    story = watched(100)
    first = story.do(a_charge(60, "key"))

    assert len(first.crossings) == 1
    assert story.do(a_charge(60, "key")).crossings == ()


def test_a_hold_alone_does_not_cross() -> None:
    """What is only set aside comes back: the balance counts, not what is free of it."""
    story = watched(100)
    hold_id = story.hold(80)

    assert not story.wallet.levels["low"].is_below
    story.capture(hold_id, 80)

    assert story.wallet.levels["low"].crossings == 1


def test_credits_that_lapse_cross_too() -> None:
    """Time can take a balance below a level; whoever decides next tells it."""
    story = watched(40, low_nanos=30)
    story.do(GrantCredits("promo:1", "promo", 60, expires_at=NOON + timedelta(hours=1)))
    story.do(a_charge(60, "key"))
    story.do(GrantCredits("promo:2", "promo", 60, expires_at=NOON + timedelta(hours=1)))
    story.do(a_charge(30, "key2"))
    story.do(GrantCredits("topup:9", "topup", 1, low_nanos=45))
    story.wait(timedelta(hours=2))

    (told,) = story.do(Freeze("")).crossings

    assert (told.level, told.balance_nanos) == ("low", 41)


def test_a_wallet_that_was_never_above_is_not_told_of() -> None:
    """Nobody is reminded of a balance that they have just begun with."""
    story = watched(10)

    assert story.wallet.levels["low"].is_below
    assert crossings_of(story, 10) == ()


@pytest.mark.parametrize(("below_nanos", "falls"), [(101, True), (100, False)])
def test_a_refill_that_is_set_above_the_balance_is_due_at_once(
    below_nanos: int, falls: bool
) -> None:
    """Who switches it on with an empty wallet, or sets it anew, expects a top-up now."""
    story = watched(100)

    for number in (1, 2):
        told = story.do(SetLevel("refill", below_nanos)).crossings
        fallen = [(crossing.level, crossing.number) for crossing in told]
        assert fallen == ([("refill", number)] if falls else [])


def test_a_refill_that_is_switched_off_is_told_of_no_more_and_goes_on_counting() -> None:
    """Its crossings are numbered for ever: a number names one payment."""
    story = watched(100)
    story.do(SetLevel("refill", 101))

    assert story.do(SetLevel("refill", 0)).crossings == ()
    assert crossings_of(story, 100)[0].level == "low"
    (told,) = story.do(SetLevel("refill", 10)).crossings

    assert (told.level, told.number) == ("refill", 2)


def test_one_charge_may_cross_two_levels() -> None:
    """The reminder and the refill are different wishes."""
    story = watched(100)
    story.do(SetLevel("refill", 20))

    told = crossings_of(story, 90)

    assert [(crossing.level, crossing.number) for crossing in told] == [
        ("low", 1),
        ("refill", 1),
    ]


def test_a_new_threshold_counts_from_the_next_top_up_and_tells_nothing_by_itself() -> None:
    """A top-up must not be answered by a reminder."""
    story = watched(100)

    raised = story.do(GrantCredits("topup:2", "topup", 1, low_nanos=200))

    assert raised.crossings == ()
    assert story.wallet.levels["low"] == replace(
        story.wallet.levels["low"], below_nanos=200, is_below=True, crossings=0
    )


def test_terms_that_draw_on_the_wallet_again_let_it_be_topped_up() -> None:
    """It fell while nothing could be spent from it, and nothing was topped up for that."""
    story = a_story(Terms("paygo"))
    story.do(ChangeTerms(Terms("paygo", draws_wallet=True, revision=1)))
    story.do(GrantCredits("topup:1", "topup", 100))
    story.do(SetLevel("refill", LOW))
    assert crossings_of(story, 60)
    story.do(ChangeTerms(Terms("tier", draws_wallet=False, revision=2)))

    back = story.do(ChangeTerms(Terms("paygo", draws_wallet=True, revision=3)))

    assert [(it.level, it.number) for it in back.crossings] == [("refill", 2)]

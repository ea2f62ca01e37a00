"""The balance: what a customer is shown, and how long it may be shown without asking again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from creditbase.ledger.domain.balance import RECHECK_AFTER, balance_of
from creditbase.ledger.domain.wallet import Metered
from tests.ledger.builders import (
    DAY,
    FREE,
    HOUR,
    NOON,
    PERIOD,
    a_story,
    tier,
)

TICK = timedelta(microseconds=1)


def test_the_figures_of_a_customer() -> None:
    """Monthly and lasting credits apart, holds taken off, the window's usage by model."""
    story = a_story(FREE, a=100)
    story.grant("promo", 7, "promo", expires_at=NOON + DAY)
    story.charge(50, Metered("m"))
    story.hold(457)

    balance = balance_of(story.wallet, now=story.now)

    assert balance.monthly_remaining_nanos == 0
    assert (balance.topup_nanos, balance.held_nanos, balance.available_nanos) == (100, 457, 100)
    assert (balance.used_nanos, balance.requests) == (50, 1)
    assert (balance.models["m"].amount_nanos, balance.models["m"].requests) == (50, 1)
    assert (balance.window, balance.terms) == (story.wallet.window.span, FREE)
    assert (balance.owner_uid, balance.seq) == ("uid", story.wallet.seq)


def test_a_debt_shows_as_negative_top_ups() -> None:
    """The ledger's pots are never negative; what is shown says what is owed."""
    story = a_story(FREE, a=100)
    story.charge(600)
    story.take_back("a", 100)

    balance = balance_of(story.wallet, now=story.now)

    assert (balance.topup_nanos, balance.receivable_nanos) == (-100, 100)
    assert (balance.monthly_remaining_nanos, balance.available_nanos) == (0, 0)


def test_the_balance_is_that_of_the_instant_and_writes_nothing() -> None:
    """A stopped scheduler never shows last month's credits."""
    story = a_story(FREE)
    story.charge(499)
    turn_at = story.wallet.window.span.end_at

    assert balance_of(story.wallet, now=turn_at - TICK).available_nanos == 1
    balance = balance_of(story.wallet, now=turn_at)

    assert (balance.available_nanos, balance.used_nanos) == (500, 0)
    assert (balance.published_at, balance.window.start_at) == (turn_at, turn_at)
    # and never earlier than the wallet itself
    assert balance_of(story.wallet, now=NOON - DAY).published_at == NOON


def test_a_balance_is_valid_until_something_changes_by_itself() -> None:
    """The window's end, the next expiry of credits, or of a hold: whichever comes first."""
    story = a_story(FREE, a=100)
    assert balance_of(story.wallet, now=NOON).valid_until == story.wallet.window.span.end_at

    story.grant("promo", 7, "promo", expires_at=NOON + DAY)
    assert balance_of(story.wallet, now=NOON).valid_until == NOON + DAY

    story.hold(1)
    assert balance_of(story.wallet, now=NOON).valid_until == NOON + timedelta(seconds=900)


def test_an_unsettled_balance_is_served_for_a_minute() -> None:
    """Charges may follow without publishing, so it grows old."""
    balance = balance_of(a_story(FREE).wallet, now=NOON)

    assert balance.recheck_at == NOON + RECHECK_AFTER == NOON + timedelta(seconds=60)
    assert balance.is_fresh(NOON + RECHECK_AFTER - TICK)
    assert not balance.is_fresh(NOON + RECHECK_AFTER)


def test_a_settled_balance_is_served_until_it_is_no_longer_valid() -> None:
    """Nothing has changed since, so it stays right, but not beyond its window."""
    balance = balance_of(a_story(FREE).wallet, now=NOON, is_settled=True)

    assert balance.is_fresh(balance.valid_until - TICK)
    assert not balance.is_fresh(balance.valid_until)
    young = replace(balance, valid_until=NOON + TICK, is_settled=False)
    assert not young.is_fresh(NOON + TICK)


@pytest.mark.parametrize("change", ["hold", "promo", "plan", "nothing", "top-up"])
def test_only_what_changes_by_itself_is_checked_again(change: str) -> None:
    """An idle free customer is never written; who has a hold or a term running is."""
    story = a_story(FREE)
    if change == "hold":
        story.hold(1)
    elif change == "top-up":
        story.grant("a", 1, "topup")
    elif change == "promo":
        story.grant("p", 1, "promo", expires_at=NOON + HOUR)
    elif change == "plan":
        story.grant("p", 1, "plan", expires_at=NOON + HOUR)

    balance = balance_of(story.wallet, now=NOON, is_settled=True)

    is_idle = change in {"nothing", "top-up"}
    assert balance.recheck_at == (None if is_idle else balance.valid_until)


@pytest.mark.parametrize(("after_end", "is_due"), [(-TICK, True), (0 * TICK, False)])
def test_a_paid_period_is_looked_at_again_when_it_ends_and_not_for_ever_after(
    after_end: timedelta, is_due: bool
) -> None:
    """At its end the limit falls to 0 by itself; after that only a payment changes it."""
    story = a_story(tier())
    at = story.wallet.window.span.end_at + after_end

    balance = balance_of(story.wallet, now=at, is_settled=True)

    assert (balance.recheck_at is not None) is is_due


def test_a_period_that_ended_is_asked_about_every_minute() -> None:
    """The renewal may come at any time, so nothing is known to hold for longer."""
    story = a_story(tier(100), a=5)
    story.now = PERIOD.end_at

    balance = balance_of(story.wallet, now=story.now)

    assert balance.valid_until == story.now + RECHECK_AFTER
    assert (balance.included_remaining_nanos, balance.available_nanos) == (0, 5)
    unlimited = a_story(tier(included="unlimited")).wallet
    assert balance_of(unlimited, now=NOON).included_remaining_nanos is None

"""A price by the year: the limit is a month's, and its months turn by themselves."""

from dataclasses import replace
from datetime import timedelta

import pytest

from creditbase.kernel.windows import Window, months_after
from creditbase.ledger.domain.balance import balance_of
from creditbase.ledger.domain.wallet import Terms
from tests.ledger.builders import HOUR, MINUTE, NOON, PERIOD, Story, a_story, drawn, tier

YEAR = Window(NOON, months_after(NOON, 12))
TICK = timedelta(microseconds=1)


def by_the_year(limit_nanos: int = 100, **terms: object) -> Terms:
    """Return the terms of a tier that was paid for a year."""
    months = {"months_from_at": YEAR.start_at, "months_until_at": YEAR.end_at}
    return tier(limit_nanos, **{"draws_wallet": False, **months, **terms})


def a_year(terms: Terms) -> Story:
    """Return the story of a customer whose year begins now."""
    story = a_story()
    story.terms(terms, YEAR)
    return story


def test_each_month_has_the_limit_anew_without_anybody_telling() -> None:
    """The limit resets monthly; what Stripe bills yearly is told once a year."""
    story = a_year(by_the_year())
    story.charge(100)
    assert story.wallet.window.span == PERIOD

    for month in range(1, 12):
        story.now = months_after(NOON, month)
        story.charge(100)

        assert story.wallet.window.span.start_at == story.now
        assert story.wallet.included_remaining_nanos(story.now) == 0
    assert story.wallet.window.span.end_at == YEAR.end_at


def test_months_that_nobody_used_are_not_made_up_for() -> None:
    """A limit is no allotment: after half a year there is one month's, not six."""
    story = a_year(by_the_year())
    story.now = months_after(NOON, 6) + HOUR

    assert drawn(story.charge(100).draws) == [("included", 100)]

    assert story.wallet.included_remaining_nanos(story.now) == 0
    assert story.wallet.window.span.start_at == months_after(NOON, 6)


@pytest.mark.parametrize("included", ["limited", "unlimited"])
def test_after_the_year_nothing_turns_any_more(included: str) -> None:
    """The thirteenth month was not paid for."""
    story = a_year(by_the_year(included=included))
    story.now = YEAR.end_at

    story.tidy()

    assert story.wallet.included_remaining_nanos(story.now) == 0
    assert story.wallet.window.span.start_at == months_after(NOON, 11)


def test_terms_that_are_told_again_do_not_turn_the_month_back() -> None:
    """The command names the year, whichever month it is carried out in."""
    story = a_year(by_the_year())
    story.now = months_after(NOON, 2) + MINUTE
    story.charge(40)

    story.terms(by_the_year(), YEAR)
    assert story.wallet.included_remaining_nanos(story.now) == 60
    story.terms(replace(by_the_year(), cancel_at_period_end=True), YEAR)

    assert story.wallet.included_remaining_nanos(story.now) == 60
    assert story.wallet.window.span.start_at == months_after(NOON, 2)


def test_a_year_that_is_about_to_begin_has_its_first_month_already() -> None:
    """Stripe's clock may run a moment ahead of ours."""
    late = YEAR.start_at + timedelta(seconds=2)
    terms = by_the_year(months_from_at=late)
    story = a_story()

    story.terms(terms, Window(late, YEAR.end_at))

    assert drawn(story.charge(100).draws) == [("included", 100)]
    assert story.wallet.window.span == Window(late, months_after(late, 1))


def test_a_hold_of_one_month_is_captured_in_it() -> None:
    """Time turns the window under a running call; its limit is that of its own month."""
    story = a_year(by_the_year())
    story.now = PERIOD.end_at - MINUTE
    hold_id = story.hold(30, ttl_s=3600)
    story.wait(2 * MINUTE)

    assert story.capture(hold_id, 30).figures.included_remaining_nanos == 100


def test_the_rest_of_a_limit_outlives_its_period_by_its_grace() -> None:
    """While a renewal is being paid, a working customer is not cut off; nothing is added."""
    story = a_story(tier(100, draws_wallet=False, grace_s=7200))
    story.charge(60)
    story.now = PERIOD.end_at + 2 * HOUR - TICK

    balance = balance_of(story.wallet, now=story.now)
    assert (balance.included_remaining_nanos, balance.valid_until) == (40, story.now + TICK)
    story.charge(30)
    story.now += TICK

    assert story.wallet.included_remaining_nanos(story.now) == 0

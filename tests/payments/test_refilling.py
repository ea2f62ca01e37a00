"""Automatic top-ups, decided: never beyond the cap, one at a time, off after a refusal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from creditbase.kernel.errors import InvalidRequest
from creditbase.payments.refilling import (
    DECLINED,
    OFF,
    REFUNDED,
    AutoTopup,
    Capped,
    Refill,
    RefillSettings,
    abandoned,
    begun,
    decide_refill,
    decide_settings,
    failed,
    first_seen_paid,
    is_still_wanted,
    month_of,
    paid,
    stopped,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
WANTED = RefillSettings(
    is_enabled=True, threshold_cents=500, amount_cents=1000, monthly_cap_cents=2500
)
ON = AutoTopup(settings=WANTED)


def decided(known: AutoTopup, balance_cents: int = 0, now: datetime = NOON) -> Refill:
    """Return the top-up that is begun."""
    refill = decide_refill(known, balance_cents=balance_cents, now=now)
    assert isinstance(refill, Refill)
    return refill


@pytest.mark.parametrize(("balance_cents", "is_due"), [(499, True), (500, False)])
def test_it_is_due_below_the_threshold_and_not_at_it(balance_cents: int, is_due: bool) -> None:
    """The threshold is the smallest balance that is enough."""
    assert (decide_refill(ON, balance_cents=balance_cents, now=NOON) is not None) == is_due


def test_who_has_it_off_is_never_charged() -> None:
    """A crossing of before may still be waiting."""
    assert decide_refill(OFF, balance_cents=0, now=NOON) is None


def test_the_cap_counts_what_was_begun_in_the_utc_month() -> None:
    """Twice ten dollars fit into twenty-five, the third waits for the first of the month."""
    known = ON
    for number in (1, 2):
        refill = decided(known)
        assert refill.number == number
        known = paid(begun(known, refill), number)

    assert decide_refill(known, balance_cents=0, now=NOON) == Capped(
        datetime(2026, 4, 1, tzinfo=UTC)
    )
    assert decided(known, now=datetime(2026, 4, 1, tzinfo=UTC)).number == 3


def test_a_failure_gives_its_part_of_the_cap_back_and_switches_off() -> None:
    """Nothing was charged, and nothing is tried again by itself."""
    known = begun(ON, decided(ON))

    ended = failed(known, 1, DECLINED, now=NOON)

    assert (ended.month_cents, ended.in_flight, ended.failure) == (0, None, DECLINED)
    assert ended.settings == replace(WANTED, is_enabled=False)
    assert failed(ended, 1, DECLINED, now=NOON + timedelta(days=1)) == ended


def test_a_number_that_nobody_will_pay_is_left_and_the_next_one_begins() -> None:
    """Stripe remembers a failure of its own under that number's key."""
    known = abandoned(begun(ON, decided(ON)), 1)

    assert (known.settings, known.month_cents) == (WANTED, 0)
    assert decided(known).number == 2


def test_a_number_that_was_given_up_and_is_paid_after_all_counts_against_the_cap() -> None:
    """Once, and in the month in which it is heard of; one in flight has been counted."""
    known = begun(ON, decided(ON))
    left = abandoned(known, 1)
    later = NOON + timedelta(days=40)

    assert first_seen_paid(known, 1, 1000, now=NOON) == known
    assert first_seen_paid(left, 1, 1000, now=NOON).month_cents == known.month_cents == 1000
    counted = first_seen_paid(replace(left, month_cents=300), 1, 1000, now=later)
    assert (counted.month, counted.month_cents) == (month_of(later), 1000)
    assert first_seen_paid(OFF, 1, 1000, now=NOON) == OFF


def test_a_failure_of_last_month_leaves_this_months_cap_alone() -> None:
    """Each month has a sum of its own."""
    known = replace(begun(ON, decided(ON)), month="2026-04", month_cents=1000)

    assert failed(known, 1, DECLINED, now=NOON).month_cents == 1000


def test_what_is_told_of_another_number_changes_nothing() -> None:
    """A late webhook of an earlier top-up must not end the one in flight."""
    known = begun(replace(ON, number=1), decided(replace(ON, number=1)))

    assert paid(known, 1) == known
    assert failed(known, 1, DECLINED, now=NOON) == known
    assert abandoned(known, 1) == known


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"threshold_cents": 0}, "threshold_cents"),
        ({"monthly_cap_cents": 999}, "monthly_cap_cents"),
    ],
)
def test_settings_that_could_not_work_are_refused(wrong: dict[str, Any], field: str) -> None:
    """A cap below one top-up would never let one through."""
    with pytest.raises(InvalidRequest) as caught:
        decide_settings(OFF, replace(WANTED, **wrong))

    assert caught.value.field == field


def test_switching_off_keeps_the_figures_and_what_is_in_flight() -> None:
    """The page shows them again; the top-up that Stripe has is not forgotten."""
    known = begun(ON, decided(ON))

    off = decide_settings(known, RefillSettings(is_enabled=False))

    assert off == replace(known, settings=replace(WANTED, is_enabled=False))


def test_switching_on_again_forgets_the_failure() -> None:
    """The customer has been told, and has done something about it."""
    ended = failed(begun(ON, decided(ON)), 1, DECLINED, now=NOON)

    again = decide_settings(ended, WANTED)

    assert (again.failure, again.failed_at, again.number) == ("", None, 1)


@pytest.mark.parametrize(
    ("changed", "is_wanted"),
    [
        (WANTED, True),
        (replace(WANTED, amount_cents=1, monthly_cap_cents=1000), True),
        (replace(WANTED, amount_cents=1, monthly_cap_cents=999), False),
        (replace(WANTED, is_enabled=False), False),
    ],
)
def test_what_is_in_flight_keeps_to_what_was_set_since(
    changed: RefillSettings, is_wanted: bool
) -> None:
    """The cap is the most that a month may cost, whenever it was lowered; off is off."""
    known = decide_settings(begun(ON, decided(ON)), changed)

    assert is_still_wanted(known) == is_wanted


def test_money_that_went_back_stops_what_is_on_and_nothing_else() -> None:
    """Who has switched it off, or whose card was declined, keeps that reason."""
    off = decide_settings(ON, RefillSettings(is_enabled=False))

    assert stopped(ON, REFUNDED, now=NOON).failure == REFUNDED
    assert stopped(ON, REFUNDED, now=NOON).settings == off.settings
    assert stopped(off, REFUNDED, now=NOON) == off
    declined = failed(begun(ON, decided(ON)), 1, DECLINED, now=NOON)
    assert stopped(declined, REFUNDED, now=NOON) == declined

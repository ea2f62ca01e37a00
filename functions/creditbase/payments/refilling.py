"""Automatic top-ups, decided: when a wallet pays itself full, how much, and when it stops.

Pure. One top-up is in flight at most, under a number that is counted before Stripe is asked;
what was begun in a calendar month (UTC) never exceeds the month's cap.
"""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.records import dataclass
from creditbase.kernel.windows import months_after

Failure = Literal[
    "", "no_payment_method", "declined", "authentication_required", "refunded", "disputed"
]
NO_METHOD: Failure = "no_payment_method"
DECLINED: Failure = "declined"
NEEDS_CUSTOMER: Failure = "authentication_required"
REFUNDED: Failure = "refunded"
DISPUTED: Failure = "disputed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefillSettings:
    """What a customer has set. `monthly_cap_cents` bounds what one month may cost."""

    is_enabled: bool
    threshold_cents: int = 0
    amount_cents: int = 0
    monthly_cap_cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """A top-up in flight. What it asks of Stripe is fixed, so a repeat asks the same."""

    number: int
    amount_cents: int
    month: str
    begun_at: datetime
    method_id: str = ""
    stripe_customer_id: str = ""
    """Whose card it is, whoever the customer is at Stripe by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoTopup:
    """How a wallet tops itself up, and how far that has come."""

    settings: RefillSettings
    number: int = 0
    """Of the newest top-up, ever."""
    in_flight: Refill | None = None
    month: str = ""
    month_cents: int = 0
    """What was begun in that month and did not fail."""
    failure: Failure = ""
    """Why it was switched off, where the customer did not do that."""
    failed_at: datetime | None = None


OFF = AutoTopup(settings=RefillSettings(is_enabled=False))


def check_settings(wanted: RefillSettings) -> None:
    """Refuse settings that could not work.

    Raises:
        InvalidRequest: with the field that is wrong.
    """
    if not wanted.is_enabled:
        return
    if wanted.threshold_cents < 1:
        raise InvalidRequest("The threshold must be above zero", field="threshold_cents")
    if wanted.monthly_cap_cents < wanted.amount_cents:
        raise InvalidRequest(
            "The monthly cap must allow at least one top-up", field="monthly_cap_cents"
        )


def decide_settings(known: AutoTopup, wanted: RefillSettings) -> AutoTopup:
    """Return what is kept after the customer has set it anew. What is in flight stays."""
    check_settings(wanted)
    if wanted.is_enabled:
        return replace(known, settings=wanted, failure="", failed_at=None)
    return replace(known, settings=replace(known.settings, is_enabled=False))


@dataclass(frozen=True, slots=True)
class Capped:
    """Nothing more may be begun before this instant."""

    until: datetime


def decide_refill(
    known: AutoTopup, *, balance_cents: int, now: datetime
) -> Refill | Capped | None:
    """Return the top-up to begin now, or until when the cap forbids it; None: nothing to do.

    Which card is to pay it is found afterwards, where it is to be paid at all.
    """
    wanted = known.settings
    assert known.in_flight is None
    if not wanted.is_enabled or balance_cents >= wanted.threshold_cents:
        return None
    month = month_of(now)
    begun_cents = known.month_cents if known.month == month else 0
    if begun_cents + wanted.amount_cents > wanted.monthly_cap_cents:
        return Capped(_next_month(now))
    return Refill(
        number=known.number + 1,
        amount_cents=wanted.amount_cents,
        month=month,
        begun_at=now,
    )


def begun(known: AutoTopup, refill: Refill) -> AutoTopup:
    """Return what is kept before Stripe is asked for a top-up."""
    before_cents = known.month_cents if known.month == refill.month else 0
    return replace(
        known,
        number=refill.number,
        in_flight=refill,
        month=refill.month,
        month_cents=before_cents + refill.amount_cents,
    )


def paid(known: AutoTopup, number: int) -> AutoTopup:
    """Return what is kept once a top-up was paid; the same where it was known already."""
    is_mine = known.in_flight is not None and known.in_flight.number == number
    return replace(known, in_flight=None) if is_mine else known


def first_seen_paid(
    known: AutoTopup, number: int, amount_cents: int, *, now: datetime
) -> AutoTopup:
    """Return what is kept in the commit that writes a payment down, which happens once.

    A number that had been given up, and was paid after all, costs this month what it costs: the
    month in which it was counted has been given it back.
    """
    if known == OFF or (known.in_flight is not None and known.in_flight.number == number):
        return known
    month = month_of(now)
    before_cents = known.month_cents if known.month == month else 0
    return replace(known, month=month, month_cents=before_cents + amount_cents)


def failed(known: AutoTopup, number: int, failure: Failure, *, now: datetime) -> AutoTopup:
    """Return what is kept once a top-up was not paid: it is off, and the month is not charged.

    The same where that was known already; where it was off by then, the reason stays.
    """
    ended = abandoned(known, number)
    return known if ended is known else stopped(ended, failure, now=now)


def abandoned(known: AutoTopup, number: int) -> AutoTopup:
    """Return what is kept once it is sure that a top-up was not paid, for no fault of a card.

    The same where another one is in flight, or none.
    """
    refill = known.in_flight
    if refill is None or refill.number != number:
        return known
    spent_cents = refill.amount_cents if known.month == refill.month else 0
    return replace(known, in_flight=None, month_cents=known.month_cents - spent_cents)


def stopped(known: AutoTopup, failure: Failure, *, now: datetime) -> AutoTopup:
    """Return what is kept once nothing is topped up any more, and why.

    The same where nothing was: whoever has switched it off knows why.
    """
    if not known.settings.is_enabled:
        return known
    off = replace(known.settings, is_enabled=False)
    return replace(known, settings=off, failure=failure, failed_at=now)


def is_still_wanted(known: AutoTopup) -> bool:
    """Return whether what is in flight may still be asked of Stripe.

    Not once it was switched off, or the cap was set below what the month has cost with it.
    """
    return known.settings.is_enabled and known.month_cents <= known.settings.monthly_cap_cents


def month_of(at: datetime) -> str:
    """Return the calendar month in UTC."""
    return at.strftime("%Y-%m")


def _next_month(at: datetime) -> datetime:
    first_at = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return months_after(first_at, 1)

"""Subscriptions and invoices as Stripe shows them, and what is kept of them. Pure.

Nothing here believes an event: these are the objects as they are now, whatever happened when.
"""

from dataclasses import field, replace
from datetime import datetime
from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.kernel.windows import Window

ENTITLING = frozenset({"active", "trialing"})
LIVE = ENTITLING | {"past_due", "unpaid", "paused"}
"""Statuses that still own a subscription at Stripe: a second one would bill twice."""
ENDED = frozenset({"canceled", "incomplete_expired"})
MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription as Stripe answered it, with the plan that its price is made for."""

    subscription_id: str
    status: str
    plan_code: str
    """Empty where the price is none of ours."""
    price_cents: int
    """What was agreed on, whatever its plan costs now."""
    period: Window
    created_at: datetime
    price_id: str = ""
    is_yearly: bool = False
    """Whether its price is by the year, whatever its plan's is now."""
    currency: str = ""
    """What it is paid in; empty for what the catalog's prices are in."""
    cancel_at_period_end: bool = False
    next_plan_code: str = ""
    """The plan that it is scheduled to turn to; empty where it goes on as it is."""
    schedule_id: str = ""
    """What manages it, so that nothing else may until it lets go; empty for nothing."""
    next_plan_at: datetime | None = None
    trial_end_at: datetime | None = None
    """When its trial ends or ended; None where it never had one."""
    item_id: str = ""
    ended_at: datetime | None = None
    next_tier_id: str = ""
    """The free tier to land on at its end; empty for none."""
    ends_at: datetime | None = None
    """The instant at which it is set to end; None where none is set."""
    card_fingerprint: str = field(default="", repr=False)
    """What is the same whenever the same card pays; empty where no card is known."""
    payer_email: str = field(default="", repr=False)
    """What the payer gave to Stripe; empty where it has nothing."""
    has_method: bool = True
    """Whether there is something to pay with when the trial ends."""

    @property
    def is_live(self) -> bool:
        """Return whether it still owns a subscription at Stripe."""
        return self.status in LIVE

    @property
    def lasts(self) -> Window:
        """Return how long it lasts of its period: not beyond an end that is set within it.

        For show. Money is reckoned by the period, which is what was paid for.
        """
        start_at, end_at = self.period.start_at, self.period.end_at
        if self.ends_at is None or not start_at < self.ends_at < end_at:
            return self.period
        return Window(start_at, self.ends_at)

    @property
    def yearly_cents(self) -> int:
        """Return what it costs in a year, so that prices by month and year compare."""
        return self.price_cents if self.is_yearly else self.price_cents * MONTHS_A_YEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """A line of an invoice: a plan for a span of time, or a change of plan within one."""

    plan_code: str
    amount_cents: int
    is_proration: bool
    start_at: datetime
    end_at: datetime
    price_cents: int = 0
    """What a whole period of it costs, where that is known."""
    price_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """An invoice of a subscription as Stripe answered it."""

    invoice_id: str
    subscription_id: str
    status: str
    created_at: datetime
    number: str = ""
    """What Stripe counts a customer's bills by; empty while it is a draft."""
    attempts: int = 0
    next_attempt_at: datetime | None = None
    due_cents: int = 0
    currency: str = ""
    lines: tuple[InvoiceLine, ...] = field(default_factory=tuple)

    @property
    def age(self) -> tuple[datetime, int, str, str]:
        """Return what sorts invoices, the oldest first.

        Several of one second are told apart by their numbers: the ids are random, and the way
        up and down again must not be taken for the way down and up.
        """
        return self.created_at, len(self.number), self.number, self.invoice_id

    @property
    def is_paid(self) -> bool:
        """Return whether it is paid; an invoice of nothing is, too."""
        return self.status == "paid"

    @property
    def has_failed(self) -> bool:
        """Return whether a payment was tried in vain, or will never be tried again."""
        return self.status in {"uncollectible", "void"} or (
            self.status == "open" and self.attempts > 0
        )

    @property
    def is_overdue(self) -> bool:
        """Return whether a payment was tried in vain, and is still wanted.

        What was voided or written off is not: Stripe calls its subscription active again.
        """
        return self.status == "open" and self.attempts > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is kept of a subscription. `served_*` is the plan and window the wallet is on."""

    subscription_id: str
    customer_id: str
    status: str
    plan_code: str
    price_cents: int
    period_start_at: datetime
    period_end_at: datetime
    created_at: datetime
    cancel_at_period_end: bool
    trial_end_at: datetime | None
    next_plan_code: str = ""
    next_plan_at: datetime | None = None
    served_plan_code: str = ""
    served_start_at: datetime | None = None
    served_end_at: datetime | None = None
    downgrades: int = 0
    """Downgrades within the served window, for the ids of their entries."""
    cut_to_nanos: int = 0
    """What the newest of them leaves."""
    dearest_nanos: int = 0
    """The credits of the dearest plan that was known to be paid for within that window."""

    @property
    def served(self) -> Window | None:
        """Return the window that the wallet is on, if it ever was."""
        if self.served_start_at is None or self.served_end_at is None:
            return None
        return Window(self.served_start_at, self.served_end_at)


def record_of(customer_id: str, seen: Subscription, known: Record | None) -> Record:
    """Return what is to be kept of a subscription as it is now."""
    if known is not None:
        return replace(known, **_shown(seen))
    return Record(
        subscription_id=seen.subscription_id,
        customer_id=customer_id,
        created_at=seen.created_at,
        **_shown(seen),
    )


def shows(record: Record, seen: Subscription) -> bool:
    """Return whether the record says of a subscription what Stripe says of it now."""
    return replace(record, **_shown(seen)) == record


def _shown(seen: Subscription) -> dict[str, Any]:
    """Return what Stripe shows of a subscription, as a record keeps it. The rest is ours."""
    return {
        "status": seen.status,
        "plan_code": seen.plan_code,
        "price_cents": seen.price_cents,
        "period_start_at": seen.period.start_at,
        "period_end_at": seen.period.end_at,
        "cancel_at_period_end": seen.cancel_at_period_end,
        "trial_end_at": seen.trial_end_at,
        "next_plan_code": seen.next_plan_code,
        "next_plan_at": seen.next_plan_at,
    }

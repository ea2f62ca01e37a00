"""Payments, decided: which intent a top-up uses, and whether a session's money is ours. Pure.

Nothing here believes an event: decisions are about the object as Stripe itself showed it, and
about what we wrote down when we asked for it.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Literal

from creditbase.catalog.domain import Pack
from creditbase.kernel.ids import topup_grant_id
from creditbase.kernel.money import nanos_from_credits
from creditbase.kernel.records import dataclass

TOPUP = "topup"
SUBSCRIPTION = "subscription"
WALLET = "wallet"
"""What stands for a pack's name where any amount is paid into a wallet."""
AUTOMATIC = "auto"
"""The same, of a top-up that nobody had to ask for."""
CENTS_MAX = 99_999_999
"""The most that Stripe takes for one payment."""
EVENT_LIFETIME = timedelta(days=90)
"""How long the inbox keeps an event. Its effects' own entries are permanent."""

SessionStatus = Literal["open", "complete", "expired"]


# ---- what Stripe shows -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSession:
    """A Checkout session as Stripe answered it."""

    session_id: str
    mode: str
    status: str
    payment_status: str
    is_live: bool
    currency: str
    amount_subtotal_cents: int
    amount_total_cents: int
    stripe_customer_id: str
    payment_id: str
    """The payment intent; empty until there is one."""
    client_reference_id: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    payer_email: str = field(default="", repr=False)
    """What the payer typed; empty before that."""
    url: str = field(default="", repr=False)
    """Where to pay. A bearer link: never logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeCustomer:
    """A customer as Stripe answered it."""

    stripe_customer_id: str
    is_live: bool
    is_deleted: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A signed event, no more of it than routing needs: the object is asked for again."""

    event_id: str
    type: str
    is_live: bool
    account: str
    """The connected account that it is about; empty for our own."""
    api_version: str
    object_id: str
    object_type: str
    payload: str = field(repr=False)
    stripe_customer_id: str = ""
    """Whose object it is, where the object says so."""


# ---- what we wrote down ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who buys: a customer and the Firebase user behind it, where there is one."""

    project_id: str
    customer_id: str
    uid: str
    stripe_customer_id: str

    @property
    def reference(self) -> str:
        """Return what a session names its buyer by."""
        return self.uid or self.customer_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a purchase asks Stripe for. Equal orders make equal requests."""

    tier: str
    name: str
    credits: int
    amount_cents: int
    currency: str
    site_url: str
    kind: str = TOPUP
    trial_days: int = 0
    success_url: str = ""
    """Where Stripe's page sends who has paid; empty for our own site."""
    cancel_url: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """A customer's newest purchase of a kind: its number, and its session once there is one."""

    number: int
    order: Order
    session_id: str = ""
    begun_at: datetime | None = None
    """When it was asked for, where a repeat within a short time means the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """A session that we asked for, and how far it has come."""

    session_id: str
    project_id: str
    customer_id: str
    uid: str
    stripe_customer_id: str
    kind: str
    tier: str
    credits: int
    amount_cents: int
    currency: str
    is_live: bool
    created_at: datetime
    status: str = "open"
    payment_status: str = "unpaid"
    payment_id: str = ""
    finds_customer: bool = False
    """Whether Stripe asks who pays: there is no customer before it is paid."""
    is_erased: bool = False
    """Whether its buyer was erased: `uid` is gone, and at Stripe it may still stand."""


@dataclass(frozen=True, slots=True)
class Returned:
    """How much of a payment has gone back, as Stripe sums it up now. It may fall again."""

    refunded_cents: int = 0
    disputed_cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """A step of a payment's refunds: credits taken, or given back where below zero."""

    amount_nanos: int
    owes_rest: bool
    target_nanos: int
    """What was to be gone after it, in sum."""
    refunded_cents: int
    disputed_cents: int
    owed_nanos: int = 0
    """Of what is given back: what had been made a debt."""
    still_owed_nanos: int = 0
    """What of the debt stays one."""
    recalled_nanos: int = 0
    """What is given back beside it: what had been recalled from open holds."""
    cut_nanos: int = 0
    """And what a smaller plan had cut before it was refunded."""
    is_between: bool = False
    """Whether it only leads to the next step: Stripe never said this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money that arrived, and the grant that it is owed; and what went back of it since."""

    payment_id: str
    """The payment intent, or the session where there was none."""
    session_id: str
    project_id: str
    customer_id: str
    stripe_customer_id: str
    kind: str
    tier: str
    currency: str
    paid_cents: int
    granted_nanos: int
    grant_id: str
    created_at: datetime
    expires_at: datetime | None = None
    """When the grant ends; None for what does not."""
    returns: tuple[Return, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an event ended. A quarantined one waits for a person."""

    status: Literal["applied", "ignored", "quarantined"]
    reason: str = ""


APPLIED = Outcome("applied")


# ---- decisions -------------------------------------------------------------------------------


def order_of(pack: Pack, *, currency: str, site_url: str) -> Order:
    """Return what buying a pack asks for."""
    return Order(
        tier=pack.code,
        name=pack.name,
        credits=pack.credits,
        amount_cents=pack.price_cents,
        currency=currency,
        site_url=site_url,
    )


def decide_intent(newest: Intent | None, order: Order) -> Intent:
    """Return the intent to ask Stripe with: the newest while it has no session, else the next.

    A retry, or a twin that arrives at the same time, finds the number without a session and
    asks Stripe the same under the same key, so both get one session.
    """
    if newest is None:
        return Intent(1, order)
    if not newest.session_id and newest.order == order:
        return newest
    return Intent(newest.number + 1, order)


def metadata_of(buyer: Buyer, order: Order) -> dict[str, str]:
    """Return what a session and its payment carry, so that each names its buyer by itself.

    Stripe keeps no empty values, so none are sent.
    """
    said = {
        "uid": buyer.uid,
        "project": buyer.project_id,
        "customer": buyer.customer_id,
        "kind": order.kind,
        "tier": order.tier,
        "credits": str(order.credits),
    }
    return {name: value for name, value in said.items() if value}


def record_of(
    buyer: Buyer, order: Order, session: StripeSession, *, now: datetime
) -> SessionRecord:
    """Return what is written down of a session before its address is given to anybody."""
    return SessionRecord(
        session_id=session.session_id,
        project_id=buyer.project_id,
        customer_id=buyer.customer_id,
        uid=buyer.uid,
        stripe_customer_id=buyer.stripe_customer_id,
        kind=order.kind,
        tier=order.tier,
        credits=order.credits,
        amount_cents=order.amount_cents,
        currency=order.currency,
        is_live=session.is_live,
        created_at=now,
        finds_customer=not buyer.customer_id,
    )


def is_ours(session: StripeSession) -> bool:
    """Return whether a session that we have no record of claims to be from us."""
    return (
        session.metadata.get("kind") in {TOPUP, SUBSCRIPTION} and "customer" in session.metadata
    )


def find_mismatch(record: SessionRecord, session: StripeSession) -> str:
    """Return what does not match between the session and our record of it; empty if all does.

    Promise P16: no credits without money. Amounts are compared before discounts.
    """
    named = "" if record.finds_customer else record.customer_id
    checks: tuple[tuple[str, object, object], ...] = (
        ("mode", session.mode, "payment" if record.kind == TOPUP else record.kind),
        ("livemode", session.is_live, record.is_live),
        ("kind", session.metadata.get("kind"), record.kind),
        ("tier", session.metadata.get("tier"), record.tier),
        ("credits", session.metadata.get("credits"), str(record.credits)),
        ("metadata_customer", session.metadata.get("customer", ""), named),
        ("customer", session.stripe_customer_id, record.stripe_customer_id),
        ("reference", session.client_reference_id, record.uid or named),
        ("currency", session.currency, record.currency),
    )
    if record.is_erased:
        checks = tuple(check for check in checks if check[0] != "reference")
    if record.kind == TOPUP:
        # A subscription's money is judged by its invoices; a trial's session costs nothing.
        checks += (("amount", session.amount_subtotal_cents, record.amount_cents),)
    return next((name for name, shown, meant in checks if shown != meant), "")


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A session's record brought up to date, and the payment that it brought, if any."""

    record: SessionRecord
    payment: Payment | None
    outcome: Outcome


def decide_session(record: SessionRecord, session: StripeSession, *, now: datetime) -> Mirrored:
    """Return what a session, as Stripe shows it now, means to our records.

    A paid session brings a payment, and so does one whose whole price a coupon took off:
    discounts change what is paid, not what is granted. Completed but unpaid waits for an
    event of its own; whatever else there may be is quarantined.
    """
    assert session.session_id == record.session_id
    mismatch = find_mismatch(record, session)
    if mismatch:
        return Mirrored(record, None, Outcome("quarantined", f"mismatch:{mismatch}"))
    payment_id = session.payment_id or session.session_id
    seen = replace(
        record,
        status=session.status,
        payment_status=session.payment_status,
        payment_id=session.payment_id,
    )
    if session.payment_status == "unpaid" or record.kind == SUBSCRIPTION:
        return Mirrored(seen, None, APPLIED)
    is_gift = (
        session.payment_status == "no_payment_required" and session.amount_total_cents == 0
    )
    if session.status != "complete" or not (session.payment_status == "paid" or is_gift):
        reason = f"payment_status:{session.payment_status}"
        return Mirrored(record, None, Outcome("quarantined", reason))
    payment = Payment(
        payment_id=payment_id,
        session_id=record.session_id,
        project_id=record.project_id,
        customer_id=record.customer_id,
        stripe_customer_id=record.stripe_customer_id,
        kind=record.kind,
        tier=record.tier,
        currency=record.currency,
        paid_cents=session.amount_total_cents,
        granted_nanos=nanos_from_credits(record.credits),
        grant_id=topup_grant_id(payment_id),
        created_at=now,
    )
    return Mirrored(seen, payment, APPLIED)


def find_conflict(known: Payment, owed: Payment) -> str:
    """Return what differs between a payment that is written down and one that is owed."""
    fixed = replace(known, created_at=owed.created_at, returns=())
    return "" if fixed == owed else "payment"

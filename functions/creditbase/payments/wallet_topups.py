"""Money of any amount for a wallet: a Checkout session, paid and granted as a pack is.

SDKs repeat a POST whose answer was slow, and send no key. So the same request of the same
customer within a minute has the same answer, as long as nobody has paid in that session.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import find_project
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.kernel.money import NANOS_PER_CENT, NANOS_PER_CREDIT, write_money
from creditbase.kernel.records import dataclass
from creditbase.payments import store, stripe_wallets
from creditbase.payments.domain import (
    TOPUP,
    WALLET,
    Intent,
    Order,
    StripeSession,
    decide_intent,
)
from creditbase.payments.granting import check_room
from creditbase.payments.linking import ensure_stripe_customer
from creditbase.payments.sessions import StartedTopup, abandon, ask_for_session, session_of
from creditbase.runtime.commit import Attempt, commit_or_retry

CURRENCY = "usd"
"""The relay's only currency."""
TOPUP_MAX_CENTS = 10_000_000
"""The most that is paid into a wallet at once: one hundred thousand dollars."""
REPEATED_WITHIN = timedelta(seconds=60)
CREDITS_PER_CENT = NANOS_PER_CENT // NANOS_PER_CREDIT


@dataclass(frozen=True, slots=True)
class WalletTopup:
    """What a customer asks for: how much, and where the page sends it back to."""

    amount_cents: int
    success_url: str
    cancel_url: str


def wallet_order(
    amount_cents: int, *, tier: str = WALLET, topup: WalletTopup | None = None
) -> Order:
    """Return what an amount for a wallet asks Stripe for."""
    return Order(
        tier=tier,
        name=f"Balance: {write_money(amount_cents, CURRENCY)}",
        credits=amount_cents * CREDITS_PER_CENT,
        amount_cents=amount_cents,
        currency=CURRENCY,
        site_url="",
        success_url=topup.success_url if topup else "",
        cancel_url=topup.cancel_url if topup else "",
    )


def start_wallet_topup(ref: CustomerRef, topup: WalletTopup, *, now: datetime) -> StartedTopup:
    """Return a Checkout session for an amount. Twins and repeats share one session.

    Raises:
        InvalidRequest: the amount is less than the project takes, or more than anybody does.
        NotFound: there is no such customer.
        Unavailable: Stripe or the store did not answer; the same request may be repeated.
    """
    check_amount(ref.project_id, topup.amount_cents)
    if store.load_account(ref).customer.deleted_at is not None:
        raise NotFound("Customer not found")
    order = wallet_order(topup.amount_cents, topup=topup)
    check_room(ref, order, field="amount_cents")
    buyer = ensure_stripe_customer(ref, now=now)

    def look() -> StripeSession | Intent | None:
        intent = _count_intent(ref, order, now=now)
        session = session_of(intent)
        if session is not None and session.status == "open" and session.url:
            return session
        if intent.session_id:
            # Paid or over meanwhile: who asks again wants another one.
            abandon(ref, intent)
            return None
        return intent

    session = ask_for_session(
        buyer,
        order,
        look=look,
        ask=lambda number: stripe_wallets.create_wallet_session(buyer, order, number=number),
        now=now,
    )
    return StartedTopup(session, order)


def check_amount(project_id: str, amount_cents: int, *, field: str = "amount_cents") -> None:
    """Refuse an amount that is not taken.

    Raises:
        InvalidRequest: with the bound that it is beyond.
        NotFound: there is no such project.
    """
    project = find_project(project_id)
    if project is None:
        raise NotFound("Customer not found")
    if amount_cents < project.topup_min_cents:
        least = write_money(project.topup_min_cents, CURRENCY)
        raise InvalidRequest(f"The smallest top-up is {least}", field=field)
    if amount_cents > TOPUP_MAX_CENTS:
        most = write_money(TOPUP_MAX_CENTS, CURRENCY)
        raise InvalidRequest(f"The largest top-up is {most}", field=field)


def last_topup(account: store.Account) -> WalletTopup | None:
    """Return what the customer asked for last: the only pages of its own that we know."""
    newest = account.intent_of(TOPUP)
    if newest is None or not newest.order.success_url:
        return None
    order = newest.order
    return WalletTopup(order.amount_cents, order.success_url, order.cancel_url)


def _count_intent(ref: CustomerRef, order: Order, *, now: datetime) -> Intent:
    """Return the purchase that is meant: the newest where it is repeated, else the next."""

    def attempt() -> Attempt[Intent]:
        account = store.load_account(ref)
        newest = account.intent_of(TOPUP)
        if newest is not None and _is_repeated(newest, order, now=now):
            return Attempt(newest, ())
        intent = decide_intent(newest, order)
        if intent == newest:
            return Attempt(intent, ())
        intent = replace(intent, begun_at=now)
        return Attempt(intent, store.writes_for_intent(account, intent))

    return commit_or_retry(attempt)


def _is_repeated(newest: Intent, order: Order, *, now: datetime) -> bool:
    has_session = newest.session_id.startswith("cs_")
    is_young = newest.begun_at is not None and now < newest.begun_at + REPEATED_WITHIN
    return has_session and is_young and newest.order == order

"""Wallets that top themselves up: begun once, asked of Stripe once, granted once.

What crosses the threshold only writes that it did. Here a number is counted and committed,
then Stripe is asked under a key made of it, then the outcome is committed: whoever is killed
in between leaves the number in flight, and the next to come asks the same again. A webhook
may be faster, and finds the same.
"""

import logging
from dataclasses import replace
from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import find_project
from creditbase.kernel.errors import InvalidRequest, NotFound, Unavailable
from creditbase.kernel.ids import topup_grant_id
from creditbase.kernel.money import cents_remaining, nanos_from_cents, write_money
from creditbase.ledger.domain.balance import balance_of
from creditbase.ledger.domain.wallet import Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.payments import store, stripe_wallets
from creditbase.payments.domain import (
    APPLIED,
    AUTOMATIC,
    TOPUP,
    Event,
    Outcome,
    Payment,
)
from creditbase.payments.granting import grant_payment
from creditbase.payments.leaving import came_late, give_back
from creditbase.payments.noticing import mails_for, sender_of
from creditbase.payments.refill_charging import charge
from creditbase.payments.refill_settings import live_account, tell_wallet
from creditbase.payments.refill_store import auto_topup_of, changes_of, writes_for_auto_topup
from creditbase.payments.refilling import (
    DECLINED,
    NEEDS_CUSTOMER,
    NO_METHOD,
    Capped,
    Failure,
    Refill,
    abandoned,
    begun,
    decide_refill,
    failed,
    first_seen_paid,
    paid,
    stopped,
)
from creditbase.payments.stripe_wallets import WalletPayment
from creditbase.payments.wallet_topups import CURRENCY, last_topup, start_wallet_topup
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Write
from creditbase.subscriptions.domain.notices import refill_failed_notice

REFILLS_MAX = 3
"""How many top-ups one crossing may lead to at once, where one is not enough."""

log = logging.getLogger(__name__)


# ---- topping up ------------------------------------------------------------------------------


def refill(ref: CustomerRef, *, now: datetime) -> datetime | None:
    """Top a wallet up as often as is needed now; return when to come again, if at all.

    Raises:
        Unavailable, Contention: not finished; to be repeated, nothing is paid twice.
    """
    for _ in range(REFILLS_MAX):
        step = _begin(ref, now=now)
        if isinstance(step, Capped):
            log.info("an automatic top-up waits for the next month")
            return step.until
        if step is None or not _carry_out(ref, step, now=now):
            return None
    return now


def _begin(ref: CustomerRef, *, now: datetime) -> Refill | Capped | None:
    """Count the top-up that is due, or return the one in flight."""

    def attempt() -> Attempt[Refill | Capped | None]:
        account = store.find_account(ref)
        if account is None or account.customer.deleted_at is not None:
            return Attempt(None, ())
        known = auto_topup_of(account)
        if known.in_flight is not None:
            return Attempt(known.in_flight, ())
        loaded = find_wallet(WalletRef(ref.project_id, ref.customer_id))
        if loaded is None or not known.settings.is_enabled or not _may_pay(loaded.wallet):
            return Attempt(None, ())
        balance_nanos = balance_of(loaded.wallet, now=now).balance_nanos
        step = decide_refill(known, balance_cents=cents_remaining(balance_nanos), now=now)
        if not isinstance(step, Refill):
            return Attempt(step, ())
        project = find_project(ref.project_id)
        if project is None or project.archived_at is not None:
            return Attempt(None, ())
        payer = account.customer.stripe_customer_id
        method_id = stripe_wallets.find_saved_card(payer)
        if not method_id:
            off = stopped(replace(known, number=step.number), NO_METHOD, now=now)
            mails = _mails(account, step, NO_METHOD, "", now=now)
            return Attempt(None, writes_for_auto_topup(account, off, mails))
        step = replace(step, method_id=method_id, stripe_customer_id=payer)
        return Attempt(step, writes_for_auto_topup(account, begun(known, step)))

    step = commit_or_retry(attempt)
    if step is None:
        _tell_wallet_if_off(ref, now=now)
    return step


def _may_pay(wallet: Wallet) -> bool:
    """Return whether a wallet may top itself up: not while nothing can be spent from it."""
    return wallet.terms.draws_wallet and not wallet.frozen


def _carry_out(ref: CustomerRef, refill: Refill, *, now: datetime) -> bool:
    """Ask Stripe, and keep what came of it; return whether another may be needed."""
    payment = charge(ref, refill, now=now)
    if payment is None:
        _abandon(ref, refill)
        return True
    if payment.is_paid:
        _settle(ref, payment, now=now)
        return True
    if payment.is_over:
        _stop(ref, payment, now=now)
        return False
    raise Unavailable  # under way: its webhook tells, or the next look


def _abandon(ref: CustomerRef, refill: Refill) -> None:
    """Leave a number behind that was not paid, and never will be."""

    def attempt() -> Attempt[None]:
        account = live_account(ref)
        kept = abandoned(auto_topup_of(account), refill.number)
        return Attempt(None, writes_for_auto_topup(account, kept))

    commit_or_retry(attempt)


# ---- what came of it -------------------------------------------------------------------------


def mirror_payment(event: Event, now: datetime) -> Outcome:
    """Act on a payment intent of an automatic top-up; the others have their own events."""
    try:
        payment = stripe_wallets.load_wallet_payment(event.object_id)
    except NotFound:
        return Outcome("ignored", "no_such_object")
    if not payment.number:
        log.info("payment noted", extra={"stripe_type": event.type, "payment": event.object_id})
        return APPLIED
    ref = store.find_owner(payment.stripe_customer_id)
    if ref is None or (ref.project_id, ref.customer_id) != (
        payment.project_id,
        payment.customer_id,
    ):
        return Outcome("quarantined", "mismatch:customer")
    if payment.currency != CURRENCY:
        return Outcome("quarantined", "mismatch:currency")
    if payment.is_paid and payment.received_cents != payment.amount_cents:
        return Outcome("quarantined", "mismatch:amount")
    if payment.is_paid:
        _settle(ref, payment, now=now)
    elif payment.is_over:
        _stop(ref, payment, now=now)
    return APPLIED


def _settle(ref: CustomerRef, payment: WalletPayment, *, now: datetime) -> None:
    """Write a payment down, grant it, and end what was in flight; each once.

    Of who has left meanwhile it is given back.
    """
    owed = Payment(
        payment_id=payment.payment_id,
        session_id="",
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        stripe_customer_id=payment.stripe_customer_id,
        kind=TOPUP,
        tier=AUTOMATIC,
        currency=payment.currency,
        paid_cents=payment.received_cents,
        granted_nanos=nanos_from_cents(payment.received_cents),
        grant_id=topup_grant_id(payment.payment_id),
        created_at=now,
    )

    def write_down() -> Attempt[bool]:
        account = store.load_account(ref)
        known = store.find_payment(owed.payment_id)
        is_late = came_late(account, known or owed)
        if known is not None:
            return Attempt(is_late, ())
        kept = first_seen_paid(
            auto_topup_of(account), payment.number, payment.received_cents, now=now
        )
        changes = changes_of(account, kept)
        return Attempt(is_late, store.writes_for_payment(account, owed, changes=changes))

    def end_flight() -> Attempt[None]:
        account = store.load_account(ref)
        kept = paid(auto_topup_of(account), payment.number)
        return Attempt(None, writes_for_auto_topup(account, kept))

    is_late = commit_or_retry(write_down)
    grant_payment(owed, now=now)
    if is_late:
        give_back(owed)
    commit_or_retry(end_flight)  # last: until the balance has it, no other may begin


def _stop(ref: CustomerRef, payment: WalletPayment, *, now: datetime) -> None:
    """Switch it off after a payment that was not made, tell the customer, charge nothing.

    Nobody can pay that intent later; what is still wanted is paid on a page of its own.
    Of who was deleted meanwhile nothing is kept, and there is nobody to tell.
    """
    account = store.load_account(ref)
    refill = auto_topup_of(account).in_flight
    if refill is None or refill.number != payment.number:
        return
    if payment.payment_id and payment.status != "canceled":
        stripe_wallets.give_up_payment(payment.payment_id)
    if account.customer.deleted_at is not None:
        return
    failure = _failure_of(payment)
    is_on = auto_topup_of(account).settings.is_enabled
    link = _link(ref, refill, now=now) if is_on and failure == NEEDS_CUSTOMER else ""

    def attempt() -> Attempt[None]:
        account = live_account(ref)
        before = auto_topup_of(account)
        kept = failed(before, payment.number, failure, now=now)
        if kept == before:
            return Attempt(None, ())
        # Whoever has switched it off meanwhile waits for nothing.
        is_news = before.settings.is_enabled
        mails = _mails(account, refill, failure, link, now=now) if is_news else []
        return Attempt(None, writes_for_auto_topup(account, kept, mails))

    commit_or_retry(attempt)
    log.info("automatic top-up not paid", extra={"reason": failure})
    _tell_wallet_if_off(ref, now=now)


def _failure_of(payment: WalletPayment) -> Failure:
    if payment.decline_code == NO_METHOD:
        return NO_METHOD
    needs_customer = payment.decline_code == NEEDS_CUSTOMER or (
        payment.status == "requires_action"
    )
    return NEEDS_CUSTOMER if needs_customer else DECLINED


def _link(ref: CustomerRef, refill: Refill, *, now: datetime) -> str:
    """Return a page on which the customer can pay the same amount.

    Empty where there is nowhere to return to, or the project takes no such amount any more.
    """
    last = last_topup(live_account(ref))
    if last is None:
        return ""
    topup = replace(last, amount_cents=refill.amount_cents)
    try:
        return start_wallet_topup(ref, topup, now=now).session.url
    except InvalidRequest:
        return ""


def _mails(
    account: store.Account, refill: Refill, failure: Failure, link: str, *, now: datetime
) -> list[Write]:
    notice = refill_failed_notice(
        account.customer.customer_id,
        refill.number,
        amount=write_money(refill.amount_cents, CURRENCY),
        why=failure,
    )
    sender = sender_of(account)
    if link:
        sender = replace(sender, link=link)
    return mails_for(account, [notice], payer_email="", now=now, sender=sender)


def _tell_wallet_if_off(ref: CustomerRef, *, now: datetime) -> None:
    account = store.find_account(ref)
    if account is not None and not auto_topup_of(account).settings.is_enabled:
        tell_wallet(ref, now=now)

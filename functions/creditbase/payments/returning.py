"""Money that went back: refunds and disputes take credits, and give them back when they fail.

The target is Stripe's cumulative truth, never a sum of events. Each step towards it is
written down in `payments/{pi}` before the wallet is told under the step's own entry id. A
wallet that tops itself up stops doing so in the commit that writes down that a top-up of it
goes back.
"""

from dataclasses import asdict, replace
from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import (
    Contention,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unavailable,
)
from creditbase.kernel.ids import refund_entry_id
from creditbase.ledger.domain.commands import GiveBack, TakeBack
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.ledger.use_cases import run
from creditbase.payments import store, stripe_billing
from creditbase.payments.domain import (
    APPLIED,
    AUTOMATIC,
    SUBSCRIPTION,
    TOPUP,
    WALLET,
    Event,
    Outcome,
    Payment,
)
from creditbase.payments.granting import grant_payment
from creditbase.payments.mirroring import mirror_customer
from creditbase.payments.noticing import mails_for, sender_of
from creditbase.payments.refill_store import AUTO_TOPUP, auto_topup_of
from creditbase.payments.refilling import DISPUTED, REFUNDED, AutoTopup, stopped
from creditbase.payments.stripe_gateway import payer_email
from creditbase.payments.undoing import (
    decide_return,
    lapsed_nanos_of,
    returned_nanos_of,
    way_of,
)
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Write
from creditbase.runtime.log import alert
from creditbase.subscriptions.domain.notices import MoneyBack, money_back_notice
from creditbase.subscriptions.domain.owed import grant_ids_of

STEPS_MAX = 8
"""How often one event may find that Stripe has moved on meanwhile."""


class PaymentUntold(Unavailable):
    """The session that a payment was made by was not told of yet: it comes first."""


def mirror_return(event: Event, now: datetime) -> Outcome:
    """Act on anything that happened to a charge, a refund or a dispute."""
    if event.object_type not in {"charge", "refund", "dispute"}:
        return Outcome("quarantined", "no_object")
    try:
        payment_id = stripe_billing.payment_of(event.object_type, event.object_id)
    except NotFound:
        return Outcome("ignored", "no_such_object")
    if not payment_id:
        return Outcome("ignored", "not_ours")
    return follow_payment(payment_id, now=now)


def follow_payment(payment_id: str, *, now: datetime) -> Outcome:
    """Take, or give back, the credits of what Stripe says has gone back of a payment.

    Raises:
        Unavailable, Contention: not finished; to be repeated.
    """
    payment = store.find_payment(payment_id) or _write_down(payment_id, now=now)
    if payment is None:
        return Outcome("ignored", "not_ours")
    if payment.kind == TOPUP:
        # Who wrote the payment down may not have come to the grant yet.
        grant_payment(payment, now=now)
    else:
        # Nothing of a plan may come back that was left meanwhile.
        mirror_customer(payment.stripe_customer_id, now=now)
    for _ in range(STEPS_MAX):
        payment, is_reached = _step(payment, now=now)
        if is_reached:
            return APPLIED
    raise Contention


def _step(payment: Payment, *, now: datetime) -> tuple[Payment, bool]:
    """Tell the wallet the steps that are written down, then write down the next, if any."""
    way = way_of(payment, _take_steps(payment, now=now))
    ref = CustomerRef(payment.project_id, payment.customer_id)

    def attempt() -> Attempt[tuple[Payment, bool]]:
        # The version first, then Stripe: whatever changes in between makes the commit fail.
        account = store.load_account(ref)
        found = store.find_payment(payment.payment_id)
        assert found is not None
        if found.returns != payment.returns:
            return Attempt((found, False), ())
        returned = stripe_billing.load_returned(payment.payment_id)
        step = decide_return(found, returned, way)
        if step is None:
            return Attempt((found, True), ())
        stepped = replace(found, returns=(*found.returns, step))
        kept = _auto_topup_after(account, stepped, now=now)
        changes = None if kept is None else {AUTO_TOPUP: asdict(kept)}
        mails = _mails_of(account, stepped, stops_refills=kept is not None, now=now)
        writes = store.writes_for_payment(account, stepped, mails, changes)
        return Attempt((stepped, False), writes)

    return commit_or_retry(attempt)


def _auto_topup_after(
    account: store.Account, payment: Payment, *, now: datetime
) -> AutoTopup | None:
    """Return how a wallet no longer tops itself up once a top-up of it goes back.

    The balance that falls by it must not lead to the same money being taken again. None where
    nothing changes: what comes back later switches nothing on.
    """
    step, before = payment.returns[-1], payment.returns[-2:-1]
    is_disputed = _is_dispute(payment, len(payment.returns))
    is_refunded = step.refunded_cents > sum(it.refunded_cents for it in before)
    if payment.kind != TOPUP or not (is_disputed or is_refunded):
        return None
    known = auto_topup_of(account)
    kept = stopped(known, DISPUTED if is_disputed else REFUNDED, now=now)
    return None if kept == known else kept


def _is_dispute(payment: Payment, number: int) -> bool:
    """Return whether a step of that number, from 1, takes more for a dispute than before."""
    before_cents = payment.returns[number - 2].disputed_cents if number > 1 else 0
    return payment.returns[number - 1].disputed_cents > before_cents


def _mails_of(
    account: store.Account, payment: Payment, *, stops_refills: bool, now: datetime
) -> list[Write]:
    """Return what the customer is told of a payment's newest step."""
    step = payment.returns[-1]
    if step.is_between:
        return []
    told = [number for number, it in enumerate(payment.returns[:-1]) if not it.is_between]
    before = payment.returns[told[-1]] if told else None
    since = payment.returns[told[-1] + 1 :] if told else payment.returns
    refunded_cents = before.refunded_cents if before is not None else 0
    disputed_cents = before.disputed_cents if before is not None else 0
    notice = money_back_notice(
        MoneyBack(
            payment_id=payment.payment_id,
            number=len(payment.returns),
            amount_nanos=sum(it.amount_nanos - it.recalled_nanos for it in since),
            refunded_cents=step.refunded_cents - refunded_cents,
            disputed_cents=step.disputed_cents - disputed_cents,
            currency=payment.currency,
            stops_refills=stops_refills,
        )
    )
    if notice is None:
        return []
    email = "" if account.customer.email else payer_email(payment.stripe_customer_id)
    sender = None
    if payment.tier in {WALLET, AUTOMATIC}:
        # A wallet's money is told as money: its customer knows of no credits.
        notice = replace(notice, facts={**notice.facts, "credits": "0"})
        sender = sender_of(account)
    return mails_for(account, [notice], payer_email=email, now=now, sender=sender)


def _take_steps(payment: Payment, *, now: datetime) -> list[Entry]:
    """Tell the wallet every step, each once, and return their entries.

    Raises:
        Unavailable: the wallet does not take them now.
    """
    wallet = WalletRef(payment.project_id, payment.customer_id)
    entries: list[Entry] = []
    try:
        for number, step in enumerate(payment.returns, start=1):
            entry_id = refund_entry_id(payment.payment_id, number)
            cause = {
                "payment": payment.payment_id,
                "refunded_cents": step.refunded_cents,
                "disputed_cents": step.disputed_cents,
                "is_dispute": _is_dispute(payment, number),
            }
            command: TakeBack | GiveBack
            if step.amount_nanos > 0:
                command = TakeBack(
                    entry_id,
                    payment.grant_id,
                    step.amount_nanos,
                    step.owes_rest,
                    cause,
                    lapsed_nanos=lapsed_nanos_of(way_of(payment, entries)),
                    returned_nanos=returned_nanos_of(entries),
                )
            else:
                command = GiveBack(
                    entry_id,
                    payment.grant_id,
                    "topup" if payment.kind == TOPUP else "plan",
                    -step.amount_nanos,
                    payment.expires_at,
                    cause,
                    owed_nanos=step.owed_nanos,
                    still_owed_nanos=step.still_owed_nanos,
                    recalled_nanos=step.recalled_nanos,
                    cut_nanos=step.cut_nanos,
                )
            entry = run(wallet, command, now=now).entry
            assert entry is not None
            entries.append(entry)
    except (NotFound, Forbidden, InvalidRequest) as refusal:
        # The last: there is no room in it until some is spent.
        alert("wallet_refuses", "a refund waits for its wallet", payment=payment.payment_id)
        raise Unavailable from refusal
    return entries


def _write_down(payment_id: str, *, now: datetime) -> Payment | None:
    """Write down the payment of a subscription's invoice, with the grant that it brought.

    None where it is none of ours, or brought no grant: nothing is left to take.
    """
    paid = stripe_billing.find_paid_invoice(payment_id)
    if paid is None:
        marks = stripe_billing.metadata_of_payment(payment_id)
        if marks.get("kind") == TOPUP and "customer" in marks:
            raise PaymentUntold  # this event is handled again after that
        return None
    ref = store.find_owner(paid.stripe_customer_id)
    if ref is None:
        return None
    # What it is owed is given first, in case that its own event comes later than this one.
    mirror_customer(paid.stripe_customer_id, now=now)
    invoice = paid.invoice
    names = grant_ids_of(invoice)
    loaded = find_wallet(WalletRef(ref.project_id, ref.customer_id), names)
    granted = [loaded.known[name] for name in names] if loaded is not None else []
    entry = next((entry for entry in granted if entry is not None), None)
    if entry is None:
        return None
    payment = Payment(
        payment_id=payment_id,
        session_id="",
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        stripe_customer_id=paid.stripe_customer_id,
        kind=SUBSCRIPTION,
        tier=str(entry.cause.get("plan", "")),
        currency=paid.currency,
        paid_cents=paid.paid_cents,
        granted_nanos=entry.amount_nanos,
        grant_id=entry.entry_id,
        created_at=now,
        expires_at=entry.expires_at,
    )

    def attempt() -> Attempt[Payment]:
        account = store.load_account(ref)
        found = store.find_payment(payment_id)
        writes = () if found is not None else store.writes_for_payment(account, payment)
        return Attempt(found or payment, writes)

    return commit_or_retry(attempt)

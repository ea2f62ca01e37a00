"""A customer who leaves for good: nothing is billed, nothing can be paid, nobody is known.

Every step may be repeated: what is over is found to be over.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import Conflict, NotFound
from creditbase.payments import (
    store,
    stripe_billing,
    stripe_gateway,
    stripe_refunds,
    stripe_selling,
)
from creditbase.payments.domain import SUBSCRIPTION, TOPUP, Payment
from creditbase.payments.sessions import session_of

log = logging.getLogger(__name__)

PAYERS_MAX = 50
"""Stripe customers that one customer can have had, one after the other."""


def payers_of(ref: CustomerRef) -> list[str]:
    """Return every Stripe customer that a customer has, or had before."""
    account = store.load_account(ref)
    known = [one.document_id for one in store.find_payers(ref.customer_id, limit=PAYERS_MAX)]
    linked = account.customer.stripe_customer_id
    return sorted({*known, *([linked] if linked else [])})


def end_billing(ref: CustomerRef) -> None:
    """End every subscription, close every page to pay on, then delete the customer at Stripe.

    In this order: where we are cut off, nothing more is billed to who is still known.

    Raises:
        NotFound: there is no such customer.
        Unavailable: Stripe did not answer; to be repeated.
    """
    payers = payers_of(ref)
    end_subscriptions(ref, payers)
    account = store.load_account(ref)
    for kind in (TOPUP, SUBSCRIPTION):
        session = session_of(account.intent_of(kind))
        if session is not None and session.status == "open":
            stripe_selling.expire_session(session.session_id)
    for payer in payers:
        stripe_gateway.delete_customer(payer)


def end_subscriptions(ref: CustomerRef, payers: Sequence[str]) -> None:
    """End all that Stripe bills these customers of one customer's for, at once.

    Raises:
        Unavailable: Stripe did not answer; to be repeated.
    """
    for payer in payers:
        try:
            seen = stripe_billing.list_subscriptions(ref.project_id, payer)
        except NotFound:
            continue  # deleted there, and with it all that was billed
        for one in seen:
            if one.is_live:
                stripe_billing.cancel_subscription(one.subscription_id)


def came_late(account: store.Account, payment: Payment) -> bool:
    """Return whether a payment arrived when its customer had left: a bank takes days."""
    gone_at = account.customer.deleted_at
    return gone_at is not None and payment.created_at >= gone_at and payment.paid_cents > 0


def give_back(payment: Payment) -> None:
    """Give back, whole and once, what was paid by somebody who is not there any more.

    The credits follow by the events of the refund, as after any other.

    Raises:
        Unavailable: it is not known to be given back; to be repeated.
    """
    mark = f"left:{payment.payment_id}"
    seen = stripe_refunds.look_at_payment(payment.payment_id)
    if seen.made_for(mark) is not None or not seen.left_cents:
        return
    with suppress(Conflict):  # a twin was faster
        stripe_refunds.make_refund(payment.payment_id, seen.left_cents, mark=mark)
    log.info("a late payment was given back", extra={"payment": payment.payment_id})

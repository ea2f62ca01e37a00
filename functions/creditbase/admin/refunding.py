"""Money that an operator gives back through Stripe.

The credits go by the one path that refunds have (`payments/returning.py`), whoever made them:
at once where that is possible, else by the event that Stripe sends.
"""

import re
from contextlib import suppress
from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.admin.acting import done_before
from creditbase.admin.customers import load_customer
from creditbase.admin.domain.audit import Audit, Deed, check_deed
from creditbase.admin.outcomes import begin, end, find_outcome, refusal, refuse
from creditbase.kernel.errors import (
    BillingError,
    Conflict,
    Contention,
    InvalidRequest,
    NotFound,
    Unavailable,
)
from creditbase.ledger.paths import WalletRef
from creditbase.payments import store, stripe_billing, stripe_refunds
from creditbase.payments.domain import CENTS_MAX
from creditbase.payments.returning import follow_payment
from creditbase.payments.stripe_refunds import Refund, Refundable

PAYMENT = re.compile(r"(pi|in)_[A-Za-z0-9_]{1,250}")


def refund(
    deed: Deed, *, payment: str, amount_cents: int | None = None, now: datetime
) -> Audit:
    """Give back a part of a payment, or all that is left, and return what came of it.

    `payment` is Stripe's id of the payment, or of an invoice that one payment paid.

    Raises:
        InvalidRequest: no payment is called so, or no amount is so.
        NotFound: there is no such customer, or the payment is not theirs.
        IdempotencyConflict: the key was used for something else.
        Conflict: so much is not left, or a bank disputes it; nothing comes of this key.
        Unavailable, Contention: not known to be done; the same key may be repeated.
    """
    check_deed(deed)
    begun = done_before(deed)
    if begun is None:
        begun = _begin(deed, payment, amount_cents, now=now)
    found = find_outcome(begun)
    if found is not None:
        return found
    payment_id, cents = str(begun.stripe["payment_id"]), _cents(begun)
    seen = stripe_refunds.look_at_payment(payment_id)
    made = seen.made_for(begun.audit_id)
    if made is None:
        reason = _objection(seen, cents)
        if reason:
            refuse(begun, reason, now=now)
        made = _make(payment_id, cents, mark=begun.audit_id)
        if made is None:
            refuse(begun, "STRIPE_REFUSED", now=now)
    # Its event does the same: no reason to answer that the money has not gone back.
    with suppress(Unavailable, Contention):
        follow_payment(payment_id, now=now)
    outcome = {**begun.stripe, "refund_id": made.refund_id, "status": made.status}
    return end(begun, outcome, now=now)


def _begin(deed: Deed, payment: str, amount_cents: int | None, *, now: datetime) -> Audit:
    if amount_cents is not None and not 0 < amount_cents <= CENTS_MAX:
        raise InvalidRequest("The amount is out of range", field="amount_cents")
    ref = WalletRef(deed.project_id, deed.customer_id)
    load_customer(ref)
    payment_id = _payment_named(payment)
    try:
        seen = stripe_refunds.look_at_payment(payment_id)
    except NotFound:
        raise _unknown() from None
    if not _is_theirs(seen, ref):
        raise _unknown()
    cents = seen.left_cents if amount_cents is None else amount_cents
    reason = _objection(seen, cents)
    if reason:
        raise refusal(reason)
    asked = {"payment_id": payment_id, "amount_cents": cents, "currency": seen.currency}
    return begin(deed, asked, now=now)


def _make(payment_id: str, cents: int, *, mark: str) -> Refund | None:
    """Ask for the refund; None where it is not there, and will not be under this mark."""
    try:
        return stripe_refunds.make_refund(payment_id, cents, mark=mark)
    except Conflict:
        # Remembered may be a failure on the way back: a twin's refund, made all the same.
        return stripe_refunds.look_at_payment(payment_id).made_for(mark)


def _payment_named(text: str) -> str:
    if PAYMENT.fullmatch(text) is None:
        raise InvalidRequest(
            "The payment is the id of a payment or an invoice at Stripe", field="payment"
        )
    if text.startswith("pi_"):
        return text
    try:
        paid = stripe_refunds.payments_of_invoice(text)
    except NotFound:
        paid = []
    if not paid:
        raise _unknown()
    if len(paid) > 1:
        raise InvalidRequest("Several payments paid this invoice: name one", field="payment")
    return paid[0][0]


def _is_theirs(seen: Refundable, ref: WalletRef) -> bool:
    """Return whether a payment is a customer's, and for something that is sold here."""
    if store.find_owner(seen.stripe_customer_id) != CustomerRef(
        ref.project_id, ref.customer_id
    ):
        return False
    is_known = store.find_payment(seen.payment_id) is not None
    return is_known or stripe_billing.find_paid_invoice(seen.payment_id) is not None


def _objection(seen: Refundable, cents: int) -> str:
    """Return why so much cannot go back; empty where it can."""
    if seen.is_disputed:
        return "PAYMENT_DISPUTED"
    return "" if 0 < cents <= seen.left_cents else "NOTHING_TO_REFUND"


def _cents(begun: Audit) -> int:
    cents = begun.stripe["amount_cents"]
    assert isinstance(cents, int)
    return cents


def _unknown() -> BillingError:
    return NotFound("This customer has no such payment")

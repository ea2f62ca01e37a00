"""Giving money back at Stripe, once however often and however late it is asked for.

Beside `stripe_gateway`, whose client and rules it shares.
"""

from fractions import Fraction
from typing import Any

from creditbase.kernel.errors import Conflict, Unavailable
from creditbase.payments.stripe_gateway import ask, client, id_of
from creditbase.payments.stripe_lists import PAGE_MAX, whole_list

OURS = "second_subscription"
"""The cause that our refunds carry: Stripe forgets keys after a day, and them never."""


def refund_invoice(invoice_id: str, *, part: Fraction) -> None:
    """Give back that part of what was paid for an invoice, once; cents rounded down.

    What somebody else gave back of it before is not given back again: Stripe would refuse
    that today and tomorrow.

    Raises:
        Unavailable: not known to be done; to be repeated.
    """
    for payment_id, paid_cents in _payments_of_invoice(invoice_id):
        wanted_cents = paid_cents * part.numerator // part.denominator
        cents = min(wanted_cents, _left_cents(payment_id, paid_cents)) if wanted_cents else 0
        if not cents:
            continue
        try:
            _refund(payment_id, cents, key=f"refund-invoice:{invoice_id}:{payment_id}")
        except Conflict as failure:
            raise Unavailable from failure


def _refund(payment_id: str, cents: int, *, key: str) -> None:
    params: Any = {"payment_intent": payment_id, "amount": cents, "metadata": {"cause": OURS}}
    ask(lambda: client().v1.refunds.create(params=params, options={"idempotency_key": key}))


def _payments_of_invoice(invoice_id: str) -> list[tuple[str, int]]:
    """Return what paid an invoice, and how much each."""
    params: Any = {"invoice": invoice_id, "status": "paid", "limit": PAGE_MAX}
    shown = whole_list(client().v1.invoice_payments.list, params)
    found = [(id_of(one["payment"].get("payment_intent")), one["amount_paid"]) for one in shown]
    return [(payment_id, cents or 0) for payment_id, cents in found if payment_id]


def _left_cents(payment_id: str, paid_cents: int) -> int:
    """Return what of a payment may go back by us: nothing twice, nor what a bank disputes."""
    params: Any = {"payment_intent": payment_id, "limit": PAGE_MAX}
    refunds = whole_list(client().v1.refunds.list, params)
    is_done = any((one["metadata"] or {}).get("cause") == OURS for one in refunds)
    if is_done or whole_list(client().v1.disputes.list, params):
        return 0
    gone_cents: int = sum(
        one["amount"] for one in refunds if one["status"] not in {"failed", "canceled"}
    )
    return max(0, paid_cents - gone_cents)

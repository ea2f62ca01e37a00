"""Giving money back at Stripe, once however often and however late it is asked for.

Beside `stripe_gateway`, whose client and rules it shares.
"""

from fractions import Fraction
from typing import Any

from creditbase.kernel.errors import Conflict, Unavailable
from creditbase.kernel.records import dataclass
from creditbase.payments.stripe_billing import NOT_WITHDRAWN
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
    for payment_id, paid_cents in payments_of_invoice(invoice_id):
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


def payments_of_invoice(invoice_id: str) -> list[tuple[str, int]]:
    """Return what paid an invoice, and how much each.

    Raises:
        NotFound: Stripe has no such invoice.
    """
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


# ---- what an operator gives back -------------------------------------------------------------

MARK = "audit"
"""Names, in a refund, the record that it was asked for under: found when keys are forgotten."""


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund as Stripe has it, with its mark; empty where it has none."""

    refund_id: str
    status: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refundable:
    """A payment, and how much of it can still go back."""

    payment_id: str
    stripe_customer_id: str
    currency: str
    left_cents: int
    is_disputed: bool
    """Whether a bank has taken it, for good or until it is decided: no refund is made then."""
    refunds: tuple[Refund, ...]

    def made_for(self, mark: str) -> Refund | None:
        """Return the refund that was made under a mark, if there is one."""
        return next((refund for refund in self.refunds if refund.mark == mark), None)


def look_at_payment(payment_id: str) -> Refundable:
    """Return a payment as Stripe has it now.

    Raises:
        NotFound: Stripe has no such payment.
    """
    payment = ask(lambda: client().v1.payment_intents.retrieve(payment_id))
    params: Any = {"payment_intent": payment_id, "limit": PAGE_MAX}
    refunds = whole_list(client().v1.refunds.list, params)
    disputes = whole_list(client().v1.disputes.list, params)
    gone_cents: int = sum(
        one["amount"] for one in refunds if one["status"] not in {"failed", "canceled"}
    )
    return Refundable(
        payment_id=payment_id,
        stripe_customer_id=id_of(payment["customer"]),
        currency=payment["currency"],
        left_cents=max(0, payment["amount_received"] - gone_cents),
        is_disputed=any(not one["status"].startswith(NOT_WITHDRAWN) for one in disputes),
        refunds=tuple(map(_read, refunds)),
    )


def make_refund(payment_id: str, cents: int, *, mark: str) -> Refund:
    """Give money back, once for each mark.

    Raises:
        Conflict: nothing will come of this mark any more.
        Unavailable: Stripe did not answer, or refused; the same mark may be repeated.
    """
    params: Any = {"payment_intent": payment_id, "amount": cents, "metadata": {MARK: mark}}
    options: Any = {"idempotency_key": f"admin-refund:{mark}"}
    return _read(ask(lambda: client().v1.refunds.create(params=params, options=options)))


def _read(answered: Any) -> Refund:
    metadata = answered["metadata"] or {}
    return Refund(answered["id"], answered["status"] or "", metadata.get(MARK, ""))

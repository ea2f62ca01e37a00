"""The life of an invoice: draft, open, and then paid, void or uncollectible."""

from collections.abc import Sequence

from stripe_local.account import Account
from stripe_local.billing import discounting, standing
from stripe_local.billing.invoice_shape import (
    Line,
    new_invoice,
    new_invoice_payment,
)
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.resources.payment_intents import new_payment_intent
from stripe_local.wire.errors import InvalidState
from stripe_local.wire.resource import Resource

DRAFT_S = 3_600
"""How long the invoice of a renewal stays a draft."""

_DESCRIPTIONS = {
    "subscription_create": "Subscription creation",
    "subscription_cycle": "Subscription update",
    "subscription_update": "Subscription update",
}


def draft(
    account: Account,
    customer: Resource,
    subscription: Resource | None,
    lines: Sequence[Line],
    *,
    currency: str,
    reason: str,
    period: tuple[int, int],
) -> Resource:
    """Make a draft, not yet told of: its subscription shall name it before anybody hears."""
    invoice = new_invoice(
        customer,
        subscription,
        lines,
        currency=currency,
        reason=reason,
        period=period,
        now_s=account.now_s(),
    )
    discounting.take_off_own(account, subscription, invoice)
    invoice["account_name"] = account.profile.merchant
    if customer["currency"] is None:
        changes = {"currency": invoice["currency"]}
        account.update(customer, changes, "customer.updated", BY_ITSELF)
    for line in lines:
        item = account.store.find("invoiceitem", line.invoice_item_id)
        if item is not None:
            item["invoice"] = invoice["id"]
    return account.store.add(invoice)


def finalize(
    account: Account, invoice: Resource, cause: Cause, *, paid_by: Resource | None = None
) -> Resource:
    """Open a draft for payment; what comes to nothing is paid at once.

    `paid_by` is a payment intent that has already paid it, as after Checkout.

    Raises:
        InvalidState: it is no draft.
    """
    if invoice["status"] != "draft":
        raise InvalidState("This invoice is already finalized, you can't re-finalize it.")
    account.agenda.cancel("finalize", invoice["id"])
    customer = account.store.at_address("customer", invoice["customer"])
    now_s = account.now_s()
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}"
    customer["next_invoice_sequence"] += 1
    invoice.update(
        automatically_finalizes_at=None,
        effective_at=now_s,
        hosted_invoice_url=f"{account.profile.public_url}/i/{invoice['id']}",
        invoice_pdf=f"{account.profile.public_url}/i/{invoice['id']}",
        number=number,
        status="open",
    )
    invoice["status_transitions"]["finalized_at"] = now_s
    subscription = standing.subscription_of(account, invoice)
    if subscription is not None:
        details = invoice["parent"]["subscription_details"]
        details["metadata"] = dict(subscription["metadata"])
    _settle_balance(account, customer, invoice, cause)
    if invoice["amount_due"] == 0:
        account.record("invoice.finalized", invoice, cause)
        return mark_paid(account, invoice, None, cause)
    intent = paid_by or _new_intent(account, invoice, cause)
    account.store.add(
        new_invoice_payment(invoice, intent["id"], invoice["amount_due"], now_s=now_s)
    )
    account.record("invoice.finalized", invoice, cause)
    return mark_paid(account, invoice, intent, cause) if paid_by else invoice


def _settle_balance(
    account: Account, customer: Resource, invoice: Resource, cause: Cause
) -> None:
    """Set off the customer's credit, and keep as credit what the invoice gives back."""
    owed = invoice["total"] + customer["balance"]
    invoice.update(
        amount_due=max(owed, 0),
        amount_remaining=max(owed, 0),
        ending_balance=min(owed, 0),
        starting_balance=customer["balance"],
    )
    account.update(customer, {"balance": min(owed, 0)}, "customer.updated", cause)


def _new_intent(account: Account, invoice: Resource, cause: Cause) -> Resource:
    given = {"description": _DESCRIPTIONS.get(invoice["billing_reason"])}
    intent = new_payment_intent(
        invoice["amount_due"], invoice["currency"], given, now_s=account.now_s()
    )
    intent["customer"] = invoice["customer"]
    if invoice["parent"] is not None:
        intent["setup_future_usage"] = "off_session"
    account.store.add(intent)
    account.record("payment_intent.created", intent, cause)
    return intent


def payment_of(account: Account, invoice: Resource) -> Resource | None:
    """Return the invoice payment of an invoice: there is one once it has something due."""
    return next(
        (
            each
            for each in account.store.newest_first("invoice_payment")
            if each["invoice"] == invoice["id"]
        ),
        None,
    )


def intent_of(account: Account, invoice: Resource) -> Resource:
    """Return the payment intent of an open invoice."""
    payment = payment_of(account, invoice)
    assert payment is not None, invoice["id"]
    intent_id = payment["payment"]["payment_intent"]
    return account.store.at_address("payment_intent", intent_id)


def default_method(
    account: Account,
    customer: Resource,
    subscription: Resource | None,
    invoice: Resource | None = None,
) -> Resource | None:
    """Return the card that pays when nobody names another; None when there is none."""
    chosen = invoice and invoice["default_payment_method"]
    chosen = chosen or (subscription and subscription["default_payment_method"])
    chosen = chosen or customer["invoice_settings"]["default_payment_method"]
    method = account.store.find("payment_method", chosen)
    return method if method is not None and method["customer"] == customer["id"] else None


def mark_paid(
    account: Account, invoice: Resource, intent: Resource | None, cause: Cause
) -> Resource:
    """Note that an invoice is paid, by a payment intent or because nothing was due."""
    account.agenda.cancel("retry", invoice["id"])
    now_s = account.now_s()
    invoice.update(
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempt_count=max(invoice["attempt_count"], 1 if intent else 0),
        attempted=True,
        auto_advance=False,
        next_payment_attempt=None,
        status="paid",
    )
    invoice["status_transitions"]["paid_at"] = now_s
    payment = payment_of(account, invoice)
    if payment is not None:
        payment.update(amount_paid=payment["amount_requested"], status="paid")
        payment["status_transitions"]["paid_at"] = now_s
        account.record("invoice_payment.paid", payment, cause)
    account.record("invoice.paid", invoice, cause)
    account.record("invoice.payment_succeeded", invoice, cause)
    standing.note_paid(account, invoice, cause)
    return invoice


def void(account: Account, invoice: Resource, cause: Cause) -> Resource:
    """Declare an open invoice void: nobody owes it any more.

    Raises:
        InvalidState: it is a draft, paid or void.
    """
    if invoice["status"] not in {"open", "uncollectible"}:
        raise InvalidState("You can only void an open or uncollectible invoice.")
    account.agenda.cancel("retry", invoice["id"])
    invoice.update(auto_advance=False, next_payment_attempt=None, status="void")
    invoice["status_transitions"]["voided_at"] = account.now_s()
    _cancel_payment(account, invoice, cause)
    account.record("invoice.voided", invoice, cause)
    standing.stay_paused(account, invoice)
    standing.stay_unchanged(account, invoice, cause)
    return invoice


def mark_uncollectible(
    account: Account, invoice: Resource, cause: Cause, *, reason: str
) -> Resource:
    """Write an open invoice off.

    Raises:
        InvalidState: it is not open.
    """
    if invoice["status"] != "open":
        raise InvalidState("You can only mark an open invoice as uncollectible.")
    account.agenda.cancel("retry", invoice["id"])
    invoice.update(
        auto_advance=False,
        next_payment_attempt=None,
        status="uncollectible",
        status_details={"uncollectible": {"reason": reason}},
    )
    invoice["status_transitions"]["marked_uncollectible_at"] = account.now_s()
    account.record("invoice.marked_uncollectible", invoice, cause)
    standing.note_written_off(account, invoice, cause)
    return invoice


def _cancel_payment(account: Account, invoice: Resource, cause: Cause) -> None:
    payment = payment_of(account, invoice)
    if payment is None:
        return
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = account.now_s()
    intent = intent_of(account, invoice)
    intent.update(
        canceled_at=account.now_s(), cancellation_reason="void_invoice", status="canceled"
    )
    account.record("payment_intent.canceled", intent, cause)

"""What invoices, their lines and their payments look like. Pure but for the ids."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stripe_local.basket import quote
from stripe_local.currencies import shown
from stripe_local.ids import new_id
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_OF_THE_CUSTOMER = words("address email name phone shipping tax_exempt")
_NULL_AT_FIRST = words(
    "account_tax_ids application automatically_finalizes_at "
    "custom_fields customer_account default_payment_method default_source description due_date "
    "effective_at ending_balance footer from_invoice hosted_invoice_url invoice_pdf "
    "last_finalization_error latest_revision next_payment_attempt number on_behalf_of "
    "receipt_number rendering shipping_cost shipping_details statement_descriptor "
    "webhooks_delivered_at"
)
_AT_FIRST: Resource = {
    **dict.fromkeys(_NULL_AT_FIRST),
    "account_country": "US",
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "attempt_count": 0,
    "attempted": False,
    "automatic_tax": {
        **dict.fromkeys(words("disabled_reason liability provider status")),
        "enabled": False,
    },
    "collection_method": "charge_automatically",
    "customer_tax_ids": [],
    "default_tax_rates": [],
    "discounts": [],
    "issuer": {"type": "self"},
    "livemode": False,
    "payment_settings": dict.fromkeys(
        words("default_mandate payment_method_options payment_method_types")
    ),
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "starting_balance": 0,
    "status": "draft",
    "status_transitions": dict.fromkeys(
        words("finalized_at marked_uncollectible_at paid_at voided_at")
    ),
    "total_discount_amounts": [],
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
}


@dataclass(frozen=True)
class Line:
    """One line before it is on an invoice: what, for which time, and why."""

    price: Resource
    quantity: int
    period: tuple[int, int]
    amount: int
    description: str
    metadata: Mapping[str, str]
    item_id: str | None = None
    """The subscription item that it bills; without one it is an invoice item's."""
    invoice_item_id: str | None = None
    is_proration: bool = False
    is_discountable: bool = True
    credited: Resource | None = None
    """For a credit, the invoice and the lines that were paid before."""


def line_for(
    item: Resource, product_name: str, period: tuple[int, int], *, is_trial: bool = False
) -> Line:
    """Return the line that bills a subscription item for a whole period."""
    price, quantity = item["price"], item["quantity"]
    amount = 0 if is_trial else quote(price, quantity).amount_total
    if is_trial:
        description = f"Trial period for {product_name}"
    else:
        each = shown(price["unit_amount"] or 0, price["currency"])
        description = (
            f"{quantity} \N{MULTIPLICATION SIGN} {product_name} (at {each} / {every(price)})"
        )
    return Line(
        price, quantity, period, amount, description, item["metadata"], item_id=item["id"]
    )


def every(price: Resource) -> str:
    """Return how often a recurring price is paid: `month`, `every 3 months`."""
    interval, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
    return str(interval) if count == 1 else f"every {count} {interval}s"


def new_invoice(
    customer: Resource,
    subscription: Resource | None,
    lines: Sequence[Line],
    *,
    currency: str,
    reason: str,
    period: tuple[int, int],
    now_s: int,
) -> Resource:
    """Return a draft with its lines added up."""
    invoice_id = new_id("invoice")
    subscription_id = subscription["id"] if subscription else None
    rows = [new_line(line, invoice_id, subscription_id) for line in lines]
    invoice = {
        "id": invoice_id,
        "object": "invoice",
        **copy.deepcopy(_AT_FIRST),
        **{f"customer_{name}": customer[name] for name in _OF_THE_CUSTOMER},
        "account_name": None,
        "auto_advance": True,
        "billing_reason": reason,
        "created": now_s,
        "currency": currency,
        "customer": customer["id"],
        "lines": {
            "object": "list",
            "data": rows,
            "has_more": False,
            "url": f"/v1/invoices/{invoice_id}/lines",
        },
        "metadata": {},
        "parent": subscription and _parent(subscription),
        "period_end": period[1],
        "period_start": period[0],
        "test_clock": customer["test_clock"],
    }
    add_up(invoice)
    return invoice


def add_up(invoice: Resource) -> None:
    """Let a draft come to the sum of its lines, less what discounts take off them."""
    rows = invoice["lines"]["data"]
    off: dict[str, int] = {}
    for each in (each for row in rows for each in row["discount_amounts"]):
        off[each["discount"]] = off.get(each["discount"], 0) + each["amount"]
    taken = [{"amount": amount, "discount": name} for name, amount in off.items()]
    subtotal = sum(row["amount"] for row in rows)
    total = subtotal - sum(off.values())
    invoice.update(
        amount_due=max(total, 0),
        amount_remaining=max(total, 0),
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal,
        total=total,
        total_discount_amounts=taken,
        total_excluding_tax=total,
        total_pretax_credit_amounts=[{**each, "type": "discount"} for each in taken],
    )


def _parent(subscription: Resource) -> Resource:
    return {
        "quote_details": None,
        "subscription_details": {
            "metadata": dict(subscription["metadata"]),
            "subscription": subscription["id"],
        },
        "type": "subscription_details",
    }


def new_line(line: Line, invoice_id: str, subscription_id: str | None) -> Resource:
    """Return one line as Stripe shows it."""
    return {
        "id": new_id("line_item"),
        "object": "line_item",
        "amount": line.amount,
        "currency": line.price["currency"],
        "description": line.description,
        "discount_amounts": [],
        "discountable": line.is_discountable and not line.is_proration,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": dict(line.metadata),
        "parent": _line_parent(line, subscription_id),
        "period": {"start": line.period[0], "end": line.period[1]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": line.price["id"], "product": line.price["product"]},
            "type": "price_details",
            "unit_amount_decimal": line.price["unit_amount_decimal"],
        },
        "quantity": line.quantity,
        "quantity_decimal": str(line.quantity),
        "subscription": subscription_id,
        "subtotal": line.amount,
        "taxes": [],
    }


def _line_parent(line: Line, subscription_id: str | None) -> Resource:
    details: dict[str, Any] = {
        "invoice_item": line.invoice_item_id,
        "proration": line.is_proration,
        "proration_details": {"credited_items": line.credited},
        "subscription": subscription_id,
    }
    if line.item_id is None:
        kind, other = "invoice_item_details", "subscription_item_details"
    else:
        details["subscription_item"] = line.item_id
        kind, other = "subscription_item_details", "invoice_item_details"
    return {kind: details, other: None, "type": kind}


def new_invoice_payment(
    invoice: Resource, payment_intent_id: str, amount: int, *, now_s: int
) -> Resource:
    """Return what links an invoice to the payment intent that is to pay it."""
    return {
        "id": new_id("invoice_payment"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": amount,
        "created": now_s,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": payment_intent_id, "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }

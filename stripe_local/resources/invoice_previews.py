"""Previews: what the next invoice of a customer would be, also after a change."""

from dataclasses import replace

from stripe.params import InvoiceCreatePreviewParams

from stripe_local.basket import Chosen
from stripe_local.billing import previewing
from stripe_local.billing.invoice_shape import Line
from stripe_local.billing.item_changes import manner_of
from stripe_local.billing.previewing import Wish
from stripe_local.billing.subscription_shape import Terms
from stripe_local.currencies import AMOUNT_MAX, read_currency
from stripe_local.ids import new_id
from stripe_local.redeeming import Purchase, chosen_of
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.invoice_items import OF_A_LINE, line_of
from stripe_local.resources.subscriptions import item_changes_of, trial_end_of, wanted_of
from stripe_local.wire.errors import missing_parameter, not_imitated
from stripe_local.wire.forms import join
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_DETAILS = words(
    "cancel_at_period_end items.deleted items.id items.metadata items.price items.quantity "
    "proration_behavior proration_date trial_end"
)
_IMITATED = frozenset(
    {
        *words("currency customer expand preview_mode subscription"),
        *words("discounts.coupon discounts.promotion_code"),
        *(f"subscription_details.{name}" for name in _DETAILS),
        *(f"invoice_items.{name}" for name in OF_A_LINE),
        *words("invoice_items.amount invoice_items.price"),
    }
)


def create(call: Call) -> Resource:
    """Return an invoice that is made nowhere: its id begins with `upcoming_in`."""
    params = call.params
    if params.get("preview_mode", "next") != "next":
        raise not_imitated("preview_mode", params["preview_mode"])
    details: Parameters = params.get("subscription_details", {})
    extra = [
        _thought_of(call, given, join("invoice_items", str(row)))
        for row, given in enumerate(params.get("invoice_items", []))
    ]
    if "subscription" in params:
        return _of_a_subscription(call, details, extra)
    return _of_a_customer(call, details, extra)


def _thought_of(call: Call, given: Parameters, name: str) -> Line:
    """Return the line of an invoice item that is made nowhere."""
    line = line_of(call.account, given, name, is_preview=True)
    return replace(line, invoice_item_id=new_id("invoiceitem"))


def _of_a_subscription(call: Call, details: Parameters, extra: list[Line]) -> Resource:
    account = call.account
    subscription = account.store.referenced(
        "subscription", call.params["subscription"], "subscription"
    )
    if "trial_end" in details:
        raise not_imitated("subscription_details[trial_end]")
    wish = Wish(
        items=item_changes_of(account, subscription, details.get("items", [])),
        manner=manner_of(details),
        ends=details.get("cancel_at_period_end"),
        extra=extra,
        discounts=_tried(call, subscription["currency"], subscription["customer"]),
    )
    return previewing.preview(account, subscription, wish)


def _of_a_customer(call: Call, details: Parameters, extra: list[Line]) -> Resource:
    params, account = call.params, call.account
    if "customer" not in params:
        raise missing_parameter("customer")
    customer = account.store.referenced("customer", params["customer"], "customer")
    if "items" in details:
        wanted = wanted_of(call, details["items"])
        terms = Terms(
            metadata={},
            trial_end=trial_end_of(account, details),
            discounts=_tried(call, wanted[0].price["currency"], customer["id"]) or (),
        )
        return previewing.preview_new(account, customer, wanted, terms, extra)
    currency = params.get("currency") or customer["currency"] or "usd"
    return previewing.preview_items(
        account, customer, extra, read_currency(currency, "currency")
    )


def _tried(call: Call, currency: str, customer_id: str) -> list[Chosen] | None:
    """Return the coupons that a preview is to try; None where it says nothing of them."""
    if "discounts" not in call.params:
        return None
    customer = call.account.store.find("customer", customer_id)
    purchase = Purchase(AMOUNT_MAX, currency, customer)
    return chosen_of(call.account, call.params["discounts"] or [], purchase)


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/invoices/create_preview",
        InvoiceCreatePreviewParams,
        _IMITATED,
        create,
    ),
)

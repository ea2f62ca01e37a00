"""Invoices made by hand: drafts for a customer, what can change of one, and what is sent."""

from stripe.params import (
    InvoiceCreateParams,
    InvoiceDeleteParams,
    InvoiceSendInvoiceParams,
    InvoiceUpdateParams,
)

from stripe_local.account import Account
from stripe_local.billing import collecting, invoicing, pending, standing
from stripe_local.billing.invoice_shape import Line
from stripe_local.billing.periods import DAY_S
from stripe_local.currencies import read_currency
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.payment_methods import referenced_method
from stripe_local.wire.errors import (
    InvalidParameter,
    InvalidState,
    exclusive_parameters,
    missing_parameter,
)
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_AT = "/v1/invoices"
_TEXTS = ("description", "footer")
_WHEN_DUE = ("days_until_due", "due_date")
_OF_A_DRAFT = (*_TEXTS, *_WHEN_DUE, "automatically_finalizes_at")
"""What cannot change any more once an invoice is finalised."""
_CHANGEABLE = frozenset(
    {*_OF_A_DRAFT, *words("auto_advance default_payment_method expand metadata")}
)


def create(call: Call) -> Resource:
    """Draft an invoice for a customer, of what waits for one, or empty."""
    params, account = call.params, call.account
    if "customer" not in params:
        raise missing_parameter("customer")
    customer = account.store.referenced("customer", params["customer"], "customer")
    subscription = None
    if "subscription" in params:
        subscription = account.store.referenced(
            "subscription", params["subscription"], "subscription"
        )
    known = subscription["currency"] if subscription else customer["currency"]
    currency = read_currency(params.get("currency") or known or "usd", "currency")
    way = params.get("collection_method", "charge_automatically")
    _check_due({"collection_method": way, "due_date": None}, params)
    changes = {"auto_advance": False, "collection_method": way}
    changes |= _changes(account, {}, params)
    now_s = account.now_s()
    invoice = invoicing.draft(
        account,
        customer,
        subscription,
        _lines(account, customer, subscription, currency, params),
        currency=currency,
        reason="manual",
        period=(now_s, now_s),
    )
    invoice.update(changes)
    _set_way(account, invoice, params)
    collecting.announce(account, invoice, call.cause)
    return invoice


def _lines(
    account: Account,
    customer: Resource,
    subscription: Resource | None,
    currency: str,
    given: Parameters,
) -> list[Line]:
    """Return what waits, where a request wants it on the invoice."""
    at_first = "exclude" if subscription is None else "include"
    if given.get("pending_invoice_items_behavior", at_first) == "exclude":
        return []
    lines = pending.lines_kept(account, customer, subscription, currency, only_its_own=True)
    if subscription is not None and not lines:
        raise InvalidState(
            "Nothing to invoice for subscription", code="invoice_no_subscription_line_items"
        )
    return lines


def _check_due(invoice: Resource, given: Parameters) -> None:
    """Refuse a bill without a day, or a day for what is collected by itself."""
    said = [name for name in _WHEN_DUE if name in given]
    is_sent = invoice["collection_method"] == "send_invoice"
    if len(said) > 1:
        raise exclusive_parameters(said)
    if said and not is_sent:
        raise InvalidParameter(
            f"You can only specify {said[0]} for invoices with "
            "`collection_method=send_invoice`.",
            param=said[0],
        )
    if is_sent and not said and invoice["due_date"] is None:
        raise missing_parameter("days_until_due")


def _changes(account: Account, invoice: Resource, given: Parameters) -> Resource:
    """Return the fields that a request sets."""
    changes: Resource = {name: given[name] or None for name in _TEXTS if name in given}
    if "auto_advance" in given:
        changes["auto_advance"] = given["auto_advance"]
    if "due_date" in given:
        changes["due_date"] = given["due_date"]
    if "days_until_due" in given:
        changes["due_date"] = account.now_s() + given["days_until_due"] * DAY_S
    if "metadata" in given:
        changes["metadata"] = merged_metadata(invoice.get("metadata", {}), given["metadata"])
    if "default_payment_method" in given:
        method = referenced_method(
            account, given["default_payment_method"], "default_payment_method"
        )
        changes["default_payment_method"] = method["id"]
    return changes


def _set_way(account: Account, invoice: Resource, given: Parameters) -> None:
    """Say when a draft is finalised by itself, if that is its way."""
    at_s = given.get("automatically_finalizes_at") or account.now_s() + invoicing.DRAFT_S
    invoice["automatically_finalizes_at"] = at_s if invoice["auto_advance"] else None


def update(call: Call) -> Resource:
    """Change an invoice: of a finalised one only what has nothing to do with what is owed."""
    params, account = call.params, call.account
    invoice = account.store.at_address("invoice", call.object_id)
    is_draft = invoice["status"] == "draft"
    too_late = [name for name in _OF_A_DRAFT if name in params and not is_draft]
    if too_late:
        raise InvalidState(
            f"Finalized invoices can't be updated in this way: {too_late[0]}.",
            code="invoice_not_editable",
            param=too_late[0],
        )
    _check_due(invoice, params)
    changes = _changes(account, invoice, params)
    if is_draft and {"auto_advance", "automatically_finalizes_at"} & params.keys():
        shown = {"auto_advance": invoice["auto_advance"], **changes}
        _set_way(account, shown, params)
        changes |= shown
        changes["next_payment_attempt"] = shown["automatically_finalizes_at"]
    account.update(invoice, changes, "invoice.updated", call.cause)
    if is_draft:
        collecting.plan_finalization(account, invoice)
    elif invoice["status"] == "open" and "auto_advance" in params:
        collecting.plan_collection(account, invoice, call.cause)
    return invoice


def delete(call: Call) -> Resource:
    """Throw a draft away. What was on it waits for another invoice."""
    account = call.account
    invoice = account.store.at_address("invoice", call.object_id)
    if invoice["status"] != "draft" or standing.subscription_of(account, invoice):
        raise InvalidState(
            "You can only delete draft invoices that are not created by a subscription. "
            "Finalized invoices and those of a subscription can be voided.",
            code="invoice_not_editable",
        )
    account.agenda.cancel("finalize", invoice["id"])
    pending.let_go(account, invoice)
    stub = account.store.delete(invoice)
    account.record("invoice.deleted", invoice, call.cause)
    return stub


def send(call: Call) -> Resource:
    """Send an invoice to its customer, as far as telling of it goes; a draft is finalised."""
    account = call.account
    invoice = account.store.at_address("invoice", call.object_id)
    if invoice["collection_method"] != "send_invoice":
        raise InvalidState(
            "You can only manually send an invoice if its collection method is 'send_invoice'.",
        )
    if invoice["status"] == "draft":
        collecting.finalize_on_demand(account, invoice, call.cause)
    account.record("invoice.sent", invoice, call.cause)
    return invoice


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint(
        "POST",
        _AT,
        InvoiceCreateParams,
        _CHANGEABLE
        | set(words("collection_method currency customer pending_invoice_items_behavior"))
        | {"subscription"},
        create,
    ),
    Endpoint("POST", f"{_AT}/{{id}}", InvoiceUpdateParams, _CHANGEABLE, update),
    Endpoint("DELETE", f"{_AT}/{{id}}", InvoiceDeleteParams, frozenset(), delete),
    Endpoint("POST", f"{_AT}/{{id}}/send", InvoiceSendInvoiceParams, _EXPAND, send),
)

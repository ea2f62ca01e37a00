"""Invoices: what a customer owes for a subscription, period by period."""

from stripe.params import (
    InvoiceFinalizeInvoiceParams,
    InvoiceListLinesParams,
    InvoiceListParams,
    InvoiceMarkUncollectibleParams,
    InvoicePayParams,
    InvoiceRetrieveParams,
    InvoiceVoidInvoiceParams,
)

from stripe_local.account import Account
from stripe_local.billing import collecting, invoicing
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.payment_methods import referenced_method
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_AT = "/v1/invoices"


def retrieve(call: Call) -> Resource:
    """Return an invoice."""
    return call.account.store.at_address("invoice", call.object_id)


def list_invoices(call: Call) -> Resource:
    """Return invoices, newest first."""
    params = call.params
    found = [
        invoice
        for invoice in call.account.store.newest_first("invoice")
        if params.get("customer") in {None, invoice["customer"]}
        and params.get("status") in {None, invoice["status"]}
        and params.get("collection_method") in {None, invoice["collection_method"]}
        and params.get("subscription") in {None, _subscription_id(invoice)}
        and is_created_within(invoice, params.get("created"))
    ]
    return page_of(found, params, _AT)


def _subscription_id(invoice: Resource) -> str | None:
    parent = invoice["parent"]
    return str(parent["subscription_details"]["subscription"]) if parent else None


def list_lines(call: Call) -> Resource:
    """Return the lines of an invoice, in their order."""
    rows = retrieve(call)["lines"]["data"]
    return page_of(rows, call.params, f"{_AT}/{call.object_id}/lines")


def finalize(call: Call) -> Resource:
    """Open a draft for payment."""
    invoice = retrieve(call)
    if "auto_advance" in call.params and invoice["status"] == "draft":
        invoice["auto_advance"] = call.params["auto_advance"]
    return collecting.finalize_on_demand(call.account, invoice, call.cause)


def pay(call: Call) -> Resource:
    """Try to pay an invoice; a draft is finalised first."""
    account, invoice = call.account, retrieve(call)
    method = None
    if "payment_method" in call.params:
        method = referenced_method(account, call.params["payment_method"], "payment_method")
    if invoice["status"] == "draft":
        invoicing.finalize(account, invoice, call.cause)
        if invoice["status"] == "paid":
            return invoice
    return collecting.pay_on_demand(account, invoice, call.cause, method=method)


def void(call: Call) -> Resource:
    """Declare an invoice void."""
    return invoicing.void(call.account, retrieve(call), call.cause)


def mark_uncollectible(call: Call) -> Resource:
    """Write an invoice off."""
    invoice = retrieve(call)
    return invoicing.mark_uncollectible(
        call.account, invoice, call.cause, reason="user_forgiven"
    )


def payments_page(account: Account, invoice: Resource) -> Resource:
    """Return the payments of an invoice, which it shows only when asked."""
    payment = invoicing.payment_of(account, invoice)
    rows = [] if payment is None else [payment]
    return page_of(rows, {}, f"/v1/invoice_payments?invoice={invoice['id']}")


def confirmation_secret(account: Account, invoice: Resource) -> Resource | None:
    """Return the secret with which a browser may pay an invoice."""
    if invoicing.payment_of(account, invoice) is None:
        return None
    secret = invoicing.intent_of(account, invoice)["client_secret"]
    return {"client_secret": secret, "type": "payment_intent"}


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint("GET", f"{_AT}/{{id}}", InvoiceRetrieveParams, _EXPAND, retrieve),
    Endpoint(
        "GET",
        _AT,
        InvoiceListParams,
        PAGING | set(words("collection_method created customer status subscription")),
        list_invoices,
    ),
    Endpoint("GET", f"{_AT}/{{id}}/lines", InvoiceListLinesParams, PAGING, list_lines),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}/finalize",
        InvoiceFinalizeInvoiceParams,
        _EXPAND | {"auto_advance"},
        finalize,
    ),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}/pay",
        InvoicePayParams,
        _EXPAND | {"off_session", "payment_method"},
        pay,
    ),
    Endpoint("POST", f"{_AT}/{{id}}/void", InvoiceVoidInvoiceParams, _EXPAND, void),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}/mark_uncollectible",
        InvoiceMarkUncollectibleParams,
        _EXPAND,
        mark_uncollectible,
    ),
)

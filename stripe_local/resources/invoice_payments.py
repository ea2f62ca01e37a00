"""Invoice payments: which payment intent pays which invoice."""

from stripe.params import InvoicePaymentListParams, InvoicePaymentRetrieveParams

from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.resource import Resource


def retrieve(call: Call) -> Resource:
    """Return an invoice payment."""
    return call.account.store.at_address("invoice_payment", call.object_id)


def list_payments(call: Call) -> Resource:
    """Return invoice payments, newest first."""
    params = call.params
    payment = params.get("payment", {})
    found = [
        each
        for each in call.account.store.newest_first("invoice_payment")
        if params.get("invoice") in {None, each["invoice"]}
        and params.get("status") in {None, each["status"]}
        and payment.get("payment_intent") in {None, each["payment"]["payment_intent"]}
        and payment.get("type") in {None, each["payment"]["type"]}
        and is_created_within(each, params.get("created"))
    ]
    return page_of(found, params, "/v1/invoice_payments")


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/invoice_payments/{id}",
        InvoicePaymentRetrieveParams,
        frozenset({"expand"}),
        retrieve,
    ),
    Endpoint(
        "GET",
        "/v1/invoice_payments",
        InvoicePaymentListParams,
        PAGING | {"created", "invoice", "payment.payment_intent", "payment.type", "status"},
        list_payments,
    ),
)

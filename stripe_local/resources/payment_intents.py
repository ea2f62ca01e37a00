"""Payment intents: one payment, over all the tries that it takes."""

from collections.abc import Mapping
from typing import Any

from stripe.params import PaymentIntentListParams, PaymentIntentRetrieveParams

from stripe_local.ids import new_client_secret, new_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.resource import Resource


def new_payment_intent(
    amount: int, currency: str, given: Mapping[str, Any], *, now_s: int
) -> Resource:
    """Return a payment intent that nobody has paid yet.

    `given` is the session's `payment_intent_data`: nothing else of a session reaches the
    payment, not even its metadata.
    """
    intent_id = new_id("payment_intent")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": new_client_secret(intent_id),
        "confirmation_method": "automatic",
        "created": now_s,
        "currency": currency,
        "customer": None,
        "customer_account": None,
        "description": given.get("description"),
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": dict(given.get("metadata", {})),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "payment_record": None,
        **_after_the_record(given),
    }


def _after_the_record(given: Mapping[str, Any]) -> Resource:
    return {
        "processing": None,
        "receipt_email": given.get("receipt_email"),
        "review": None,
        "setup_future_usage": given.get("setup_future_usage"),
        "shipping": None,
        "source": None,
        "statement_descriptor": given.get("statement_descriptor"),
        "statement_descriptor_suffix": given.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def retrieve(call: Call) -> Resource:
    """Return a payment intent."""
    return call.account.store.at_address("payment_intent", call.object_id)


def list_payment_intents(call: Call) -> Resource:
    """Return payment intents, newest first."""
    params = call.params
    found = [
        intent
        for intent in call.account.store.newest_first("payment_intent")
        if params.get("customer") in {None, intent["customer"]}
        and is_created_within(intent, params.get("created"))
    ]
    return page_of(found, params, "/v1/payment_intents")


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/payment_intents/{id}",
        PaymentIntentRetrieveParams,
        frozenset({"client_secret", "expand"}),
        retrieve,
    ),
    Endpoint(
        "GET",
        "/v1/payment_intents",
        PaymentIntentListParams,
        PAGING | {"created", "customer"},
        list_payment_intents,
    ),
)

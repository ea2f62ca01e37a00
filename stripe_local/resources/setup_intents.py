"""Setup intents: keeping a card for payments to come, without one now."""

from stripe.params import SetupIntentRetrieveParams

from stripe_local.ids import new_client_secret, new_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.resource import Resource


def new_setup_intent(customer_id: str | None, method_id: str | None, *, now_s: int) -> Resource:
    """Return a setup intent: one that has kept a card, or still waits for one."""
    intent_id = new_id("setup_intent")
    return {
        "id": intent_id,
        "object": "setup_intent",
        "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": new_client_secret(intent_id),
        "created": now_s,
        "customer": customer_id,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "managed_payments": None,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": method_id,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "succeeded" if method_id else "requires_payment_method",
        "usage": "off_session",
    }


def retrieve(call: Call) -> Resource:
    """Return a setup intent."""
    return call.account.store.at_address("setup_intent", call.object_id)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/setup_intents/{id}",
        SetupIntentRetrieveParams,
        frozenset({"client_secret", "expand"}),
        retrieve,
    ),
)

"""Charges: one try to take money from one card, and how it went."""

from stripe.params import ChargeListParams, ChargeRetrieveParams, ChargeUpdateParams

from stripe_local.cards import Decline
from stripe_local.ids import new_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_FROM_THE_INTENT = words(
    "amount application currency customer description on_behalf_of receipt_email shipping "
    "statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
)


_AUTHENTICATED: Resource = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "transaction_id": None,
    "version": "2.2.0",
}


def new_charge(
    intent: Resource,
    method: Resource,
    decline: Decline | None,
    *,
    now_s: int,
    is_authenticated: bool = False,
) -> Resource:
    """Return the charge of a payment intent to a card that paid, or was declined."""
    is_paid = decline is None
    card = _card_details(method["card"], intent["amount"], is_paid=is_paid)
    card["three_d_secure"] = dict(_AUTHENTICATED) if is_authenticated else None
    return {
        "id": new_id("charge"),
        "object": "charge",
        **{field: intent[field] for field in _FROM_THE_INTENT},
        "amount_captured": intent["amount"] if is_paid else 0,
        "amount_refunded": 0,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "LOCAL STRIPE",
        "captured": is_paid,
        "created": now_s,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": decline and decline.code,
        "failure_message": decline and decline.message,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": _outcome(decline),
        "paid": is_paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": card,
            "type": "card",
        },
        "radar_options": {},
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "source": None,
        "source_transfer": None,
        "status": "succeeded" if is_paid else "failed",
    }


def _outcome(decline: Decline | None) -> Resource:
    return {
        "advice_code": decline and decline.advice_code,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": decline and decline.decline_code,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": decline.seller_message if decline else "Payment complete.",
        "type": "issuer_declined" if decline else "authorized",
    }


def _card_details(card: Resource, amount: int, *, is_paid: bool) -> Resource:
    shared = words("brand checks country exp_month exp_year fingerprint funding last4 wallet")
    return {
        **{field: card[field] for field in shared},
        "amount_authorized": amount if is_paid else None,
        "authorization_code": None,
        "electronic_commerce_indicator": None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": card["regulated_status"],
        "transaction_link_id": None,
    }


def retrieve(call: Call) -> Resource:
    """Return a charge."""
    return call.account.store.at_address("charge", call.object_id)


def update(call: Call) -> Resource:
    """Change what a charge is called; never what it took."""
    charge, params = retrieve(call), call.params
    changes: Resource = {}
    if "description" in params:
        changes["description"] = params["description"] or None
    if "metadata" in params:
        changes["metadata"] = merged_metadata(charge["metadata"], params["metadata"])
    return call.account.update(charge, changes, "charge.updated", call.cause)


def list_charges(call: Call) -> Resource:
    """Return charges, newest first."""
    params = call.params
    found = [
        charge
        for charge in call.account.store.newest_first("charge")
        if params.get("customer") in {None, charge["customer"]}
        and params.get("payment_intent") in {None, charge["payment_intent"]}
        and is_created_within(charge, params.get("created"))
    ]
    return page_of(found, params, "/v1/charges")


ENDPOINTS = (
    Endpoint("GET", "/v1/charges/{id}", ChargeRetrieveParams, frozenset({"expand"}), retrieve),
    Endpoint(
        "POST",
        "/v1/charges/{id}",
        ChargeUpdateParams,
        frozenset({"description", "expand", "metadata"}),
        update,
    ),
    Endpoint(
        "GET",
        "/v1/charges",
        ChargeListParams,
        PAGING | {"created", "customer", "payment_intent"},
        list_charges,
    ),
)

"""Refunds: a charge given back, whole or in part."""

from stripe.params import (
    RefundCreateParams,
    RefundListParams,
    RefundRetrieveParams,
    RefundUpdateParams,
)

from stripe_local.billing import reversals
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.errors import InvalidState, exclusive_parameters, missing_parameter
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_AT = "/v1/refunds"


def create(call: Call) -> Resource:
    """Give a charge back, or the charge of a payment intent."""
    params = call.params
    given = {
        "metadata": merged_metadata({}, params.get("metadata")),
        "reason": params.get("reason"),
    }
    return reversals.refund(
        call.account, _charge(call), params.get("amount"), given, call.cause
    )


def _charge(call: Call) -> Resource:
    params, store = call.params, call.account.store
    if "charge" in params and "payment_intent" in params:
        raise exclusive_parameters(["charge", "payment_intent"])
    if "charge" in params:
        return store.referenced("charge", params["charge"], "charge")
    if "payment_intent" not in params:
        raise missing_parameter("charge")
    intent = store.referenced("payment_intent", params["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        raise InvalidState(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
        )
    return store.at_address("charge", intent["latest_charge"])


def retrieve(call: Call) -> Resource:
    """Return a refund."""
    return call.account.store.at_address("refund", call.object_id)


def update(call: Call) -> Resource:
    """Change the metadata of a refund."""
    made = retrieve(call)
    metadata = merged_metadata(made["metadata"], call.params.get("metadata"))
    return call.account.update(made, {"metadata": metadata}, "refund.updated", call.cause)


def list_refunds(call: Call) -> Resource:
    """Return refunds, newest first."""
    params = call.params
    found = [
        made
        for made in call.account.store.newest_first("refund")
        if params.get("charge") in {None, made["charge"]}
        and params.get("payment_intent") in {None, made["payment_intent"]}
        and is_created_within(made, params.get("created"))
    ]
    return page_of(found, params, _AT)


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint(
        "POST",
        _AT,
        RefundCreateParams,
        _EXPAND | set(words("amount charge metadata payment_intent reason")),
        create,
    ),
    Endpoint("GET", f"{_AT}/{{id}}", RefundRetrieveParams, _EXPAND, retrieve),
    Endpoint("POST", f"{_AT}/{{id}}", RefundUpdateParams, _EXPAND | {"metadata"}, update),
    Endpoint(
        "GET",
        _AT,
        RefundListParams,
        PAGING | {"charge", "created", "payment_intent"},
        list_refunds,
    ),
)

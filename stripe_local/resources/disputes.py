"""Disputes: a payer who asks the bank for the money back."""

from stripe.params import (
    DisputeCloseParams,
    DisputeListParams,
    DisputeRetrieveParams,
    DisputeUpdateParams,
)

from stripe_local.billing import reversals
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.resource import Resource

_AT = "/v1/disputes"


def retrieve(call: Call) -> Resource:
    """Return a dispute."""
    return call.account.store.at_address("dispute", call.object_id)


def update(call: Call) -> Resource:
    """Change the metadata of a dispute. Evidence is not imitated."""
    dispute = retrieve(call)
    metadata = merged_metadata(dispute["metadata"], call.params.get("metadata"))
    changes = {"metadata": metadata}
    return call.account.update(dispute, changes, "charge.dispute.updated", call.cause)


def close(call: Call) -> Resource:
    """Give in: the dispute is lost."""
    return reversals.close_dispute(call.account, retrieve(call), is_won=False, cause=call.cause)


def list_disputes(call: Call) -> Resource:
    """Return disputes, newest first."""
    params = call.params
    found = [
        dispute
        for dispute in call.account.store.newest_first("dispute")
        if params.get("charge") in {None, dispute["charge"]}
        and params.get("payment_intent") in {None, dispute["payment_intent"]}
        and is_created_within(dispute, params.get("created"))
    ]
    return page_of(found, params, _AT)


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint("GET", f"{_AT}/{{id}}", DisputeRetrieveParams, _EXPAND, retrieve),
    Endpoint("POST", f"{_AT}/{{id}}", DisputeUpdateParams, _EXPAND | {"metadata"}, update),
    Endpoint("POST", f"{_AT}/{{id}}/close", DisputeCloseParams, _EXPAND, close),
    Endpoint(
        "GET",
        _AT,
        DisputeListParams,
        PAGING | {"charge", "created", "payment_intent"},
        list_disputes,
    ),
)

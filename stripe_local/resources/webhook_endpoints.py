"""Webhook endpoints: who is told of what."""

from stripe.params import (
    WebhookEndpointCreateParams,
    WebhookEndpointDeleteParams,
    WebhookEndpointListParams,
    WebhookEndpointRetrieveParams,
    WebhookEndpointUpdateParams,
)

from stripe_local.account import Account
from stripe_local.addresses import check_address
from stripe_local.ids import new_id, new_webhook_secret
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, page_of
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource

_CHANGEABLE = frozenset({"description", "enabled_events", "expand", "metadata", "url"})
_OBJECT = "webhook_endpoint"


def add_endpoint(account: Account, given: Parameters, secret: str) -> Resource:
    """Make an endpoint whose deliveries are signed with the given secret."""
    check_address(given["url"], "url")
    endpoint = account.store.add(
        {
            "id": new_id(_OBJECT),
            "object": _OBJECT,
            "api_version": given.get("api_version"),
            "application": None,
            "created": account.now_s(),
            "description": given.get("description") or None,
            "enabled_events": given["enabled_events"],
            "livemode": False,
            "metadata": merged_metadata({}, given.get("metadata")),
            "status": "enabled",
            "url": given["url"],
        }
    )
    account.webhook_secrets[endpoint["id"]] = secret
    return endpoint


def create(call: Call) -> Resource:
    """Make an endpoint. This answer alone shows its secret."""
    secret = new_webhook_secret()
    return {**add_endpoint(call.account, call.params, secret), "secret": secret}


def retrieve(call: Call) -> Resource:
    """Return an endpoint."""
    return call.account.store.at_address(_OBJECT, call.object_id)


def update(call: Call) -> Resource:
    """Change an endpoint. Stripe makes no event of that."""
    params = call.params
    endpoint = call.account.store.at_address(_OBJECT, call.object_id)
    if "url" in params:
        check_address(params["url"], "url")
    if "metadata" in params:
        endpoint["metadata"] = merged_metadata(endpoint["metadata"], params["metadata"])
    if "description" in params:
        endpoint["description"] = params["description"] or None
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    endpoint.update(
        {name: params[name] for name in ("enabled_events", "url") if name in params}
    )
    return endpoint


def delete(call: Call) -> Resource:
    """Delete an endpoint; what was still on its way to it is not sent."""
    endpoint = call.account.store.at_address(_OBJECT, call.object_id)
    return call.account.store.delete(endpoint)


def list_endpoints(call: Call) -> Resource:
    """Return endpoints, newest first."""
    found = call.account.store.newest_first(_OBJECT)
    return page_of(found, call.params, "/v1/webhook_endpoints")


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/webhook_endpoints",
        WebhookEndpointCreateParams,
        _CHANGEABLE | {"api_version"},
        create,
    ),
    Endpoint(
        "GET",
        "/v1/webhook_endpoints/{id}",
        WebhookEndpointRetrieveParams,
        frozenset({"expand"}),
        retrieve,
    ),
    Endpoint(
        "POST",
        "/v1/webhook_endpoints/{id}",
        WebhookEndpointUpdateParams,
        _CHANGEABLE | {"disabled"},
        update,
    ),
    Endpoint(
        "DELETE",
        "/v1/webhook_endpoints/{id}",
        WebhookEndpointDeleteParams,
        frozenset(),
        delete,
    ),
    Endpoint("GET", "/v1/webhook_endpoints", WebhookEndpointListParams, PAGING, list_endpoints),
)

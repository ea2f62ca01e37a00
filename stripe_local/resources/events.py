"""Events, as the API lists them."""

from fnmatch import fnmatchcase

from stripe.params import EventListParams, EventRetrieveParams

from stripe_local.billing.periods import DAY_S
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.errors import exclusive_parameters
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.resource import Resource

_KEPT_S = 30 * DAY_S
"""How far back the list goes."""


def retrieve(call: Call) -> Resource:
    """Return one event."""
    return call.account.store.at_address("event", call.object_id)


def list_events(call: Call) -> Resource:
    """Return the events of the last 30 days, newest first. A type may end in `*`."""
    params = call.params
    if "type" in params and "types" in params:
        raise exclusive_parameters(["type", "types"])
    patterns = [params["type"]] if "type" in params else params.get("types", ["*"])
    oldest_s = call.account.now_s() - _KEPT_S
    delivered = params.get("delivery_success")
    found = [
        event
        for event in call.account.store.newest_first("event")
        if any(fnmatchcase(event["type"], pattern) for pattern in patterns)
        and (delivered is None or delivered == (event["pending_webhooks"] == 0))
        and event["created"] > oldest_s
        and is_created_within(event, params.get("created"))
    ]
    return page_of(found, params, "/v1/events")


ENDPOINTS = (
    Endpoint("GET", "/v1/events/{id}", EventRetrieveParams, frozenset({"expand"}), retrieve),
    Endpoint(
        "GET",
        "/v1/events",
        EventListParams,
        PAGING | {"created", "delivery_success", "type", "types"},
        list_events,
    ),
)

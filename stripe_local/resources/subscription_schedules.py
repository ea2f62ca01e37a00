"""Subscription schedules: changes of plan that wait, as the portal makes them."""

from stripe.params import (
    SubscriptionScheduleListParams,
    SubscriptionScheduleReleaseParams,
    SubscriptionScheduleRetrieveParams,
)

from stripe_local.billing import scheduling
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.errors import InvalidState
from stripe_local.wire.paging import PAGING, page_of
from stripe_local.wire.resource import Resource

_AT = "/v1/subscription_schedules"
_OBJECT = "subscription_schedule"


def retrieve(call: Call) -> Resource:
    """Return a schedule."""
    return call.account.store.at_address(_OBJECT, call.object_id)


def release(call: Call) -> Resource:
    """Let the subscription go on as it is."""
    schedule = retrieve(call)
    if schedule["status"] != "active":
        raise InvalidState("You cannot release a subscription schedule that is not active.")
    subscription = call.account.store.at_address("subscription", schedule["subscription"])
    scheduling.release(call.account, subscription, call.cause)
    return schedule


def list_schedules(call: Call) -> Resource:
    """Return schedules, newest first."""
    found = [
        schedule
        for schedule in call.account.store.newest_first(_OBJECT)
        if call.params.get("customer") in {None, schedule["customer"]}
    ]
    return page_of(found, call.params, _AT)


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint("GET", f"{_AT}/{{id}}", SubscriptionScheduleRetrieveParams, _EXPAND, retrieve),
    Endpoint(
        "POST", f"{_AT}/{{id}}/release", SubscriptionScheduleReleaseParams, _EXPAND, release
    ),
    Endpoint("GET", _AT, SubscriptionScheduleListParams, PAGING | {"customer"}, list_schedules),
)

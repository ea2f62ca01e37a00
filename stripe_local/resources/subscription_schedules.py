"""Subscription schedules: changes of plan that wait, made by the portal or by the API."""

from stripe.params import (
    SubscriptionScheduleCreateParams,
    SubscriptionScheduleListParams,
    SubscriptionScheduleReleaseParams,
    SubscriptionScheduleRetrieveParams,
    SubscriptionScheduleUpdateParams,
)

from stripe_local.billing import scheduling
from stripe_local.billing.periods import boundary
from stripe_local.billing.subscription_shape import items_of, period_of
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.prices import active_price
from stripe_local.wire.errors import (
    InvalidParameter,
    InvalidState,
    missing_parameter,
    not_imitated,
)
from stripe_local.wire.paging import PAGING, page_of
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_AT = "/v1/subscription_schedules"
_OBJECT = "subscription_schedule"
PHASES = 2
"""The running period, and the one in which the change takes effect."""


def create(call: Call) -> Resource:
    """Put a subscription under a schedule; other ways to begin one are not imitated."""
    if "from_subscription" not in call.params:
        raise missing_parameter("from_subscription")
    name = "from_subscription"
    subscription = call.account.store.referenced("subscription", call.params[name], name)
    return scheduling.manage(call.account, subscription, call.cause)


def update(call: Call) -> Resource:
    """Let another price follow the present one, at the end of the period."""
    schedule = _active(call, "update")
    params, store = call.params, call.account.store
    if params.get("end_behavior", "release") != "release":
        raise not_imitated("end_behavior", params["end_behavior"])
    phases = params.get("phases") or []
    if len(phases) != PHASES:
        raise not_imitated("phases", f"{len(phases)} phases")
    subscription = store.at_address("subscription", schedule["subscription"])
    start_s, turn_s = period_of(subscription)
    first, second = phases
    if (first.get("start_date"), first.get("end_date")) != (start_s, turn_s):
        raise InvalidParameter(
            "The current phase must keep its dates.", param="phases[0][start_date]"
        )
    prices = []
    for row, phase in enumerate(phases):
        items = phase.get("items") or []
        if len(items) != 1:
            raise not_imitated("items", f"{len(items)} items")
        name = f"phases[{row}][items][0][price]"
        prices.append(
            active_price(call.account, items[0]["price"], name)
            if row
            else store.referenced("price", items[0]["price"], name)
        )
    if prices[0]["id"] != items_of(subscription)[0]["price"]["id"]:
        raise not_imitated("phases[0][items][0][price]", prices[0]["id"])
    if "duration" not in second:
        raise missing_parameter("phases[1][duration]")
    end_s = boundary(turn_s, {"interval_count": 1, **second["duration"]}, 1)
    return scheduling.rewrite(call.account, schedule, prices, end_s, call.cause)


def retrieve(call: Call) -> Resource:
    """Return a schedule."""
    return call.account.store.at_address(_OBJECT, call.object_id)


def release(call: Call) -> Resource:
    """Let the subscription go on as it is."""
    schedule = _active(call, "release")
    subscription = call.account.store.at_address("subscription", schedule["subscription"])
    scheduling.release(call.account, subscription, call.cause)
    return schedule


def _active(call: Call, verb: str) -> Resource:
    schedule = retrieve(call)
    if schedule["status"] != "active":
        raise InvalidState(f"You cannot {verb} a subscription schedule that is not active.")
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
_PHASE = words(
    "duration.interval duration.interval_count end_date items.price items.quantity "
    "proration_behavior start_date"
)
_WRITABLE = frozenset(
    {"end_behavior", "proration_behavior", *(f"phases.{it}" for it in _PHASE)}
)
ENDPOINTS = (
    Endpoint(
        "POST", _AT, SubscriptionScheduleCreateParams, _EXPAND | {"from_subscription"}, create
    ),
    Endpoint(
        "POST", f"{_AT}/{{id}}", SubscriptionScheduleUpdateParams, _EXPAND | _WRITABLE, update
    ),
    Endpoint("GET", f"{_AT}/{{id}}", SubscriptionScheduleRetrieveParams, _EXPAND, retrieve),
    Endpoint(
        "POST", f"{_AT}/{{id}}/release", SubscriptionScheduleReleaseParams, _EXPAND, release
    ),
    Endpoint("GET", _AT, SubscriptionScheduleListParams, PAGING | {"customer"}, list_schedules),
)

"""Test clocks: time that passes on demand.

There is one time in the local Stripe, and whoever reads the clock file lives in it too: a test
clock moves everything, not only its own customers.
"""

from stripe.params.test_helpers import (
    TestClockAdvanceParams,
    TestClockCreateParams,
    TestClockDeleteParams,
    TestClockListParams,
    TestClockRetrieveParams,
)

from stripe_local.account import Account
from stripe_local.billing import standing
from stripe_local.billing.periods import DAY_S, boundary
from stripe_local.billing.subscription_shape import items_of
from stripe_local.events import BY_ITSELF
from stripe_local.ids import new_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.errors import InvalidParameter, RateLimited
from stripe_local.wire.paging import PAGING, page_of
from stripe_local.wire.resource import Resource

_AT = "/v1/test_helpers/test_clocks"
_OBJECT = "test_helpers.test_clock"
_LIVES_S = 30 * DAY_S
_INTERVALS_MAX = 2
_TWO_YEARS = {"interval": "year", "interval_count": 1}


def create(call: Call) -> Resource:
    """Make a test clock. One that is ahead takes everybody along to its time."""
    account, frozen_s = call.account, call.params["frozen_time"]
    is_somebody_subscribed = any(
        subscription["status"] not in standing.ENDED
        for subscription in account.store.newest_first("subscription")
    )
    if frozen_s < account.now_s() and is_somebody_subscribed:
        raise InvalidParameter(
            "The local Stripe has one time for everything, and does not turn it back while "
            "there are subscriptions that have not ended.",
            param="frozen_time",
        )
    account.set_time(frozen_s)
    clock = account.store.add(
        {
            "id": new_id(_OBJECT),
            "object": _OBJECT,
            "created": frozen_s,
            "deletes_after": frozen_s + _LIVES_S,
            "frozen_time": frozen_s,
            "livemode": False,
            "name": call.params.get("name"),
            "status": "ready",
            "status_details": {},
        }
    )
    account.record("test_helpers.test_clock.created", clock, call.cause)
    return clock


def retrieve(call: Call) -> Resource:
    """Return a test clock: `ready`, or `advancing` while time passes."""
    return call.account.store.at_address(_OBJECT, call.object_id)


def list_clocks(call: Call) -> Resource:
    """Return test clocks, newest first."""
    return page_of(call.account.store.newest_first(_OBJECT), call.params, _AT)


def advance(call: Call) -> Resource:
    """Set out for a time to come. The answer is `advancing`; `ready` comes by itself."""
    account, to_s = call.account, call.params["frozen_time"]
    clock = retrieve(call)
    if clock["status"] != "ready":
        raise RateLimited(
            "Test clock advancement underway - cannot perform modifications. Please wait "
            "until the test clock is ready.",
            code="test_clock_advancing",
        )
    if to_s <= clock["frozen_time"]:
        raise InvalidParameter(
            "The time to advance to must be after the clock's current frozen time.",
            param="frozen_time",
        )
    _check_distance(account, clock, to_s)
    clock.update(status="advancing", status_details={"advancing": {"target_frozen_time": to_s}})
    account.record("test_helpers.test_clock.advancing", clock, call.cause)

    def arrive() -> None:
        with account.lock:
            if account.store.find(_OBJECT, clock["id"]) is clock:
                clock.update(frozen_time=to_s, status="ready", status_details={})
                account.record("test_helpers.test_clock.ready", clock, BY_ITSELF)

    account.travel(to_s, arrive)
    return clock


def _check_distance(account: Account, clock: Resource, to_s: int) -> None:
    """Refuse to go further than two of the shortest intervals, as Stripe does."""
    rhythms = [
        items_of(subscription)[0]["price"]["recurring"]
        for subscription in account.store.newest_first("subscription")
        if subscription["test_clock"] == clock["id"]
        and subscription["status"] not in standing.ENDED
    ] or [_TWO_YEARS]
    from_s = clock["frozen_time"]
    furthest_s = min(boundary(from_s, rhythm, _INTERVALS_MAX) for rhythm in rhythms)
    if to_s > furthest_s:
        raise InvalidParameter(
            "You may not advance a test clock by more than two intervals of its shortest "
            "subscription.",
            param="frozen_time",
        )


def delete(call: Call) -> Resource:
    """Delete a test clock, and with it its customers and their subscriptions."""
    account, clock = call.account, retrieve(call)
    for customer in account.store.newest_first("customer"):
        if customer["test_clock"] == clock["id"]:
            standing.leave(account, customer, BY_ITSELF)
    stub = account.store.delete(clock)
    account.record("test_helpers.test_clock.deleted", clock, call.cause)
    return stub


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint("POST", _AT, TestClockCreateParams, _EXPAND | {"frozen_time", "name"}, create),
    Endpoint("GET", f"{_AT}/{{id}}", TestClockRetrieveParams, _EXPAND, retrieve),
    Endpoint("GET", _AT, TestClockListParams, PAGING, list_clocks),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}/advance",
        TestClockAdvanceParams,
        _EXPAND | {"frozen_time"},
        advance,
    ),
    Endpoint("DELETE", f"{_AT}/{{id}}", TestClockDeleteParams, frozenset(), delete),
)

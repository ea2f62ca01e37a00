"""Detours: webhooks that come late, out of order, or only when a test lets them."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from stripe_local.webhooks.detours import Detour, Detours
from stripe_local.webhooks.parcels import Parcel
from tests.stripe_local.conftest import Listener, Local


def make_customers(local: Local, count: int) -> list[str]:
    """Make customers, one after another, and return their ids."""
    return [local.client.v1.customers.create({}).id for _ in range(count)]


def about(listener: Listener, secret: str) -> list[str]:
    """Return the objects that the webhooks were about, in the order of arrival."""
    arrived: list[Any] = [each.event(secret).data.object for each in listener.received]
    return [each.id for each in arrived]


def test_held_events_come_when_they_are_released(
    local: Local, listener: Listener, secret: str
) -> None:
    """A test decides what has happened when an event arrives; until then nobody waits."""
    local.sim("POST", "/deliveries/hold", {"types": ["customer.created"]})
    made = make_customers(local, 2)
    local.client.v1.products.create({"name": "Hat"})
    settled = local.sim("POST", "/settle")

    assert settled == {"settled": True, "pending": 0, "held": 2, "lost": 0}
    assert listener.types(secret) == ["product.created"]

    released = local.sim("POST", "/deliveries/release")
    local.settle()
    made += make_customers(local, 1)
    local.settle()

    assert (len(released["released"]), released["held"]) == (2, 0)
    assert about(listener, secret)[1:] == made, "in their order, and nothing is held any more"


def test_only_what_is_about_an_object_or_its_customer_is_held(
    local: Local, listener: Listener, secret: str
) -> None:
    """Two tests on one server do not hold each other's events."""
    ada, grace = make_customers(local, 2)
    local.sim("POST", "/deliveries/hold", {"objects": [ada], "count": 2})
    for owner in (ada, grace):
        card = local.client.v1.payment_methods.attach("pm_card_visa", {"customer": owner})
        local.client.v1.customers.update(
            owner, {"name": "changed", "email": card.id + "@x.test"}
        )
    local.settle()

    assert sorted(listener.types(secret)[2:]) == ["customer.updated", "payment_method.attached"]
    state = local.sim("GET", "/state")
    assert (state["deliveries_held"], state["detours"]) == (2, [])
    told = local.sim("GET", "/deliveries")["deliveries"]
    assert [each["state"] for each in told].count("held") == 2


def test_events_are_released_in_exactly_the_order_that_is_named(
    local: Local, listener: Listener, secret: str
) -> None:
    """Every permutation of a life, with duplicates, one delivery after another."""
    local.sim("POST", "/deliveries/hold")
    made = make_customers(local, 3)
    first, second, third = (event.id for event in reversed(local.client.v1.events.list().data))
    local.sim("POST", f"/events/{second}/duplicate")
    listener.answers.extend([200, 500])

    orders = {"events": [third, second, first, second], "hold_no_more": False}
    local.sim("POST", "/deliveries/release", orders)
    local.settle()

    arrived = about(listener, secret)
    again = arrived.index(made[1], 2)  # the refused one was tried again, at some time
    assert arrived[:2] == [made[2], made[1]]
    assert sorted(arrived[2:]) == sorted([made[0], made[1], made[1]])
    assert again >= 2
    make_customers(local, 1)
    assert local.sim("GET", "/state")["deliveries_held"] == 1, "what comes next is held again"


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ({"order": "reversed"}, lambda made: list(reversed(made))),
        ({"order": "made"}, list),
    ],
)
def test_what_is_held_can_come_backwards(
    local: Local,
    listener: Listener,
    secret: str,
    release: dict[str, str],
    expected: Callable[[list[str]], list[str]],
) -> None:
    """The deletion before the creation: the oldest trap of all."""
    local.sim("POST", "/deliveries/hold")
    made = make_customers(local, 4)

    local.sim("POST", "/deliveries/release", release)
    local.settle()

    assert about(listener, secret) == expected(made)


def test_a_seed_decides_the_order_of_a_shuffled_release(
    local: Local, listener: Listener, secret: str
) -> None:
    """A schedule that broke something can be played again."""
    places = []
    for _ in range(2):
        local.sim("POST", "/deliveries/hold")
        listener.received.clear()
        made = make_customers(local, 6)
        local.sim("POST", "/deliveries/release", {"order": "shuffled", "seed": 3})
        local.settle()
        places.append([made.index(each) for each in about(listener, secret)])

    assert places[0] == places[1] != list(range(6))
    assert sorted(places[0]) == list(range(6))


def test_a_span_of_events_is_shuffled_when_it_is_over(
    local: Local, listener: Listener, secret: str
) -> None:
    """What a slow queue at Stripe looks like; who waits for webhooks waits for these."""
    local.sim("POST", "/deliveries/shuffle", {"seconds": 60, "seed": 3})
    made = make_customers(local, 6)
    waited = local.sim("POST", "/settle", {"timeout_s": 0.05})
    assert (waited["settled"], waited["pending"], listener.received) == (False, 6, [])

    local.sim("POST", "/reset")
    assert local.sim("GET", "/state")["detours"] == []

    endpoint = local.client.v1.webhook_endpoints.create(
        {"url": listener.url, "enabled_events": ["*"]}
    )
    local.sim("POST", "/deliveries/shuffle", {"seconds": 0.4, "seed": 3})
    made = make_customers(local, 6)
    local.settle()

    assert endpoint.secret is not None
    arrived = about(listener, endpoint.secret)
    assert sorted(arrived) == sorted(made)
    assert local.sim("GET", "/state")["detours"] == []


def test_a_span_ends_with_its_time_and_its_seed_decides_the_order() -> None:
    """Not with the machine's: at the last moment nothing is sent yet, and then all at once."""
    detours = Detours()
    detours.order(Detour("shuffle", seconds=2, seed=3), now_s=10)
    parcels = [
        Parcel(f"evt_{n}", "customer.created", f"cus_{n}", frozenset(), "we_1", b"")
        for n in range(6)
    ]
    for parcel in parcels:
        taken = detours.take(parcel)
        assert taken is not None
        detours.gather(parcel, taken)

    assert (detours.next_end_s(), detours.take_span(11.9)) == (12, None)
    span = detours.take_span(12)
    assert span is not None
    order = [parcels.index(parcel) for parcel in span.shuffled()]

    assert order == [parcels.index(parcel) for parcel in span.shuffled()] != list(range(6))
    assert (detours.take(parcels[0]), detours.next_end_s()) == (None, None)


def test_a_delayed_event_is_overtaken(local: Local, listener: Listener, secret: str) -> None:
    """The first is on its way for longer than the second; a journey does not wait for it."""
    order = {"types": ["customer.created"], "seconds": 0.3, "count": 1}
    local.sim("POST", "/deliveries/delay", order)
    slow, fast = make_customers(local, 2)
    local.sim("POST", "/settle", {"about": fast})
    local.sim("POST", "/clock", {"by_s": 60})
    local.settle()

    assert about(listener, secret) == [fast, slow]


def test_a_journey_waits_for_no_late_event(
    local: Local, listener: Listener, secret: str
) -> None:
    """It would stand still at each stop; who asks for all webhooks does wait."""
    local.sim("POST", "/deliveries/delay", {"seconds": 600, "count": 1})
    make_customers(local, 2)
    while len(listener.received) < 1 or local.world.deliveries.pending_count() > 1:
        time.sleep(0.01)

    assert local.world.deliveries.wait_until_settled(0, even_late=False)
    assert not local.world.deliveries.wait_until_settled(0)
    assert secret


def test_detours_can_be_called_off(local: Local, listener: Listener, secret: str) -> None:
    """What is held already waits for its release."""
    local.sim("POST", "/deliveries/hold")
    make_customers(local, 1)
    local.sim("POST", "/deliveries/drop", {"count": 3, "types": ["product.created"]})

    told = local.sim("DELETE", "/deliveries/detours")
    make_customers(local, 1)
    local.settle()

    assert told == {"detours": [], "held": 1}
    assert listener.types(secret) == ["customer.created"]


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/deliveries/hold", {"type": "customer.created"}),
        ("/deliveries/hold", {"types": []}),
        ("/deliveries/delay", {}),
        ("/deliveries/delay", {"seconds": 0}),
        ("/deliveries/shuffle", {"seconds": 61}),
        ("/deliveries/release", {"order": "random"}),
        ("/deliveries/release", {"order": "shuffled", "events": ["evt_1"]}),
        ("/deliveries/release", {"events": ["evt_none"]}),
        ("/faults", {"outcome": "rate_limit", "moment": "after"}),
        ("/faults", {"outcome": "error", "retry_after_s": 1}),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(
    local: Local, path: str, order: dict[str, Any]
) -> None:
    """A misspelt switch that does nothing would make a test pass for nothing."""
    refused = local.http.post(f"{local.url}/_sim{path}", json=order, timeout=10)

    assert refused.status_code == 400
    assert local.sim("GET", "/state")["detours"] == []

"""Webhooks: signed, retried, repeated, lost. The product must live with all of it."""

import json
import time
from typing import Any

import pytest
import stripe

from stripe_local.webhooks.policy import DeliveryPolicy
from stripe_local.wire.parameter_types import API_VERSION
from tests.stripe_local.conftest import Listener, Local
from tests.stripe_local.lives import DAY_S


def only_event(local: Local) -> stripe.Event:
    """Return the one event there is."""
    [event] = local.client.v1.events.list().data
    return event


def test_an_event_arrives_signed_over_its_exact_bytes(
    local: Local, listener: Listener, secret: str
) -> None:
    """The product verifies with Stripe's own code; a changed byte is a forgery."""
    customer = local.client.v1.customers.create({"name": "Åsa"})
    local.settle()

    [arrived] = listener.received
    event = arrived.event(secret)
    snapshot: Any = event.data.object
    assert (event.type, snapshot.id, snapshot.name) == ("customer.created", customer.id, "Åsa")
    assert event.id == only_event(local).id
    assert arrived.headers["Content-Type"] == "application/json; charset=utf-8"
    assert arrived.headers["User-Agent"].startswith("Stripe/1.0")
    arrived.body = arrived.body.replace(b"customer.created", b"customer.deleted")
    with pytest.raises(stripe.SignatureVerificationError):
        arrived.event(secret)


def test_an_event_that_is_not_taken_comes_again_with_a_new_signature(
    local: Local, listener: Listener, secret: str
) -> None:
    """Same event, same bytes; a redirect is a failure too."""
    listener.answers.extend([500, 302, 200])

    local.client.v1.customers.create({})
    local.settle()

    assert [json.loads(each.body)["id"] for each in listener.received] == [
        only_event(local).id
    ] * 3
    assert len({each.body for each in listener.received}) == 1
    assert listener.types(secret) == ["customer.created"] * 3
    [told] = local.sim("GET", "/deliveries")["deliveries"]
    assert [attempt["status"] for attempt in told["attempts"]] == [500, 302, 200]
    assert told["state"] == "delivered"


def test_an_event_that_is_never_taken_is_given_up_and_can_be_found(
    local: Local, listener: Listener, secret: str
) -> None:
    """A reconciler asks for what was not delivered."""
    local.client.v1.products.create({"name": "taken"})
    local.settle()
    listener.answers.extend([503] * 4)
    local.client.v1.customers.create({})
    local.settle()

    lost = local.client.v1.events.list({"delivery_success": False})
    taken = local.client.v1.events.list({"delivery_success": True})
    assert len(listener.received) == 5
    assert [(event.type, event.pending_webhooks) for event in lost] == [("customer.created", 1)]
    assert [(event.type, event.pending_webhooks) for event in taken] == [("product.created", 0)]
    assert secret.startswith("whsec_")


def test_events_are_listed_for_thirty_days(local: Local) -> None:
    """Whoever was down longer than that has to compare states instead."""
    local.client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["*"]}
    )
    old = local.client.v1.customers.create({})
    local.settle()
    local.move_clock(29 * DAY_S)
    young = local.client.v1.customers.create({})
    local.settle()

    def lost() -> list[str]:
        wanted: Any = {"delivery_success": False, "types": ["customer.created", "x.y"]}
        return [each.data.object.id for each in local.client.v1.events.list(wanted).data]

    assert lost() == [young.id, old.id]
    local.move_clock(30 * DAY_S + 1)
    assert lost() == [young.id]


def test_an_endpoint_that_is_not_there_counts_as_not_taken(local: Local) -> None:
    """The product was down: nothing answered at all."""
    local.client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["customer.created"]}
    )

    local.client.v1.customers.create({})
    local.settle()

    [told] = local.sim("GET", "/deliveries")["deliveries"]
    assert told["state"] == "abandoned"
    assert [attempt["status"] for attempt in told["attempts"]] == [None] * 4
    assert told["attempts"][0]["problem"] == "ConnectionError"


def test_delays_double_up_to_a_limit_and_then_end() -> None:
    """Short at first, for whoever waits; never without end."""
    policy = DeliveryPolicy(first_delay_s=0.2, delay_s_max=1, attempts_max=6)

    assert [policy.delay_s(made) for made in range(1, 7)] == [0.2, 0.4, 0.8, 1, 1, None]


def test_endpoints_hear_only_what_they_asked_for(
    local: Local, listener: Listener, secret: str
) -> None:
    """`pending_webhooks` counts those that wanted this event."""
    v1 = local.client.v1
    v1.webhook_endpoints.create({"url": listener.url, "enabled_events": ["product.created"]})
    disabled = v1.webhook_endpoints.create({"url": listener.url, "enabled_events": ["*"]})
    v1.webhook_endpoints.update(disabled.id, {"disabled": True})

    v1.customers.create({})
    v1.products.create({"name": "Hat"})
    local.settle()

    pending = {
        (payload["type"], payload["pending_webhooks"])
        for payload in (json.loads(each.body) for each in listener.received)
    }
    assert pending == {("customer.created", 1), ("product.created", 2)}
    assert len(listener.received) == 3
    assert secret.startswith("whsec_")


def test_the_payload_is_in_the_endpoints_own_api_version(
    local: Local, listener: Listener
) -> None:
    """The product must notice an endpoint of another version: the event says so."""
    local.client.v1.webhook_endpoints.create(
        {"url": listener.url, "enabled_events": ["*"], "api_version": "2025-03-31.basil"}
    )

    local.client.v1.customers.create({})
    local.settle()

    assert json.loads(listener.received[0].body)["api_version"] == "2025-03-31.basil"
    assert only_event(local).api_version == API_VERSION == "2026-10-28.endive"


def test_an_endpoint_shows_its_secret_once_and_can_be_changed(
    local: Local, listener: Listener
) -> None:
    """Whoever loses the secret makes a new endpoint."""
    v1 = local.client.v1
    made = v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/old", "enabled_events": ["charge.failed"]}
    )

    changed = v1.webhook_endpoints.update(
        made.id,
        {
            "url": listener.url,
            "enabled_events": ["customer.created"],
            "description": "shop",
            "metadata": {"stack": "demo"},
        },
    )
    v1.customers.create({})
    local.settle()

    assert made.secret is not None
    assert "secret" not in changed
    assert "secret" not in v1.webhook_endpoints.retrieve(made.id)
    assert [endpoint.url for endpoint in v1.webhook_endpoints.list()] == [listener.url]
    assert listener.types(made.secret) == ["customer.created"]
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        v1.webhook_endpoints.update(made.id, {"url": "127.0.0.1/hook"})
    assert refusal.value.code == "url_invalid"


def test_a_deleted_endpoint_hears_no_more(local: Local, listener: Listener) -> None:
    """Not even what was still to be tried again."""
    v1 = local.client.v1
    endpoint = v1.webhook_endpoints.create({"url": listener.url, "enabled_events": ["*"]})
    listener.open.clear()
    listener.answers.append(500)
    v1.customers.create({})

    v1.webhook_endpoints.delete(endpoint.id)
    listener.open.set()
    local.settle()

    assert len(listener.received) <= 1
    [told] = local.sim("GET", "/deliveries")["deliveries"]
    assert told["state"] == "cancelled"
    assert v1.webhook_endpoints.list().data == []


def test_an_event_can_be_sent_again_at_once(
    local: Local, listener: Listener, secret: str
) -> None:
    """Stripe delivers at least once: the same event, several times, and even concurrently."""
    local.client.v1.customers.create({})
    local.settle()
    event = only_event(local)

    local.sim("POST", f"/events/{event.id}/duplicate", {"copies": 3})
    local.settle()

    ids = [delivery.event(secret).id for delivery in listener.received]
    assert ids == [event.id] * 4
    assert only_event(local).pending_webhooks == 0


def test_one_change_can_have_two_events(local: Local, listener: Listener, secret: str) -> None:
    """The trap: another id, the same change. Only the object and the type tell."""
    local.client.v1.customers.create({})
    event = only_event(local)

    [twin] = local.sim("POST", f"/events/{event.id}/duplicate", {"as_new_event": True})["sent"]
    local.settle()

    arrived = {delivery.event(secret).id for delivery in listener.received}
    assert arrived == {event.id, twin}
    assert twin != event.id
    snapshots = [e.data.object.to_dict() for e in local.client.v1.events.list()]
    assert snapshots[0] == snapshots[1]


def test_a_lost_delivery_never_comes_until_it_is_sent_again(
    local: Local, listener: Listener, secret: str
) -> None:
    """What a reconciler is for: the event is there, undelivered, and nobody will send it."""
    local.sim("POST", "/deliveries/drop", {"count": 1, "types": ["customer.created"]})
    local.client.v1.products.create({"name": "Hat"})
    local.client.v1.customers.create({})
    local.client.v1.customers.create({})
    local.settle()

    [lost] = local.client.v1.events.list({"delivery_success": False}).data
    assert lost.type == "customer.created"
    assert sorted(listener.types(secret)) == ["customer.created", "product.created"]

    local.sim("POST", f"/events/{lost.id}/duplicate")
    local.settle()

    assert local.client.v1.events.list({"delivery_success": False}).data == []
    assert len(listener.received) == 3


def test_waiting_ends_with_the_time_allowed(
    local: Local, listener: Listener, secret: str
) -> None:
    """And may be for one object's events alone."""
    listener.open.clear()
    customer = local.client.v1.customers.create({})

    waited = local.sim("POST", "/settle", {"timeout_s": 0.05})
    about_it = local.sim("POST", "/settle", {"timeout_s": 0.05, "about": customer.id})
    about_another = local.sim("POST", "/settle", {"timeout_s": 0.05, "about": "cus_other"})
    listener.open.set()
    local.settle()

    assert waited == {"settled": False, "pending": 1, "held": 0, "lost": 0}
    assert not about_it["settled"]
    assert about_another["settled"]
    assert listener.types(secret) == ["customer.created"]


def test_signatures_keep_real_time_when_the_clock_is_moved(
    local: Local, listener: Listener, secret: str
) -> None:
    """A month ahead: the event is of then, the signature of now, or it would be refused."""
    month_s = 30 * 24 * 3600
    local.move_clock(month_s)

    customer = local.client.v1.customers.create({})
    local.settle()

    stamp = dict(
        part.split("=") for part in listener.received[0].headers["Stripe-Signature"].split(",")
    )
    assert abs(int(stamp["t"]) - time.time()) < 120
    assert abs(customer.created - month_s - time.time()) < 120
    assert listener.types(secret) == ["customer.created"]


def test_events_are_found_by_type_and_group(local: Local) -> None:
    """A type, several, or a group with a star."""
    local.pay(local.sell().id)

    def types(**form: Any) -> list[str]:
        answer = local.call("GET", "/v1/events", form)
        return [event["type"] for event in answer.json()["data"]]

    assert types(type="charge.succeeded") == ["charge.succeeded"]
    assert types(type="payment_intent.*") == [
        "payment_intent.succeeded",
        "payment_intent.created",
    ]
    assert types(**{"types[]": ["charge.succeeded", "price.created"]}) == [
        "charge.succeeded",
        "price.created",
    ]
    both = {"type": "charge.succeeded", "types[]": ["price.created"]}
    assert local.call("GET", "/v1/events", both).status_code == 400

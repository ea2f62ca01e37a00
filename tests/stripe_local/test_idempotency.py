"""Idempotency keys: the product's retries rest on exactly this."""

import threading
import time

import pytest
import requests
import stripe

from tests.stripe_local.conftest import DECLINED_CARD, GOOD_CARD, Local


def test_the_same_key_gives_the_same_object_and_nothing_new(local: Local) -> None:
    """A retry after a lost answer makes no second customer."""
    first = local.client.v1.customers.create(
        {"email": "ada@example.com"}, {"idempotency_key": "customer-u1"}
    )
    second = local.client.v1.customers.create(
        {"email": "ada@example.com"}, {"idempotency_key": "customer-u1"}
    )

    assert first.last_response is not None
    assert second.last_response is not None
    assert second.id == first.id
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.headers["Original-Request"] == first.last_response.request_id
    assert second.last_response.request_id != first.last_response.request_id
    assert local.event_types() == ["customer.created"]


def test_a_key_is_bound_to_its_first_request(local: Local) -> None:
    """Two different requests under one key are a bug of the caller, and are told so."""
    key: stripe.RequestOptions = {"idempotency_key": "k"}
    local.client.v1.customers.create({"name": "Ada"}, key)

    with pytest.raises(stripe.IdempotencyError) as refusal:
        local.client.v1.customers.create({"name": "Grace"}, key)
    assert refusal.value.http_status == 400
    with pytest.raises(stripe.IdempotencyError):
        local.client.v1.products.create({"name": "Ada"}, key)
    assert local.event_types() == ["customer.created"]


def test_a_refused_parameter_leaves_the_key_free(local: Local) -> None:
    """Nothing was executed, so the corrected request may use the key."""
    key: stripe.RequestOptions = {"idempotency_key": "k"}
    with pytest.raises(stripe.InvalidRequestError):
        local.client.v1.customers.create({"email": "not an address"}, key)

    assert local.client.v1.customers.create({"email": "ada@example.com"}, key).id


def test_a_decline_is_what_the_key_says_from_then_on(local: Local) -> None:
    """The card was tried once, whoever asks again with that key."""
    session = local.sell()

    first = local.pay(session.id, DECLINED_CARD, Idempotency_Key="k")
    second = local.pay(session.id, DECLINED_CARD, Idempotency_Key="k")

    assert (first.status_code, second.status_code) == (402, 402)
    assert second.content == first.content
    assert second.headers["Idempotent-Replayed"] == "true"
    assert local.event_types().count("charge.failed") == 1


def test_a_server_error_after_the_deed_is_remembered_too(local: Local) -> None:
    """The trap: the retry repeats the 500, and the object exists all the same."""
    local.sim("POST", "/faults", {"outcome": "error", "moment": "after"})
    key: stripe.RequestOptions = {"idempotency_key": "k"}

    for _ in range(2):
        with pytest.raises(stripe.APIError) as failure:
            local.client.v1.customers.create({"name": "Ada"}, key)
        assert failure.value.http_status == 500

    assert failure.value.headers is not None
    assert failure.value.headers["Idempotent-Replayed"] == "true"
    assert [customer.name for customer in local.client.v1.customers.list()] == ["Ada"]


def test_a_twin_of_a_request_at_work_is_409(local: Local) -> None:
    """Two processes with one key: one of them does it, the other is told to wait."""
    local.sim("POST", "/faults", {"outcome": "slow", "seconds": 30})
    answers: list[requests.Response] = []
    path, form = "/v1/customers", {"name": "Ada"}
    slow = threading.Thread(
        target=lambda: answers.append(local.call("POST", path, form, Idempotency_Key="k"))
    )

    slow.start()
    while local.sim("GET", "/state")["requests_in_progress"] == 0:
        assert slow.is_alive()
        time.sleep(0.01)
    twin = local.call("POST", path, form, Idempotency_Key="k")
    local.sim("DELETE", "/faults")
    slow.join(20)
    after = local.call("POST", path, form, Idempotency_Key="k")

    assert twin.status_code == 409
    assert twin.json()["error"]["code"] == "idempotency_key_in_use"
    assert answers[0].status_code == 200
    assert after.json()["id"] == answers[0].json()["id"]


def test_one_key_in_parallel_makes_one_customer(local: Local) -> None:
    """Whatever the order of arrival, the deed is done once."""
    answers: list[requests.Response] = []
    barrier = threading.Barrier(8)

    def create() -> None:
        with requests.Session() as http:
            mine = Local(local.url, local.client, local.clock_file, local.world, http)
            barrier.wait(10)
            answers.append(
                mine.call("POST", "/v1/customers", {"name": "Ada"}, Idempotency_Key="k")
            )

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["id"] for answer in answers if answer.ok}) == 1
    assert local.event_types() == ["customer.created"]


def test_reading_and_deleting_take_no_key(local: Local) -> None:
    """They are idempotent by nature; Stripe ignores the header."""
    customer = local.client.v1.customers.create({})
    path = f"/v1/customers/{customer.id}"

    read = local.call("GET", path, Idempotency_Key="k")
    deleted = local.call("DELETE", path, Idempotency_Key="k")
    paid = local.pay(local.sell().id, GOOD_CARD, Idempotency_Key="k")

    assert [each.status_code for each in (read, deleted, paid)] == [200, 200, 200]
    assert "Idempotency-Key" not in deleted.headers

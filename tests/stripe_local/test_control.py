"""The switches: faults on order, a fresh start, and for this machine only."""

import threading
import time

import pytest
import requests
import stripe

from tests.stripe_local.conftest import HEADERS, Local


def test_the_server_says_that_it_is_there(local: Local) -> None:
    """What a start-up script waits for."""
    assert local.sim("GET", "/health") == {"status": "ok", "api_version": "2026-10-28.endive"}


def test_a_fault_before_execution_leaves_nothing_behind(local: Local) -> None:
    """The client's own retry, with the same key, then does it once."""
    local.sim("POST", "/faults", {"outcome": "error", "method": "POST"})
    retrying = stripe.StripeClient(
        "sk_test_sim", base_addresses={"api": local.url}, max_network_retries=1
    )

    assert local.client.v1.customers.list().data == [], "a GET is not concerned"
    customer = retrying.v1.customers.create({"name": "Ada"})

    assert [each.id for each in local.client.v1.customers.list()] == [customer.id]
    assert customer.last_response is not None
    assert "Idempotent-Replayed" not in customer.last_response.headers
    assert local.sim("GET", "/state")["faults"] == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_that_breaks_is_no_answer(local: Local, moment: str) -> None:
    """The client cannot tell whether it was done. With its key, it need not."""
    local.sim(
        "POST",
        "/faults",
        {"outcome": "reset", "moment": moment, "path_prefix": "/v1/customers"},
    )
    key: stripe.RequestOptions = {"idempotency_key": "customer-u1"}

    with pytest.raises(stripe.APIConnectionError):
        local.client.v1.customers.create({"name": "Ada"}, key)
    done = len(local.client.v1.customers.list().data)
    customer = local.client.v1.customers.create({"name": "Ada"}, key)

    assert done == (1 if moment == "after" else 0)
    assert [each.id for each in local.client.v1.customers.list()] == [customer.id]


def test_a_request_can_hang_although_it_was_executed(local: Local) -> None:
    """The client gives up; the deed is done, and its event was made."""
    local.sim("POST", "/faults", {"outcome": "hang", "moment": "after", "seconds": 20})

    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{local.url}/v1/customers", headers=HEADERS, timeout=(10, 0.3))

    while local.event_types() == []:  # a busy machine may execute it after the client has left
        time.sleep(0.01)
    assert local.event_types() == ["customer.created"]


def test_a_hanging_request_ends_with_its_time(local: Local) -> None:
    """A patient client is cut off in the end."""
    local.sim("POST", "/faults", {"outcome": "hang", "seconds": 0.1})

    with pytest.raises(requests.ConnectionError):
        requests.post(f"{local.url}/v1/customers", headers=HEADERS, timeout=20)

    assert local.event_types() == []


def test_a_request_over_the_rate_limit_is_not_executed(local: Local) -> None:
    """Stripe says why, and the same request is taken later, with the same key."""
    order = {"outcome": "rate_limit", "path_prefix": "/v1/customers", "retry_after_s": 2}
    local.sim("POST", "/faults", order)
    key: stripe.RequestOptions = {"idempotency_key": "customer-u1"}

    with pytest.raises(stripe.RateLimitError) as limit:
        local.client.v1.customers.create({"name": "Ada"}, key)
    customer = local.client.v1.customers.create({"name": "Ada"}, key)

    headers = limit.value.headers or {}
    assert limit.value.error is not None
    assert (limit.value.http_status, limit.value.error.code) == (429, "rate_limit")
    assert headers["Retry-After"] == "2"
    assert headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert [each.id for each in local.client.v1.customers.list()] == [customer.id]


def test_a_lock_that_is_held_too_long_is_tried_again_by_the_client(local: Local) -> None:
    """Somebody else works on the object: Stripe tells its own clients to come back."""
    order = {"outcome": "lock_timeout", "method": "POST", "count": 2}
    local.sim("POST", "/faults", order)

    refused = local.call("POST", "/v1/customers", {"name": "Ada"})
    patient = stripe.StripeClient(
        "sk_test_sim", base_addresses={"api": local.url}, max_network_retries=1
    )
    patient.v1.customers.create({"name": "Ada"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "lock_timeout")
    assert refused.json()["error"]["type"] == "invalid_request_error"
    assert len(local.client.v1.customers.list().data) == 1
    with pytest.raises(AssertionError, match="not executed"):
        local.sim("POST", "/faults", {**order, "moment": "after"})


def test_faults_are_counted_and_can_be_called_off(local: Local) -> None:
    """Exactly as many as were ordered."""
    local.sim("POST", "/faults", {"outcome": "error", "count": 2})
    statuses = [local.call("GET", "/v1/customers").status_code for _ in range(3)]
    local.sim("POST", "/faults", {"outcome": "error", "count": 5})
    local.sim("DELETE", "/faults")

    assert statuses == [500, 500, 200]
    assert local.call("GET", "/v1/customers").status_code == 200


def test_a_reset_empties_everything_but_the_transcript(local: Local) -> None:
    """Each test begins with nothing; what was said can still be checked at the end."""
    local.client.v1.customers.create({"name": "Ada"}, {"idempotency_key": "k"})
    local.sim("POST", "/faults", {"outcome": "error"})
    said = len(local.sim("GET", "/transcript")["utterances"])

    local.sim("POST", "/reset")

    state = local.sim("GET", "/state")
    assert set(state["objects"].values()) <= {0}
    assert state["faults"] == []
    assert len(local.sim("GET", "/transcript")["utterances"]) == said
    assert local.client.v1.customers.create({"name": "Grace"}, {"idempotency_key": "k"}).id


def test_a_reset_lets_go_of_what_was_under_way(local: Local) -> None:
    """A slow request from before belongs to the account from before."""
    local.sim("POST", "/faults", {"outcome": "slow", "seconds": 30})
    answers: list[requests.Response] = []
    slow = threading.Thread(
        target=lambda: answers.append(
            local.call("POST", "/v1/customers", {"name": "Ada"}, Idempotency_Key="k")
        )
    )
    slow.start()
    while local.sim("GET", "/state")["requests_in_progress"] == 0:
        assert slow.is_alive()
        time.sleep(0.01)

    local.sim("POST", "/reset")
    slow.join(20)

    assert answers[0].status_code == 200


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("/faults", {"outcome": "explode"}),
        ("/faults", {"outcome": "error", "when": "before"}),
        ("/faults", {}),
        ("/deliveries/drop", {"count": -1}),
        ("/settle", {"timeout_s": "long"}),
    ],
)
def test_an_order_that_is_not_understood_is_refused(
    local: Local, path: str, order: dict[str, str]
) -> None:
    """A misspelt switch that does nothing would make a test pass for nothing."""
    refused = local.http.post(f"{local.url}/_sim{path}", json=order, timeout=10)

    assert refused.status_code == 400


def test_only_this_machine_may_turn_the_switches(local: Local) -> None:
    """Not a page on the web that a developer happens to have open."""
    for headers in ({"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        refused = local.http.post(f"{local.url}/_sim/reset", headers=headers, timeout=10)

        assert refused.status_code == 403


def test_repeating_an_unknown_event_is_refused(local: Local) -> None:
    """A typing error in a test shall show."""
    refused = local.http.post(f"{local.url}/_sim/events/evt_none/duplicate", timeout=10)

    assert refused.status_code == 404

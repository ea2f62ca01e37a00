"""Refusals, as the real client understands them."""

import base64

import pytest
import requests
import stripe

from tests.stripe_local.conftest import HEADERS, Local


@pytest.mark.parametrize("key", ["sk_live_abc", "pk_test_abc", "nonsense"])
def test_a_key_that_is_no_test_key_is_refused_and_not_repeated(local: Local, key: str) -> None:
    """A live key in development is a mistake, and must not end up in a log as well."""
    client = stripe.StripeClient(key, base_addresses={"api": local.url}, max_network_retries=0)

    with pytest.raises(stripe.AuthenticationError) as refusal:
        client.v1.customers.list()

    assert refusal.value.http_status == 401
    assert key not in str(refusal.value)


def test_no_key_at_all_is_refused(local: Local) -> None:
    """As at Stripe, before anything else is looked at."""
    for headers in ({}, {"Authorization": "Basic ???"}):
        refused = requests.get(f"{local.url}/v1/customers", headers=headers, timeout=10)

        assert refused.status_code == 401
        assert "did not provide an API key" in refused.json()["error"]["message"]


def test_the_key_may_come_as_a_user_name(local: Local) -> None:
    """That is how curl's `-u` sends it."""
    user = base64.b64encode(b"sk_test_sim:").decode()

    accepted = local.call("GET", "/v1/customers", Authorization=f"Basic {user}")

    assert accepted.status_code == 200


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/customers/cus_none", "id"),
        ("/v1/products/prod_none", "id"),
        ("/v1/prices/price_none", "id"),
        ("/v1/checkout/sessions/cs_none", "id"),
        ("/v1/checkout/sessions/cs_none/line_items", "id"),
        ("/v1/payment_intents/pi_none", "intent"),
        ("/v1/charges/ch_none", "id"),
        ("/v1/events/evt_none", "id"),
        ("/v1/webhook_endpoints/we_none", "id"),
    ],
)
def test_an_unknown_id_in_the_address_is_404(local: Local, path: str, param: str) -> None:
    """The product tells a missing object from a wrong parameter by this."""
    error = local.call("GET", path).json()["error"]

    assert local.call("GET", path).status_code == 404
    assert error["code"] == "resource_missing"
    assert error["param"] == param
    assert error["message"].startswith("No such ")
    assert error["doc_url"].endswith("/resource-missing")


def test_an_unknown_id_in_a_parameter_is_400(local: Local) -> None:
    """The address was right; what it was given was not."""
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        local.sell(customer="cus_none")

    assert refusal.value.http_status == 400
    assert (refusal.value.code, refusal.value.param) == ("resource_missing", "customer")


def test_an_unknown_path_and_method_are_404(local: Local) -> None:
    """With the envelope, so that the client raises its own error."""
    for method, path in (("GET", "/v1/payouts"), ("DELETE", "/v1/events/evt_1")):
        refused = local.call(method, path)

        assert refused.status_code == 404
        assert "Unrecognized request URL" in refused.json()["error"]["message"]


def test_every_answer_names_its_request(local: Local) -> None:
    """Support asks for the request id first; logs of the product carry it."""
    customer = local.client.v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        local.client.v1.customers.retrieve("cus_none")

    assert customer.last_response is not None
    assert str(customer.last_response.request_id).startswith("req_")
    assert str(refusal.value.request_id).startswith("req_")
    assert customer.last_response.headers["Stripe-Version"] == HEADERS["Stripe-Version"]


def test_a_declined_card_is_402_with_all_that_the_product_may_show(local: Local) -> None:
    """The payer reads `message`; the product branches on the codes."""
    session = local.sell()

    refused = local.pay(session.id, "4000000000009995")

    error = refused.json()["error"]
    assert refused.status_code == 402
    assert error["type"] == "card_error"
    assert (error["code"], error["decline_code"]) == ("card_declined", "insufficient_funds")
    assert error["message"] == "Your card has insufficient funds."
    assert error["charge"].startswith("ch_")
    assert error["payment_intent"]["status"] == "requires_payment_method"

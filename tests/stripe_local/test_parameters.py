"""Parameters, checked against the types that Stripe generates for our API version."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import Local

REFUSALS = [
    ({"mode": "gift"}, "mode", None, "must be one of payment, setup, or subscription"),
    (
        {"expires_at": "soon"},
        "expires_at",
        "parameter_invalid_integer",
        "Invalid integer: soon",
    ),
    ({"line_items[0][quantity]": "1.5"}, "line_items[0][quantity]", None, "Invalid integer"),
    ({"success_url": ""}, "success_url", "parameter_invalid_empty", "empty string"),
    ({"metadata": "uid"}, "metadata", None, "Invalid object"),
    ({"line_items": "one"}, "line_items", None, "Invalid array"),
    ({"line_items[first][price]": "p"}, "line_items", None, "Invalid array"),
    ({"mode[a]": "payment"}, "mode", None, "Invalid string"),
    (
        {"submit_type": "pay", "consent_collection[promotions]": "auto"},
        "consent_collection",
        None,
        "does not imitate",
    ),
    ({"colour": "red"}, "colour", "parameter_unknown", "Received unknown parameter: colour"),
    (
        {"line_items[0][name]": "Hat", "line_items[0][amount]": "5"},
        "line_items[0][name]",
        "parameter_unknown",
        "Received unknown parameters: line_items[0][name], line_items[0][amount]",
    ),
    (
        {"payment_method_types[0]": "card"},
        "payment_method_types",
        "parameter_unknown",
        "payment_method_types",
    ),
    (
        {"line_items[0][price_data][unit_amount]": "1"},
        "line_items[0][price_data][currency]",
        "parameter_missing",
        "Missing required param: line_items[0][price_data][currency].",
    ),
]


@pytest.mark.parametrize(("form", "param", "code", "said"), REFUSALS)
def test_a_wrong_parameter_is_refused_as_stripe_refuses_it(
    local: Local, form: dict[str, Any], param: str, code: str | None, said: str
) -> None:
    """What Stripe would refuse in production must not pass here."""
    refused = local.call("POST", "/v1/checkout/sessions", form)

    error = refused.json()["error"]
    assert refused.status_code == 400
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert said in error["message"]
    assert code in {None, error.get("code")}


def test_wrong_booleans_and_decimals_are_refused(local: Local) -> None:
    """They would otherwise become some value that nobody meant."""
    boolean = local.call("POST", "/v1/products", {"name": "Hat", "active": "yes"})
    decimal = local.call(
        "POST",
        "/v1/prices",
        {"currency": "usd", "product_data[name]": "Hat", "unit_amount_decimal": "cheap"},
    )

    assert boolean.json()["error"]["message"] == "Invalid boolean: yes"
    assert decimal.json()["error"]["message"] == "Invalid decimal: cheap"
    assert local.event_types() == []


def test_another_api_version_is_read_leniently(local: Local) -> None:
    """Stripe's own command line sends none, and parameters of other versions."""
    form = {"email": "ada@example.com", "colour": "red", "balance": "5"}

    other = local.call("POST", "/v1/customers", form, Stripe_Version="2020-08-27")
    ours = local.call("POST", "/v1/customers", form)

    assert other.status_code == 200
    assert other.headers["Stripe-Version"] == "2020-08-27"
    assert other.json()["balance"] == 0, "what is not imitated is passed over, not guessed"
    assert ours.json()["error"]["code"] == "parameter_unknown"


def test_what_is_not_imitated_says_so(local: Local) -> None:
    """Nobody shall search for a bug in their own code that is a gap in the stand-in."""
    with pytest.raises(stripe.InvalidRequestError, match="local Stripe does not imitate"):
        local.client.v1.customers.create({"balance": 500})
    with pytest.raises(stripe.InvalidRequestError, match="`elements` for 'ui_mode'") as refusal:
        local.sell(ui_mode="elements")

    assert refusal.value.param == "ui_mode"
    assert refusal.value.http_status == 400

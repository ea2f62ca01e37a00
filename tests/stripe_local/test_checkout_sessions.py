"""Checkout sessions in payment mode: what can be offered, and how an offer ends."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import DECLINED_CARD, Local

HOUR_S = 3600


def test_a_session_shows_what_was_asked(local: Local) -> None:
    """The product stores these, and finds its user again by them."""
    customer = local.client.v1.customers.create({"email": "ada@example.com"})

    session = local.sell(
        customer=customer.id,
        client_reference_id="u1",
        metadata={"uid": "u1"},
        expand=["line_items"],
    )

    assert session.id.startswith("cs_test_")
    assert session.url == f"{local.url}/c/pay/{session.id}"
    assert (session.amount_subtotal, session.amount_total, session.currency) == (
        2500,
        2500,
        "usd",
    )
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert session.payment_intent is None, "there is none before the first try to pay"
    assert (session.customer, session.customer_creation) == (customer.id, None)
    assert session.client_reference_id == "u1"
    assert session.metadata is not None
    assert session.metadata.to_dict() == {"uid": "u1"}
    assert session.expires_at == session.created + 24 * HOUR_S
    assert session.customer_details is not None
    assert session.customer_details.email == "ada@example.com"
    assert "{CHECKOUT_SESSION_ID}" in str(session.success_url), (
        "filled in on return, not before"
    )


def test_a_session_without_a_customer_is_a_guests(local: Local) -> None:
    """In payment mode Stripe makes no customer unless asked to."""
    session = local.sell()

    assert (session.customer, session.customer_creation) == (None, "if_required")
    assert session.customer_details is None


def test_a_line_described_in_passing_becomes_an_inactive_price(local: Local) -> None:
    """It serves this one sale, and shows in no catalog."""
    session = local.sell()

    line = local.client.v1.checkout.sessions.line_items.list(session.id).data[0]
    assert (line.description, line.quantity, line.amount_total) == ("25,000 credits", 1, 2500)
    assert line.price is not None
    assert (line.price.active, line.price.unit_amount) == (False, 2500)
    assert local.client.v1.prices.list({"active": True}).data == []
    assert local.event_types() == ["product.created", "price.created"]


def test_prices_and_descriptions_add_up_with_their_quantities(local: Local) -> None:
    """A fraction of a cent is rounded once, per line."""
    v1 = local.client.v1
    price = v1.prices.create(
        {"currency": "usd", "unit_amount": 700, "product_data": {"name": "Pack"}}
    )
    fine = {
        "price_data": {
            "currency": "usd",
            "unit_amount_decimal": "0.5",
            "product": price.product,
        },
        "quantity": 3,
    }

    session = local.sell(
        line_items=[{"price": price.id, "quantity": 2}, fine], expand=["line_items"]
    )

    assert session.line_items is not None
    assert [line.amount_total for line in session.line_items.data] == [1400, 2]
    assert session.amount_total == 1402


def test_line_items_come_in_pages_in_the_order_given(local: Local) -> None:
    """A long basket is read as it was written."""
    price = local.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 700, "product_data": {"name": "Pack"}}
    )
    session = local.sell(
        line_items=[{"price": price.id, "quantity": n + 1} for n in range(12)],
        expand=["line_items"],
    )

    lines = local.client.v1.checkout.sessions.line_items.list(session.id, {"limit": 5})

    assert session.line_items is not None
    assert (len(session.line_items.data), session.line_items.has_more) == (10, True)
    assert [line.quantity for line in lines.auto_paging_iter()] == list(range(1, 13))


LINE: dict[str, Any] = {
    "price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Pack"}},
    "quantity": 1,
}


@pytest.mark.parametrize(
    ("changes", "param", "said"),
    [
        ({"line_items": []}, "line_items", "Missing required param"),
        ({"line_items": [{"quantity": 1}]}, "line_items[0][price]", "Missing"),
        ({"line_items": [{**LINE, "quantity": 0}]}, "line_items[0][quantity]", "Missing"),
        (
            {"line_items": [{**LINE, "price": "price_1"}]},
            "line_items[0][price]",
            "only specify",
        ),
        (
            {"line_items": [{"price": "price_1", "quantity": 1}]},
            "line_items[0][price]",
            "No such",
        ),
        (
            {"line_items": [LINE, {"price_data": {"currency": "usd"}, "quantity": 1}]},
            "line_items[1][price_data][product]",
            "Missing",
        ),
        (
            {"line_items": [{**LINE, "price_data": {**LINE["price_data"], "unit_amount": 49}}]},
            None,
            r"at least \$0.50 usd",
        ),
        ({"line_items": [{**LINE, "quantity": 200_000}]}, None, "no more than"),
        (
            {
                "line_items": [
                    LINE,
                    {**LINE, "price_data": {**LINE["price_data"], "currency": "eur"}},
                ]
            },
            "line_items",
            "same currency",
        ),
        (
            {
                "line_items": [
                    {
                        **LINE,
                        "price_data": {
                            **LINE["price_data"],
                            "recurring": {"interval": "month"},
                        },
                    }
                ]
            },
            "line_items[0][price]",
            "passed a recurring price",
        ),
        ({"success_url": "creditbase.example/paid"}, "success_url", "explicit scheme"),
        ({"success_url": "javascript:alert(1)"}, "success_url", "Not a valid URL"),
        ({"cancel_url": "https://"}, "cancel_url", "Not a valid URL"),
        ({"customer_email": "nobody"}, "customer_email", "Invalid email address"),
        ({"client_reference_id": "u" * 201}, "client_reference_id", "at most 200"),
        ({"ui_mode": "embedded_page"}, "ui_mode", "not imitate `embedded_page`"),
    ],
)
def test_an_offer_that_cannot_be_is_refused_and_makes_nothing(
    local: Local, changes: dict[str, Any], param: str | None, said: str
) -> None:
    """Not a product, not a price, not an event: the refusal leaves no trace."""
    with pytest.raises(stripe.InvalidRequestError, match=said) as refusal:
        local.sell(**changes)

    assert refusal.value.param == param
    assert local.event_types() == []
    assert local.client.v1.checkout.sessions.list().data == []


@pytest.mark.parametrize("param", ["mode", "success_url", "line_items"])
def test_an_offer_needs_these(local: Local, param: str) -> None:
    """Stripe does too, for a page that it hosts."""
    form = {
        "mode": "payment",
        "success_url": "https://creditbase.example",
        "line_items[0][price]": "price_1",
    }
    kept = {name: value for name, value in form.items() if not name.startswith(param)}

    error = local.call("POST", "/v1/checkout/sessions", kept).json()["error"]

    assert (error["code"], error["param"]) == ("parameter_missing", param)


@pytest.mark.parametrize(
    "other", [{"customer_email": "a@b.co"}, {"customer_creation": "always"}]
)
def test_a_known_customer_excludes_a_new_one(local: Local, other: dict[str, str]) -> None:
    """Stripe cannot tell which of the two is meant."""
    customer = local.client.v1.customers.create({})

    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        local.sell(customer=customer.id, **other)


def test_an_inactive_price_cannot_be_sold(local: Local) -> None:
    """A catalog that withdrew a price must not sell it on."""
    price = local.client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 700,
            "product_data": {"name": "Pack"},
            "active": False,
        }
    )

    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        local.sell(line_items=[{"price": price.id, "quantity": 1}])


def test_an_open_session_can_be_expired_once(local: Local) -> None:
    """The product withdraws an offer; the page closes, and the event tells of it."""
    session = local.sell()

    expired = local.client.v1.checkout.sessions.expire(session.id)

    assert (expired.status, expired.url) == ("expired", None)
    assert local.event_types()[-1] == "checkout.session.expired"
    with pytest.raises(stripe.InvalidRequestError, match="status of expired"):
        local.client.v1.checkout.sessions.expire(session.id)
    refused = local.pay(session.id)
    assert refused.status_code == 400
    assert "status of expired" in refused.json()["error"]["message"]


def test_a_session_expires_by_itself_when_its_time_has_come(local: Local) -> None:
    """Nobody asked, so the event names no request. The clock file moves Stripe's time."""
    session = local.sell()
    until_s = session.expires_at - session.created

    local.move_clock(until_s - 60)
    assert local.client.v1.checkout.sessions.retrieve(session.id).status == "open"
    local.move_clock(until_s)

    assert local.client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    event = local.client.v1.events.list({"type": "checkout.session.expired"}).data[0]
    assert event.request is not None
    assert event.request.id is None
    assert event.created >= session.expires_at


@pytest.mark.parametrize(
    ("minutes", "is_allowed"), [(29, False), (31, True), (24 * 60 + 1, False)]
)
def test_an_expiry_is_between_30_minutes_and_a_day_away(
    local: Local, minutes: int, is_allowed: bool
) -> None:
    """Stripe's own bounds."""
    now = local.client.v1.customers.create({}).created

    if is_allowed:
        assert local.sell(expires_at=now + minutes * 60).expires_at == now + minutes * 60
    else:
        with pytest.raises(stripe.InvalidRequestError, match="`expires_at` timestamp"):
            local.sell(expires_at=now + minutes * 60)


def test_sessions_are_found_by_their_state_and_payer(local: Local) -> None:
    """How the product looks for an open session, and for the one behind a payment."""
    customer = local.client.v1.customers.create({"email": "ada@example.com"})
    paid = local.sell(customer=customer.id)
    local.pay(paid.id)
    open_one = local.sell(customer_email="grace@example.com")
    intent = local.client.v1.checkout.sessions.retrieve(paid.id).payment_intent
    assert isinstance(intent, str)

    def found(**form: str) -> list[str]:
        answer = local.call("GET", "/v1/checkout/sessions", form)
        return [session["id"] for session in answer.json()["data"]]

    assert found(status="open") == [open_one.id]
    assert found(status="complete") == [paid.id]
    assert found(customer=customer.id) == [paid.id]
    assert found(payment_intent=intent) == [paid.id]
    assert found(**{"customer_details[email]": "grace@example.com"}) == [open_one.id]


def test_a_payment_that_was_tried_ends_with_its_session(local: Local) -> None:
    """Nobody can pay for what is not offered any more."""
    session = local.sell()
    local.pay(session.id, DECLINED_CARD)

    local.client.v1.checkout.sessions.expire(session.id)

    [intent] = local.client.v1.payment_intents.list().data
    assert (intent.status, intent.cancellation_reason) == ("canceled", "automatic")
    assert local.event_types()[-2:] == ["checkout.session.expired", "payment_intent.canceled"]

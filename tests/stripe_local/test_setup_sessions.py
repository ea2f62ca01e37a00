"""Checkout in setup mode: a card is kept for later, and nothing is paid."""

from typing import Any

import pytest
import requests
import stripe

from tests.stripe_local.conftest import DECLINED_CARD, GOOD_CARD, Local
from tests.stripe_local.test_intents import ONCE, authenticate
from tests.stripe_local.test_page import Page

ATTACHES_THEN_FAILS = "4000000000000341"


def offer(local: Local, **changes: Any) -> stripe.checkout.Session:
    """Make a session that asks for a card."""
    params: Any = {
        "mode": "setup",
        "currency": "usd",
        "success_url": "http://127.0.0.1:9/saved?session={CHECKOUT_SESSION_ID}",
        **changes,
    }
    return local.client.v1.checkout.sessions.create(params)


def intent_of(local: Local, session: stripe.checkout.Session) -> stripe.SetupIntent:
    """Return the setup intent of a session, as it is now."""
    return local.client.v1.setup_intents.retrieve(str(session.setup_intent))


@pytest.fixture
def ada(local: Local) -> str:
    """Return a customer."""
    return local.client.v1.customers.create({"email": "ada@example.com"}).id


def test_a_card_is_kept_for_a_customer(local: Local, ada: str) -> None:
    """The intent is there from the start, has what it was given, and the card at last."""
    given: Any = {"metadata": {"uid": "u1"}, "description": "For auto top-up"}
    session = offer(local, customer=ada, setup_intent_data=given)
    waiting = intent_of(local, session)

    assert local.pay(session.id).status_code == 200

    done = local.client.v1.checkout.sessions.retrieve(session.id)
    kept = intent_of(local, session)
    assert (waiting.status, kept.status) == ("requires_payment_method", "succeeded")
    assert (kept.customer, kept.description) == (ada, "For auto top-up")
    assert kept.metadata is not None
    assert kept.metadata.to_dict() == {"uid": "u1"}
    assert (done.status, done.payment_status) == ("complete", "no_payment_required")
    assert (done.amount_total, done.currency, done.payment_intent) == (None, "usd", None)
    (card,) = local.client.v1.customers.payment_methods.list(ada).data
    assert card.id == kept.payment_method
    assert local.event_types() == [
        "customer.created",
        "setup_intent.created",
        "payment_method.attached",
        "setup_intent.succeeded",
        "checkout.session.completed",
    ]
    assert local.client.v1.checkout.sessions.line_items.list(session.id).data == []


@pytest.mark.parametrize(("wish", "is_made"), [("always", True), ("if_required", False)])
def test_whoever_is_not_known_may_become_a_customer(
    local: Local, wish: str, is_made: bool
) -> None:
    """Where it was asked for; else the card is kept for nobody."""
    session = offer(local, customer_creation=wish, customer_email="eve@example.com")

    local.pay(session.id)

    done = local.client.v1.checkout.sessions.retrieve(session.id)
    assert bool(done.customer) is is_made
    assert intent_of(local, session).customer == done.customer


def test_a_card_that_cannot_be_kept_leaves_the_session_open(local: Local, ada: str) -> None:
    """For another card; one that pays for nothing can be kept all the same."""
    session = offer(local, customer=ada)

    refused = local.pay(session.id, DECLINED_CARD)

    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "card_declined")
    failed = intent_of(local, session)
    assert failed.last_setup_error is not None
    assert failed.status == "requires_payment_method"
    assert local.event_types()[-1] == "setup_intent.setup_failed"
    assert local.pay(session.id, ATTACHES_THEN_FAILS).json()["status"] == "complete"


def test_the_bank_may_want_to_see_the_owner(local: Local, ada: str) -> None:
    """Once; the session is complete only then, and payments need nobody."""
    session = offer(local, customer=ada)

    assert local.pay(session.id, ONCE).json()["status"] == "open"
    assert intent_of(local, session).status == "requires_action"
    authenticate(local, session.id)

    assert intent_of(local, session).status == "succeeded"
    assert local.client.v1.checkout.sessions.retrieve(session.id).status == "complete"
    assert len(local.client.v1.customers.payment_methods.list(ada).data) == 1


def test_the_intent_of_a_session_is_the_sessions(local: Local, ada: str) -> None:
    """It cannot be confirmed or cancelled by itself; it ends with the session."""
    session = offer(local, customer=ada)
    for end in (local.client.v1.setup_intents.cancel, local.client.v1.setup_intents.confirm):
        with pytest.raises(stripe.InvalidRequestError, match="Checkout Session"):
            end(str(session.setup_intent))

    local.client.v1.checkout.sessions.expire(session.id)

    assert intent_of(local, session).status == "canceled"
    assert local.event_types()[-2:] == ["checkout.session.expired", "setup_intent.canceled"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"line_items": [{"price": "price_1", "quantity": 1}]}, "can not pass `line_items`"),
        ({"mode": "payment", "setup_intent_data": {"description": "x"}}, "setup_intent_data"),
        ({"currency": "dollars"}, "Invalid currency"),
        ({"mode": "rent"}, "mode"),
    ],
)
def test_what_is_sold_has_no_place_there(local: Local, changes: Any, said: str) -> None:
    """And what a card is kept with has none where something is sold."""
    with pytest.raises(stripe.InvalidRequestError, match=said):
        offer(local, **changes)


def test_the_currency_is_needed(local: Local) -> None:
    """It decides by which methods one could pay later."""
    form = {"mode": "setup", "success_url": "http://127.0.0.1:9/saved"}

    refused = local.call("POST", "/v1/checkout/sessions", form)

    assert refused.json()["error"]["param"] == "currency"


def test_the_page_asks_for_a_card_and_names_no_amount(local: Local, ada: str) -> None:
    """A person saves a card, is sent back, and finds the page closed afterwards."""
    session = offer(local, customer=ada)
    page = Page(requests.get(str(session.url), timeout=30).text)
    assert "Save card" in page.text
    assert "$" not in page.text

    form = {"number": GOOD_CARD, "expiry": "12 / 34", "cvc": "123"}
    left = requests.post(str(session.url), form, timeout=30, allow_redirects=False)

    assert left.headers["Location"] == f"http://127.0.0.1:9/saved?session={session.id}"
    assert "Your card is saved" in Page(requests.get(str(session.url), timeout=30).text).text
    expired = offer(local, customer=ada)
    local.client.v1.checkout.sessions.expire(expired.id)
    assert "No card was saved" in Page(requests.get(str(expired.url), timeout=30).text).text

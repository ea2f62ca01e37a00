"""Paying for a session: what comes to be, in what order, and what a decline leaves behind."""

from typing import Any

import pytest
import stripe

from stripe_local.cards import Card, recognise
from stripe_local.wire.errors import CardRefused
from tests.stripe_local.conftest import DECLINED_CARD, GOOD_CARD, Local


def test_a_payment_makes_its_objects_and_events_in_order(local: Local) -> None:
    """The product credits what these say."""
    customer = local.client.v1.customers.create({"email": "ada@example.com"})
    session = local.sell(customer=customer.id)

    paid = local.pay(session.id).json()

    v1 = local.client.v1
    intent = v1.payment_intents.retrieve(paid["payment_intent"])
    assert isinstance(intent.latest_charge, str)
    charge = v1.charges.retrieve(intent.latest_charge)
    assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
    assert (intent.status, intent.amount_received, intent.customer) == (
        "succeeded",
        2500,
        customer.id,
    )
    assert (charge.paid, charge.status, charge.amount_captured) == (True, "succeeded", 2500)
    assert charge.payment_intent == intent.id
    assert charge.billing_details.email == "ada@example.com"
    assert local.event_types() == [
        "customer.created",
        "product.created",
        "price.created",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_events_show_the_object_as_it_was_then(local: Local) -> None:
    """A snapshot does not change with the object: that is why the product reads it fresh."""
    local.pay(local.sell().id)

    events: dict[str, Any] = {
        event.type: event.data.object for event in local.client.v1.events.list()
    }

    assert events["payment_intent.created"].status == "requires_payment_method"
    assert events["payment_intent.created"].latest_charge is None
    assert events["payment_intent.succeeded"].status == "succeeded"
    assert events["checkout.session.completed"].payment_status == "paid"


def test_events_name_the_request_behind_them(local: Local) -> None:
    """The page makes requests; that the session is complete is Stripe's own doing."""
    local.client.v1.customers.create({}, {"idempotency_key": "customer-u1"})
    paid = local.pay(local.sell().id)

    events = {event.type: event.request for event in local.client.v1.events.list()}

    created = events["customer.created"]
    charged = events["charge.succeeded"]
    completed = events["checkout.session.completed"]
    assert created is not None
    assert created.idempotency_key == "customer-u1"
    assert charged is not None
    assert charged.id == paid.headers["Request-Id"]
    assert completed is not None
    assert (completed.id, completed.idempotency_key) == (None, None)


def test_only_the_metadata_for_the_payment_reaches_the_payment(local: Local) -> None:
    """The trap: the session's own metadata stays with the session."""
    session = local.sell(
        metadata={"on": "session"},
        payment_intent_data={"metadata": {"on": "payment"}, "description": "Credits"},
    )

    intent_id = local.pay(session.id).json()["payment_intent"]

    intent = local.client.v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]})
    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert intent.metadata.to_dict() == {"on": "payment"}
    assert charge.metadata.to_dict() == {"on": "payment"}
    assert (intent.description, charge.description) == ("Credits", "Credits")


def test_a_guest_pays_and_stays_a_guest(local: Local) -> None:
    """`customer` is null from beginning to end."""
    session = local.sell()

    paid = local.call(
        "POST",
        f"/v1/payment_pages/{session.id}/confirm",
        {"card[number]": GOOD_CARD, "email": "guest@example.com"},
    ).json()

    assert paid["customer"] is None
    assert paid["customer_details"]["email"] == "guest@example.com"
    assert local.client.v1.customers.list().data == []
    assert local.client.v1.charges.list().data[0].customer is None


def test_a_customer_is_made_when_the_session_says_always(local: Local) -> None:
    """Once, with the payment; a decline before it makes none."""
    session = local.sell(customer_creation="always", customer_email="ada@example.com")

    local.pay(session.id, DECLINED_CARD)
    assert local.client.v1.customers.list().data == []
    paid = local.pay(session.id).json()

    customer = local.client.v1.customers.retrieve(paid["customer"])
    assert customer.email == "ada@example.com"
    assert local.client.v1.payment_intents.list({"customer": customer.id}).data != []


def test_a_decline_leaves_the_session_open_for_another_card(local: Local) -> None:
    """One payment intent over both tries; the money is taken once."""
    session = local.sell()

    assert local.pay(session.id, DECLINED_CARD).status_code == 402
    after = local.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent"]}
    )
    assert (after.status, after.payment_status) == ("open", "unpaid")
    intent = after.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == "generic_decline"

    paid = local.pay(session.id).json()

    assert paid["payment_intent"] == intent.id
    charges = local.client.v1.charges.list({"payment_intent": intent.id}).data
    assert [(charge.status, charge.paid) for charge in charges] == [
        ("succeeded", True),
        ("failed", False),
    ]
    assert charges[1].failure_code == "card_declined"
    assert local.client.v1.payment_intents.retrieve(intent.id).last_payment_error is None
    assert local.event_types()[2:] == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_a_paid_session_cannot_be_paid_again(local: Local) -> None:
    """A double click, or a second tab, takes no money."""
    session = local.sell()
    local.pay(session.id)

    again = local.pay(session.id)

    assert again.status_code == 400
    assert "status of complete" in again.json()["error"]["message"]
    assert len(local.client.v1.charges.list().data) == 1


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (Card("4242424242424241"), "incorrect_number"),
        (Card("4111111111111111"), "incorrect_number"),
        (Card(""), "incorrect_number"),
        (Card(GOOD_CARD, exp_month=13), "invalid_expiry_month"),
        (Card(GOOD_CARD, exp_month=0), "invalid_expiry_month"),
        (Card(GOOD_CARD, exp_month=4, exp_year=2030), "invalid_expiry_year"),
        (Card(GOOD_CARD, exp_year=2131), "invalid_expiry_year"),
        (Card(GOOD_CARD, cvc="12"), "invalid_cvc"),
        (Card(GOOD_CARD, cvc="abc"), "invalid_cvc"),
    ],
)
def test_what_is_no_card_is_refused_before_any_payment(card: Card, code: str) -> None:
    """In May 2030: a card is good until its month is over."""
    with pytest.raises(CardRefused) as refusal:
        recognise(card, year=2030, month=5)

    assert refusal.value.code == code


def test_a_card_is_good_in_its_last_month_however_it_is_written() -> None:
    """People type spaces and dashes."""
    card = Card("4242-4242 4242 4242", exp_month=5, exp_year=2030)

    assert recognise(card, year=2030, month=5).decline is None
    assert card.last4 == "4242"


def test_an_unknown_number_starts_no_payment(local: Local) -> None:
    """Stripe's page refuses it before there is a payment intent."""
    session = local.sell()

    refused = local.pay(session.id, "4111111111111111")

    assert refused.status_code == 402
    assert refused.json()["error"]["param"] == "number"
    assert local.client.v1.payment_intents.list().data == []
    assert "payment_intent.created" not in local.event_types()


def test_an_unknown_or_malformed_payer_is_refused(local: Local) -> None:
    """The private endpoint checks what it is given, like any other."""
    session = local.sell()
    path = f"/v1/payment_pages/{session.id}/confirm"

    wrong = local.call("POST", path, {"card[number]": GOOD_CARD, "email": "nobody"})

    assert wrong.json()["error"]["code"] == "email_invalid"
    assert local.call("POST", path, {}).json()["error"]["param"] == "card"
    assert local.pay("cs_none").status_code == 404


def test_a_card_that_was_made_before_pays_what_is_expected(local: Local) -> None:
    """How Stripe's own command line completes a session."""
    session = local.sell()
    card = local.client.v1.payment_methods.create(
        {"type": "card", "card": {"token": "tok_visa"}}
    )
    at = f"/v1/payment_pages/{session.id}"
    shown = local.call("GET", at).json()
    form = {"payment_method": card.id, "expected_amount": 3_000}

    refused = local.call("POST", f"{at}/confirm", form)
    done = local.call("POST", f"{at}/confirm", form | {"expected_amount": 2_500})

    assert (shown["id"], shown["status"]) == (session.id, "open")
    assert refused.json()["error"]["param"] == "expected_amount"
    assert done.json()["payment_status"] == "paid"

"""The bank's page of 3-D Secure, and the ways to it and back."""

import pytest
import requests

from tests.stripe_local.conftest import GOOD_CARD, Local
from tests.stripe_local.lives import Subscriber, subscriber
from tests.stripe_local.test_page import Page, press_pay, visit

ALWAYS_ASKS = "4000000000003220"
ASKS_ONCE = "4000002500003155"


def press(local: Local, address: str, outcome: str) -> requests.Response:
    """Press one of the two buttons, without following where it leads."""
    return local.http.post(
        local.url + address, data={"outcome": outcome}, allow_redirects=False, timeout=20
    )


def to_the_bank(local: Local, session_id: str, card: str) -> str:
    """Pay on the Checkout page with a card whose bank asks, and return the bank's address."""
    sent = press_pay(local, session_id, email="ada@example.com", number=card)
    assert (sent.status_code, sent.headers["Location"][:5]) == (303, "/3ds/")
    return sent.headers["Location"]


@pytest.fixture
def owing(local: Local) -> Subscriber:
    """Return a subscriber whose renewal could not be paid."""
    ada = subscriber(local)
    ada.check_out()
    ada.take_card("pm_card_chargeCustomerFail")
    ada.renew()
    return ada


def test_who_confirms_has_paid_and_is_sent_back_to_the_shop(local: Local) -> None:
    """The whole way of a European card."""
    session = local.sell()
    bank = to_the_bank(local, session.id, ALWAYS_ASKS)

    asked = Page(local.http.get(local.url + bank, timeout=10).text)
    sent = press(local, bank, "complete")

    assert "asks for $25.00 from your card: Visa ending in 3220" in asked.text
    assert "script" not in asked.tags
    assert sent.headers["Location"] == f"http://127.0.0.1:9/paid?session={session.id}"
    paid = local.client.v1.checkout.sessions.retrieve(session.id)
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    again = press(local, bank, "complete")
    assert (again.status_code, "confirmed it" in again.text) == (200, True)


def test_who_does_not_confirm_may_try_another_card(local: Local) -> None:
    """Nothing was charged, and the form says why."""
    session = local.sell()
    bank = to_the_bank(local, session.id, ALWAYS_ASKS)

    sent = press(local, bank, "fail")
    page = visit(local, session.id)
    press_pay(local, session.id, email="ada@example.com", number=GOOD_CARD)

    assert sent.headers["Location"] == f"/c/pay/{session.id}"
    assert "unable to authenticate your payment method" in page.text
    assert page.fields["number"]["aria-invalid"] == "true"
    assert local.client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert local.event_types().count("charge.succeeded") == 1


def test_a_card_is_set_up_for_a_trial(local: Local) -> None:
    """Nothing is due, and the bank is asked all the same: later nobody will be there."""
    ada = subscriber(local)
    session = ada.session(trial_period_days=14)
    bank = to_the_bank(local, session.id, ASKS_ONCE)

    asked = Page(local.http.get(local.url + bank, timeout=10).text)
    press(local, bank, "complete")

    assert "wants to keep your card for later: Visa ending in 3155" in asked.text
    assert ada.subscription().status == "trialing"


@pytest.mark.parametrize(
    ("outcome", "said", "status"),
    [
        ("complete", "Invoice paid $20.00", "active"),
        ("fail", "unable to authenticate your payment method", "past_due"),
    ],
)
def test_an_invoice_is_paid_by_way_of_the_bank(
    local: Local, owing: Subscriber, outcome: str, said: str, status: str
) -> None:
    """There and back again, to the receipt or to the form."""
    invoice = owing.invoices()[0]
    assert invoice.hosted_invoice_url is not None
    form = {"number": ALWAYS_ASKS, "expiry": "12 / 40", "cvc": "123"}
    bank = local.http.post(
        invoice.hosted_invoice_url, data=form, allow_redirects=False, timeout=20
    ).headers["Location"]

    sent = press(local, bank, outcome)
    page = local.http.get(local.url + sent.headers["Location"], timeout=10)

    assert said in Page(page.text).text
    assert owing.subscription().status == status


def test_an_address_without_an_intent_has_no_page(local: Local) -> None:
    """And a button that is none of the two does nothing."""
    session = local.sell()
    bank = to_the_bank(local, session.id, ALWAYS_ASKS)

    assert local.http.get(f"{local.url}/3ds/pi_unknown", timeout=10).status_code == 404
    assert press(local, "/3ds/pi_unknown", "complete").status_code == 404
    assert press(local, bank, "perhaps").status_code == 404
    assert "requires_action" in str(local.client.v1.payment_intents.list().data[0].status)

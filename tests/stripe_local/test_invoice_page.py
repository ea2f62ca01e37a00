"""The page of an invoice, to which `hosted_invoice_url` leads: look, pay, receipt."""

from typing import Any

import requests

from tests.stripe_local.conftest import DECLINED_CARD, GOOD_CARD, Local
from tests.stripe_local.lives import Subscriber, count_events, since, subscriber
from tests.stripe_local.test_page import Page

MINUS = "\N{MINUS SIGN}"


def see(local: Local, invoice: Any) -> Page:
    """Open the page of an invoice."""
    assert invoice.hosted_invoice_url is not None
    seen = local.http.get(invoice.hosted_invoice_url, timeout=10)
    assert seen.status_code == 200
    return Page(seen.text)


def press_pay(local: Local, invoice: Any, **typed: str) -> requests.Response:
    """Type into the form as it stands, and press its button."""
    form = {**see(local, invoice).values, **typed}
    return local.http.post(invoice.hosted_invoice_url, data=form, timeout=20)


def owing(local: Local) -> Subscriber:
    """Return a subscriber whose renewal could not be paid."""
    ada = subscriber(local)
    ada.check_out()
    ada.take_card("pm_card_chargeCustomerFail")
    ada.renew()
    assert ada.subscription().status == "past_due"
    return ada


def test_a_paid_invoice_is_a_receipt(local: Local) -> None:
    """What the mail and the portal link to, for whoever keeps the books."""
    ada = subscriber(local)
    ada.check_out()
    [invoice] = ada.invoices()

    page = see(local, invoice)

    assert "Invoice paid $20.00" in page.text
    assert "with Visa ending in 4242" in page.text
    assert f"Invoice {invoice.number}" in page.text
    assert "ada@example.com" in page.text
    assert "Amount remaining $0.00" in page.text
    assert "input" not in page.tags
    assert "script" not in page.tags


def test_an_owed_invoice_can_be_paid_with_another_card(local: Local) -> None:
    """Recovery by hand: the subscription is active again, and the card is kept."""
    ada = owing(local)
    invoice = ada.invoices()[0]
    page = see(local, invoice)
    before = count_events(local)

    answer = press_pay(local, invoice, number=GOOD_CARD)

    assert "Payment due $20.00" in page.text
    assert "is tried again on" in page.text
    assert set(page.fields) == page.labels == {"number", "expiry", "cvc"}
    assert "Invoice paid $20.00" in Page(answer.text).text
    assert ada.subscription().status == "active"
    told = since(local, before)
    assert told.count("invoice.paid") == 1
    assert "payment_method.attached" in told


def test_a_declined_card_is_said_at_its_field(local: Local) -> None:
    """Nothing was charged, and another card may be tried."""
    ada = owing(local)
    invoice = ada.invoices()[0]

    declined = press_pay(local, invoice, number=DECLINED_CARD)
    nonsense = press_pay(local, invoice, number="", expiry="soon")

    assert (declined.status_code, nonsense.status_code) == (402, 422)
    assert "Your card was declined." in Page(declined.text).text
    assert Page(declined.text).fields["number"]["aria-invalid"] == "true"
    assert "Enter a card number." in Page(nonsense.text).text
    assert ada.invoices()[0].status == "open"


def test_paying_twice_pays_once(local: Local) -> None:
    """Two open tabs: the second finds the receipt."""
    ada = owing(local)
    invoice = ada.invoices()[0]
    form = {**see(local, invoice).values, "number": GOOD_CARD}
    assert invoice.hosted_invoice_url is not None

    pages = [
        local.http.post(invoice.hosted_invoice_url, data=form, timeout=20) for _ in range(2)
    ]

    assert ["Invoice paid" in page.text for page in pages] == [True, True]
    charges = local.client.v1.charges.list({"customer": ada.customer_id}).data
    assert sum(charge.status == "succeeded" for charge in charges) == 2, "and the first month"


def test_a_void_invoice_asks_for_nothing(local: Local) -> None:
    """Nobody shall pay what is no longer owed."""
    ada = owing(local)
    invoice = ada.invoices()[0]
    local.client.v1.invoices.void_invoice(invoice.id)

    page = see(local, invoice)

    assert "This invoice is void" in page.text
    assert "input" not in page.tags
    assert "Invoice paid" not in press_pay(local, invoice, number=GOOD_CARD).text


def test_an_upgrade_shows_what_is_given_back(local: Local) -> None:
    """Credits of a proration are negative lines."""
    ada = subscriber(local)
    ada.check_out()
    price = local.client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 5_000,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Master"},
        }
    )
    item = ada.subscription()["items"]["data"][0]
    local.client.v1.subscriptions.update(
        ada.subscription().id,
        {
            "items": [{"id": item["id"], "price": price.id}],
            "proration_behavior": "always_invoice",
        },
    )

    page = see(local, ada.invoices()[0])

    assert "Unused time on Plan for 2000" in page.text
    assert f"{MINUS}$20.00" in page.text or f"{MINUS}$19.99" in page.text


def test_a_draft_and_an_unknown_invoice_have_no_page(local: Local) -> None:
    """A draft may still change."""
    ada = subscriber(local)
    ada.check_out()
    ada.live_until(ada.period()[1] + 60)
    draft = ada.invoices()[0]
    assert (draft.status, draft.hosted_invoice_url) == ("draft", None)

    for invoice_id in (draft.id, "in_unknown"):
        for ask in (local.http.get, local.http.post):
            assert ask(f"{local.url}/i/{invoice_id}", timeout=10).status_code == 404

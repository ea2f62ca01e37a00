"""The hosted page, used as a person without scripts would: by its form, links and words."""

import threading
import time
from html.parser import HTMLParser

import pytest
import requests

from stripe_local.currencies import shown
from tests.stripe_local.conftest import DECLINED_CARD, GOOD_CARD, Listener, Local
from tests.stripe_local.lives import DAY_S, monthly, subscriber

Form = dict[str, str]
FIFTH_OF_MARCH_2030_S = 1_898_942_400


class Page(HTMLParser):
    """What a browser would find on a page: fields with labels, links, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, dict[str, str | None]] = {}
        self.labels: set[str] = set()
        self.ids: set[str] = set()
        self.links: dict[str, str] = {}
        self.roles: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self._is_hidden = False
        self.feed(html)

    def _read_tag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.tags.append(tag)
        self.ids.add(said.get("id") or "")
        self._is_hidden = tag in {"style", "title"}
        if tag == "input":
            self.fields[str(said["name"])] = said
        if tag == "label":
            self.labels.add(str(said["for"]))
        if tag == "a":
            self.links[str(said["href"])] = str(said.get("class"))
        if "role" in said:
            self.roles.append(str(said["role"]))

    def _read_text(self, data: str) -> None:
        if not self._is_hidden and data.strip():
            self.text += " " + " ".join(data.split())

    # the names by which the parser calls them
    handle_starttag = _read_tag
    handle_data = _read_text

    @property
    def values(self) -> Form:
        """Return what the form would send if nothing were typed."""
        return {name: field.get("value") or "" for name, field in self.fields.items()}


def visit(local: Local, session_id: str, status: int = 200) -> Page:
    """Open a session's page."""
    seen = local.http.get(f"{local.url}/c/pay/{session_id}", timeout=10)
    assert seen.status_code == status
    return Page(seen.text)


def press_pay(local: Local, session_id: str, **typed: str) -> requests.Response:
    """Type into the form as it stands, and press its button."""
    form = {**visit(local, session_id).values, "action": "pay", **typed}
    return local.http.post(
        f"{local.url}/c/pay/{session_id}", data=form, allow_redirects=False, timeout=20
    )


def test_the_page_shows_what_is_sold_and_asks_for_a_card(local: Local) -> None:
    """The amount and the name that the product sent; nothing to guess."""
    price = local.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 700, "product_data": {"name": "Pack <b>&</b>"}}
    )
    session = local.sell(line_items=[{"price": price.id, "quantity": 3}])

    page = visit(local, session.id)

    assert "Pack <b>&</b>" in page.text, "shown as written, not read as markup"
    assert "3 \N{MULTIPLICATION SIGN} $7.00" in page.text
    assert page.text.count("$21.00") == 4, "title line, line, total and button"
    assert "Test cards: 4242 4242 4242 4242 pays" in page.text
    assert set(page.fields) == {"email", "number", "expiry", "cvc"}
    assert page.values["number"] == ""
    assert page.values["cvc"] == "123"
    assert "http://127.0.0.1:9/cancelled" in page.links


def test_the_page_works_for_everyone(local: Local) -> None:
    """Every field has its label, every description exists, and there is no script."""
    session = local.sell()
    refused = Page(press_pay(local, session.id, email="", number="", cvc="").text)

    for page in (visit(local, session.id), refused):
        described = {
            name
            for field in page.fields.values()
            for name in (field.get("aria-describedby") or "").split()
        }
        assert page.labels == set(page.fields)
        assert described <= page.ids
        assert "script" not in page.tags
        assert {"main", "h1", "button"} <= set(page.tags)
    assert refused.roles == ["alert"]
    assert {"#email", "#number", "#cvc"} <= set(refused.links), (
        "each problem leads to its field"
    )
    assert [name for name, field in refused.fields.items() if "aria-invalid" in field] == [
        "email",
        "number",
        "cvc",
    ]
    assert [name for name, field in refused.fields.items() if "autofocus" in field] == ["email"]


def test_paying_leads_back_with_the_sessions_id(local: Local) -> None:
    """A guest types an e-mail address and the card; the rest is filled in."""
    session = local.sell()

    answer = press_pay(local, session.id, email="guest@example.com", number=GOOD_CARD)

    paid = local.client.v1.checkout.sessions.retrieve(session.id)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://127.0.0.1:9/paid?session={session.id}"
    assert paid.payment_status == "paid"
    assert paid.customer_details is not None
    assert paid.customer_details.email == "guest@example.com"


def test_a_known_payer_is_not_asked_again(local: Local) -> None:
    """The page shows whose account it is, and does not let it be changed."""
    customer = local.client.v1.customers.create({"email": "ada@example.com"})
    session = local.sell(customer=customer.id)

    page = visit(local, session.id)
    answer = press_pay(local, session.id, number="4242 4242 4242 4242", email="eve@example.com")

    assert "ada@example.com" in page.text
    assert "email" not in page.fields
    assert answer.status_code == 303
    paid = local.client.v1.checkout.sessions.retrieve(session.id)
    assert paid.customer_details is not None
    assert paid.customer_details.email == "ada@example.com"


@pytest.mark.parametrize(
    ("typed", "status", "said", "field"),
    [
        ({"number": DECLINED_CARD}, 402, "Your card was declined.", "number"),
        ({"number": "4000000000009995"}, 402, "insufficient funds", "number"),
        ({"number": "4111111111111111"}, 402, "card number is incorrect", "number"),
        ({"number": ""}, 422, "Enter a card number.", "number"),
        ({"number": GOOD_CARD, "expiry": "13 / 40"}, 402, "expiration month", "expiry"),
        ({"number": GOOD_CARD, "expiry": "12/2020"}, 402, "expiration year", "expiry"),
        ({"number": GOOD_CARD, "expiry": "soon"}, 422, "Enter the month and year", "expiry"),
        ({"number": GOOD_CARD, "cvc": "x"}, 402, "security code is invalid", "cvc"),
        ({"number": GOOD_CARD, "email": "nobody"}, 422, "Enter an e-mail address", "email"),
    ],
)
def test_what_goes_wrong_is_said_at_its_field(
    local: Local, typed: Form, status: int, said: str, field: str
) -> None:
    """The session stays open, what was typed stays, and another card can be tried."""
    session = local.sell()

    answer = press_pay(local, session.id, **{"email": "a@b.co", **typed})

    page = Page(answer.text)
    assert answer.status_code == status
    assert said in page.text
    assert page.fields[field]["aria-invalid"] == "true"
    assert f"{field}-problem" in str(page.fields[field]["aria-describedby"]).split()
    assert page.values["number"] == typed["number"]
    after = local.client.v1.checkout.sessions.retrieve(session.id)
    assert (after.status, after.payment_status) == ("open", "unpaid")


def test_the_payer_waits_until_the_shop_has_heard(
    local: Local, listener: Listener, secret: str
) -> None:
    """On return the credits shall be there: Stripe holds the redirect back for that."""
    session = local.sell()
    local.settle()
    listener.open.clear()
    answers: list[requests.Response] = []
    payer = threading.Thread(
        target=lambda: answers.append(
            press_pay(local, session.id, email="a@b.co", number=GOOD_CARD)
        )
    )

    payer.start()
    payer.join(0.3)
    assert payer.is_alive(), "the page is still waiting"
    listener.open.set()
    payer.join(20)

    assert answers[0].status_code == 303
    assert "checkout.session.completed" in listener.types(secret)


def test_pressing_twice_pays_once(local: Local) -> None:
    """The second press leads back as well, instead of frightening the payer."""
    session = local.sell()
    press_pay(local, session.id, email="a@b.co", number=GOOD_CARD)

    again = local.http.post(
        f"{local.url}/c/pay/{session.id}", data={}, allow_redirects=False, timeout=20
    )

    assert again.status_code == 303
    assert len(local.client.v1.charges.list().data) == 1


def test_a_closed_session_says_what_became_of_it(local: Local) -> None:
    """Paid, expired, or never there: each has its page, and none has a form."""
    paid, expired = local.sell(), local.sell()
    local.pay(paid.id)
    local.client.v1.checkout.sessions.expire(expired.id)

    paid_page, expired_page = visit(local, paid.id), visit(local, expired.id)
    missing_page = visit(local, "cs_test_none", 404)
    late = local.http.post(f"{local.url}/c/pay/{expired.id}", data={}, timeout=10)
    lost = local.http.post(f"{local.url}/c/pay/cs_test_none", data={}, timeout=10)

    assert "This payment is complete" in paid_page.text
    assert f"http://127.0.0.1:9/paid?session={paid.id}" in paid_page.links
    assert "This page has expired" in expired_page.text
    assert "http://127.0.0.1:9/cancelled" in expired_page.links
    assert "There is nothing to pay here" in missing_page.text
    assert [page.fields for page in (paid_page, expired_page, missing_page)] == [{}] * 3
    assert (late.status_code, lost.status_code) == (410, 404)


def test_a_session_whose_time_is_over_cannot_be_paid_on_its_page(local: Local) -> None:
    """Even in a tab that was opened in time."""
    session = local.sell()
    form = {**visit(local, session.id).values, "email": "a@b.co", "number": GOOD_CARD}

    local.move_clock(session.expires_at - session.created + 1)
    late = local.http.post(f"{local.url}/c/pay/{session.id}", data=form, timeout=10)

    assert late.status_code == 410
    assert local.client.v1.charges.list().data == []


def test_a_page_without_a_way_back_has_none(local: Local) -> None:
    """`cancel_url` is not required."""
    created = local.call(
        "POST",
        "/v1/checkout/sessions",
        {
            "mode": "payment",
            "success_url": "http://127.0.0.1:9/paid",
            "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": "500",
            "line_items[0][price_data][product_data][name]": "Pack",
            "line_items[0][quantity]": "1",
        },
    ).json()

    assert visit(local, created["id"]).links == {}


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2500, "usd", "$25.00"),
        (5, "eur", "€0.05"),
        (123456789, "gbp", "£1,234,567.89"),
        (500, "jpy", "¥500"),
        (1250, "sek", "12.50 SEK"),
        (1005, "kwd", "1.005 KWD"),
    ],
)
def test_amounts_are_shown_in_their_currencys_own_decimals(
    amount: int, currency: str, text: str
) -> None:
    """500 yen are not five."""
    assert shown(amount, currency) == text


def test_a_subscription_says_what_it_costs_and_when_it_renews(local: Local) -> None:
    """What a person must know before the card: amount, plan, interval, and the date."""
    local.move_clock(FIFTH_OF_MARCH_2030_S - int(time.time()))
    ada = subscriber(local)
    quarterly = monthly(local, 5_000, recurring={"interval": "month", "interval_count": 3})

    plain = visit(local, ada.session().id).text
    trial = visit(local, ada.session(trial_period_days=14).id).text
    until = visit(local, ada.session(trial_end=FIFTH_OF_MARCH_2030_S + 9 * DAY_S).id).text
    ada.price_id = quarterly
    rare = visit(local, ada.session().id).text

    assert "$20.00 due today" in plain
    assert "$20.00 per month, until you cancel. Renews on 5 April 2030." in plain
    assert "Plan for 2000 Billed every month" in plain
    assert "14 days free, then $20.00 per month from 19 March 2030, until you cancel." in trial
    assert "Free trial \N{MINUS SIGN}$20.00" in trial
    assert "Total due today $0.00" in trial
    assert "Free at first, then $20.00 per month from 14 March 2030" in until
    assert "$50.00 every 3 months, until you cancel. Renews on 5 June 2030." in rare


def test_a_finished_trial_checkout_does_not_speak_of_a_payment(local: Local) -> None:
    """Nothing was paid, and the page must not say so."""
    ada = subscriber(local)
    session = ada.check_out(trial_period_days=14)

    page = visit(local, session.id)

    assert "Your subscription has begun" in page.text
    assert "$0.00" not in page.text

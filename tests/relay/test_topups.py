"""Top-ups at the relay's doors: what is asked, what is answered, and who may send where."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbase.kernel.instants import read
from creditbase.subscriptions.relay_projects import ensure_account
from tests.catalog.tiers import a_paygo
from tests.payments.conftest import _session_shop, shop
from tests.payments.shop import Shop
from tests.relay.desk import json_of, wrong_field
from tests.relay.test_self_service import Browser, Opened, opened

__all__ = ["_session_shop", "opened", "shop"]

pytestmark = pytest.mark.firestore
PAGES = {"success_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no"}
AUTO = {
    "enabled": True,
    "threshold_cents": 500,
    "amount_cents": 2000,
    "monthly_cap_cents": 5000,
}
Ask = Callable[..., TestResponse]


@pytest.fixture
def page(opened: Opened, shop: Shop) -> Browser:
    """Return the page of a customer who pays as it goes."""
    assert shop
    return opened(a_paygo)


@pytest.fixture(params=["customer", "back end", "account"])
def ask(request: pytest.FixtureRequest, page: Browser) -> Ask:
    """Return what asks for a top-up: the customer, a back end for it, or for itself."""
    backend = page.backend

    def post(**body: object) -> TestResponse:
        if request.param == "customer":
            return page.ask("POST", "/topup", {**PAGES, **body})
        if request.param == "back end":
            path = f"/customers/{page.customer.customer_id}/topup"
            return backend.ask("customers", "POST", path, {**PAGES, **body})
        ensure_account(backend.project_id, now=backend.clock.at)
        return backend.ask("account", "POST", "/account/topup", {**PAGES, **body})

    return post


def test_a_page_to_pay_on_under_both_names(ask: Ask) -> None:
    """The address twice, the amount shared out, and nothing left to guess."""
    answer = ask(amount_cents=2500)

    assert answer.status_code == 201
    told = json_of(answer)
    assert told["url"] == told["checkout_url"]
    assert told["url"].startswith("http")
    assert told == {
        "session_id": told["session_id"],
        "checkout_url": told["url"],
        "url": told["url"],
        "gross_amount_cents": 2500,
        "credit_amount_cents": 2500,
        "owner_revenue_cents": 2500,
        "platform_fee_cents": 0,
        "status": "open",
    }


@pytest.mark.parametrize(
    "amounts",
    [{"credit_amount_cents": 300}, {"credit_amount_cents": 300, "amount_cents": 300}],
)
def test_either_name_of_the_amount_will_do(page: Browser, amounts: dict[str, int]) -> None:
    """The page says one, the SDKs the other; the same twice is the same."""
    answer = page.ask("POST", "/topup", {**PAGES, **amounts})

    assert json_of(answer)["credit_amount_cents"] == 300


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"amount_cents": 300, "credit_amount_cents": 301}, ""),
        ({"amount_cents": "300"}, "amount_cents"),
        ({"amount_cents": 300.0}, "amount_cents"),
        ({"amount_cents": -1}, "amount_cents"),
        ({"amount_cents": 99}, "amount_cents"),
        ({"amount_cents": 300, "project_id": "p"}, "project_id"),
        ({"amount_cents": 300, "success_url": "javascript:alert(1)"}, "success_url"),
        ({"amount_cents": 300, "cancel_url": ""}, "cancel_url"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    page: Browser, body: dict[str, Any], field: str
) -> None:
    """With the field that is wrong, where there is one."""
    answer = page.ask("POST", "/topup", {**PAGES, **body})

    assert answer.status_code == 400
    if field:
        assert wrong_field(answer) == field


def test_a_repeat_has_the_same_page(page: Browser) -> None:
    """The SDKs send it again after five seconds without an answer."""
    first, second = (page.ask("POST", "/topup", {**PAGES, "amount_cents": 500}) for _ in "12")

    assert json_of(first)["session_id"] == json_of(second)["session_id"]


class TestAutoTopup:
    """`GET` and `PUT …/auto-topup`."""

    def test_is_off_until_it_is_set(self, page: Browser) -> None:
        """And says nothing of figures that nobody has set."""
        assert page.get("/auto-topup") == {
            "enabled": False,
            "month_charged_cents": 0,
            "is_in_flight": False,
        }

    def test_needs_a_saved_card(self, page: Browser) -> None:
        """402, as every change of tier without one."""
        answer = page.ask("PUT", "/auto-topup", AUTO)

        assert answer.status_code == 402
        assert json_of(answer)["code"] == "PAYMENT_REQUIRED"

    @pytest.mark.parametrize("name", ["threshold_cents", "amount_cents", "monthly_cap_cents"])
    def test_needs_all_its_figures(self, page: Browser, name: str) -> None:
        """Half a wish is none."""
        half = {key: value for key, value in AUTO.items() if key != name}

        assert page.ask("PUT", "/auto-topup", half).status_code == 400

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"amount_cents": 99}, "amount_cents"),
            ({"monthly_cap_cents": 1999}, "monthly_cap_cents"),
            ({"threshold_cents": 0}, "threshold_cents"),
            ({"threshold_cents": 2**53}, "threshold_cents"),
        ],
    )
    def test_refuses_figures_that_could_not_work(
        self, page: Browser, wrong: dict[str, int], field: str
    ) -> None:
        """The bounds are those of a top-up by hand."""
        answer = page.ask("PUT", "/auto-topup", {**AUTO, **wrong})

        assert answer.status_code == 400
        assert wrong_field(answer) == field

    def test_is_set_shown_and_switched_off_by_customer_and_back_end(
        self, page: Browser, shop: Shop
    ) -> None:
        """Both see the same, and either may stop it."""
        paid = json_of(page.ask("POST", "/topup", {**PAGES, "amount_cents": 1000}))
        shop.pay(paid["session_id"])

        told = json_of(page.ask("PUT", "/auto-topup", AUTO))
        path = f"/customers/{page.customer.customer_id}/auto-topup"
        seen = json_of(page.backend.ask("customers", "GET", path))
        off = json_of(page.backend.ask("customers", "PUT", path, {"enabled": False}))

        assert told == seen == {**AUTO, "month_charged_cents": 0, "is_in_flight": False}
        assert off == {**told, "enabled": False}


def test_times_are_whole_seconds(page: Browser) -> None:
    """Swift refuses fractions."""
    page.pay_in(100)

    row = page.get("/balance/history")["entries"][0]

    assert isinstance(read(row["created_at"]), datetime)
    assert "." not in row["created_at"]

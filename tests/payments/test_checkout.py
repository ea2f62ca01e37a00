"""`POST /billing/checkout`: one subscription per customer, however often it is asked for."""

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.hub import billing
from creditbase.payments import store
from creditbase.payments.mirroring import mirror_customer
from creditbase.payments.subscribing import start_checkout
from creditbase.runtime.clock import real_now
from tests.hub.conftest import key_server, signer
from tests.payments.shop import Shop
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of
from tests.subscriptions.pictures import GURU
from tests.together import at_once

__all__ = ["key_server", "signer"]

pytestmark = [pytest.mark.firestore, pytest.mark.over_http]


@pytest.fixture
def page(signer: Signer, ref: CustomerRef) -> FlaskClient:
    """Return a client of the deployed function, with a catalog to buy from."""
    assert signer
    assert ref
    return client_of(billing.billing_checkout)


@pytest.fixture
def headers(signer: Signer) -> dict[str, str]:
    """Return what the browser of a newcomer sends."""
    return signer.headers(f"u{uuid4().hex}")


def ask(page: FlaskClient, headers: dict[str, str], plan: object = "guru") -> Any:
    """Ask to subscribe."""
    return page.post("/billing/checkout", headers=headers, json={"plan": plan})


class TestAnswer:
    """What a web page gets."""

    def test_the_page_asks_for_the_plans_price_each_month(
        self, page: FlaskClient, headers: dict[str, str], shop: Shop
    ) -> None:
        """The amount is the catalog's; both addresses are the site's own."""
        answer = ask(page, headers)

        assert answer.status_code == 200
        session_id = answer.json["session_id"]
        assert answer.json == {
            "checkout_url": f"{shop.url}/c/pay/{session_id}",
            "session_id": session_id,
        }
        session = shop.get(f"/checkout/sessions/{session_id}")
        assert (session["mode"], session["amount_total"]) == ("subscription", GURU.price_cents)
        assert session["metadata"]["kind"] == "subscription"
        assert session["success_url"].startswith("http://127.0.0.1:5000/app/billing?")
        assert session["cancel_url"].startswith("http://127.0.0.1:5000/app/billing?")
        assert session["metadata"]["uid"] == session["client_reference_id"]

    def test_the_subscription_names_its_buyer_and_begins_without_a_trial(
        self, page: FlaskClient, headers: dict[str, str], shop: Shop
    ) -> None:
        """What Stripe tells of it later leads back to the user, whoever lost the session."""
        session_id = ask(page, headers).json["session_id"]

        shop.pay(session_id)

        (found,) = shop.get("/subscriptions")["data"]
        assert found["metadata"] == shop.get(f"/checkout/sessions/{session_id}")["metadata"]
        assert found["metadata"]["tier"] == "guru"
        assert (found["status"], found["trial_end"]) == ("active", None)

    def test_the_address_is_not_written_to_the_log(
        self,
        page: FlaskClient,
        headers: dict[str, str],
        shop: Shop,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Whoever has it pays in the user's name, and sees their address."""
        address = ask(page, headers).json["checkout_url"]

        said = capsys.readouterr()
        assert '"status":200' in said.out
        assert address.removeprefix(shop.url) not in said.out + said.err

    @pytest.mark.parametrize("plan", ["free", "gold", "GURU", "", 1, None, ["guru"]])
    def test_what_is_not_sold_is_refused_before_stripe_is_asked(
        self, page: FlaskClient, headers: dict[str, str], shop: Shop, plan: object
    ) -> None:
        """A typing error makes no customer."""
        answer = ask(page, headers, plan)

        assert (answer.status_code, answer.json["code"]) == (400, "INVALID_PLAN")
        assert shop.count("customer") == 0

    @pytest.mark.parametrize("status", ["active", "trialing", "past_due", "unpaid", "paused"])
    def test_a_subscription_that_still_runs_is_never_doubled(
        self, page: FlaskClient, headers: dict[str, str], shop: Shop, status: str
    ) -> None:
        """Whatever its state, and though no event was told yet: a second would bill twice."""
        shop.pay(ask(page, headers).json["session_id"])
        (found,) = shop.get("/subscriptions")["data"]
        shop.change("subscription", found["id"], status=status)

        answer = ask(page, headers, "pro")

        assert (answer.status_code, answer.json["code"]) == (409, "SUBSCRIPTION_EXISTS")

    @pytest.mark.parametrize("status", ["incomplete", "incomplete_expired"])
    def test_what_never_began_does_not_block(
        self, page: FlaskClient, headers: dict[str, str], shop: Shop, status: str
    ) -> None:
        """A first payment that failed must not keep anybody from trying again."""
        shop.pay(ask(page, headers).json["session_id"])
        (found,) = shop.get("/subscriptions")["data"]
        shop.change("subscription", found["id"], status=status)

        assert ask(page, headers, "pro").status_code == 200

    def test_who_cancelled_may_subscribe_again(
        self, page: FlaskClient, headers: dict[str, str], shop: Shop
    ) -> None:
        """What is over does not block."""
        shop.pay(ask(page, headers).json["session_id"])
        shop.order_cancel(shop.get("/subscriptions")["data"][0]["id"])

        assert ask(page, headers, "pro").status_code == 200


class TestOnce:
    """One open session."""

    def test_an_open_page_for_the_same_plan_is_given_again(
        self, page: FlaskClient, headers: dict[str, str], shop: Shop
    ) -> None:
        """Whoever clicks twice pays once, by one price."""
        first, second = ask(page, headers).json, ask(page, headers).json

        assert first == second
        assert shop.count("checkout.session") == 1
        assert shop.count("price") == 1

    def test_the_page_of_another_plan_closes_the_open_one(
        self, page: FlaskClient, headers: dict[str, str], shop: Shop
    ) -> None:
        """Two open pages could both be paid."""
        guru = ask(page, headers).json["session_id"]

        pro = ask(page, headers, "pro").json["session_id"]

        assert shop.get(f"/checkout/sessions/{guru}")["status"] == "expired"
        assert shop.get(f"/checkout/sessions/{pro}")["status"] == "open"

    def test_parallel_calls_make_one_customer_and_one_session(
        self, ref: CustomerRef, shop: Shop
    ) -> None:
        """Eight tabs of one user."""
        found = at_once(8, lambda _: start_checkout(ref, "guru", now=real_now()).session_id)

        assert len(found) == 8
        assert len(set(found)) == 1
        assert (shop.count("customer"), shop.count("checkout.session")) == (1, 1)

    def test_of_two_that_were_paid_all_the_same_the_dearer_counts(
        self, ref: CustomerRef, shop: Shop
    ) -> None:
        """Bought twice from two devices: one is cancelled and its money goes back."""
        guru = start_checkout(ref, "guru", now=real_now()).session_id
        account = store.load_account(ref)
        pro_price = {
            "currency": "usd",
            "unit_amount": 5000,
            "recurring[interval]": "month",
            "product_data[name]": "Pro",
            "metadata[project]": ref.project_id,
            "metadata[plan]": "pro",
        }
        shop.pay(guru)
        customer = account.customer.stripe_customer_id
        card = shop.post("/payment_methods/pm_card_visa/attach", customer=customer)["id"]
        price = shop.post("/prices", **pro_price)["id"]
        form = {"customer": customer, "items[0][price]": price}
        shop.post("/subscriptions", **form, default_payment_method=card)

        mirror_customer(customer, now=real_now())
        mirror_customer(customer, now=real_now())

        live = shop.get("/subscriptions", status="active")["data"]
        assert [s["items"]["data"][0]["price"]["id"] for s in live] == [price]
        (back,) = shop.get("/refunds")["data"]
        assert back["amount"] == GURU.price_cents

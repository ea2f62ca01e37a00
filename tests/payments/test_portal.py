"""`POST /billing/portal`: the way to Stripe's own page, for whoever began to pay."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import requests
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.hub import billing
from creditbase.runtime.settings import settings
from tests.hub.conftest import key_server, signer
from tests.payments.shop import Shop
from tests.runtime.contract import conforms
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of

__all__ = ["key_server", "signer"]

pytestmark = pytest.mark.firestore
ROUTE = "POST /billing/portal"


@pytest.fixture
def headers(signer: Signer, ref: CustomerRef) -> dict[str, str]:
    """Return what the browser of a newcomer sends, in a hub that sells plans."""
    assert ref
    return signer.headers(f"u{uuid4().hex}")


@pytest.fixture
def door(headers: dict[str, str]) -> FlaskClient:
    """Return a client of the deployed function."""
    assert headers
    return client_of(billing.billing_portal)


@pytest.fixture
def buyer(headers: dict[str, str], shop: Shop) -> str:
    """Return the Stripe customer of the newcomer, who began to buy a pack."""
    asked = client_of(billing.billing_topup).post(
        "/billing/topup", headers=headers, json={"amount": "small"}
    )
    assert asked.status_code == 200
    (customer,) = shop.get("/customers")["data"]
    return str(customer["id"])


def ask(door: FlaskClient, headers: dict[str, str], **given: Any) -> Any:
    """Ask for the portal; the answer keeps to what is published."""
    answer = door.post("/billing/portal", headers=headers, **given)
    if "json" not in given or "data" not in given["json"]:
        conforms(ROUTE, answer)
    return answer


def test_who_began_to_buy_gets_an_address_that_opens(
    door: FlaskClient, headers: dict[str, str], shop: Shop, buyer: str
) -> None:
    """A top-up alone is enough; the page leads back to our site and to no other."""
    answer = ask(door, headers)

    assert answer.status_code == 200
    address = answer.json["portal_url"]
    assert address.startswith(f"{shop.url}/p/session/")
    page = requests.get(address, timeout=30)
    assert page.status_code == 200
    assert "http://127.0.0.1:5000/app/billing?portal=closed" in page.text
    (session,) = shop.events("billing_portal.session.created")
    assert session["data"]["object"]["customer"] == buyer


def test_the_address_is_not_written_to_the_log(
    door: FlaskClient,
    headers: dict[str, str],
    buyer: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is a key to the bills and the plan of whoever it was made for."""
    assert buyer

    address = ask(door, headers).json["portal_url"]

    said = capsys.readouterr()
    assert '"status":200' in said.out
    assert address.rpartition("/")[2] not in said.out + said.err


@pytest.mark.parametrize("body", [{}, {"return_url": "https://evil.example"}])
def test_a_body_changes_nothing(
    door: FlaskClient, headers: dict[str, str], shop: Shop, buyer: str, body: dict[str, str]
) -> None:
    """No body is needed, and an address in it is no way out: that would be an open redirect."""
    assert buyer

    assert ask(door, headers, json=body).status_code == 200

    (session,) = shop.events("billing_portal.session.created")
    returns_to = session["data"]["object"]["return_url"]
    assert returns_to == "http://127.0.0.1:5000/app/billing?portal=closed"


def test_a_web_app_may_call_it(
    door: FlaskClient, headers: dict[str, str], shop: Shop, buyer: str
) -> None:
    """The same answer by `httpsCallable`."""
    assert buyer

    answer = ask(door, headers, json={"data": None})

    assert answer.json["result"]["portal_url"].startswith(f"{shop.url}/p/session/")


def test_each_visit_has_an_address_of_its_own(
    door: FlaskClient, headers: dict[str, str], buyer: str
) -> None:
    """A link is good for minutes: yesterday's, given again, would lead nowhere."""
    assert buyer

    first, second = (ask(door, headers).json["portal_url"] for _ in range(2))

    assert first != second


def test_who_never_bought_has_no_portal(
    door: FlaskClient, headers: dict[str, str], shop: Shop
) -> None:
    """404 by its own name, and looking makes no customer at Stripe."""
    answer = ask(door, headers)

    assert (answer.status_code, answer.json["code"]) == (404, "NO_STRIPE_CUSTOMER")
    assert shop.count("customer") == 0


def test_who_was_deleted_at_stripe_has_no_portal(
    door: FlaskClient, headers: dict[str, str], shop: Shop, buyer: str
) -> None:
    """There is no record of the user there: an error of ours would be tried again for ever."""
    shop.delete(f"/customers/{buyer}")

    answer = ask(door, headers)

    assert (answer.status_code, answer.json["code"]) == (404, "NO_STRIPE_CUSTOMER")


def test_an_api_key_opens_no_portal(
    door: FlaskClient, headers: dict[str, str], buyer: str
) -> None:
    """Whoever steals a key must not cancel the plan or see the bills."""
    assert buyer

    answer = ask(door, {"X-Api-Key": "inf_" + "x" * 49})
    bare = ask(door, {"Authorization": headers["Authorization"]})

    assert (answer.status_code, bare.status_code) == (401, 401)


@pytest.fixture
def opened(door: FlaskClient, headers: dict[str, str], buyer: str) -> None:
    """Let the newcomer have opened the portal before."""
    assert buyer
    assert ask(door, headers).status_code == 200


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("outcome", ["error before", "reset after"])
def test_a_stripe_that_fails_is_an_error_that_passes(
    door: FlaskClient, headers: dict[str, str], shop: Shop, method: str, outcome: str
) -> None:
    """500 and nothing of the cause; the next click works."""
    fault, moment = outcome.split()
    shop.order("/faults", outcome=fault, moment=moment, method=method, count=3)

    failed = ask(door, headers)
    again = ask(door, headers)

    assert (failed.status_code, failed.json["code"]) == (500, "INTERNAL")
    assert "stripe" not in failed.text.lower()
    assert again.status_code == 200


def test_a_site_that_is_not_set_sells_nothing(
    door: FlaskClient, headers: dict[str, str], buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There would be no way back."""
    assert buyer
    nowhere = replace(settings(), site_url=None)
    monkeypatch.setattr("creditbase.payments.site.settings", lambda: nowhere)

    assert ask(door, headers).status_code == 500


@pytest.mark.usefixtures("opened")
def test_a_configuration_that_was_taken_away_is_made_again(
    door: FlaskClient, headers: dict[str, str], shop: Shop
) -> None:
    """Somebody switched it off in the Dashboard: the portal must not be dead for good."""
    (was,) = shop.get("/billing_portal/configurations")["data"]
    shop.post(f"/billing_portal/configurations/{was['id']}", active="false")

    assert ask(door, headers).status_code == 200

    used = shop.events("billing_portal.session.created")[-1]["data"]["object"]
    assert used["configuration"] != was["id"]

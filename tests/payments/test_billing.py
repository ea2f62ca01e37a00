"""`POST /billing/topup`, over the function's own HTTP, with tokens that are really verified."""

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.hub import billing
from creditbase.payments import store
from tests.hub.conftest import key_server, signer
from tests.payments.shop import Shop
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of

__all__ = ["key_server", "signer"]

pytestmark = pytest.mark.firestore


@pytest.fixture
def client(signer: Signer, ref: CustomerRef) -> FlaskClient:
    """Return a client of the deployed function, with a catalog to buy from."""
    assert signer
    assert ref.project_id == HUB_PROJECT_ID
    return client_of(billing.billing_topup)


@pytest.fixture
def uid() -> str:
    """Return a user who was never here."""
    return f"u{uuid4().hex}"


@pytest.fixture
def headers(signer: Signer, uid: str) -> dict[str, str]:
    """Return what the user's browser sends."""
    return signer.headers(uid)


class TestTopup:
    """What a web page gets."""

    def test_answers_with_the_page_to_pay_on(
        self, client: FlaskClient, headers: dict[str, str], shop: Shop, uid: str
    ) -> None:
        """A newcomer may buy at once: the first touch makes everything that it needs."""
        answer = client.post("/billing/topup", headers=headers, json={"amount": "medium"})

        assert answer.status_code == 200
        body: Any = answer.json
        assert body == {
            "checkout_url": f"{shop.url}/c/pay/{body['session_id']}",
            "session_id": body["session_id"],
            "amount": "medium",
            "credits": 27_500,
        }
        record = store.find_session(body["session_id"])
        assert record is not None
        assert record.uid == uid

    def test_a_callable_gets_the_same(
        self, client: FlaskClient, headers: dict[str, str], shop: Shop
    ) -> None:
        """`httpsCallable(functions, "billing_topup")({amount: "small"})`."""
        assert shop
        answer = client.post("/", headers=headers, json={"data": {"amount": "small"}})

        body: Any = answer.json
        assert body["result"].keys() == {"checkout_url", "session_id", "amount", "credits"}
        assert body["result"]["credits"] == 5000

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"amount": None},
            {"amount": 25},
            {"amount": "25"},
            {"amount": "huge"},
            {"amount": "SMALL"},
            {"amount": ["small"]},
            {"tier": "small"},
        ],
    )
    def test_refuses_what_is_no_pack(
        self, client: FlaskClient, headers: dict[str, str], shop: Shop, body: dict[str, Any]
    ) -> None:
        """A number is no amount: the client chooses a name, the catalog knows the price."""
        answer = client.post("/billing/topup", headers=headers, json=body)

        refused: Any = answer.json
        assert (answer.status_code, refused["code"]) == (400, "INVALID_TOPUP_TIER")
        assert shop.count("customer") == 0

    def test_an_amount_of_money_is_not_listened_to(
        self, client: FlaskClient, headers: dict[str, str], shop: Shop, uid: str
    ) -> None:
        """Nobody sets a price, an address or another's name from outside."""
        wanted = {"amount": "large", "credits": 10**9, "price_cents": 1, "uid": "eve"}
        wanted |= {"success_url": "https://evil.example", "customer": "cus_other"}

        answer = client.post("/billing/topup", headers=headers, json=wanted)

        body: Any = answer.json
        session = shop.get(f"/checkout/sessions/{body['session_id']}")
        assert session["amount_total"] == 10_000
        assert session["client_reference_id"] == uid
        assert session["success_url"].startswith("http://127.0.0.1:5000/")
        assert body["credits"] == 120_000

    @pytest.mark.parametrize("missing", ["Authorization", "X-Firebase-AppCheck"])
    def test_needs_both_tokens(
        self, client: FlaskClient, headers: dict[str, str], shop: Shop, missing: str
    ) -> None:
        """Only our own app, and only a signed-in user."""
        shown = {name: token for name, token in headers.items() if name != missing}

        answer = client.post("/billing/topup", headers=shown, json={"amount": "small"})

        assert answer.status_code == 401
        assert shop.count("customer") == 0

    def test_stripes_trouble_is_ours_to_the_buyer(
        self, client: FlaskClient, headers: dict[str, str], shop: Shop
    ) -> None:
        """The specification lists 500 and no other; nothing of the cause is shown."""
        shop.break_posts("/v1/checkout/sessions", "error before", count=3)

        answer = client.post("/billing/topup", headers=headers, json={"amount": "small"})

        refused: Any = answer.json
        assert (answer.status_code, refused["code"]) == (500, "INTERNAL")
        assert "stripe" not in answer.get_data(as_text=True).lower()

    def test_a_customer_that_is_gone_at_stripe_is_no_404(
        self, client: FlaskClient, headers: dict[str, str], shop: Shop
    ) -> None:
        """The page exists; what is wrong is on our side, and is logged for a person."""
        wanted = {"amount": "small"}
        assert client.post("/billing/topup", headers=headers, json=wanted).status_code == 200
        shop.reset()

        answer = client.post("/billing/topup", headers=headers, json=wanted)

        refused: Any = answer.json
        assert (answer.status_code, refused["code"]) == (500, "INTERNAL")

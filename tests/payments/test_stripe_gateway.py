"""The one module that speaks the SDK: which version, which key, where to, and what it says."""

import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
import stripe

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import Unavailable
from creditbase.payments import store, stripe_gateway
from creditbase.payments.domain import Buyer, Intent, Order
from creditbase.payments.use_cases import start_topup
from creditbase.runtime.emulator import UnsafeEnvironment
from tests.payments.shop import Shop

ORDER = Order(
    tier="small",
    name="Small",
    credits=5000,
    amount_cents=500,
    currency="usd",
    site_url="https://app.example",
)


def test_the_version_is_the_one_that_the_sdk_was_made_for() -> None:
    """Types, shapes and webhooks are those of one version; a new SDK is a deliberate change."""
    assert stripe.api_version == stripe_gateway.API_VERSION


pytestmark = pytest.mark.over_http


class TestClient:
    """With which key, and where to."""

    @pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x"])
    def test_a_live_key_is_never_sent_to_another_server(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, key: str
    ) -> None:
        """A development setting that was left behind must not give the key away."""
        assert shop
        monkeypatch.setenv("STRIPE_SECRET_KEY", key)

        with pytest.raises(UnsafeEnvironment):
            stripe_gateway.client()

    def test_without_a_key_nothing_is_asked(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """There is no default for a secret."""
        assert shop
        monkeypatch.setenv("STRIPE_SECRET_KEY", "")

        with pytest.raises(Unavailable):
            stripe_gateway.client()

    @pytest.mark.parametrize(
        ("key", "is_live"),
        [("sk_test_x", False), ("rk_test_x", False), ("sk_live_x", True), ("rk_live_x", True)],
    )
    def test_the_key_says_whether_money_is_real(
        self, monkeypatch: pytest.MonkeyPatch, key: str, is_live: bool
    ) -> None:
        """Events of the other mode are put aside."""
        monkeypatch.setenv("STRIPE_SECRET_KEY", key)

        assert stripe_gateway.is_live() is is_live


class TestAsking:
    """What becomes of Stripe's answers."""

    def test_a_refused_request_is_logged_without_its_text(
        self, shop: Shop, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is a bug of ours; the text may quote what we sent, so only the codes are kept."""
        made = shop.post("/customers")
        buyer = Buyer(
            project_id="p", customer_id="c", uid="secret-uid", stripe_customer_id=made["id"]
        )
        wrong = replace(ORDER, currency="secret-currency")

        with caplog.at_level(logging.ERROR), pytest.raises(Unavailable):
            stripe_gateway.create_topup_session(buyer, wrong, number=1)

        record = caplog.records[0]
        assert record.__dict__["stripe_error"] == "InvalidRequestError"
        assert record.__dict__["stripe_status"] == 400
        assert record.__dict__["stripe_request_id"].startswith("req_")
        assert "secret" not in str(record.__dict__)

    def test_an_answer_that_is_no_json_is_no_answer(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A proxy on the way may say 200 and show a page: never what was answered before."""
        assert stripe_gateway.create_customer(project_id="p", customer_id="c", uid="u")
        assert shop
        page: Any = (b"<html>", 200, {})
        monkeypatch.setattr(stripe.RequestsClient, "request", lambda *_, **__: page)

        with pytest.raises(Unavailable):
            stripe_gateway.load_customer("cus_1")

    @pytest.mark.parametrize(
        ("reference", "meant"), [(None, ""), ("cus_1", "cus_1"), ({"id": "cus_2"}, "cus_2")]
    )
    def test_an_expandable_field_is_read_in_each_of_its_forms(
        self, reference: str | dict[str, str] | None, meant: str
    ) -> None:
        """Stripe sends an id, or the object itself, or nothing."""
        assert stripe_gateway.id_of(reference) == meant


@pytest.mark.firestore
class TestIntents:
    """Rare turns of starting a top-up that need the gateway to misbehave."""

    def test_eight_used_up_numbers_are_enough(
        self, ref: CustomerRef, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A bounded number of tries, then an honest "later"."""
        create = stripe_gateway.create_topup_session

        def over(buyer: Buyer, order: Order, *, number: int) -> object:
            return replace(create(buyer, order, number=number), url="")

        monkeypatch.setattr(stripe_gateway, "create_topup_session", over)

        with pytest.raises(Unavailable):
            start_topup(ref, "small", now=now)
        intent = store.load_account(ref).intent_of("topup")
        assert intent is not None
        assert intent.number == 8

    def test_a_session_of_an_older_intent_is_recorded_and_leaves_the_newer_alone(
        self, ref: CustomerRef, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two tabs, two packs: the slower one's address works too, and stays its own."""
        create = stripe_gateway.create_topup_session
        others: list[str] = []

        def slow(buyer: Buyer, order: Order, *, number: int) -> object:
            if order.tier == "small":
                others.append(start_topup(ref, "large", now=now).session.session_id)
            return create(buyer, order, number=number)

        monkeypatch.setattr(stripe_gateway, "create_topup_session", slow)

        started = start_topup(ref, "small", now=now)

        newest = store.load_account(ref).intent_of("topup")
        assert isinstance(newest, Intent)
        assert (newest.order.tier, newest.session_id) == ("large", others[0])
        slower = store.find_session(started.session.session_id)
        assert slower is not None
        assert slower.tier == "small"

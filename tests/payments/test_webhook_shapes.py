"""What Stripe's endpoint may send beside what we chose: other versions, other forms."""

import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.payments import stripe_gateway, use_cases
from creditbase.payments.subscribing import start_checkout
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import EVENT, FREE_NANOS, deliver, inbox, stored_events
from tests.payments.shop import Resource, Shop, signed, signed_event
from tests.payments.test_subscriptions import GURU_NANOS

pytestmark = pytest.mark.firestore


@pytest.fixture(autouse=True)
def _said_nothing() -> Iterator[None]:
    """Let this process have noticed nothing yet."""
    use_cases.notice_version.cache_clear()
    stripe_gateway.notice_thin.cache_clear()
    yield
    use_cases.notice_version.cache_clear()
    stripe_gateway.notice_thin.cache_clear()


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the alerts that were raised."""
    return [r.__dict__["alert"] for r in caplog.records if "alert" in r.__dict__]


OLD: dict[str, Resource] = {
    "checkout.session.completed": {"object": "checkout.session", "customer_creation": None},
    "customer.subscription.created": {
        "object": "subscription",
        "current_period_start": 1,
        "current_period_end": 2,
        "plan": {"id": "plan_x", "object": "plan"},
        "discount": None,
    },
    "invoice.paid": {
        "object": "invoice",
        "subscription": "sub_x",
        "payment_intent": "pi_x",
        "charge": "ch_x",
        "paid": True,
        "lines": {"object": "list", "data": [{"object": "line_item", "plan": {}}]},
    },
}
"""Objects as versions before basil show them, our ids aside."""


class TestVersions:
    """An endpoint has an API version of its own, whatever our client asks with."""

    @pytest.mark.parametrize("kind", OLD)
    @pytest.mark.parametrize("version", ["2022-11-15", "2024-12-18.acacia"])
    def test_an_event_in_an_old_shape_is_acted_on_like_any(
        self, client: FlaskClient, shop: Shop, wallet: LiveWallet, kind: str, version: str
    ) -> None:
        """Only its type and its object's id are read; the object is asked for in ours."""
        buyer = CustomerRef(wallet.ref.project_id, wallet.ref.customer_id)
        shop.pay(start_checkout(buyer, "guru", now=wallet.now).session_id)
        event = shop.event(kind)
        old = {**OLD[kind], "id": event["data"]["object"]["id"]}

        told = signed_event(event, api_version=version, data={"object": old})
        assert deliver(client, told) == 200

        assert wallet.available() == GURU_NANOS
        assert inbox(event["id"])["api_version"] == version

    def test_another_release_is_noticed_once(
        self, client: FlaskClient, completed: Resource, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nobody chose it; and a line for every event would be noise."""
        for number, version in enumerate(["2025-03-31.basil"] * 3 + ["2027-01-27.endive"]):
            twin = {"id": f"{completed['id']}{number}", "api_version": version}
            assert deliver(client, signed_event(completed, **twin)) == 200

        assert alerts(caplog) == ["stripe_endpoint"]

    def test_our_own_and_none_are_not_worth_a_word(
        self, client: FlaskClient, completed: Resource, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Some events carry no version."""
        assert deliver(client, signed_event(completed)) == 200
        twin = {"id": f"{completed['id']}b", "api_version": None}
        assert deliver(client, signed_event(completed, **twin)) == 200

        assert alerts(caplog) == []


THIN = {
    "id": "evt_test_65RLplB3C4tPtTNJb1P16RLplAyUSQ41gUK4YcJ9LcO7pc",
    "object": "v2.core.event",
    "type": "v1.checkout.session.completed",
    "livemode": False,
    "created": "2026-11-22T05:00:00.000Z",
    "related_object": {"id": "cs_1", "type": "checkout.session", "url": "/v1/x"},
}


@pytest.mark.usefixtures("wire")
def test_thin_events_are_refused_and_noticed_once(
    client: FlaskClient, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """They say too little. 400 shows in Stripe's Dashboard as what it is: our set-up."""
    before = stored_events()

    answers = [
        client.post(
            "/billing/webhook", data=sent.raw, headers={"Stripe-Signature": sent.signature}
        )
        for sent in (signed(json.dumps(THIN)), signed(json.dumps(THIN)))
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json is not None
    assert "snapshots" in answers[0].json["message"]
    assert alerts(caplog) == ["stripe_endpoint"]
    assert stored_events() == before


@pytest.mark.usefixtures("wire")
def test_an_unsigned_thin_event_is_just_unsigned(client: FlaskClient, shop: Shop) -> None:
    """Nobody learns from us what would be taken."""
    sent = signed(json.dumps(THIN), secret="whsec_of_somebody_else")

    assert deliver(client, sent) == 400


def test_a_live_event_at_a_test_deployment_changes_nothing(
    client: FlaskClient, ref: CustomerRef, shop: Shop, now: datetime, wallet: LiveWallet
) -> None:
    """Every kind of event, not only that of a session: money must be real where credits are."""
    shop.pay(start_checkout(ref, "guru", now=now).session_id)
    for kind in (*OLD, "customer.created", "payment_intent.succeeded"):
        event = shop.event(kind)
        assert deliver(client, signed_event(event, livemode=True)) == 200
        assert inbox(event["id"])["reason"] == "livemode"

    assert wallet.available() == FREE_NANOS


def test_the_log_of_an_event_for_somebody_else_is_silent(
    client: FlaskClient, shop: Shop, ref: CustomerRef, caplog: pytest.LogCaptureFixture
) -> None:
    """An account that sells more than ours would fill our log with its own business."""
    shop.buy_elsewhere()
    caplog.set_level(logging.INFO, logger="creditbase")
    caplog.clear()

    assert deliver(client, signed_event(shop.event("checkout.session.completed"))) == 200
    unknown = {**EVENT, "id": "evt_x", "type": "price.updated"}
    assert deliver(client, signed_event(unknown)) == 200

    lines = [r for r in caplog.records if r.name.startswith("creditbase.payments")]
    assert lines == []

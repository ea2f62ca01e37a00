"""Everything else that Stripe tells: what is noted, linked, ignored or put aside."""

from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.payments import store, stripe_gateway
from creditbase.payments.use_cases import start_topup
from creditbase.runtime.firestore import Update, commit, get_all
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import (
    EVENT,
    SMALL_NANOS,
    changed,
    deliver,
    inbox,
    said_by,
    topups,
)
from tests.payments.shop import Resource, Shop, signed, signed_event

pytestmark = [pytest.mark.firestore, pytest.mark.over_http]


class TestOtherEvents:
    """Everything else that Stripe tells."""

    def test_an_expired_session_is_closed(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """Nobody paid; the record says so."""
        started = start_topup(ref, "small", now=now)
        shop.expire(started.session.session_id)

        assert deliver(client, signed_event(shop.event("checkout.session.expired"))) == 200

        record = store.find_session(started.session.session_id)
        assert record is not None
        assert record.status == "expired"

    @pytest.mark.usefixtures("session_id")
    @pytest.mark.parametrize("kind", ["succeeded", "payment_failed"])
    def test_a_payment_by_itself_grants_nothing(
        self,
        client: FlaskClient,
        shop: Shop,
        wallet: LiveWallet,
        capsys: pytest.CaptureFixture[str],
        kind: str,
    ) -> None:
        """It also comes for subscriptions; only the session says what was bought."""
        event = shop.event("payment_intent.succeeded")

        assert deliver(client, signed_event(event, type=f"payment_intent.{kind}")) == 200

        assert topups(wallet) == []
        assert inbox(event["id"])["status"] == "applied"
        (noted,) = [line for line in said_by(capsys) if line["message"] == "payment noted"]
        assert noted["stripe_type"] == f"payment_intent.{kind}"
        assert noted["payment"] == event["data"]["object"]["id"]

    @pytest.mark.usefixtures("wire")
    def test_an_unknown_type_is_recorded_as_ignored(self, client: FlaskClient) -> None:
        """Stripe must not retry what we do not want; a new type is no error."""
        event = signed(changed(id="evt_unknown", type="radar.early_fraud_warning.created"))

        assert deliver(client, event) == 200

        assert inbox("evt_unknown")["status"] == "ignored"

    def test_a_session_of_another_application_is_ignored(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop
    ) -> None:
        """One Stripe account may serve several products."""
        assert ref
        shop.buy_elsewhere()

        event = shop.event("checkout.session.completed")
        assert deliver(client, signed_event(event)) == 200

        assert inbox(event["id"])["status"] == "ignored"


class TestLinking:
    """`customer.created` ties a Stripe customer to ours by the metadata that we gave it."""

    def test_links_the_customer_that_we_asked_for(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop
    ) -> None:
        """The reply of our own request may be lost; the event brings it again."""
        made = stripe_gateway.create_customer(
            project_id=ref.project_id, customer_id=ref.customer_id, uid="ada"
        )

        event = shop.event("customer.created")
        assert deliver(client, signed_event(event)) == 200

        assert inbox(event["id"])["status"] == "applied"
        assert store.load_account(ref).customer.stripe_customer_id == made.stripe_customer_id

    def test_never_links_by_address(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop
    ) -> None:
        """An unverified address could claim another's account."""
        shop.post("/customers", email="ada@example.com")

        event = shop.event("customer.created")
        assert deliver(client, signed_event(event)) == 200

        assert inbox(event["id"])["status"] == "ignored"
        assert store.load_account(ref).customer.stripe_customer_id == ""

    @pytest.mark.parametrize(
        "customer", ["", "../../users/ada", "00000000-0000-5000-8000-000000000000"]
    )
    def test_metadata_that_names_nobody_is_ignored(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, customer: str
    ) -> None:
        """Metadata can be edited by hand in the dashboard, and is never a path."""
        names = {"metadata[project]": ref.project_id, "metadata[customer]": customer}
        shop.post("/customers", **names)

        event = shop.event("customer.created")
        assert deliver(client, signed_event(event)) == 200

        assert inbox(event["id"])["status"] == "ignored"

    def test_a_second_stripe_customer_for_one_of_ours_is_quarantined(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """The link that is there stays; a person looks at the other."""
        start_topup(ref, "small", now=now)
        linked = store.load_account(ref).customer.stripe_customer_id
        names = {"metadata[project]": ref.project_id, "metadata[customer]": ref.customer_id}
        shop.post("/customers", **names)

        event = shop.events("customer.created")[-1]
        assert deliver(client, signed_event(event)) == 200

        kept = inbox(event["id"])
        assert (kept["status"], kept["reason"]) == ("quarantined", "mismatch:customer")
        assert store.load_account(ref).customer.stripe_customer_id == linked


QUARANTINED_SESSIONS: dict[str, dict[str, Any]] = {
    "mismatch:mode": {"mode": "subscription"},
    "mismatch:livemode": {"livemode": True},
    "mismatch:currency": {"currency": "jpy"},
    "mismatch:amount": {"amount_subtotal": 1},
    "mismatch:customer": {"customer": "cus_other"},
    "mismatch:reference": {"client_reference_id": "eve"},
    "mismatch:kind": {"metadata": {}},
    "payment_status:no_payment_required": {"payment_status": "no_payment_required"},
}


class TestQuarantine:
    """No credits without money: what does not match waits for a person."""

    @pytest.mark.parametrize("reason", QUARANTINED_SESSIONS)
    def test_a_session_that_is_not_what_we_asked_for(
        self,
        client: FlaskClient,
        completed: Resource,
        shop: Shop,
        wallet: LiveWallet,
        reason: str,
    ) -> None:
        """Stripe is asked, and its answer compared with our own record, not with the event."""
        session_id = completed["data"]["object"]["id"]
        shop.change("checkout.session", session_id, **QUARANTINED_SESSIONS[reason])

        assert deliver(client, signed_event(completed)) == 200

        kept = inbox(completed["id"])
        assert (kept["status"], kept["reason"]) == ("quarantined", reason)
        assert topups(wallet) == []

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [({"livemode": True}, "livemode"), ({"account": "acct_1"}, "connected_account")],
    )
    def test_an_event_that_is_not_about_our_account(
        self,
        client: FlaskClient,
        completed: Resource,
        wallet: LiveWallet,
        fields: dict[str, Any],
        reason: str,
    ) -> None:
        """A test event must not grant in production, nor another account's at all."""
        assert deliver(client, signed_event(completed, **fields)) == 200

        kept = inbox(completed["id"])
        assert (kept["status"], kept["reason"]) == ("quarantined", reason)
        assert topups(wallet) == []

    def test_a_forged_payload_changes_nothing(
        self,
        client: FlaskClient,
        ref: CustomerRef,
        shop: Shop,
        now: datetime,
        wallet: LiveWallet,
    ) -> None:
        """The event says "paid"; Stripe itself says that it is not."""
        started = start_topup(ref, "large", now=now)
        session = shop.get(f"/checkout/sessions/{started.session.session_id}")
        told = {**session, "status": "complete", "payment_status": "paid"}
        event = {**EVENT, "id": f"evt_{session['id']}", "data": {"object": told}}

        assert deliver(client, signed_event(event)) == 200

        assert topups(wallet) == []

    def test_a_paid_session_that_we_have_no_record_of(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, wallet: LiveWallet
    ) -> None:
        """It carries our metadata, and somebody paid: never granted, never dropped."""
        names = {"kind": "topup", "customer": ref.customer_id}
        shop.buy_elsewhere(**names)

        event = shop.event("checkout.session.completed")
        assert deliver(client, signed_event(event)) == 200

        kept = inbox(event["id"])
        assert (kept["status"], kept["reason"]) == ("quarantined", "no_record")
        assert topups(wallet) == []

    def test_a_payment_that_is_written_down_for_somebody_else(
        self, client: FlaskClient, completed: Resource, wallet: LiveWallet
    ) -> None:
        """One payment pays once, for one customer."""
        deliver(client, signed_event(completed))
        record = store.find_session(completed["data"]["object"]["id"])
        assert record is not None
        payment = get_all([f"payments/{record.payment_id}"])[0]
        assert payment.version is not None
        commit([Update(payment.path, {("customer_id",): "other"}, payment.version)])

        assert deliver(client, signed_event(completed, id=f"{completed['id']}b")) == 200

        kept = inbox(f"{completed['id']}b")
        assert (kept["status"], kept["reason"]) == ("quarantined", "mismatch:payment")
        assert topups(wallet) == [SMALL_NANOS]

    def test_an_event_without_an_object_that_can_be_asked_for(
        self, client: FlaskClient, ref: CustomerRef
    ) -> None:
        """Some of Stripe's objects have no id; none of those that we act on."""
        assert ref
        held = {"object": "checkout.session"}
        event = signed(changed(id="evt_noobject", data={"object": held}))

        assert deliver(client, event) == 200

        assert inbox("evt_noobject")["status"] == "quarantined"

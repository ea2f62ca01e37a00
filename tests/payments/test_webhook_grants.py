"""Money that arrived becomes credits, once, whatever Stripe repeats or reorders."""

import json
from dataclasses import replace
from datetime import datetime
from itertools import permutations

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.payments import inbox_store, store, stripe_gateway, webhook
from creditbase.payments.domain import StripeSession
from creditbase.payments.use_cases import start_topup
from creditbase.runtime.firestore import commit, get_all
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import FREE_NANOS, SMALL_NANOS, deliver, inbox, topups
from tests.payments.shop import SECRET, Resource, Shop, signed_event
from tests.runtime.wiring import client_of
from tests.together import at_once
from tests.wire import Wire

pytestmark = pytest.mark.firestore


class TestGrant:
    """Money that arrived becomes credits, once."""

    def test_a_paid_session_grants_its_pack(
        self, client: FlaskClient, completed: Resource, wallet: LiveWallet
    ) -> None:
        """Five dollars, five thousand credits; written down with what was paid."""
        assert deliver(client, signed_event(completed)) == 200

        assert topups(wallet) == [SMALL_NANOS]
        assert wallet.available() == FREE_NANOS + SMALL_NANOS
        record = store.find_session(completed["data"]["object"]["id"])
        assert record is not None
        assert (record.status, record.payment_status) == ("complete", "paid")
        payment = get_all([f"payments/{record.payment_id}"])[0].fields
        assert payment is not None
        assert payment["customer_id"] == wallet.ref.customer_id
        assert (payment["paid_cents"], payment["granted_nanos"]) == (500, SMALL_NANOS)
        assert payment["grant_id"] == f"topup:{record.payment_id}"
        entry = next(e for e in wallet.entries() if e["entry_id"] == payment["grant_id"])
        assert entry["cause"].items() >= {
            ("payment", record.payment_id),
            ("session", record.session_id),
            ("tier", "small"),
            ("paid_cents", 500),
            ("currency", "usd"),
        }

    def test_the_inbox_keeps_the_event_for_ninety_days(
        self, client: FlaskClient, completed: Resource, now: datetime
    ) -> None:
        """Long enough for every question; the effects' own entries are what is permanent."""
        deliver(client, signed_event(completed))

        kept = inbox(completed["id"])
        assert (kept["status"], kept["reason"]) == ("applied", "")
        assert kept["type"] == "checkout.session.completed"
        assert kept["object_id"] == completed["data"]["object"]["id"]
        assert json.loads(kept["payload"]) == completed
        assert kept["finished_at"] >= now
        assert (kept["expires_at"] - kept["received_at"]).days == 90

    def test_in_any_order_and_twice_each_there_is_one_grant(
        self, client: FlaskClient, session_id: str, shop: Shop, wallet: LiveWallet
    ) -> None:
        """Stripe promises neither order nor uniqueness; several events tell of one payment."""
        kinds = ("customer.created", "payment_intent.succeeded", "checkout.session.completed")
        events = [shop.event(kind) for kind in kinds]

        for number, order in enumerate(permutations(events)):
            for place, event in enumerate((*order, order[0])):
                twin = {"id": f"evt_{session_id}n{number}n{place}"}
                assert deliver(client, signed_event(event, **twin)) == 200

        assert topups(wallet) == [SMALL_NANOS]

    def test_the_same_event_again_is_answered_and_not_acted_on(
        self, client: FlaskClient, completed: Resource, wallet: LiveWallet, wire: Wire
    ) -> None:
        """A duplicate that is finished costs a failed create and two reads."""
        deliver(client, signed_event(completed))
        wire.reset()

        assert deliver(client, signed_event(completed)) == 200

        assert [rpc.name for rpc in wire.rpcs] == [
            "BatchGetDocuments",
            "Commit",
            "BatchGetDocuments",
        ]
        assert topups(wallet) == [SMALL_NANOS]

    def test_eight_at_once_are_one_grant(
        self, client: FlaskClient, completed: Resource, wallet: LiveWallet
    ) -> None:
        """Duplicates overlap; each is answered."""
        statuses = at_once(
            8, lambda _: deliver(client_of(webhook.billing_webhook), signed_event(completed))
        )

        # One that lost every race is sent again by Stripe.
        assert set(statuses) <= {200, 500}
        assert deliver(client, signed_event(completed)) == 200
        assert topups(wallet) == [SMALL_NANOS]
        assert inbox(completed["id"])["status"] == "applied"

    def test_two_sessions_paid_at_once_are_two_grants(
        self, completed: Resource, shop: Shop, wallet: LiveWallet
    ) -> None:
        """Two tabs, two payments, told in the same moment: each is worth its own credits."""
        buyer = CustomerRef(wallet.ref.project_id, wallet.ref.customer_id)
        second = start_topup(buyer, "small", now=wallet.now).session.session_id
        shop.pay(second)
        events = shop.events("checkout.session.completed")
        assert completed in events

        def tell(number: int) -> int:
            return deliver(client_of(webhook.billing_webhook), signed_event(events[number]))

        statuses = at_once(len(events), tell)

        assert set(statuses) <= {200, 500}, "who lost every race is told again"
        for event in events:
            assert deliver(client_of(webhook.billing_webhook), signed_event(event)) == 200
        assert topups(wallet) == [SMALL_NANOS, SMALL_NANOS]

    def test_an_event_that_was_stored_and_not_finished_is_acted_on(
        self, client: FlaskClient, completed: Resource, wallet: LiveWallet, now: datetime
    ) -> None:
        """The process died right after storing: the next delivery finishes the work."""
        sent = signed_event(completed)
        event = stripe_gateway.verify_event(
            sent.raw, sent.signature, secrets=[SECRET], now_s=int(now.timestamp())
        )
        commit(inbox_store.writes_for_arrival(event, now=now))

        assert deliver(client, sent) == 200

        assert topups(wallet) == [SMALL_NANOS]
        assert inbox(completed["id"])["status"] == "applied"

    def test_a_late_answer_of_stripe_never_overwrites_a_newer_one(
        self,
        client: FlaskClient,
        completed: Resource,
        wallet: LiveWallet,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The slow handler saw "unpaid"; while it waited, another saw "paid" and was done."""
        load, asked = stripe_gateway.load_session, [0]

        def slow(session_id: str) -> StripeSession:
            asked[0] += 1
            seen = load(session_id)
            if asked[0] > 1:
                return seen
            twin = signed_event(completed, id=f"{completed['id']}twin")
            assert deliver(client_of(webhook.billing_webhook), twin) == 200
            return replace(seen, status="open", payment_status="unpaid", payment_id="")

        monkeypatch.setattr(stripe_gateway, "load_session", slow)

        assert deliver(client, signed_event(completed)) == 200

        record = store.find_session(completed["data"]["object"]["id"])
        assert record is not None
        assert (record.status, record.payment_status) == ("complete", "paid")
        assert topups(wallet) == [SMALL_NANOS]


class TestDelayedPayment:
    """Bank debits and the like: completed first, paid or failed days later."""

    @pytest.fixture
    def delayed(self, completed: Resource, session_id: str, shop: Shop) -> Resource:
        """Return the event of a session that is complete and not yet paid."""
        shop.change("checkout.session", session_id, payment_status="unpaid")
        return completed

    def test_grants_when_the_money_is_there(
        self, client: FlaskClient, delayed: Resource, shop: Shop, wallet: LiveWallet
    ) -> None:
        """No credits for a promise to pay."""
        assert deliver(client, signed_event(delayed)) == 200
        assert topups(wallet) == []

        session_id = delayed["data"]["object"]["id"]
        shop.change("checkout.session", session_id, payment_status="paid")
        paid = {"id": f"{delayed['id']}b", "type": "checkout.session.async_payment_succeeded"}
        assert deliver(client, signed_event(delayed, **paid)) == 200

        assert topups(wallet) == [SMALL_NANOS]

    def test_grants_nothing_when_it_fails(
        self, client: FlaskClient, delayed: Resource, wallet: LiveWallet
    ) -> None:
        """The record stays unpaid, and the event is finished."""
        failed = {"type": "checkout.session.async_payment_failed"}

        assert deliver(client, signed_event(delayed, **failed)) == 200

        assert topups(wallet) == []
        record = store.find_session(delayed["data"]["object"]["id"])
        assert record is not None
        assert (record.status, record.payment_status) == ("complete", "unpaid")
        assert inbox(delayed["id"])["status"] == "applied"

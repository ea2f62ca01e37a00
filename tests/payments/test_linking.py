"""Whose Stripe customer it is, over a life: told early, deleted, made anew; and strangers'."""

from datetime import datetime

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.ledger.paths import WalletRef
from creditbase.payments import store, stripe_gateway
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.use_cases import HANDLERS, start_topup
from creditbase.runtime.firestore import Delete, Update, commit, get_all, query
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import FREE_NANOS, SMALL_NANOS, deliver, inbox, topups
from tests.payments.shop import Resource, Shop, signed_event
from tests.payments.test_subscriptions import GURU_NANOS, begin_elsewhere

pytestmark = pytest.mark.firestore


def linked(ref: CustomerRef) -> str:
    """Return the Stripe customer that a customer is linked to."""
    return store.load_account(ref).customer.stripe_customer_id


def tell_all(client: FlaskClient, shop: Shop, *, but: frozenset[str] = frozenset()) -> None:
    """Deliver everything that happened, oldest first, as the endpoint would get it."""
    for event in shop.events("*"):
        if event["id"] not in but:
            assert deliver(client, signed_event(event)) == 200


class TestToldEarly:
    """Events that come before anybody knows whose they are."""

    def test_what_was_told_before_the_customer_was_ours_counts_when_it_is(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """P19: the reply of our own request was lost, and so was its event, until now."""
        shop.pay(start_checkout(ref, "guru", now=now).session_id)
        wallet = LiveWallet(wallet_ref(ref), now)
        forget_link(ref)
        assert deliver(client, signed_event(shop.event("customer.subscription.created"))) == 200
        assert wallet.available() == FREE_NANOS

        assert deliver(client, signed_event(shop.event("customer.created"))) == 200

        assert wallet.available() == GURU_NANOS
        wallet.audit()

    def test_a_purchase_made_before_its_user_was_seen_waits_for_nobody(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, wallet: LiveWallet
    ) -> None:
        """A session names its customer in our own record; the link is not asked for."""
        shop.pay(start_topup(ref, "small", now=wallet.now).session.session_id)
        forget_link(ref)

        assert deliver(client, signed_event(shop.event("checkout.session.completed"))) == 200

        assert topups(wallet) == [SMALL_NANOS]


def wallet_ref(ref: CustomerRef) -> WalletRef:
    """Return where a customer's wallet is."""
    return WalletRef(ref.project_id, ref.customer_id)


def forget_link(ref: CustomerRef) -> None:
    """Undo the link, as if nobody had lived to write it."""
    (account,) = get_all([f"projects/{ref.project_id}/customers/{ref.customer_id}"])
    assert account.version is not None
    commit(
        [
            Update(account.path, {("stripe_customer_id",): ""}, account.version),
            Delete(f"stripe_customers/{linked(ref)}"),
        ]
    )


class TestDeleted:
    """A customer that somebody deleted in the Dashboard."""

    @pytest.fixture
    def deleted(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, now: datetime
    ) -> list[Resource]:
        """Return what is told of a deletion, after a plan and a pack."""
        shop.pay(start_checkout(ref, "guru", now=now).session_id)
        shop.pay(start_topup(ref, "small", now=now).session.session_id)
        tell_all(client, shop)
        before = {event["id"] for event in shop.events("*")}
        shop.delete(f"/customers/{linked(ref)}")
        return [event for event in shop.events("*") if event["id"] not in before]

    @pytest.mark.parametrize("is_reversed", [False, True])
    def test_the_plan_ends_and_what_was_bought_stays(
        self,
        client: FlaskClient,
        deleted: list[Resource],
        ref: CustomerRef,
        wallet: LiveWallet,
        is_reversed: bool,
    ) -> None:
        """Its subscription's end may be told before or after; the link is let go."""
        assert "customer.deleted" in [event["type"] for event in deleted]
        for event in reversed(deleted) if is_reversed else deleted:
            assert deliver(client, signed_event(event)) == 200

        assert wallet.state()["terms"]["plan_code"] == "free"
        assert wallet.available() == SMALL_NANOS + FREE_NANOS
        assert linked(ref) == ""

    def test_the_next_purchase_makes_a_new_one_and_old_news_do_not_hurt_it(
        self,
        client: FlaskClient,
        deleted: list[Resource],
        ref: CustomerRef,
        shop: Shop,
        wallet: LiveWallet,
    ) -> None:
        """Within a day Stripe would answer our first request again, with the deleted one."""
        (gone,) = [event for event in deleted if event["type"] == "customer.deleted"]
        assert deliver(client, signed_event(gone)) == 200
        shop.pay(start_checkout(ref, "guru", now=wallet.now).session_id)
        tell_all(client, shop)

        for event in deleted:
            twin = {"id": f"{event['id']}b"}
            assert deliver(client, signed_event(event, **twin)) == 200

        assert linked(ref) not in {"", gone["data"]["object"]["id"]}
        assert wallet.state()["terms"]["plan_code"] == "guru"
        assert wallet.available() == SMALL_NANOS + GURU_NANOS

    def test_an_event_that_only_says_so_changes_nothing(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """Stripe itself is asked."""
        start_topup(ref, "small", now=now)
        before = linked(ref)
        event = shop.event("customer.created")

        assert deliver(client, signed_event(event, type="customer.deleted")) == 200

        assert inbox(event["id"])["reason"] == "not_deleted"
        assert linked(ref) == before

    def test_one_that_stripe_does_not_even_know_is_let_go(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """Test data is wiped now and then."""
        start_topup(ref, "small", now=now)
        event = shop.event("customer.created")
        shop.reset()

        assert deliver(client, signed_event(event, type="customer.deleted")) == 200

        assert linked(ref) == ""


class TestStrangers:
    """Another application on the same account."""

    @pytest.mark.usefixtures("wallet")
    def test_all_of_its_events_are_taken_and_nothing_is_written_of_them(
        self, client: FlaskClient, shop: Shop, caplog: pytest.LogCaptureFixture
    ) -> None:
        """200 for every type that we handle, an entry in the inbox, and no call for anybody."""
        live_a_life_elsewhere(shop)
        told = [event for event in shop.events("*") if event["type"] in HANDLERS]
        assert len({event["type"] for event in told}) >= 8
        before = kept()

        for event in told:
            assert deliver(client, signed_event(event)) == 200

        assert kept() == before
        assert {inbox(event["id"])["status"] for event in told} <= {"ignored", "applied"}
        assert [r for r in caplog.records if "alert" in r.__dict__] == []


def live_a_life_elsewhere(shop: Shop) -> None:
    """Let a stranger buy, be refunded, dispute, subscribe, and be deleted."""
    for _ in range(2):
        shop.buy_elsewhere(kind="topup", order="42")
    one, other = shop.get("/charges")["data"]
    shop.post("/refunds", charge=one["id"])
    shop.order("/disputes", charge=other["id"])
    stranger = shop.post("/customers")["id"]
    begin_elsewhere(shop, stranger)
    shop.delete(f"/customers/{stranger}")


def kept() -> dict[str, object]:
    """Return the version of every document but the inbox's."""
    collections = ("customers", "wallets", "balances", "entries", "subscriptions")
    mirrors = ("payments", "checkout_sessions", "stripe_customers", "mail")
    return {
        found.path: found.version
        for name in (*collections, *mirrors)
        for found in query(name, limit=10_000, is_group=True)
    }


def test_a_customer_is_made_under_another_key_each_time(ref: CustomerRef, shop: Shop) -> None:
    """And under the same one for as long as it lives."""
    names = {"project_id": ref.project_id, "customer_id": ref.customer_id, "uid": "ada"}

    made = [stripe_gateway.create_customer(**names, number=number) for number in (0, 0, 1)]

    ids = [one.stripe_customer_id for one in made]
    assert ids[0] == ids[1] != ids[2]

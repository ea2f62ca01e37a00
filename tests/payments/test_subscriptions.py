"""Stripe's subscriptions become plans and credits, whatever is repeated or reordered."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import Unavailable
from creditbase.payments import store
from creditbase.payments.selling import ensure_price
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.surplus import end_surplus
from creditbase.runtime.firestore import get_all, query
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import FREE_NANOS, deliver, inbox, said_by
from tests.payments.shop import Resource, Shop, signed_event
from tests.payments.till import Till
from tests.subscriptions.pictures import a_subscription

pytestmark = pytest.mark.firestore

GURU_NANOS = 10_000_000_000
TOLD = (
    "checkout.session.completed",
    "customer.subscription.created",
    "invoice.paid",
)
"""Three events that each ask for the same grant."""


@pytest.fixture
def bought(ref: CustomerRef, shop: Shop, now: datetime) -> list[Resource]:
    """Return the events of a guru plan that was just paid for; nothing was told yet."""
    session = start_checkout(ref, "guru", now=now)
    shop.pay(session.session_id)
    return [shop.event(kind) for kind in TOLD]


def grants(wallet: LiveWallet) -> dict[str, int]:
    """Return the amounts of the raw grant entries by their first word."""
    return {
        entry["entry_id"].partition(":")[0]: entry["amount_nanos"]
        for entry in wallet.entries()
        if entry["kind"] == "grant"
    }


def mirror(wallet: LiveWallet) -> dict[str, Any]:
    """Return the one subscription that is kept of the customer."""
    path = f"projects/{wallet.ref.project_id}/subscriptions"
    found = [s.fields or {} for s in query(path, limit=10_000)]
    (kept,) = [f for f in found if f["customer_id"] == wallet.ref.customer_id]
    return kept


class TestActivation:
    """A plan that was paid for."""

    def test_the_plan_and_its_credits_replace_the_free_ones(
        self, client: FlaskClient, bought: list[Resource], wallet: LiveWallet
    ) -> None:
        """Ten thousand credits under one grant, and the mirror says why."""
        for event in bought:
            assert deliver(client, signed_event(event)) == 200

        assert grants(wallet) == {"free": FREE_NANOS, "cycle": GURU_NANOS}
        assert wallet.available() == GURU_NANOS
        terms = wallet.state()["terms"]
        assert (terms["plan_code"], terms["subscription_status"]) == ("guru", "active")
        kept = mirror(wallet)
        assert (kept["status"], kept["plan_code"]) == ("active", "guru")
        assert kept["served_end_at"] - kept["served_start_at"] >= timedelta(days=28)
        assert wallet.state()["window"]["end_at"] == kept["period_end_at"]

    def test_in_any_order_and_twice_there_is_one_grant(
        self, client: FlaskClient, bought: list[Resource], wallet: LiveWallet
    ) -> None:
        """The three activation events in an order and in its reverse, each twice.

        All orders, each for a customer who was told nothing yet, are in `test_orders`.
        """
        for number, order in enumerate((bought, bought[::-1])):
            for place, event in enumerate((*order, *order)):
                twin = {"id": f"evt_{event['id'][4:]}n{number}n{place}"}
                assert deliver(client, signed_event(event, **twin)) == 200

        assert grants(wallet) == {"free": FREE_NANOS, "cycle": GURU_NANOS}

    @pytest.mark.parametrize("first", TOLD)
    def test_each_event_alone_is_enough(
        self,
        client: FlaskClient,
        bought: list[Resource],
        wallet: LiveWallet,
        first: str,
    ) -> None:
        """Whichever arrives first."""
        (event,) = [event for event in bought if event["type"] == first]

        assert deliver(client, signed_event(event)) == 200

        assert wallet.available() == GURU_NANOS

    def test_a_subscription_of_another_application_is_taken_and_let_be(
        self, client: FlaskClient, shop: Shop, wallet: LiveWallet
    ) -> None:
        """One Stripe account may serve several; its customer is none of ours."""
        customer = shop.post("/customers")["id"]
        begin_elsewhere(shop, customer)

        event = shop.event("customer.subscription.created")
        assert deliver(client, signed_event(event)) == 200

        assert inbox(event["id"])["reason"] == "not_ours"
        assert wallet.available() == FREE_NANOS


def begin_elsewhere(shop: Shop, customer: str) -> None:
    """Let another application sell a subscription."""
    card = shop.post("/payment_methods/pm_card_visa/attach", customer=customer)["id"]
    form = {"customer": customer, "items[0][price]": news(shop), "default_payment_method": card}
    shop.post("/subscriptions", **form)


def news(shop: Shop) -> str:
    """Return a price of something that is none of our plans."""
    price = {
        "currency": "usd",
        "unit_amount": 300,
        "recurring[interval]": "month",
        "product_data[name]": "News",
    }
    made: str = shop.post("/prices", **price)["id"]
    return made


class TestPlannedChange:
    """A schedule says which plan follows, and when; the portal makes one of a downgrade."""

    @pytest.fixture
    def planned(self, ref: CustomerRef, shop: Shop, now: datetime) -> Resource:
        """Return the schedule by which pro turns to guru; nobody told us of anything yet."""
        shop.pay(start_checkout(ref, "pro", now=now).session_id)
        catalog = load_catalog(ref.project_id)
        ensure_price(catalog, catalog.plans["guru"])
        Till(shop.world).plan_change(1_000)
        return Till(shop.world).newest("subscription_schedule")

    @pytest.mark.parametrize("kind", ["created", "updated"])
    def test_any_event_of_it_is_enough(
        self, client: FlaskClient, shop: Shop, planned: Resource, wallet: LiveWallet, kind: str
    ) -> None:
        """Stripe's portal makes it and then writes into it; the subscription says no more."""
        event = shop.event("subscription_schedule.created")
        assert event["data"]["object"]["id"] == planned["id"]
        twin = {"id": f"evt_{kind}{event['id'][4:]}", "type": f"subscription_schedule.{kind}"}

        assert deliver(client, signed_event(event, **twin)) == 200

        kept, terms = mirror(wallet), wallet.state()["terms"]
        assert (kept["plan_code"], kept["next_plan_code"]) == ("pro", "guru")
        assert kept["next_plan_at"] == kept["period_end_at"]
        assert (terms["next_plan_code"], terms["next_plan_at"]) == (
            "guru",
            kept["next_plan_at"],
        )
        assert inbox(twin["id"])["status"] == "applied"

    @pytest.mark.parametrize("what", ["released", "turned", "same", "strangers"])
    def test_a_schedule_that_turns_to_no_other_plan_of_ours_plans_nothing(
        self,
        client: FlaskClient,
        shop: Shop,
        planned: Resource,
        wallet: LiveWallet,
        what: str,
    ) -> None:
        """Over, in its last phase, about something else, or at a price that is none of ours."""
        now_phase, last = planned["phases"]
        turned = {"start_date": last["start_date"], "end_date": last["end_date"]}
        paper = news(shop)
        strange = {**last["items"][0], "price": paper, "plan": paper}
        changes: dict[str, dict[str, object]] = {
            "released": {"status": "released", "current_phase": None},
            "turned": {"current_phase": turned},
            "same": {"phases": [now_phase, {**last, "items": now_phase["items"]}]},
            "strangers": {"phases": [now_phase, {**last, "items": [strange]}]},
        }
        shop.change("subscription_schedule", planned["id"], **changes[what])

        event = shop.event("subscription_schedule.created")
        assert deliver(client, signed_event(event)) == 200

        kept = mirror(wallet)
        assert (kept["next_plan_code"], kept["next_plan_at"]) == ("", None)

    def test_a_schedule_that_is_gone_is_let_be(
        self, client: FlaskClient, shop: Shop, planned: Resource, wallet: LiveWallet
    ) -> None:
        """Stripe does not know it: nothing can be looked at."""
        event = shop.event("subscription_schedule.created")
        shop.forget("subscription_schedule")
        assert event["data"]["object"]["id"] == planned["id"]

        assert deliver(client, signed_event(event)) == 200

        assert inbox(event["id"])["reason"] == "no_such_object"
        assert wallet.available() == FREE_NANOS


class TestStrangePrice:
    """Somebody puts our subscription on a price that is none of ours."""

    def test_the_plan_stays_and_somebody_is_called(
        self,
        client: FlaskClient,
        bought: list[Resource],
        shop: Shop,
        wallet: LiveWallet,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """hub-api 7.5: 500 would only be retried for three days."""
        deliver(client, signed_event(bought[0]))
        (found,) = shop.get("/subscriptions")["data"]
        item = found["items"]["data"][0]["id"]
        row = {"items[0][id]": item, "items[0][price]": news(shop)}
        shop.post(f"/subscriptions/{found['id']}", proration_behavior="none", **row)

        event = shop.events("customer.subscription.updated")[-1]
        assert deliver(client, signed_event(event)) == 200

        kept = inbox(event["id"])
        assert (kept["status"], kept["reason"]) == ("quarantined", "unknown_price")
        assert wallet.state()["terms"]["plan_code"] == mirror(wallet)["plan_code"] == "guru"
        assert wallet.available() == GURU_NANOS
        alerts = [line["alert"] for line in said_by(capsys) if "alert" in line]
        assert alerts == ["stripe_event_quarantined"]


class TestEnd:
    """A plan that ends."""

    def test_cancelled_at_once_it_leaves_free_without_a_second_allotment(
        self, client: FlaskClient, bought: list[Resource], shop: Shop, wallet: LiveWallet
    ) -> None:
        """What was left of the running window's free credits is back; plan credits go."""
        deliver(client, signed_event(bought[0]))
        shop.order_cancel(mirror(wallet)["subscription_id"])

        event = shop.event("customer.subscription.deleted")
        assert deliver(client, signed_event(event)) == 200

        assert wallet.available() == 500_000_000
        assert [e["entry_id"] for e in wallet.entries() if e["kind"] == "grant"].count(
            "free:0"
        ) == 1
        terms = wallet.state()["terms"]
        assert (terms["plan_code"], terms["subscription_status"]) == ("free", "canceled")

    def test_an_old_event_told_late_does_not_bring_the_plan_back(
        self, client: FlaskClient, bought: list[Resource], shop: Shop, wallet: LiveWallet
    ) -> None:
        """Deleted first, created last: what Stripe says now counts."""
        deliver(client, signed_event(bought[0]))
        shop.order_cancel(mirror(wallet)["subscription_id"])
        deliver(client, signed_event(shop.event("customer.subscription.deleted")))

        for event in bought[1:]:
            assert deliver(client, signed_event(event)) == 200

        assert wallet.state()["terms"]["plan_code"] == "free"
        assert wallet.available() == 500_000_000

    def test_at_the_periods_end_only_the_flag_changes(
        self, client: FlaskClient, bought: list[Resource], shop: Shop, wallet: LiveWallet
    ) -> None:
        """What was paid for stays until then."""
        deliver(client, signed_event(bought[0]))
        name = mirror(wallet)["subscription_id"]
        shop.post(f"/subscriptions/{name}", cancel_at_period_end="true")

        deliver(client, signed_event(shop.events("customer.subscription.updated")[-1]))

        assert wallet.available() == GURU_NANOS
        assert wallet.state()["terms"]["cancel_at_period_end"] is True


class TestFullWallet:
    """A wallet holds some nine million dollars, and no more."""

    def test_a_plan_waits_until_there_is_room_for_its_credits(
        self, client: FlaskClient, bought: list[Resource], wallet: LiveWallet
    ) -> None:
        """Stripe is told to send it again; what would be said to be wrong would be lost."""
        wallet.topup("pi_rich", 2**53 - FREE_NANOS)
        for event in bought:
            assert deliver(client, signed_event(event)) == 500

        wallet.charge("spent", GURU_NANOS)
        for event in bought:
            assert deliver(client, signed_event(event)) == 200

        assert grants(wallet)["cycle"] == GURU_NANOS


class TestSecondSubscription:
    """Of two live ones the dearer counts, and the other ends."""

    def test_what_the_wallet_is_on_by_now_is_not_ended(
        self, client: FlaskClient, bought: list[Resource], shop: Shop, wallet: LiveWallet
    ) -> None:
        """Whoever stood still since two were seen would end the only one that is left."""
        deliver(client, signed_event(bought[0]))
        (only,) = shop.get("/subscriptions")["data"]

        one = a_subscription(subscription_id=only["id"])
        with pytest.raises(Unavailable):
            end_surplus(wallet.ref, one, [], by=a_subscription(), tiers=None)

        (only,) = shop.get("/subscriptions")["data"]
        assert only["status"] == "active"


class TestCustomerDocument:
    """What the customer's document says."""

    def test_no_payment_failed(
        self, client: FlaskClient, bought: list[Resource], ref: CustomerRef
    ) -> None:
        """An account in order carries no issue."""
        deliver(client, signed_event(bought[0]))

        account = store.find_account(ref)
        assert account is not None
        assert account.payment_issue is None
        fields = get_all([f"projects/{ref.project_id}/customers/{ref.customer_id}"])[0].fields
        assert fields is not None
        assert fields["subscription"]["tier"] == "guru"

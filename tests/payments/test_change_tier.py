"""`change-tier`: every row of the transition table and of the table of errors."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from creditbase.kernel.errors import Conflict, InvalidRequest, PaymentRefused, Unavailable
from creditbase.ledger.use_cases import lanes
from creditbase.payments.mirroring import mirror_customer
from creditbase.payments.tier_changing import Changed, leave_at_period_end
from creditbase.payments.tier_checkout import start_tier_checkout
from creditbase.runtime.firestore import query
from creditbase.subscriptions.relay_customers import delete_customer
from tests.ledger.wallets import in_parallel
from tests.payments.shop import Shop
from tests.payments.tenant import DECLINED, PAGES, Subscriber, Tenant, held, wallet_of
from tests.wire import Wire

pytestmark = pytest.mark.firestore


@pytest.fixture
def ada(wire: Wire, shop: Shop, now: datetime) -> Iterator[Subscriber]:
    """Return a new customer of a new project; her ledger is audited in the end."""
    assert wire
    lanes.cache_clear()
    customer = Subscriber(Tenant.opened(now), shop, now)
    yield customer
    lanes.cache_clear()
    wallet_of(customer.ref, now).audit()


class TestPaidToPaid:
    """Both directions at once, prorated by Stripe."""

    def test_up_at_once_paid_at_once_and_the_spend_stays(self, ada: Subscriber) -> None:
        """The new limit applies to the same window."""
        ada.buy("starter")
        ada.spend(900)

        changed = ada.change("pro")

        assert (str(changed.action), ada.on()) == ("upgraded", "pro")
        assert ada.left_cents() == 29_900 - 900
        bill = ada.shop.get("/invoices", customer=ada.stripe_id)["data"][0]
        assert (bill["billing_reason"], bill["status"]) == ("subscription_update", "paid")
        assert 26_900 <= bill["amount_paid"] <= 27_000

    def test_down_at_once_with_the_money_for_the_rest(self, ada: Subscriber) -> None:
        """What was not used is Stripe's credit towards the next bills."""
        ada.buy("pro")
        ada.spend(900)

        changed = ada.change("starter")

        assert (str(changed.action), ada.on()) == ("downgraded", "starter")
        assert ada.left_cents() == 2_900 - 900
        assert -27_000 <= ada.shop.get(f"/customers/{ada.stripe_id}")["balance"] <= -26_900

    def test_up_spend_and_down_again_is_paid_for(self, ada: Subscriber) -> None:
        """What was used of the dearer limit is not given back."""
        ada.buy("starter")
        ada.change("pro")
        ada.spend(2_900 + 13_500)

        ada.now += timedelta(seconds=1)
        ada.change("starter")

        assert ada.left_cents() == 0
        credited = -ada.shop.get(f"/customers/{ada.stripe_id}")["balance"]
        assert 13_400 <= credited <= 13_600, "half of the difference was used"

    def test_a_declined_card_changes_nothing(self, ada: Subscriber) -> None:
        """402; and with another card the same wish is a new one, at once."""
        ada.buy("starter")
        ada.pay_by(DECLINED)

        with pytest.raises(PaymentRefused, match="declined"):
            ada.change("pro")

        assert (ada.look().on(), ada.left_cents()) == ("starter", 2_900)
        assert ada.billed()["status"] == "active"
        ada.pay_by("pm_card_visa")
        assert str(ada.change("pro").action) == "upgraded"

    def test_without_a_card_up_is_refused_and_down_is_not(self, ada: Subscriber) -> None:
        """402 as from free to paid, not an error of ours; what gives money back needs none."""
        ada.buy("pro")
        for method in ada.shop.get(f"/customers/{ada.stripe_id}/payment_methods")["data"]:
            ada.shop.post(f"/payment_methods/{method['id']}/detach")

        for dearer in ("endless", "grand"):
            with pytest.raises(PaymentRefused, match="no payment method on file"):
                ada.change(dearer)

        assert str(ada.change("starter").action) == "downgraded"

    def test_a_period_that_is_not_paid_is_paid_first(self, ada: Subscriber) -> None:
        """Whoever is behind would pay for a limit of nothing."""
        ada.buy("starter")
        ada.shop.change("subscription", ada.billed()["id"], status="past_due")

        with pytest.raises(PaymentRefused, match="not paid"):
            ada.change("pro")

    def test_up_spend_down_and_up_again_is_paid_once(self, ada: Subscriber) -> None:
        """What was kept on the way down is not charged a second time."""
        ada.buy("starter")
        ada.change("pro")
        ada.spend(2_900 + 13_500)
        ada.now += timedelta(seconds=1)
        ada.change("starter")

        ada.change("pro")

        assert ada.left_cents() == 29_900 - 2_900 - 13_500
        assert -10 <= ada.paid_cents() - 30_000 <= 0, "as if she had never gone down"


class TestFreeToPaid:
    """With what is on file, or not at all."""

    def test_without_a_card_it_is_refused(self, ada: Subscriber) -> None:
        """402: the client goes to the checkout page."""
        ada.put_on("free")

        with pytest.raises(PaymentRefused, match="no payment method on file"):
            ada.change("starter")

        assert (ada.on(), ada.left_cents()) == ("free", 500)

    def test_with_the_card_of_an_earlier_subscription_it_is_paid(self, ada: Subscriber) -> None:
        """Nobody types a card twice."""
        ada.buy("starter")
        ada.shop.order_cancel(ada.billed()["id"])
        ada.look().put_on("free")

        changed = ada.change("pro")

        assert (str(changed.action), ada.on(), ada.left_cents()) == ("upgraded", "pro", 29_900)
        newest = ada.subscriptions()[0]
        assert (newest["status"], newest["metadata"]["customer"]) == (
            "active",
            ada.ref.customer_id,
        )

    def test_a_page_that_is_still_open_is_closed_first(self, ada: Subscriber) -> None:
        """Paid later, it would be a second subscription, and the first given back as used."""
        ada.buy("starter")
        ada.shop.order_cancel(ada.billed()["id"])
        ada.look().put_on("free")
        page = start_tier_checkout(ada.ref, ada.tenant.tier("pro"), **PAGES, now=ada.now)

        ada.change("starter")

        assert ada.shop.get(f"/checkout/sessions/{page.session_id}")["status"] == "expired"

    def test_a_card_that_declines_leaves_the_free_tier(self, ada: Subscriber) -> None:
        """No subscription is left behind that waits for its money."""
        ada.buy("starter")
        ada.pay_by(DECLINED)
        ada.shop.order_cancel(ada.billed()["id"])
        kept = ada.shop.get(f"/customers/{ada.stripe_id}/payment_methods")["data"]
        for method in kept[1:]:
            ada.shop.post(f"/payment_methods/{method['id']}/detach")
        ada.look().put_on("free")

        with pytest.raises(PaymentRefused, match="declined"):
            ada.change("starter")

        assert (ada.look().on(), ada.left_cents()) == ("free", 500)
        assert [one["status"] for one in ada.subscriptions()] == ["canceled"]


class TestPaidToFree:
    """At the end of the period, onto that tier."""

    def test_the_paid_tier_stays_until_its_end(self, ada: Subscriber) -> None:
        """Repeated with another free tier, that one follows."""
        ada.buy("pro")
        ada.tenant.tier("free")

        changed = ada.change("hobby")

        assert (str(changed.action), changed.tier.code) == ("scheduled_cancellation", "pro")
        assert (held(ada.ref).cancel_at_period_end, ada.left_cents()) == (True, 29_900)
        assert str(ada.change("free").action) == "scheduled_cancellation"
        assert ada.billed()["metadata"]["next_tier"] == ada.tenant.tier("free").tier_id

    def test_who_thinks_better_of_it_stays(self, ada: Subscriber) -> None:
        """Asking for the tier that one is leaving takes the leaving back."""
        ada.buy("pro")
        ada.change("free")

        changed = ada.change("pro")

        assert (str(changed.action), ada.billed()["cancel_at_period_end"]) == ("changed", False)
        assert "next_tier" not in ada.billed()["metadata"]

    def test_leaving_and_then_up_is_no_leaving(self, ada: Subscriber) -> None:
        """Another paid tier is a wish to stay."""
        ada.buy("starter")
        ada.change("free")

        assert str(ada.change("pro").action) == "upgraded"

        assert not held(ada.ref).cancel_at_period_end

    def test_leaving_without_a_tier_and_staying_and_leaving_again(
        self, ada: Subscriber
    ) -> None:
        """Each is done, though Stripe remembers what it was asked before."""
        ada.buy("pro")

        for _ in range(2):
            leave_at_period_end(ada.ref, now=ada.now)
            leave_at_period_end(ada.ref, now=ada.now)
            assert ada.billed()["cancel_at_period_end"]
            ada.change("pro")
            assert not ada.billed()["cancel_at_period_end"]


class TestFreeToFree:
    """Our own affair."""

    def test_it_is_changed_at_once(self, ada: Subscriber) -> None:
        """The window's spend stays."""
        ada.put_on("free")
        ada.spend(100)

        changed = ada.change("hobby")

        assert (str(changed.action), changed.held.status) == ("changed", "active")
        assert (ada.on(), ada.left_cents()) == ("hobby", 200)

    def test_a_subscription_that_is_over_at_stripe_is_in_nobodys_way(
        self, ada: Subscriber
    ) -> None:
        """Its last event may still be on its way."""
        ada.buy("starter")
        ada.shop.order_cancel(ada.billed()["id"])

        assert str(ada.change("free").action) == "changed"

        assert (ada.look().on(), ada.left_cents()) == ("free", 500)

    def test_leaving_a_free_tier_leaves_nothing(self, ada: Subscriber) -> None:
        """There is no period to wait for."""
        ada.put_on("free")

        leave_at_period_end(ada.ref, now=ada.now)

        assert (held(ada.ref).status, ada.left_cents()) == ("canceled", 0)


def test_the_developer_is_told_of_every_change_once(ada: Subscriber) -> None:
    """In the commit of the change: put on, bought, changed, and left."""
    ada.put_on("free").buy("starter").look()
    ada.change("pro")
    ada.look()
    leave_at_period_end(ada.ref, now=ada.now)

    found = query("events", where=[("project_id", "==", ada.ref.project_id)], limit=100)
    told = [json.loads(each.fields["body"]) for each in found if each.fields]
    assert {event["type"] for event in told} == {"billing.subscription_changed"}
    shown = [event["data"]["subscription"] for event in told]
    assert sorted((it["tier_code"], it["cancel_at_period_end"]) for it in shown) == [
        ("free", False),
        ("pro", False),
        ("pro", True),
        ("starter", False),
    ]
    assert all(event["data"]["customer_id"] == ada.ref.customer_id for event in told)


def test_a_customer_who_was_deleted_is_not_billed_for_an_open_page(ada: Subscriber) -> None:
    """Paid a moment later: it ends at once, and nothing is shown or spent."""
    session = start_tier_checkout(ada.ref, ada.tenant.tier("starter"), **PAGES, now=ada.now)
    payer = ada.stripe_id
    delete_customer(ada.ref.project_id, ada.ref.customer_id, now=ada.now)
    ada.shop.pay(session.session_id)

    outcome = mirror_customer(payer, now=ada.now)

    assert (outcome.status, outcome.reason) == ("ignored", "customer_deleted")
    (one,) = ada.shop.get("/subscriptions", customer=payer, status="all")["data"]
    assert one["status"] == "canceled"


class TestRefusals:
    """The table of errors."""

    @pytest.mark.parametrize(
        ("start", "wish", "error", "says"),
        [
            ("free", "free", InvalidRequest, "already on this tier"),
            ("payg", "free", InvalidRequest, "paygo subscriptions do not support tier changes"),
            ("free", "payg", InvalidRequest, "paygo subscriptions do not support tier changes"),
            ("free", "unsold", Conflict, "tier has no billing pricing configured"),
            ("unsold", "free", Conflict, "billing provider mismatch"),
            ("", "starter", PaymentRefused, "no payment method on file"),
        ],
    )
    def test_what_cannot_be_is_said(
        self, ada: Subscriber, start: str, wish: str, error: type[Exception], says: str
    ) -> None:
        """In the words that the page of the product has."""
        if start:
            ada.put_on(start)

        with pytest.raises(error, match=says):
            ada.change(wish)

    def test_the_paid_tier_that_one_is_on_is_refused(self, ada: Subscriber) -> None:
        """Nothing is asked of Stripe."""
        ada.buy("starter")

        with pytest.raises(InvalidRequest, match="already on this tier"):
            ada.change("starter")


class TestRepeated:
    """SDKs send the same POST again."""

    def test_at_the_same_time_it_is_one_change(self, ada: Subscriber) -> None:
        """Two requests, one bill, one answer."""
        ada.buy("starter")
        ada.tenant.tier("pro")

        answers = in_parallel(3, lambda _: ada.change("pro"))

        told = [it for it in answers if isinstance(it, Changed)]
        assert [(str(it.action), it.held) for it in told] == [("upgraded", held(ada.ref))] * 3
        bills = ada.shop.get("/invoices", customer=ada.stripe_id)["data"]
        assert [bill["billing_reason"] for bill in bills] == [
            "subscription_update",
            "subscription_create",
        ]

    def test_after_another_purchase_it_is_a_wish_of_its_own(self, ada: Subscriber) -> None:
        """Whoever bought in between would be told to be gone, and go on paying."""
        ada.put_on("free").change("hobby")
        ada.buy("starter")

        assert str(ada.change("hobby").action) == "scheduled_cancellation"

        assert ada.billed()["cancel_at_period_end"]

    def test_after_a_lost_answer_it_is_the_same_answer(self, ada: Subscriber) -> None:
        """Stripe did it, and its reply was lost: 503, and the repeat tells what happened."""
        ada.buy("starter")
        ada.tenant.tier("pro")
        ada.shop.break_posts("/v1/subscriptions", "reset after", count=3)
        with pytest.raises(Unavailable):
            ada.change("pro")
        ada.shop.order_end_of_faults()

        first, again = ada.change("pro"), ada.change("pro")

        assert str(first.action) == "upgraded"
        assert first == again
        ada.now += timedelta(seconds=61)
        with pytest.raises(InvalidRequest, match="already on this tier"):
            ada.change("pro")

"""`catalog push`: what Stripe sells is what the catalog says, whatever happens on the way."""

import uuid

import pytest

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin import use_cases
from creditbase.admin.use_cases import push_sale
from creditbase.catalog.use_cases import (
    load_catalog,
    shared_cache,
)
from creditbase.kernel.errors import InvalidRequest, Unavailable
from creditbase.kernel.money import nanos_from_credits
from creditbase.payments import selling, stripe_billing
from creditbase.payments.mirroring import mirror_customer
from creditbase.payments.offering import Phase
from creditbase.payments.selling import ensure_portal, ensure_price
from creditbase.payments.subscribing import start_checkout
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.use_cases import first_touch
from tests.ledger.wallets import LiveWallet
from tests.payments.sale import DEARER, FILE, GONE, RULES, Sale, file_with, sale
from tests.payments.shop import Shop

__all__ = ["sale"]
pytestmark = pytest.mark.firestore


class TestTheFirstPush:
    """An empty Stripe account becomes a shop."""

    def test_makes_products_prices_and_the_portal(self, sale: Sale) -> None:
        """What the catalog says, and nothing of the free plan."""
        said = sale.compare()
        assert sale.changes() == []

        sale.push()

        assert [line for line in said if line.startswith("stripe")] == [
            "stripe product guru: none -> Guru: 10,000 credits a month",
            "stripe price guru: none -> 1000 usd cents a month",
            "stripe product pro: none -> Pro: 55,000 credits a month",
            "stripe price pro: none -> 5000 usd cents a month",
            f"stripe portal: none -> choose guru, pro; {RULES}",
        ]
        (guru,), (pro,) = sale.prices("guru"), sale.prices("pro")
        assert (guru["unit_amount"], guru["recurring"]["interval"]) == (1_000, "month")
        assert pro["lookup_key"] == f"{sale.project_id}:pro"
        assert guru["metadata"] == {"project": sale.project_id, "plan": "guru"}
        assert sale.offered() == [(it["product"], it["id"]) for it in (guru, pro)]
        assert sale.shop.count("product") == 2

    def test_allows_in_the_portal_what_the_money_rules_can_follow(self, sale: Sale) -> None:
        """Up at once and paid at once; down and out when the paid period is over."""
        sale.push()

        (portal,) = sale.portals()
        update = portal["features"]["subscription_update"]
        assert update["default_allowed_updates"] == ["price"]
        assert update["proration_behavior"] == "always_invoice"
        assert update["schedule_at_period_end"]["conditions"] == [
            {"type": "decreasing_item_amount"}
        ]
        assert portal["features"]["subscription_cancel"]["mode"] == "at_period_end"
        shown = {name for name, it in portal["features"].items() if it["enabled"]}
        assert shown == {
            "invoice_history",
            "payment_method_update",
            "subscription_cancel",
            "subscription_update",
        }

    def test_a_second_changes_nothing(self, sale: Sale) -> None:
        """It can run with every deployment."""
        sale.push()
        done = sale.changes()

        assert sale.compare() == ()
        sale.push()

        assert sale.changes() == done

    def test_finds_what_the_first_buyer_made(self, sale: Sale) -> None:
        """A shop that nobody pushed sells all the same, and by the same objects."""
        push_sale(sale.project_id, FILE, at_stripe=False)
        catalog = sale.catalog()
        price_id = ensure_price(catalog, catalog.plan("guru"))
        portal_id = ensure_portal(catalog)

        assert sale.compare() == ()
        assert [it["id"] for it in sale.prices("guru")] == [price_id]
        assert [it["id"] for it in sale.portals()] == [portal_id]


class TestAnotherPrice:
    """Prices of Stripe never change: they are replaced."""

    def test_takes_the_old_ones_place(self, sale: Sale) -> None:
        """The key moves, the old price is archived, the portal offers the new one."""
        sale.push()
        (old,) = sale.prices("guru")

        said = sale.compare(DEARER)
        sale.push(DEARER)

        assert "stripe price guru: 1000 usd cents a month -> 1200 usd cents a month" in said
        assert "stripe price guru: 1000 usd cents a month -> archived" in said
        new, archived = sale.prices("guru")
        assert (new["unit_amount"], new["active"]) == (1_200, True)
        assert (archived["id"], archived["active"]) == (old["id"], False)
        assert (new["lookup_key"], archived["lookup_key"]) == (f"{sale.project_id}:guru", None)
        assert new["id"] in dict(map(reversed, sale.offered()))  # type: ignore[arg-type]
        assert sale.product("guru")["name"] == "Guru: 12,500 credits a month"

    def test_and_back_within_a_day_is_a_third(self, sale: Sale) -> None:
        """Stripe remembers requests for a day: it must not answer with the archived price."""
        for file in (FILE, DEARER, FILE, DEARER):
            sale.push(file)

        assert sale.compare(DEARER) == ()
        assert [it["active"] for it in sale.prices("guru")] == [True, False, False, False]

    def test_who_pays_the_old_one_keeps_the_plan(
        self, ref: CustomerRef, shop: Shop, wallet: LiveWallet
    ) -> None:
        """The archived price still says whose plan it is: renewals go on bringing credits.

        What was granted for the running period is not granted again in its new size.
        """
        sale = Sale(HUB_PROJECT_ID, shop)
        sale.push()
        shop.pay(start_checkout(ref, "guru", now=real_now()).session_id)
        (customer,) = shop.get("/customers")["data"]
        mirror_customer(customer["id"], now=real_now())

        sale.push(DEARER)
        shared_cache().forget()
        stripe_billing.load_marked_price.cache_clear()
        outcome = mirror_customer(customer["id"], now=real_now())

        assert outcome.status == "applied"
        (seen,) = stripe_billing.list_subscriptions(HUB_PROJECT_ID, customer["id"])
        assert (seen.plan_code, seen.price_cents, seen.status) == ("guru", 1_000, "active")
        grants = [it for it in wallet.state()["grants"].values() if it["kind"] == "plan"]
        assert [it["granted_nanos"] for it in grants] == [nanos_from_credits(10_000)]
        newcomer = first_touch(f"u{uuid.uuid4().hex}", now=real_now())
        session = start_checkout(newcomer, "guru", now=real_now())
        assert session.amount_total_cents == 1_200

    def test_is_not_sold_before_the_catalog_says_so(self, sale: Sale) -> None:
        """Half-way the old amount is still charged; afterwards a process with the old catalog
        refuses once and reads again, rather than charge what is not shown any more.
        """
        sale.push()
        old = load_catalog(sale.project_id)
        (old_price,) = sale.prices("guru")
        selling.bring(use_cases._offering(sale.project_id, DEARER), Phase.BEFORE)

        half_way = ensure_price(old, old.plan("guru"))
        sale.push(DEARER)

        assert half_way == old_price["id"]
        with pytest.raises(Unavailable):
            ensure_price(old, old.plan("guru"))
        new = load_catalog(sale.project_id)
        assert ensure_price(new, new.plan("guru")) == sale.prices("guru")[0]["id"]


class TestAPlanThatIsNoLongerSold:
    """Archived at Stripe, kept in the catalog."""

    def test_cannot_be_bought_or_chosen(self, sale: Sale) -> None:
        """Its product and price are archived, and the portal leaves it out."""
        sale.push()

        sale.push(GONE)

        assert not sale.product("guru")["active"]
        assert [it["active"] for it in sale.prices("guru")] == [False]
        assert sale.offered() == [(it["product"], it["id"]) for it in sale.prices("pro")]
        assert sale.compare(GONE) == ()

    def test_stays_with_whoever_is_on_it(self, ref: CustomerRef, shop: Shop) -> None:
        """They paid for it, and go on paying; only newcomers are refused."""
        sale = Sale(HUB_PROJECT_ID, shop)
        sale.push()
        shop.pay(start_checkout(ref, "guru", now=real_now()).session_id)
        (customer,) = shop.get("/customers")["data"]

        sale.push(GONE)
        shared_cache().forget()

        assert mirror_customer(customer["id"], now=real_now()).status == "applied"
        (seen,) = stripe_billing.list_subscriptions(HUB_PROJECT_ID, customer["id"])
        assert (seen.plan_code, seen.status) == ("guru", "active")
        newcomer = first_touch(f"u{uuid.uuid4().hex}", now=real_now())
        with pytest.raises(InvalidRequest):
            start_checkout(newcomer, "guru", now=real_now())

    def test_can_be_sold_again(self, sale: Sale) -> None:
        """By a new price of the same product."""
        sale.push()
        before = sale.picture()
        sale.push(GONE)

        sale.push()

        assert sale.picture() == before

    def test_a_shop_of_the_free_plan_alone_has_a_portal_without_plans(self, sale: Sale) -> None:
        """Bills and cards are still there to be seen."""
        sale.push()

        sale.push(file_with(guru={"is_sold": False}, pro={"is_sold": False}))

        (portal,) = sale.portals()
        assert not portal["features"]["subscription_update"]["enabled"]

"""`catalog push`: what Stripe sells is what the catalog says, whatever happens on the way."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.admin import use_cases
from creditbase.admin.command import main
from creditbase.admin.use_cases import compare_sale, push_sale
from creditbase.catalog.domain import Catalog
from creditbase.catalog.models import CatalogFile, parse_catalog
from creditbase.catalog.use_cases import (
    load_catalog,
    push_catalog,
    read_catalog_now,
    shared_cache,
)
from creditbase.kernel.errors import InvalidRequest, Unavailable
from creditbase.kernel.money import nanos_from_credits
from creditbase.payments import selling, stripe_billing, stripe_offering
from creditbase.payments.mirroring import mirror_customer
from creditbase.payments.offering import Phase, Step
from creditbase.payments.selling import StripeUnfinished, ensure_portal, ensure_price
from creditbase.payments.subscribing import start_checkout
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.use_cases import first_touch
from dev.layout import ROOT
from tests.ledger.wallets import LiveWallet
from tests.payments.shop import Resource, Shop
from tests.wire import Wire

pytestmark = pytest.mark.firestore


def file_with(**plans: dict[str, Any]) -> CatalogFile:
    """Return the catalog's file with some fields of plans changed."""
    values = json.loads((ROOT / "catalog.json").read_text(encoding="utf-8"))
    for row in values["plans"]:
        row.update(plans.get(row["code"], {}))
    return parse_catalog(json.dumps(values))


RULES = "up at once with proration, down and out at the period's end, cards and invoices"
FILE = file_with()
DEARER = file_with(guru={"price_cents": 1_200, "credits": 12_500})
GONE = file_with(guru={"is_sold": False})


@dataclass(frozen=True)
class Sale:
    """A project, and what Stripe has of it."""

    project_id: str
    shop: Shop

    def push(self, file: CatalogFile = FILE) -> None:
        """Push a file."""
        push_sale(self.project_id, file, at_stripe=True)

    def compare(self, file: CatalogFile = FILE) -> tuple[str, ...]:
        """Return what a push would change."""
        return compare_sale(self.project_id, file, at_stripe=True)

    def catalog(self) -> Catalog:
        """Return what the store says is sold."""
        return read_catalog_now(self.project_id)

    def product(self, plan: str) -> Resource:
        """Return a plan's product."""
        return self.shop.get(f"/products/creditbase-{self.project_id}-{plan}")

    def prices(self, plan: str) -> list[Resource]:
        """Return all prices of a plan, newest first."""
        found: list[Resource] = self.shop.get("/prices", product=self.product(plan)["id"])[
            "data"
        ]
        return found

    def portals(self) -> list[Resource]:
        """Return the project's configurations of the portal that are in use."""
        path = "data.features.subscription_update.products"
        found = self.shop.get(
            "/billing_portal/configurations", active="true", **{"expand[]": path}
        )
        return [it for it in found["data"] if it["metadata"]["project"] == self.project_id]

    def offered(self) -> list[tuple[str, str]]:
        """Return the products and prices that the portal lets people choose."""
        (portal,) = self.portals()
        rows = portal["features"]["subscription_update"].get("products", [])
        return [(row["product"], price) for row in rows for price in row["prices"]]

    def changes(self) -> list[str]:
        """Return the type of everything that ever happened at Stripe."""
        kinds = ("product", "price", "billing_portal.configuration")
        return [
            event["type"]
            for kind in kinds
            for what in ("created", "updated")
            for event in self.shop.events(f"{kind}.{what}")
        ]

    def picture(self) -> list[object]:
        """Return what is sold, without ids and traces of how it came about."""
        shown: list[object] = [
            (
                code,
                self.product(code)["name"],
                self.product(code)["active"],
                [
                    (it["unit_amount"], it["lookup_key"])
                    for it in self.prices(code)
                    if it["active"]
                ],
            )
            for code in ("guru", "pro")
        ]
        amounts = {
            it["id"]: it["unit_amount"] for it in self.prices("guru") + self.prices("pro")
        }
        return [*shown, [amounts[price_id] for _, price_id in self.offered()]]


@pytest.fixture
def sale(wire: Wire, shop: Shop) -> Sale:
    """Return a new project at an empty Stripe; nothing was pushed."""
    assert wire
    project = ensure_project(f"p{uuid.uuid4().hex[:12]}", now=real_now())
    return Sale(project.project_id, shop)


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
        stripe_billing.metadata_of_price.cache_clear()
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


class Killed(BaseException):
    """The process is gone."""


class TestWhatGoesWrong:
    """A push that ends half-way is pushed again, and comes to the same end."""

    @pytest.fixture
    def goal(self, sale: Sale) -> list[object]:
        """Return what an undisturbed push of the dearer file leads to, in another project."""
        project = ensure_project(f"p{uuid.uuid4().hex[:12]}", now=real_now())
        other = replace(sale, project_id=project.project_id)
        other.push()
        other.push(DEARER)
        return normal(other)

    def test_killed_after_any_step(
        self, sale: Sale, goal: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also between Stripe and the catalog; nothing is made twice or left over."""
        take, commit = stripe_offering.take, push_catalog
        acts = 5  # price, commit, portal, archive, name
        for fatal in range(acts):
            ensured = ensure_project(f"p{uuid.uuid4().hex[:12]}", now=real_now())
            one = replace(sale, project_id=ensured.project_id)
            one.push()
            knife = Knife(fatal)
            monkeypatch.setattr(stripe_offering, "take", knife.around(take))
            monkeypatch.setattr(use_cases, "push_catalog", knife.around(commit))
            with pytest.raises(Killed):
                one.push(DEARER)
            monkeypatch.setattr(stripe_offering, "take", take)
            monkeypatch.setattr(use_cases, "push_catalog", commit)

            one.push(DEARER)

            assert normal(one) == goal, f"killed at {fatal}"
            assert len(one.prices("guru")) == 2, f"killed at {fatal}"

    @pytest.mark.parametrize("path", ["/v1/products", "/v1/prices", "/v1/billing_portal"])
    @pytest.mark.parametrize("fault", ["error before", "error after", "reset after"])
    def test_a_stripe_that_fails_is_pushed_to_again(
        self, sale: Sale, path: str, fault: str
    ) -> None:
        """Also where it remembers its failure for a day: the next try is another request."""
        sale.shop.break_posts(path, fault, count=3)

        with pytest.raises(StripeUnfinished):
            sale.push()
        sale.shop.order_end_of_faults()
        sale.push()

        assert sale.compare() == ()
        assert [len(sale.prices(code)) for code in ("guru", "pro")] == [1, 1]
        assert len(sale.portals()) == 1

    def test_what_stripe_remembers_of_another_request_is_passed_by(self, sale: Sale) -> None:
        """A key that is used up for a day must not stop the shop for a day."""
        key = f"product:creditbase-{sale.project_id}-guru#1"
        headers = {"Authorization": "Bearer sk_test_x", "Idempotency-Key": key}
        used_up = requests.post(
            f"{sale.shop.url}/v1/products", {"name": "Other"}, headers=headers, timeout=30
        )
        assert used_up.status_code == 200

        sale.push()

        assert sale.compare() == ()

    def test_a_stripe_that_takes_nothing_is_given_up(
        self, sale: Sale, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A bounded number of tries, and one line that says what to do."""
        tried: list[int] = []

        def ignore(step: Step, *, try_number: int) -> None:
            assert step
            tried.append(try_number)

        monkeypatch.setattr(stripe_offering, "take", ignore)

        with pytest.raises(StripeUnfinished):
            sale.push()

        assert sorted(set(tried)) == [1, 2, 3, 4]
        assert [it.alert for it in caplog.records if hasattr(it, "alert")] == [
            "catalog_not_pushed"
        ]

    def test_a_silent_stripe_is_named(
        self, sale: Sale, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The operator is told that it was Stripe, and that pushing again is safe."""
        ensure_project("hub", now=real_now())
        sale.shop.order("/faults", outcome="error", count=3, method="GET")

        status = main(["catalog", "push", "--yes"])

        assert status == 1
        assert "refused: Stripe did not do all of it" in capsys.readouterr().err

    def test_what_was_changed_by_hand_is_put_right(self, sale: Sale) -> None:
        """A name, a switch of the portal, a second configuration, a price that says nothing."""
        sale.push()
        before = sale.picture()
        product = sale.product("guru")["id"]
        (portal,) = sale.portals()
        cancel = {"features[subscription_cancel][mode]": "immediately"}
        sale.shop.post(f"/products/{product}", name="Cheap", active="false")
        sale.shop.post(
            f"/billing_portal/configurations/{portal['id']}",
            **{"features[subscription_cancel][enabled]": "true", **cancel},
        )
        second = {"features[invoice_history][enabled]": "true"}
        second["metadata[project]"] = sale.project_id
        sale.shop.post("/billing_portal/configurations", **second)
        sale.shop.post(f"/prices/{sale.prices('guru')[0]['id']}", active="false")
        stray = {"product": product, "currency": "usd", "unit_amount": 1_000}
        sale.shop.post("/prices", **{**stray, "recurring[interval]": "month"})
        catalog = sale.catalog()
        with pytest.raises(Unavailable):  # nobody is sold a price that names no plan
            ensure_price(catalog, catalog.plan("guru"))

        sale.push()

        assert sale.picture() == before
        assert sale.prices("guru")[0]["metadata"]["plan"] == "guru"
        (now,) = sale.portals()
        assert now["id"] == portal["id"]
        assert now["features"]["subscription_cancel"]["mode"] == "at_period_end"


class Knife:
    """Ends the process after the n-th act, which is before the one that follows."""

    def __init__(self, fatal: int) -> None:
        self._left = fatal

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Return the act, with a chance to die when it is done."""

        def cut(*given: Any, **named: Any) -> Any:
            answer = act(*given, **named)
            if self._left == 0:
                raise Killed
            self._left -= 1
            return answer

        return cut


def normal(sale: Sale) -> list[object]:
    """Return the picture without the project's own id."""
    return [str(row).replace(sale.project_id, "P") for row in sale.picture()]

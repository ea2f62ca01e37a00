"""A customer's plan, changed by an operator through Stripe: once for each key, recorded."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts.domain import CustomerRef
from creditbase.admin.audit_store import load_audit_page
from creditbase.admin.domain.audit import Audit, Deed
from creditbase.admin.planning import change_plan
from creditbase.kernel.errors import BillingError, Retryable
from creditbase.ledger.paths import WalletRef
from creditbase.payments import store
from creditbase.payments.mirroring import mirror_customer
from creditbase.payments.plan_moves import When
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.tier_selling import archive_tier
from tests.ledger.wallets import LiveWallet, in_parallel
from tests.payments.shop import Resource, Shop
from tests.payments.tenant import Subscriber, Tenant
from tests.wire import Send, Wire

pytestmark = pytest.mark.firestore

GURU_NANOS, PRO_NANOS = 10_000_000_000, 55_000_000_000
DECLINED = "pm_card_chargeCustomerFail"


@dataclass
class Desk:
    """An operator, and a customer of the hub."""

    shop: Shop
    ref: CustomerRef
    wallet: LiveWallet

    @property
    def payer(self) -> str:
        """Return the customer at Stripe."""
        return store.load_account(self.ref).customer.stripe_customer_id

    def buy(self, plan: str) -> None:
        """Let the customer buy a plan; the mirror has seen it."""
        self.shop.pay(start_checkout(self.ref, plan, now=self.wallet.now).session_id)
        self.look()

    def look(self) -> None:
        """Let the mirror look."""
        mirror_customer(self.payer, now=self.wallet.now)

    def ask(self, plan: str, when: When = "", key: str = "") -> Audit:
        """Change the plan as the endpoint does; under a key of its own where none is given."""
        deed = a_deed(self.ref, plan, when, key)
        return change_plan(deed, plan=plan, when=when, now=self.wallet.now)

    def refused(self, plan: str, when: When = "", key: str = "") -> str:
        """Return why a change is refused."""
        with pytest.raises(BillingError) as refusal:
            self.ask(plan, when, key)
        return getattr(refusal.value, "reason", "") or refusal.value.code

    def billed(self) -> Resource:
        """Return the one subscription as Stripe has it."""
        (found,) = self.shop.get("/subscriptions", status="all")["data"]
        return dict(found)

    def terms(self) -> dict[str, Any]:
        """Return what the wallet is told that the customer is on."""
        told: dict[str, Any] = self.wallet.state()["terms"]
        return told

    def take_card(self, card: str) -> None:
        """Let the subscription be paid by another card."""
        method = self.shop.post(f"/payment_methods/{card}/attach", customer=self.payer)
        billed = self.billed()["id"]
        self.shop.post(f"/subscriptions/{billed}", default_payment_method=method["id"])


def a_deed(ref: CustomerRef, plan: str, when: str = "", key: str = "") -> Deed:
    """Return the deed of a change of plan."""
    return Deed(
        action="plan",
        actor="ada",
        key=key or uuid4().hex,
        reason="they asked",
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        asked={"plan": plan, **({"when": when} if when else {})},
    )


@pytest.fixture
def desk(shop: Shop, ref: CustomerRef, wallet: LiveWallet) -> Desk:
    """Return an operator and a customer without a plan."""
    return Desk(shop, ref, wallet)


class TestPlans:
    """What comes of a change."""

    def test_up_at_once_and_paid_for(self, desk: Desk) -> None:
        """The rest of the period is billed now, and its credits are there."""
        desk.buy("guru")

        outcome = desk.ask("pro")

        bill = desk.shop.get("/invoices")["data"][0]
        assert (bill["billing_reason"], bill["status"]) == ("subscription_update", "paid")
        assert 3_900 <= bill["amount_paid"] <= 4_000
        assert desk.terms()["plan_code"] == "pro"
        assert GURU_NANOS < desk.wallet.available() <= PRO_NANOS
        assert (outcome.stripe["plan_now"], outcome.stripe["status"]) == ("pro", "active")
        records = load_audit_page(customer_id=desk.ref.customer_id).records
        assert {one.action for one in records} == {"plan", "plan_outcome"}

    def test_down_with_the_next_period(self, desk: Desk) -> None:
        """What was paid for is kept until then; the cheaper plan is billed after it, and on."""
        desk.buy("pro")

        outcome = desk.ask("guru")

        assert (outcome.stripe["plan_now"], outcome.stripe["plan_next"]) == ("pro", "guru")
        assert desk.wallet.available() == PRO_NANOS
        assert desk.terms()["next_plan_code"] == "guru"
        assert desk.refused("guru") == "VALIDATION_ERROR", "planned already"
        desk.shop.let_pass(days=32)
        item = desk.billed()["items"]["data"][0]
        assert item["price"]["unit_amount"] == 1000
        desk.shop.let_pass(days=31)
        assert desk.billed()["status"] == "active"

    def test_what_was_planned_gives_way_to_what_is_asked_now(self, desk: Desk) -> None:
        """Down, then to stay after all, then out, then down instead, and to stay in the end."""
        desk.buy("pro")
        desk.ask("guru")
        assert "plan_next" not in desk.ask("pro").stripe
        assert desk.billed()["schedule"] is None

        assert desk.ask("free").stripe["ends_with_period"] is True
        down = desk.ask("guru").stripe
        assert (down["ends_with_period"], down["plan_next"]) == (False, "guru")
        out = desk.ask("free").stripe
        assert out["ends_with_period"] is True
        assert "plan_next" not in out
        assert desk.refused("free") == "VALIDATION_ERROR", "it ends already"
        assert desk.ask("pro").stripe["ends_with_period"] is False
        assert desk.refused("pro") == "VALIDATION_ERROR", "on it, and it goes on"
        assert desk.terms()["plan_code"] == "pro"

    def test_out_at_once(self, desk: Desk) -> None:
        """The plan's credits end with it; its money is given back by a refund of its own."""
        desk.buy("pro")

        outcome = desk.ask("free", "now")

        assert outcome.stripe["status"] == "ended"
        assert desk.billed()["status"] == "canceled"
        assert desk.terms()["plan_code"] == "free"
        assert desk.shop.count("refund") == 0
        assert desk.refused("pro") == "NO_SUBSCRIPTION"

    def test_a_dearer_plan_may_wait_too(self, desk: Desk) -> None:
        """As it was promised to the customer, say."""
        desk.buy("guru")

        outcome = desk.ask("pro", "period_end")

        assert outcome.stripe["plan_next"] == "pro"
        assert desk.shop.count("invoice") == 1


class TestRefusals:
    """What is not done."""

    def test_who_has_no_subscription_is_not_charged(self, desk: Desk) -> None:
        """Nothing is recorded either; the words of the refusal say what can be done instead."""
        assert desk.refused("guru") == "NO_SUBSCRIPTION"
        assert desk.refused("free") == "NO_SUBSCRIPTION"
        assert desk.refused("gold") == "VALIDATION_ERROR"
        assert load_audit_page(customer_id=desk.ref.customer_id).records == ()
        assert desk.shop.count("subscription") == 0

    def test_a_declined_card_leaves_the_plan_as_it_was(self, desk: Desk) -> None:
        """Recorded, and the same again for the same key; another key tries anew."""
        desk.buy("guru")
        desk.take_card(DECLINED)

        assert desk.refused("pro", key="k") == "PAYMENT_REFUSED"
        desk.take_card("pm_card_visa")
        assert desk.refused("pro", key="k") == "PAYMENT_REFUSED"

        assert desk.terms()["plan_code"] == "guru"
        assert desk.ask("pro", key="other").stripe["plan_now"] == "pro"

    def test_a_cheaper_plan_is_not_had_at_once(self, desk: Desk) -> None:
        """What was used of the dearer one is not given back."""
        desk.buy("pro")

        assert desk.refused("guru", "now") == "VALIDATION_ERROR"


class Died(BaseException):
    """The process is no more."""


def died(send: Send) -> Any:
    """End the process when the store has done it, and nobody has heard of it."""
    send()
    raise Died


class TestKeys:
    """One change for each key."""

    def test_a_repeat_is_answered_from_its_record(self, desk: Desk) -> None:
        """Also after the customer has gone elsewhere; another body is refused."""
        desk.buy("guru")
        first = desk.ask("pro", key="k")
        desk.ask("free", "now")

        assert desk.ask("pro", key="k") == first
        assert desk.refused("guru", key="k") == "IDEMPOTENCY_CONFLICT"
        assert desk.billed()["status"] == "canceled"

    def test_the_same_key_at_once_is_one_change(self, desk: Desk) -> None:
        """One bill, one record, one answer."""
        desk.buy("guru")

        found = in_parallel(2, lambda _: desk.ask("pro", key="k"))

        assert found == [found[0]] * 2
        assert desk.shop.count("invoice") == 2

    def test_two_admins_at_once_bill_the_dearer_plan_once(self, desk: Desk) -> None:
        """Under two keys: Stripe prorates from what it has, so nothing is paid twice."""
        desk.buy("guru")

        in_parallel(2, lambda number: desk.ask("pro", key=f"k{number}"))

        paid = [bill["amount_paid"] for bill in desk.shop.get("/invoices")["data"]]
        assert 4_900 <= sum(paid) <= 5_000

    def test_cut_off_after_any_step_a_repeat_goes_on(self, desk: Desk, wire: Wire) -> None:
        """Up and down by turns, each cut off one step later, until both were not."""
        desk.buy("guru")
        step, came_through = 0, 0
        while came_through < 2:
            wire.reset()
            wire.faults[step] = died
            plan = ("pro", "free")[step % 2]
            try:
                desk.ask(plan, key=f"k{step}")
                came_through += 1
            except Died:
                wire.reset()
                assert desk.ask(plan, key=f"k{step}").stripe["plan_now"] == "pro"
            step += 1
        wire.reset()
        assert step > 8
        assert desk.shop.count("subscription") == 1
        assert desk.shop.count("invoice") == 2

    @pytest.mark.parametrize("fault", ["reset before", "reset after"])
    def test_while_stripe_does_not_answer_it_may_be_asked_again(
        self, desk: Desk, fault: str
    ) -> None:
        """At each of the three requests that a plan for later takes."""
        desk.buy("pro")
        desk.ask("free")
        schedules = "/v1/subscription_schedules"
        for path in ("/v1/subscriptions/", schedules, f"{schedules}/"):
            desk.shop.break_posts(path, fault, count=3)
            with pytest.raises(Retryable):
                desk.ask("guru", key="k")
            desk.shop.order_end_of_faults()

        assert desk.ask("guru", key="k").stripe["plan_next"] == "guru"
        assert desk.shop.count("subscription_schedule") == 1

    def test_what_stripe_may_have_forgotten_is_not_asked_again(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After a day the key would be a new one, and the customer may have moved on."""
        desk.buy("guru")
        with monkeypatch.context() as patch:
            patch.setattr("creditbase.admin.planning.make_move", gone)
            with pytest.raises(Died):
                desk.ask("pro", key="k")
        desk.wallet.now += timedelta(hours=23)

        for _ in range(2):
            assert desk.refused("pro", key="k") == "STRIPE_REFUSED"
        assert desk.terms()["plan_code"] == "guru"


def gone(*_: object, **__: object) -> bool:
    """Stand for a process that died before it asked."""
    raise Died


class TestTiers:
    """The same of a relay project's customers."""

    @pytest.fixture
    def ada(self, wire: Wire, shop: Shop, now: datetime) -> Subscriber:
        """Return a customer of a new project that sells tiers."""
        assert wire
        ada = Subscriber(Tenant.opened(now), shop, now)
        for code in ("starter", "pro", "free"):
            ada.tenant.tier(code)
        return ada

    @pytest.fixture
    def counter(self, ada: Subscriber, shop: Shop, now: datetime) -> Desk:
        """Return an operator for that customer."""
        ref = WalletRef(ada.ref.project_id, ada.ref.customer_id)
        return Desk(shop, ada.ref, LiveWallet(ref, now))

    def test_a_tier_changes_as_it_does_for_the_project(
        self, ada: Subscriber, counter: Desk
    ) -> None:
        """Up at once, out with the period; recorded, and once for each key."""
        assert counter.refused("pro") == "NO_SUBSCRIPTION"
        ada.buy("starter")

        up = counter.ask("pro", key="k")
        assert (up.stripe["action"], ada.on()) == ("upgraded", "pro")
        assert counter.ask("pro", key="k") == up
        for plan in ("pro", "gold"):
            assert counter.refused(plan) == "VALIDATION_ERROR"
        assert counter.refused("starter", "now") == "VALIDATION_ERROR"
        out = counter.ask("free")

        assert out.stripe["action"] == "scheduled_cancellation"
        assert counter.billed()["cancel_at_period_end"] is True

    def test_cut_off_after_stripe_has_done_it_a_repeat_hears_of_it(
        self, ada: Subscriber, counter: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Minutes later: the change's own memory is over by then, and it is not refused."""
        ada.buy("starter")
        for plan in ("pro", "free"):
            with monkeypatch.context() as patch:
                patch.setattr("creditbase.admin.planning.end", gone)
                with pytest.raises(Died):
                    counter.ask(plan, key=plan)
            counter.wallet.now += timedelta(minutes=5)
            assert counter.ask(plan, key=plan).stripe["plan_now"] == plan

    def test_a_tier_that_is_gone_meanwhile_is_not_had(
        self, ada: Subscriber, counter: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Cut off before anything was asked, and the owner puts the tier away."""
        ada.buy("starter")
        with monkeypatch.context() as patch:
            patch.setattr("creditbase.admin.planning.change_tier", gone)
            with pytest.raises(Died):
                counter.ask("pro", key="k")
        archive_tier(ada.ref.project_id, ada.tenant.tier("pro").tier_id, now=ada.now)

        assert counter.refused("pro", key="k") == "STRIPE_REFUSED"
        assert ada.on() == "starter"

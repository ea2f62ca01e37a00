"""`reconcile_stripe`: whatever never reached us is found at Stripe and repaired, once."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts.domain import CustomerRef
from creditbase.admin.command import main
from creditbase.catalog.use_cases import load_catalog
from creditbase.jobs import stripe_schedules
from creditbase.jobs.reconcile import reconcile_stripe
from creditbase.payments.reconciling import KINDS
from creditbase.payments.selling import ensure_price
from creditbase.subscriptions.store import load_records
from creditbase.subscriptions.use_cases import first_touch
from tests.jobs.losses import drift, everything, now, subscribe, topup, wallet_of
from tests.ledger.wallets import LiveWallet
from tests.payments.conftest import _session_shop, ref, shop
from tests.payments.deliveries import SMALL_NANOS, topups
from tests.payments.shop import Shop
from tests.payments.test_subscriptions import begin_elsewhere, grants
from tests.payments.till import Till
from tests.runtime.wiring import client_of
from tests.wire import Wire

__all__ = ["_session_shop", "now", "ref", "shop"]
pytestmark = pytest.mark.firestore

HOUR = timedelta(hours=1)
GURU_NANOS = 10_000_000_000
NOTHING = dict.fromkeys(KINDS, 0)


@dataclass
class Outage:
    """A month in which no webhook reached us, and who lived in it."""

    now: datetime
    payer: LiveWallet
    subscriber: LiveWallet
    disputed: LiveWallet


@pytest.fixture
def outage(shop: Shop, ref: CustomerRef, now: datetime) -> Outage:
    """Return a month of purchases, a renewal, a refund, a dispute, and strangers."""
    shop.listen("http://127.0.0.1:9/billing/webhook", "whsec_x")
    shop.order("/deliveries/drop", count=10_000)
    bob, eve = (first_touch(f"u{uuid4().hex}", now=now) for _ in range(2))
    subscribe(shop, bob, now)
    shop.buy_elsewhere()
    stranger = shop.post("/customers")["id"]
    begin_elsewhere(shop, stranger)
    bought = [topup(shop, ref, now), topup(shop, eve, now)]
    shop.let_pass(days=29)
    later = now + timedelta(days=29)
    shop.post("/refunds", payment_intent=bought[0]["payment_intent"], amount=200)
    (charge,) = shop.get("/charges", payment_intent=bought[1]["payment_intent"])["data"]
    shop.order("/disputes", charge=charge["id"])
    return Outage(later, wallet_of(ref, later), wallet_of(bob, later), wallet_of(eve, later))


class TestAnOutage:
    """Thirty days without a webhook."""

    @pytest.mark.parametrize("are_events_kept", [True, False], ids=["events", "no-events"])
    def test_one_run_repairs_it_and_the_next_changes_nothing(
        self, outage: Outage, shop: Shop, wire: Wire, are_events_kept: bool
    ) -> None:
        """P20. By Stripe's lists of what there is, also where it forgot what it told."""
        if not are_events_kept:
            shop.forget("event")
        before = everything()
        looked = reconcile_stripe(outage.now, is_dry=True)
        assert everything() == before, "a dry run writes nothing"

        repaired = reconcile_stripe(outage.now)

        assert drift(looked).items() >= {
            ("sessions_not_taken", 3),
            ("subscriptions_differing", 1),
            ("refunds_not_taken", 1),
            ("disputes_not_taken", 1),
        }
        assert bool(drift(looked).get("events_undelivered")) is are_events_kept
        assert repaired.is_complete
        assert (repaired.failed, repaired.unknown) == (0, ())
        assert repaired.foreign >= 4, "the strangers' session, charges, subscription, invoice"
        assert (
            outage.payer.state()["grants"][f"topup:{payment_of(outage.payer)}"][
                "remaining_nanos"
            ]
            == SMALL_NANOS * 3 // 5
        )
        assert grants(outage.subscriber)["cycle"] == GURU_NANOS
        assert outage.disputed.state()["receivable_nanos"] == 0
        assert topups(outage.disputed) == [SMALL_NANOS]
        for each in (outage.payer, outage.subscriber, outage.disputed):
            each.audit()

        after = everything()
        wire.reset()
        again = reconcile_stripe(outage.now + HOUR)

        assert drift(again) == {}
        assert (again.is_complete, again.failed, again.unknown) == (True, 0, ())
        assert everything() == after
        pages = sum(rpc.writes for rpc in wire.rpcs)
        assert pages == wire.commits, "one write each: the job's own document"
        full = reconcile_stripe(outage.now + HOUR, is_dry=True, is_full=True)
        assert drift(full) == {}

    def test_a_renewal_that_nobody_told_of_is_granted(
        self, shop: Shop, ref: CustomerRef, now: datetime
    ) -> None:
        """Its draft waits for nobody; the new period's credits come with its payment."""
        subscribe(shop, ref, now)
        shop.let_pass(days=3)
        reconcile_stripe(now + timedelta(days=3))
        shop.let_pass(days=28, minutes=30)
        later = now + timedelta(days=31, minutes=30)

        report = reconcile_stripe(later)

        assert drift(report)["subscriptions_differing"] == 1
        cycles = [
            entry["amount_nanos"]
            for entry in wallet_of(ref, later).entries()
            if entry["entry_id"].startswith("cycle:")
        ]
        assert cycles == [GURU_NANOS, GURU_NANOS]
        assert drift(reconcile_stripe(later + timedelta(seconds=1))) == {}

    def test_two_months_without_a_run_or_a_webhook_are_made_up_for(
        self, shop: Shop, ref: CustomerRef, now: datetime
    ) -> None:
        """Stripe has forgotten what it told, and has what was bought: so far back it looks."""
        reconcile_stripe(now)
        topup(shop, ref, now)
        shop.let_pass(days=62)
        shop.forget("event")
        later = now + timedelta(days=62)

        report = reconcile_stripe(later)

        assert drift(report) == {"sessions_not_taken": 1}
        assert topups(wallet_of(ref, later)) == [SMALL_NANOS]
        assert drift(reconcile_stripe(later + HOUR)) == {}

    def test_a_change_that_nobody_told_of_is_seen_to_be_planned(
        self, shop: Shop, ref: CustomerRef, now: datetime
    ) -> None:
        """Nothing of the subscription itself differs, only what is to come."""
        subscription = subscribe(shop, ref, now)
        shop.let_pass(days=3)
        now += timedelta(days=3)
        reconcile_stripe(now)
        catalog = load_catalog(ref.project_id)
        ensure_price(catalog, catalog.plans["pro"])
        Till(shop.world).plan_change(5_000)

        report = reconcile_stripe(now + HOUR)

        assert drift(report)["subscriptions_differing"] == 1
        (kept,) = load_records(ref.project_id, [subscription["id"]]).values()
        assert (kept.plan_code, kept.next_plan_code) == ("guru", "pro")
        assert drift(reconcile_stripe(now + HOUR * 2)) == {}

    def test_what_is_still_on_its_way_calls_nobody(
        self,
        shop: Shop,
        ref: CustomerRef,
        now: datetime,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A run that meets a webhook in flight repairs before it; only older news are news."""
        topup(shop, ref, now)
        assert drift(reconcile_stripe(now + timedelta(minutes=9)))
        assert [r for r in caplog.records if "alert" in r.__dict__] == []

        topup(shop, ref, now)
        assert drift(reconcile_stripe(now + timedelta(minutes=21)))

        (alert,) = [r.__dict__["alert"] for r in caplog.records if "alert" in r.__dict__]
        assert alert == "stripe_drift"


def payment_of(wallet: LiveWallet) -> str:
    """Return the payment of the one top-up."""
    (entry,) = [e for e in wallet.entries() if e["entry_id"].startswith("topup:")]
    return str(entry["cause"]["payment"])


class TestStrangers:
    """One account may serve several applications."""

    def test_what_claims_to_be_ours_and_cannot_be_is_named(
        self, shop: Shop, ref: CustomerRef, now: datetime, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Never granted, never dropped: a person looks, and no run forgets it."""
        ours = {"kind": "topup", "customer": ref.customer_id, "project": ref.project_id}
        shop.buy_elsewhere(**ours)
        nobody = {"metadata[project]": str(uuid4()), "metadata[customer]": str(uuid4())}
        customer = shop.post("/customers", **nobody)["id"]
        begin_elsewhere(shop, customer)
        (subscription,) = shop.get("/subscriptions")["data"]
        marks = {**nobody, "metadata[kind]": "subscription"}
        shop.post(f"/subscriptions/{subscription['id']}", **marks)

        report = reconcile_stripe(now)

        (session,) = shop.get("/checkout/sessions")["data"]
        assert set(report.unknown) >= {session["id"], customer, subscription["id"]}
        assert topups(wallet_of(ref, now)) == []
        assert "stripe_drift" in [record.__dict__.get("alert") for record in caplog.records]
        again = reconcile_stripe(now + HOUR)
        assert set(again.unknown) == {session["id"], customer, subscription["id"]}
        assert drift(again) == {}

    def test_a_charge_of_ours_without_any_session_is_named(
        self, shop: Shop, ref: CustomerRef, now: datetime
    ) -> None:
        """Somebody's money, and nothing says what for."""
        topup(shop, ref, now)
        shop.forget("checkout.session")
        shop.forget("event")
        (charge,) = shop.get("/charges")["data"]

        report = reconcile_stripe(now)

        assert report.unknown == (charge["id"],)

    def test_nothing_of_strangers_is_written_but_their_events(
        self, shop: Shop, now: datetime
    ) -> None:
        """Counted, and let be."""
        shop.buy_elsewhere()
        begin_elsewhere(shop, shop.post("/customers")["id"])

        report = reconcile_stripe(now)

        assert set(drift(report)) <= {"events_undelivered"}, "a payment may be anybody's"
        assert report.unknown == ()
        assert report.foreign > 0
        assert {path.partition("/")[0] for path in everything()} <= {"stripe_events"}


def told(out: str) -> Any:
    """Return the report after the line for a person; lines of the log may come before."""
    return json.loads(out[out.index("{\n") :])


class TestCommand:
    """As a person runs it."""

    @pytest.mark.usefixtures("ref")
    def test_it_reports_what_it_would_repair_and_what_it_repaired(
        self, shop: Shop, ref: CustomerRef, now: datetime, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Counts and ids by kind, as JSON after the line for a person."""
        session_id = topup(shop, ref, now)["id"]
        run = ("jobs", "run", "reconcile-stripe")

        assert main([*run, "--dry-run"]) == 0
        would = told(capsys.readouterr().out)
        assert main(run) == 0
        did = told(capsys.readouterr().out)
        assert main([*run, "--full"]) == 0
        then = capsys.readouterr().out

        assert (would["repaired"], did["repaired"]) == (False, True)
        assert would["ids"]["sessions_not_taken"] == [session_id]
        assert did["drift"]["sessions_not_taken"] == 1
        assert "reconcile-stripe: 0 done, 0 failed\n" in then
        assert told(then)["drift"] == NOTHING

    @pytest.mark.usefixtures("now")
    def test_other_jobs_know_no_rehearsal(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A flag that would be ignored is refused."""
        assert main(["jobs", "run", "sync-balances", "--dry-run"]) == 1

        assert "reconcile-stripe" in capsys.readouterr().err


def test_it_runs_every_hour(shop: Shop, ref: CustomerRef, now: datetime) -> None:
    """As Cloud Scheduler calls it."""
    topup(shop, ref, now)

    answer = client_of(stripe_schedules.reconcile_stripe).post("/")

    assert answer.status_code == 200
    assert topups(wallet_of(ref, now)) == [SMALL_NANOS]

"""`reconcile_stripe` is bounded, and continued by the next run: killed, broken, overlapping."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from creditbase.accounts.domain import CustomerRef
from creditbase.jobs import reconcile
from creditbase.jobs.reconcile import reconcile_stripe
from creditbase.jobs.store import Progress, Sweep, load_progress, step_to
from creditbase.kernel.errors import Unavailable
from creditbase.ledger.use_cases import lanes
from creditbase.payments import stripe_lists, use_cases
from creditbase.payments.domain import Event
from creditbase.subscriptions.use_cases import first_touch
from tests.jobs.losses import drift, now, subscribe, topup, wallet_of
from tests.ledger.wallets import LiveWallet
from tests.payments.conftest import _session_shop, ref, shop
from tests.payments.deliveries import SMALL_NANOS, topups
from tests.payments.shop import Shop
from tests.payments.test_subscriptions import grants
from tests.payments.test_webhook_failures import set_parked
from tests.together import at_once
from tests.wire import FAULTS, Send, Wire

__all__ = ["_session_shop", "now", "ref", "shop"]
pytestmark = pytest.mark.firestore
HOUR = timedelta(hours=1)
GURU_NANOS = 10_000_000_000


class Died(BaseException):
    """The process is gone."""


class TestARun:
    """Bounded, and continued by the next."""

    @pytest.fixture
    def lost(self, shop: Shop, ref: CustomerRef, now: datetime) -> LiveWallet:
        """Return the wallet of somebody whose purchases nobody told us of."""
        topup(shop, ref, now)
        subscribe(shop, ref, now)
        return wallet_of(ref, now)

    def assert_repaired(self, lost: LiveWallet) -> None:
        """Hold the wallet against what was bought."""
        lanes.cache_clear()
        assert topups(lost) == [SMALL_NANOS]
        assert grants(lost)["cycle"] == GURU_NANOS
        lost.audit()

    def test_killed_at_any_rpc_the_next_runs_go_on(
        self, lost: LiveWallet, now: datetime, wire: Wire
    ) -> None:
        """P30: each run dies some RPCs later than the last; what was looked at stays so."""

        def die(send: Send) -> None:
            send()
            raise Died

        deaths, places = 0, set()
        for index in range(1, 200, 5):
            wire.reset()
            wire.faults[index] = die
            try:
                reconcile_stripe(now + timedelta(seconds=index))
                break
            except Died:
                deaths += 1
                lanes.cache_clear()
                sweep = load_progress(reconcile.JOB).sweep
                places.add(sweep.list_name if sweep else "")
        wire.reset()

        assert deaths >= 4
        assert len(places) >= 3, "it goes on from where it was"
        assert drift(reconcile_stripe(now + HOUR)) == {}
        self.assert_repaired(lost)

    @pytest.mark.parametrize(
        "fault", ["lost_reply", pytest.param("lost_request", marks=pytest.mark.soak)]
    )
    def test_whatever_breaks_at_the_store_some_runs_repair_all(
        self, lost: LiveWallet, now: datetime, wire: Wire, fault: str
    ) -> None:
        """An error ends a run, or leaves an object to the next."""
        for index in range(2, 60, 9):
            wire.reset()
            wire.faults[index] = FAULTS[fault]
            try:
                reconcile_stripe(now + timedelta(seconds=index))
            except Unavailable:
                continue
        wire.reset()
        reconcile_stripe(now + HOUR)

        assert drift(reconcile_stripe(now + 2 * HOUR, is_dry=True, is_full=True)) == {}
        self.assert_repaired(lost)

    def test_two_instances_at_once_repair_it_once(
        self, lost: LiveWallet, now: datetime
    ) -> None:
        """They step over each other's progress, and each thing is done once."""
        at_once(2, lambda _: reconcile_stripe(now))

        assert drift(reconcile_stripe(now + HOUR)) == {}
        self.assert_repaired(lost)

    def test_a_run_takes_some_pages_and_some_runs_take_all(
        self, lost: LiveWallet, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Page by page; the report says whether to expect more."""
        monkeypatch.setattr(stripe_lists, "PAGE_MAX", 2)

        reports = [reconcile_stripe(now, limit=3)]
        while not reports[-1].is_complete:
            reports.append(reconcile_stripe(now + timedelta(seconds=len(reports)), limit=3))
            assert len(reports) < 50

        assert len(reports) > 2
        self.assert_repaired(lost)
        assert drift(reconcile_stripe(now + HOUR)) == {}

    def test_what_a_page_was_to_start_after_is_gone(
        self, lost: LiveWallet, shop: Shop, now: datetime
    ) -> None:
        """Customers are deleted, events grow old: that list is read from the top again."""
        gone = shop.post("/customers")["id"]
        shop.delete(f"/customers/{gone}")
        begun = Sweep(begun_at=now, since_at=None, list_name="customers", after_id=gone)
        step_to(reconcile.JOB, Progress(None, begun), now)

        assert reconcile_stripe(now + HOUR).is_complete
        self.assert_repaired(lost)

    def test_stripe_does_not_answer(self, lost: LiveWallet, shop: Shop, now: datetime) -> None:
        """The scheduler is told, and the next run goes on."""
        shop.order("/faults", outcome="error", count=3, path_prefix="/v1/charges")

        with pytest.raises(Unavailable):
            reconcile_stripe(now)
        sweep = load_progress(reconcile.JOB).sweep

        assert sweep is not None
        assert sweep.list_name == "charges"
        reconcile_stripe(now + HOUR)
        self.assert_repaired(lost)

    def test_what_fails_stops_nobody_and_is_looked_at_again(
        self,
        lost: LiveWallet,
        shop: Shop,
        now: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A parked wallet, a bug in a handler: the pass is not counted as seen."""
        bob = first_touch(f"u{uuid4().hex}", now=now)
        session_id = topup(shop, bob, now)["id"]
        set_parked(wallet_of(bob, now), is_parked=True)

        def broken(event: Event, now: datetime) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setitem(use_cases.HANDLERS, "payment_intent.succeeded", broken)
            report = reconcile_stripe(now)
        set_parked(wallet_of(bob, now), is_parked=False)

        assert report.is_complete
        assert session_id in report.unfinished
        assert any(name.startswith("evt_") for name in report.unfinished)
        assert load_progress(reconcile.JOB).seen_at is None
        self.assert_repaired(lost)
        reconcile_stripe(now + HOUR)
        assert topups(wallet_of(bob, now)) == [SMALL_NANOS]
        assert load_progress(reconcile.JOB).seen_at == now + HOUR

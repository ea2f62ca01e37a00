"""`drain_inbox`: what the webhook stored and could not finish is finished, once."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.jobs import inbox as job
from creditbase.jobs import scheduled, stripe_schedules
from creditbase.jobs.inbox import drain_inbox
from creditbase.jobs.use_cases import Report
from creditbase.kernel.trying import ATTEMPTS_MAX, shard_of
from creditbase.ledger.paths import SHARDS
from creditbase.ledger.use_cases import lanes
from creditbase.payments import inbox_store, use_cases
from creditbase.payments.domain import Event
from creditbase.payments.inbox import try_again
from creditbase.runtime import firestore
from creditbase.runtime.clock import real_now
from tests.ledger.wallets import LiveWallet
from tests.payments.conftest import (
    _session_shop,
    client,
    completed,
    ref,
    session_id,
    shop,
    wallet,
)
from tests.payments.deliveries import SMALL_NANOS, deliver, inbox, topups
from tests.payments.shop import Resource, Shop, signed_event
from tests.runtime.wiring import client_of
from tests.together import at_once
from tests.wire import FAULTS, Send, Wire

__all__ = ["_session_shop", "client", "completed", "ref", "session_id", "shop", "wallet"]
pytestmark = pytest.mark.firestore
MINUTE = timedelta(minutes=1)


class Died(BaseException):
    """The process is gone."""


@pytest.fixture
def now(wire: Wire, project: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[datetime]:
    """Return the instant of this test, in a database with nothing in it."""
    monkeypatch.setenv("GCLOUD_PROJECT", f"{project}-{uuid4().hex[:8]}")
    firestore.client.cache_clear()
    wire.reset()
    yield real_now().replace(microsecond=0)
    wire.reset()
    wire.wait_for_late()
    firestore.client.cache_clear()


@pytest.fixture
def stored(
    client: FlaskClient, completed: Resource, wallet: LiveWallet, shop: Shop
) -> Resource:
    """Return the event of a payment: delivered while Stripe did not answer us."""
    shop.order("/faults", outcome="error", count=3, method="GET")
    assert deliver(client, signed_event(completed)) == 500
    assert topups(wallet) == []
    return completed


def due_at(event_id: str) -> datetime:
    """Return when an event wants to be tried."""
    at = inbox(event_id)["next_try_at"]
    assert isinstance(at, datetime)
    return at


def a_note(event_id: str, *, now: datetime, **fields: Any) -> str:
    """Store an event of a payment that Stripe does not know; return its id."""
    given = {
        "type": "payment_intent.succeeded",
        "is_live": False,
        "account": "",
        "api_version": "x",
        "object_id": "pi_1",
        "object_type": "payment_intent",
        "payload": "{}",
    }
    event = Event(event_id=event_id, **{**given, **fields})
    firestore.commit(inbox_store.writes_for_arrival(event, now=now))
    return event_id


def notes_of_a_shard(count: int, *, now: datetime) -> list[str]:
    """Store that many events of one shard, due one after another."""
    made: list[str] = []
    while len(made) < count:
        event_id = f"evt_{uuid4().hex}"
        if shard_of(event_id) == 3:
            made.append(a_note(event_id, now=now + timedelta(seconds=len(made))))
    return made


class TestUnfinishedEvents:
    """The story: Stripe was down, we were killed, a wallet was parked."""

    def test_a_minute_later_it_is_finished_and_never_due_again(
        self, stored: Resource, wallet: LiveWallet, wire: Wire
    ) -> None:
        """Due to the microsecond; a second run finds nothing and writes nothing."""
        at = due_at(stored["id"])

        early = drain_inbox(at - timedelta(microseconds=1))
        late = drain_inbox(at)
        wire.reset()
        again = drain_inbox(at + timedelta(days=30))

        assert (early.done, late, again.done) == (
            0,
            Report("drain_inbox", 1, 0, is_complete=True),
            0,
        )
        assert topups(wallet) == [SMALL_NANOS]
        kept = inbox(stored["id"])
        assert (kept["status"], kept["attempts"], kept["next_try_at"]) == ("applied", 1, None)
        assert wire.commits == 0

    def test_what_the_webhook_finished_is_not_due(
        self, client: FlaskClient, completed: Resource, wallet: LiveWallet, now: datetime
    ) -> None:
        """The job costs sixteen empty queries on a good day."""
        assert deliver(client, signed_event(completed)) == 200

        assert drain_inbox(now + timedelta(days=9)).done == 0
        assert topups(wallet) == [SMALL_NANOS]

    def test_delivered_again_after_the_job_it_is_a_duplicate(
        self, client: FlaskClient, stored: Resource, wallet: LiveWallet
    ) -> None:
        """Stripe keeps trying for three days, beside us."""
        drain_inbox(due_at(stored["id"]))

        assert deliver(client, signed_event(stored)) == 200
        assert topups(wallet) == [SMALL_NANOS]
        assert inbox(stored["id"])["status"] == "applied"

    def test_beside_a_delivery_and_another_run_there_is_one_grant(
        self, client: FlaskClient, stored: Resource, wallet: LiveWallet
    ) -> None:
        """All three at the same moment, and what they leave unfinished is finished later."""
        at = due_at(stored["id"])

        def act(number: int) -> None:
            if number == 0:
                deliver(client, signed_event(stored))
            else:
                drain_inbox(at)

        at_once(3, act)
        drain_inbox(at + timedelta(days=1))

        assert topups(wallet) == [SMALL_NANOS]
        assert inbox(stored["id"])["status"] == "applied"

    @pytest.mark.usefixtures("shop")
    def test_an_event_of_a_connected_account_stays_quarantined(self, now: datetime) -> None:
        """Whose event it is was kept: it must not be applied to ours by the job."""
        event_id = a_note("evt_connected", now=now, account="acct_1")

        drain_inbox(now + MINUTE)

        kept = inbox(event_id)
        assert (kept["status"], kept["reason"]) == ("quarantined", "connected_account")


class TestWhatKeepsFailing:
    """Tried less and less often, and then a person is called."""

    def test_it_rests_longer_each_time_and_is_dead_after_eight_attempts(
        self,
        client: FlaskClient,
        stored: Resource,
        wallet: LiveWallet,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Three days, as Stripe. One CRITICAL line; sent again by hand, it is finished."""
        begun = due_at(stored["id"]) - MINUTE
        at = begun
        waits = []
        with monkeypatch.context() as patch:
            patch.setenv("STRIPE_SECRET_KEY", "")
            for _ in range(ATTEMPTS_MAX):
                waits.append((due_at(stored["id"]) - at) // MINUTE)
                at = due_at(stored["id"])
                assert drain_inbox(at - timedelta(microseconds=1)).failed == 0
                assert drain_inbox(at) == Report("drain_inbox", 0, 1, is_complete=True)
            after = drain_inbox(at + timedelta(days=9))

        assert waits == [1, 4, 16, 64, 256, 1_024, 1_440, 1_440]
        assert (after.done, after.failed) == (0, 0)
        kept = inbox(stored["id"])
        assert (kept["status"], kept["attempts"], kept["next_try_at"]) == ("dead", 8, None)
        calls = [record for record in caplog.records if record.levelno == logging.CRITICAL]
        assert [record.getMessage() for record in calls] == ["stripe event dead"]
        assert calls[0].__dict__["stripe_event"] == stored["id"]

        assert deliver(client, signed_event(stored)) == 200
        assert inbox(stored["id"])["status"] == "applied"
        assert topups(wallet) == [SMALL_NANOS]

    @pytest.mark.usefixtures("shop")
    def test_who_dies_in_the_last_attempt_is_found_dead(
        self, now: datetime, wire: Wire, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An event that kills the process must not kill it for ever."""
        event_id = a_note("evt_poison", now=now)

        def die(send: Send) -> None:
            raise Died

        at = now
        for _ in range(ATTEMPTS_MAX):
            at = due_at(event_id)
            wire.reset()
            wire.faults[index_of_finish(event_id)] = die
            with pytest.raises(Died):
                drain_inbox(at)
        wire.reset()
        report = drain_inbox(due_at(event_id))

        assert (report.done, report.failed) == (0, 1)
        assert inbox(event_id)["status"] == "dead"
        assert [r.levelno for r in caplog.records].count(logging.CRITICAL) == 1

    @pytest.mark.usefixtures("shop")
    def test_a_bug_in_one_handler_stops_nobody_behind_it(
        self,
        now: datetime,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """It is logged with its trace, and counts as an attempt."""

        def broken(event: Event, now: datetime) -> None:
            raise ZeroDivisionError

        monkeypatch.setitem(use_cases.HANDLERS, "invoice.paid", broken)
        bad = a_note("evt_bad", now=now - MINUTE, type="invoice.paid")
        good = a_note("evt_good", now=now)

        report = drain_inbox(now + MINUTE)

        assert (report.done, report.failed) == (1, 1)
        assert [inbox(name)["status"] for name in (bad, good)] == ["stored", "ignored"]
        assert inbox(bad)["attempts"] == 1
        assert any(record.exc_info for record in caplog.records)


def index_of_finish(event_id: str) -> int:
    """Return which RPC of a run finishes the one event that is due."""
    shard = shard_of(event_id)
    return shard + 2  # the queries up to its shard, and the commit of the attempt


class TestARun:
    """Bounded, and continued by the next."""

    @pytest.mark.usefixtures("shop")
    def test_a_run_takes_its_share_of_a_shard_and_some_runs_take_all(
        self, now: datetime
    ) -> None:
        """The longest due first; the report says whether to expect more."""
        events = notes_of_a_shard(5, now=now)
        at = now + timedelta(hours=1)

        reports = [drain_inbox(at, limit=2 * SHARDS) for _ in range(3)]

        assert [(report.done, report.is_complete) for report in reports] == [
            (2, False),
            (2, False),
            (1, True),
        ]
        finished = [inbox(name)["finished_at"] for name in events]
        assert all(finished)

    @pytest.mark.usefixtures("shop")
    def test_what_another_run_has_taken_meanwhile_is_left_to_it(
        self, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two instances read the same list; the attempt decides whose event it is."""
        event_id = a_note("evt_1", now=now)
        (seen,) = inbox_store.find_due_events(
            shard=shard_of(event_id), now=now + MINUTE, limit=9
        )
        drain_inbox(now + MINUTE)

        def never(event: Event, now: datetime) -> None:
            raise AssertionError

        monkeypatch.setitem(use_cases.HANDLERS, "payment_intent.succeeded", never)

        assert try_again(seen, now=now + MINUTE) is False
        assert inbox(event_id)["attempts"] == 1

    @pytest.mark.usefixtures("shop")
    def test_a_run_begins_nothing_when_its_time_is_over(
        self, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It ends by itself before the platform ends it."""
        event_id = a_note("evt_1", now=now)
        monkeypatch.setattr(job, "RUN_S_MAX", 0)

        report = drain_inbox(now + MINUTE)

        assert report == Report("drain_inbox", 0, 0, is_complete=False)
        assert inbox(event_id)["attempts"] == 0

    @pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
    def test_killed_at_any_rpc_the_next_runs_end_it_once(
        self, stored: Resource, wallet: LiveWallet, wire: Wire, is_done: bool
    ) -> None:
        """P30: each run dies one RPC later than the last; attempts are made of that."""

        def die(send: Send) -> None:
            if is_done:
                send()
            raise Died

        died, first = 0, due_at(stored["id"])
        start = index_of_finish(stored["id"]) - 1
        for index in range(start, start + 40):
            reset_attempts(stored["id"], first)
            wire.reset()
            wire.faults[index] = die
            try:
                drain_inbox(first)
                break
            except Died:
                died += 1
                lanes.cache_clear()
            if inbox(stored["id"])["status"] != "stored":
                break

        wire.reset()
        drain_inbox(first + timedelta(days=2))
        assert died >= 6, "at each from the attempt to the end, less what a last run had done"
        assert topups(wallet) == [SMALL_NANOS]
        assert inbox(stored["id"])["status"] == "applied"

    @pytest.mark.parametrize("step", range(8))
    @pytest.mark.parametrize("fault", ["lost_request", "lost_reply", "time_out_late"])
    def test_a_broken_rpc_and_another_run_are_one_grant(
        self, stored: Resource, wallet: LiveWallet, wire: Wire, step: int, fault: str
    ) -> None:
        """The attempt, the session, the customer, the mirror, the wallet, the end."""
        at = due_at(stored["id"])
        lanes.cache_clear()
        wire.reset()
        wire.faults[index_of_finish(stored["id"]) - 1 + step] = FAULTS[fault]

        drain_inbox(at)
        assert not wire.faults, "the fault must really have happened"
        wire.wait_for_late()
        drain_inbox(at + timedelta(days=1))

        assert topups(wallet) == [SMALL_NANOS]
        assert inbox(stored["id"])["status"] == "applied"


def reset_attempts(event_id: str, at: datetime) -> None:
    """Make an event due again as if it had never been tried."""
    snapshot = firestore.get_all([f"stripe_events/{event_id}"])[0]
    assert snapshot.version is not None
    changes: dict[tuple[str, ...], Any] = {("attempts",): 0, ("next_try_at",): at}
    firestore.commit([firestore.Update(snapshot.path, changes, snapshot.version)])


class TestTheSchedule:
    """As Cloud Scheduler calls it."""

    @pytest.mark.usefixtures("shop")
    def test_it_drains(self, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every five minutes; events are a minute old before they are its business."""
        event_id = a_note("evt_1", now=now)
        monkeypatch.setattr(scheduled, "now", lambda: now + MINUTE)

        answer = client_of(stripe_schedules.drain_inbox).post("/")

        assert answer.status_code == 200
        assert inbox(event_id)["status"] == "ignored"

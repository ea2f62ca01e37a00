"""The scheduled functions, called as Cloud Scheduler calls them."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbase.jobs import (
    anchors_schedule,
    outbox_schedule,
    rollup_schedule,
    scheduled,
    schedules,
    stripe_schedules,
    webhook_schedule,
)
from tests.jobs.ward import CREDIT, Ward, entry_ids, published
from tests.relay.desk import NOON
from tests.runtime.wiring import client_of
from tests.wire import Wire, lost_request

pytestmark = pytest.mark.firestore
APRIL = NOON.replace(month=4)


def call(function: Any, **headers: str) -> TestResponse:
    """Post what Cloud Scheduler posts."""
    given = {
        "X-CloudScheduler": "true",
        "X-CloudScheduler-JobName": f"firebase-schedule-{function.__name__}-us-central1",
        "X-CloudScheduler-ScheduleTime": "2026-04-10T12:00:00.123456Z",
        **headers,
    }
    return client_of(function).post("/", headers=given)


@pytest.fixture(autouse=True)
def _april(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be April for the jobs."""
    monkeypatch.setattr(scheduled, "now", lambda: APRIL)


def test_sync_balances_publishes(ward: Ward) -> None:
    """Every minute."""
    wallet = ward.wallet(spent=CREDIT)

    answer = call(schedules.sync_balances)

    assert (answer.status_code, answer.data) == (200, b"")
    assert published(wallet).is_settled


def test_expire_holds_ends_holds(ward: Ward) -> None:
    """Every five minutes."""
    wallet = ward.wallet()
    wallet.hold("h", CREDIT)

    answer = call(schedules.expire_holds)

    assert answer.status_code == 200
    assert f"end:{wallet.hold_id('h')}" in entry_ids(wallet)


def test_reset_cycles_turns_windows(ward: Ward) -> None:
    """Every quarter of an hour; a call by hand has no headers."""
    wallet = ward.wallet(spent=CREDIT)

    answer = client_of(schedules.reset_cycles).post("/")

    assert answer.status_code == 200
    assert entry_ids(wallet)[-1] == "free:1"


def test_a_store_that_is_down_is_told_to_the_scheduler(ward: Ward, wire: Wire) -> None:
    """500, so that it tries again; and the next run does all of it."""
    wallet = ward.wallet(spent=CREDIT)
    wire.reset()
    wire.faults[0] = lost_request

    failed = call(schedules.reset_cycles)
    again = call(schedules.reset_cycles)

    assert (failed.status_code, again.status_code) == (500, 200)
    assert entry_ids(wallet)[-1] == "free:1"


@pytest.mark.parametrize(
    ("function", "schedule"),
    [
        (schedules.sync_balances, "every 1 minutes"),
        (schedules.expire_holds, "every 5 minutes"),
        (schedules.reset_cycles, "every 15 minutes"),
        (stripe_schedules.answer_crossings, "every 1 minutes"),
        (stripe_schedules.drain_inbox, "every 5 minutes"),
        (outbox_schedule.deliver_outbox, "every 5 minutes"),
        (webhook_schedule.deliver_webhooks, "every 1 minutes"),
        (rollup_schedule.roll_up_usage, "every 15 minutes"),
        (anchors_schedule.anchor_ledger, "every 15 minutes"),
        (stripe_schedules.reconcile_stripe, "every 1 hours"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_has_its_schedule_and_one_instance(function: Any, schedule: str) -> None:
    """Two runs at once are harmless, and useless."""
    endpoint = function.__firebase_endpoint__

    assert endpoint.scheduleTrigger["schedule"] == schedule
    assert endpoint.maxInstances == 1

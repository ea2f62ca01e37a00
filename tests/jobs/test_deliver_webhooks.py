"""`deliver_webhooks`: every event reaches every webhook that wants it, whoever dies."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts import webhook_store as store
from creditbase.accounts import webhook_use_cases as webhooks
from creditbase.accounts.webhooks import (
    EVENT_TYPES,
    GIVEN_UP,
    RESTS_FOR,
    Webhook,
    Wishes,
    given_up,
)
from creditbase.jobs import deliveries, scheduled, webhook_schedule
from creditbase.jobs.by_name import run_job
from creditbase.jobs.deliveries import deliver_webhooks
from creditbase.kernel.outbox import LEASE
from creditbase.kernel.trying import ATTEMPTS_MAX, rest_after
from creditbase.relay.webhooks import delivery_answer
from creditbase.runtime import firestore
from creditbase.runtime.events import Event, EventType, create_event
from tests.jobs.outboxes import _empty_outbox
from tests.receiver import Receiver, _receiver, receiver, saying, slamming
from tests.runtime.wiring import client_of
from tests.wire import Wire

__all__ = ["_empty_outbox", "_receiver", "receiver"]
pytestmark = pytest.mark.firestore
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = webhooks.mint_secret(b"s" * 32)
PROJECT = "22222222-2222-5222-8222-222222222222"
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


class Died(BaseException):
    """The process is gone."""


@pytest.fixture
def webhook(receiver: Receiver) -> Webhook:
    """Return a webhook that wants to hear everything."""
    return a_webhook(receiver)


def a_webhook(receiver: Receiver, *events: str, url: str = "", **fields: Any) -> Webhook:
    """Make a webhook."""
    return webhooks.create_webhook(
        PROJECT,
        webhook_id=str(uuid4()),
        endpoint_url=url or receiver.url,
        events=events or EVENT_TYPES,
        is_enabled=fields.get("is_enabled", True),
        secret=SECRET,
        now=NOON,
    )


def happen(cause: str = "c1", event_type: EventType = "customer.created") -> str:
    """Let something happen in the project; return the event's id."""
    event = Event(project_id=PROJECT, event_type=event_type, cause=cause, data={"n": "ä"})
    firestore.commit([create_event(event, now=NOON)])
    return event.event_id


def alerts_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the names of the alerts that were raised."""
    return [record.__dict__["alert"] for record in caplog.records if hasattr(record, "alert")]


def log_of(webhook: Webhook) -> list[dict[str, Any]]:
    """Return what the owner sees of a webhook's deliveries."""
    found = store.find_deliveries(webhook.webhook_id, limit=100)
    return [dict(delivery_answer(parcel)) for parcel in found]


def test_an_event_arrives_signed_and_is_logged(receiver: Receiver, webhook: Webhook) -> None:
    """As the convention says, so that any library of any language verifies it."""
    event_id = happen()

    report = deliver_webhooks(NOON)

    (taken,) = receiver.taken
    assert taken.verified(SECRET) == {
        "id": event_id,
        "type": "customer.created",
        "timestamp": "2026-03-10T12:00:00Z",
        "project_id": PROJECT,
        "data": {"n": "ä"},
    }
    assert taken.headers["webhook-id"] == event_id
    assert taken.headers["content-type"] == "application/json"
    with pytest.raises(Exception, match="signature"):
        taken.verified(webhooks.mint_secret(b"x" * 32))
    assert (report.done, report.failed, report.is_complete) == (1, 0, True)
    (record,) = log_of(webhook)
    latency_ms = record.pop("latency_ms")
    assert isinstance(latency_ms, int)
    assert record.pop("last_attempt_at") == record.pop("updated_at")
    assert record.pop("payload")["id"] == event_id
    assert record == {
        "id": record["id"],
        "webhook_config_id": webhook.webhook_id,
        "event_id": event_id,
        "event_type": "customer.created",
        "status": "delivered",
        "attempt_count": 1,
        "response_status": 200,
        "response_body": "ok",
        "created_at": "2026-03-10T12:00:00Z",
    }


def test_only_who_wants_it_hears_of_it(receiver: Receiver, wire: Wire) -> None:
    """By type, switched on, of the project; and a second run does nothing at all."""
    wanting = a_webhook(receiver, "customer.created")
    others = [
        a_webhook(receiver, "customer.deleted"),
        a_webhook(receiver, is_enabled=False),
    ]
    happen()

    assert deliver_webhooks(NOON).done == 1
    wire.reset()
    assert deliver_webhooks(NOON + DAY).done == 0

    assert wire.commits == 0
    assert len(receiver.taken) == len(log_of(wanting)) == 1
    assert [log_of(other) for other in others] == [[], []]


def test_an_event_that_nobody_wants_is_done_with(receiver: Receiver, wire: Wire) -> None:
    """It is looked at once."""
    happen()

    deliver_webhooks(NOON)
    wire.reset()
    deliver_webhooks(NOON + DAY)

    assert receiver.taken == []
    assert wire.commits == 0


def test_the_same_cause_is_told_once() -> None:
    """The document is created: who repeats the cause repeats nothing."""
    happen()

    with pytest.raises(firestore.Lost):
        happen()


class TestTryingAgain:
    """Until it is taken, ever less often, and not for ever."""

    def test_a_refusal_is_tried_again_with_the_same_id(
        self, receiver: Receiver, webhook: Webhook
    ) -> None:
        """What the receiver answered is in the log meanwhile."""
        event_id = happen()
        receiver.will(saying(500, b"no"))

        assert deliver_webhooks(NOON).failed == 1
        (record,) = log_of(webhook)
        assert (record["status"], record["attempt_count"]) == ("pending", 1)
        assert (record["response_status"], record["response_body"]) == (500, "no")
        assert record["error"] == "it answered 500"
        assert record["next_attempt_at"] > record["last_attempt_at"]
        assert deliver_webhooks(NOON + MINUTE).done == 0
        assert deliver_webhooks(NOON + rest_after(1) + MINUTE).done == 1

        assert [taken.headers["webhook-id"] for taken in receiver.taken] == [event_id] * 2
        assert [taken.verified(SECRET)["id"] for taken in receiver.taken] == [event_id] * 2
        (record,) = log_of(webhook)
        assert (record["status"], record["attempt_count"]) == ("delivered", 2)
        assert "error" not in record

    def test_who_dies_after_sending_sends_again(
        self, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """At least once, under the same id: the receiver tells them apart by it."""
        event_id = happen()
        send = webhooks.send

        def send_and_die(*given: Any, **named: Any) -> Any:
            send(*given, **named)
            raise Died

        monkeypatch.setattr(webhooks, "send", send_and_die)
        with pytest.raises(Died):
            deliver_webhooks(NOON)
        monkeypatch.setattr(webhooks, "send", send)
        assert log_of(webhook)[0]["status"] == "pending"

        assert deliver_webhooks(NOON + MINUTE).done == 0
        assert deliver_webhooks(NOON + LEASE + MINUTE).done == 1

        assert [taken.headers["webhook-id"] for taken in receiver.taken] == [event_id] * 2
        assert log_of(webhook)[0]["attempt_count"] == 2

    def test_of_runs_at_once_one_hands_on_and_one_sends(
        self, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The other run comes in between what this one reads and writes."""
        happen()
        hand_on = store.writes_to_hand_on
        runs: list[object] = []

        def overtaken(*given: Any, **named: Any) -> Any:
            writes = hand_on(*given, **named)
            if not runs:
                runs.append(None)
                runs.append(deliver_webhooks(NOON))
            return writes

        monkeypatch.setattr(store, "writes_to_hand_on", overtaken)

        deliver_webhooks(NOON)

        assert len(receiver.taken) == len(log_of(webhook)) == 1

    def test_after_eight_attempts_it_is_switched_off(
        self, receiver: Receiver, webhook: Webhook, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A person is called, and what comes later is not sent."""
        happen()
        at = NOON
        for attempt in range(1, ATTEMPTS_MAX + 1):
            receiver.will(503)
            deliver_webhooks(at)
            at += rest_after(attempt) + MINUTE

        assert len(receiver.taken) == ATTEMPTS_MAX
        (record,) = log_of(webhook)
        assert (record["status"], record["attempt_count"]) == ("failed", ATTEMPTS_MAX)
        assert "next_attempt_at" not in record
        after = webhooks.find_webhook(PROJECT, webhook.webhook_id)
        assert (after.is_enabled, after.disabled_for) == (False, GIVEN_UP)
        assert alerts_in(caplog) == ["webhook_disabled"]
        happen("later")
        deliver_webhooks(at)
        assert len(receiver.taken) == ATTEMPTS_MAX

        again = webhooks.change_webhook(
            PROJECT, webhook.webhook_id, Wishes(is_enabled=True), now=at
        )
        assert (again.is_enabled, again.disabled_for) == (True, "")

    def test_one_that_is_gone_is_switched_off_at_once(
        self, receiver: Receiver, webhook: Webhook, caplog: pytest.LogCaptureFixture
    ) -> None:
        """410 is the convention's way to say: never again."""
        happen()
        receiver.will(410)

        deliver_webhooks(NOON)

        after = webhooks.find_webhook(PROJECT, webhook.webhook_id)
        assert (after.is_enabled, after.disabled_for) == (False, deliveries.SAID_GONE)
        assert log_of(webhook)[0]["status"] == "failed"
        assert alerts_in(caplog) == ["webhook_disabled"]

    def test_what_its_owner_has_touched_since_stays_on(
        self, receiver: Receiver, webhook: Webhook
    ) -> None:
        """The address may be another one now."""
        del receiver
        later = webhooks.change_webhook(
            PROJECT, webhook.webhook_id, Wishes(is_enabled=True), now=NOON + DAY
        )

        judge = partial(given_up, reason="why", now=NOON + 2 * DAY)
        assert not webhooks.note(webhook, judge)
        assert webhooks.find_webhook(PROJECT, webhook.webhook_id) == later
        assert not webhooks.note(replace(webhook, webhook_id=str(uuid4())), judge)
        assert webhooks.note(later, judge)

    def test_what_is_on_its_way_to_one_that_was_taken_away_is_given_up(
        self, receiver: Receiver, webhook: Webhook
    ) -> None:
        """Nobody is called: its owner wanted that."""
        happen()
        receiver.will(500)
        deliver_webhooks(NOON)
        webhooks.remove_webhook(PROJECT, webhook.webhook_id)

        deliver_webhooks(NOON + DAY)

        assert len(receiver.taken) == 1
        assert log_of(webhook)[0]["status"] == "failed"


class TestOneForAnother:
    """Nobody waits for somebody else's server."""

    def test_one_that_does_not_answer_is_left_alone_for_the_run(
        self, receiver: Receiver, webhook: Webhook
    ) -> None:
        """One attempt finds out; then it rests, at no cost, and so on until it is well."""
        silent = a_webhook(receiver, url="http://127.0.0.1:9/closed")
        for number in range(12):
            happen(f"c{number}")

        def attempts() -> int:
            left = store.find_deliveries(silent.webhook_id, limit=100)
            return sum(parcel.delivery.attempts for parcel in left)

        assert not deliver_webhooks(NOON).is_complete
        assert len(receiver.taken) == len(log_of(webhook)) == 12
        assert attempts() == 1
        for at, tried in ((NOON + MINUTE, 1), (NOON + RESTS_FOR, 2), (NOON + 6 * MINUTE, 2)):
            deliver_webhooks(at)
            assert attempts() == tried

        wish = Wishes(endpoint_url=receiver.url)
        webhooks.change_webhook(PROJECT, silent.webhook_id, wish, now=NOON)
        deliver_webhooks(NOON + DAY)
        assert len(receiver.taken) == 24

    def test_a_run_that_takes_too_long_begins_no_more(
        self, receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The function would be killed in the middle; the next run goes on."""
        happen()
        monkeypatch.setattr(deliveries, "RUN_S_MAX", 0)

        assert not deliver_webhooks(NOON).is_complete
        monkeypatch.undo()
        assert receiver.taken == []
        assert deliver_webhooks(NOON).done == 1
        assert log_of(webhook)[0]["status"] == "delivered"

    def test_a_delivery_that_makes_no_sense_stops_no_other(
        self, receiver: Receiver, webhook: Webhook
    ) -> None:
        """It is a matter for a person."""
        happen()
        event = Event(
            project_id=PROJECT, event_type="customer.created", cause="broken", data={}
        )
        create = create_event(event, now=NOON)
        firestore.commit([replace(create, fields={**create.fields, "body": 7})])

        report = deliver_webhooks(NOON)

        assert (report.done, report.failed) == (1, 1)
        assert len(receiver.taken) == 1
        assert webhook.is_enabled

    def test_a_slammed_door_is_tried_again(self, receiver: Receiver, webhook: Webhook) -> None:
        """No answer is no answer, and says nothing of our network."""
        happen()
        receiver.will(slamming)

        deliver_webhooks(NOON)

        (record,) = log_of(webhook)
        assert (record["status"], record["error"]) == ("pending", "the connection failed")
        assert "response_status" not in record


class TestSecrets:
    """A secret can be changed without losing an event."""

    def test_two_secrets_sign_for_a_day(self, receiver: Receiver, webhook: Webhook) -> None:
        """Whichever of them the receiver has; afterwards only the new one."""
        fresh = webhooks.mint_secret(b"n" * 32)
        real = datetime.now(UTC)
        wishes = Wishes(new_secret=fresh)
        webhooks.change_webhook(PROJECT, webhook.webhook_id, wishes, now=real)
        same = webhooks.change_webhook(PROJECT, webhook.webhook_id, wishes, now=real)
        happen()

        deliver_webhooks(NOON)

        (taken,) = receiver.taken
        assert taken.verified(SECRET) == taken.verified(fresh)
        assert same.signing_secrets(real) == (fresh, SECRET)
        assert same.signing_secrets(real + DAY) == (fresh,)
        headers = webhooks.signed_headers(same, "m", "{}", now=real + DAY)
        assert headers["webhook-signature"].count("v1,") == 1


def test_the_command_line_and_the_schedule_run_it(
    receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every job."""
    happen()
    assert run_job("deliver-webhooks", now=NOON).done == 1
    happen("again")
    monkeypatch.setattr(scheduled, "now", lambda: NOON)
    headers = {"X-CloudScheduler-ScheduleTime": NOON.isoformat()}
    answer = client_of(webhook_schedule.deliver_webhooks).post("/", headers=headers)
    assert answer.status_code == 200
    assert len(receiver.taken) == len(log_of(webhook)) == 2

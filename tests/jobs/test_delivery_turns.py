"""`deliver_webhooks`: projects and webhooks take turns, counted in events and requests."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from creditbase.accounts import webhook_store as store
from creditbase.accounts import webhook_use_cases as webhooks
from creditbase.accounts.webhooks import EVENT_TYPES, Webhook
from creditbase.jobs import deliveries, queues
from creditbase.jobs.deliveries import deliver_webhooks
from creditbase.jobs.rounds import HANDS_PER_LANE_MAX, REFUSALS_MAX
from creditbase.kernel.trying import SHARDS
from creditbase.runtime import firestore
from creditbase.runtime.events import Event, create_event
from tests.jobs.outboxes import _empty_outbox
from tests.ledger.wallets import in_parallel
from tests.receiver import Receiver, _receiver, receiver
from tests.wire import Wire

__all__ = ["_empty_outbox", "_receiver", "receiver"]
pytestmark = pytest.mark.firestore
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = webhooks.mint_secret(b"s" * 32)
MINUTE = timedelta(minutes=1)
HEAP, SMALL, OTHER = (str(UUID(int=number << 96)) for number in (1, 0x70000000, 0xF0000000))
"""Projects, in the order in which their queues are read from the beginning on."""


def listening(project_id: str, url: str) -> Webhook:
    """Return a new webhook of a project, whose id says which and how many there were."""
    number = len(store.find_webhooks(project_id))
    return webhooks.create_webhook(
        project_id,
        webhook_id=str(uuid5(UUID(project_id), str(number))),
        endpoint_url=url,
        events=EVENT_TYPES,
        is_enabled=True,
        secret=SECRET,
        now=NOON,
    )


def happen(project_id: str, count: int, at: datetime = NOON) -> None:
    """Let so much happen in a project."""
    events = [
        Event(
            project_id=project_id,
            event_type="customer.created",
            cause=f"{at}/{number}",
            data={},
        )
        for number in range(count)
    ]
    firestore.commit([create_event(event, now=at) for event in events])


def heard(receiver: Receiver) -> Counter[str]:
    """Return how many events of each project have arrived."""
    return Counter(str(taken.verified(SECRET)["project_id"]) for taken in receiver.taken)


def waiting(outbox: str) -> Counter[str]:
    """Return how much still waits of each queue."""
    found = firestore.query(outbox, limit=1_000)
    queues = [(one.fields or {})["queue"] for one in found]
    return Counter(queue for queue in queues if queue is not None)


def bounded(monkeypatch: pytest.MonkeyPatch, most: int, *, page: int) -> None:
    """Let a run take so much, and read so much at once."""
    monkeypatch.setattr(deliveries, "EVENTS_PER_RUN_MAX", most)
    monkeypatch.setattr(deliveries, "DELIVERIES_PER_RUN_MAX", most)
    monkeypatch.setattr(queues, "PAGE", page)


def test_a_heap_of_one_project_hides_nothing_of_another(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came first, and is more than a run may take; the others are told in the same run."""
    bounded(monkeypatch, 12, page=4)
    for project_id in (HEAP, SMALL, OTHER):
        listening(project_id, receiver.url)
    happen(HEAP, 40)
    for project_id in (SMALL, OTHER):
        happen(project_id, 2, NOON + MINUTE)

    report = deliver_webhooks(NOON + 2 * MINUTE)

    assert heard(receiver) == {HEAP: 8, SMALL: 2, OTHER: 2}
    assert (report.done, report.is_complete) == (12, False)
    assert waiting("events") == {HEAP: 32}

    while not deliver_webhooks(NOON + 3 * MINUTE).is_complete:
        pass
    assert heard(receiver) == {HEAP: 40, SMALL: 2, OTHER: 2}
    assert waiting("events") == waiting("deliveries") == {}


def test_a_heap_of_one_webhook_hides_nothing_of_another(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same project, too: a dead one has cost an attempt, and its heap waits."""
    dead = listening(HEAP, "http://127.0.0.1:9/closed")
    happen(HEAP, 30)
    deliver_webhooks(NOON)
    bounded(monkeypatch, 12, page=4)
    listening(HEAP, receiver.url)
    listening(OTHER, receiver.url)
    for project_id in (HEAP, OTHER):
        happen(project_id, 3, NOON + MINUTE)
    tried: list[str] = []
    send = webhooks.send

    def noted(webhook: Webhook, *given: Any, **named: Any) -> Any:
        tried.append(webhook.webhook_id)
        return send(webhook, *given, **named)

    monkeypatch.setattr(webhooks, "send", noted)

    for minutes in (1, 2, 6):
        deliver_webhooks(NOON + minutes * MINUTE)

    assert heard(receiver) == {HEAP: 3, OTHER: 3}
    assert tried.count(dead.webhook_id) == 1  # it rested, but for once
    assert waiting("deliveries") == {dead.webhook_id: 33}


def test_what_has_its_rest_is_read_past(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliveries that are not due yet fill pages, and hide none that is."""
    refusing = listening(HEAP, receiver.url)
    happen(HEAP, REFUSALS_MAX)
    receiver.will(*[500] * REFUSALS_MAX)
    deliver_webhooks(NOON)
    monkeypatch.setattr(queues, "PAGE", 4)
    happen(HEAP, 3, NOON + MINUTE)
    receiver.taken.clear()

    assert deliver_webhooks(NOON + MINUTE).done == 0  # it rests: it has refused all
    webhooks.note(refusing, lambda it: replace(it, rests_until=None))
    assert deliver_webhooks(NOON + 2 * MINUTE).done == 3

    assert heard(receiver) == {HEAP: 3}


def test_more_queues_than_a_run_looks_at_are_begun_elsewhere(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run at another place, and round to it again: none is last for ever."""
    monkeypatch.setattr(queues, "PAGE", 1)
    monkeypatch.setattr(queues, "QUEUES_MAX", 1)
    first: set[str] = set()
    for minute in range(8):
        at = NOON + minute * MINUTE
        for project_id in (HEAP, SMALL, OTHER):
            happen(project_id, 1, at)
        before = waiting("events")
        report = deliver_webhooks(at)
        first |= set(before - waiting("events"))
        assert not report.is_complete

    assert receiver.taken == []
    assert first == {HEAP, SMALL, OTHER}


def test_an_idle_run_costs_four_queries(receiver: Receiver, wire: Wire) -> None:
    """Half of the way round, and the other half, of events and of deliveries."""
    listening(HEAP, receiver.url)
    happen(HEAP, 1)
    deliver_webhooks(NOON)
    wire.reset()

    assert deliver_webhooks(NOON + MINUTE).is_complete

    assert [rpc.name for rpc in wire.rpcs] == ["RunQuery"] * 4


def test_a_run_costs_three_commits_an_event_and_little_more(
    receiver: Receiver, wire: Wire
) -> None:
    """Handed on, leased, ended; the webhooks of a project are read once."""
    listening(HEAP, receiver.url)
    happen(HEAP, 40)
    wire.reset()

    deliver_webhooks(NOON)

    assert wire.commits == 3 * 40
    assert sum(rpc.name == "RunQuery" for rpc in wire.rpcs) == 5


def test_a_heap_costs_a_page_and_its_shards(
    receiver: Receiver, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a page for every hundred that wait."""
    bounded(monkeypatch, 16, page=4)
    listening(HEAP, receiver.url)
    happen(HEAP, 40)
    wire.reset()

    deliver_webhooks(NOON)

    # Of each: a page, the other half round, what comes after the page, and the shards; and
    # the webhooks of the project.
    assert sum(rpc.name == "RunQuery" for rpc in wire.rpcs) == 2 * (3 + SHARDS) + 1


def test_of_runs_at_once_each_event_is_sent_by_one(receiver: Receiver) -> None:
    """Two instances, each with all its hands: at least once, and here exactly once."""
    hooks = [listening(project_id, receiver.url) for project_id in (HEAP, SMALL, OTHER)]
    for project_id in (HEAP, SMALL, OTHER):
        happen(project_id, 15)

    in_parallel(2, lambda _: deliver_webhooks(NOON))
    deliver_webhooks(NOON)  # what one handed on when the other had looked already

    sent = Counter(taken.headers["webhook-id"] for taken in receiver.taken)
    assert len(sent) == 15 * len(hooks)
    assert set(sent.values()) == {1}
    assert waiting("events") == waiting("deliveries") == {}


def test_one_webhook_never_has_all_the_senders(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted where they would all be at once."""
    listening(HEAP, receiver.url)
    happen(HEAP, 60)
    send, at_once = webhooks.send, []
    now: Counter[str] = Counter()

    def counted(webhook: Webhook, *given: Any, **named: Any) -> Any:
        now[webhook.webhook_id] += 1
        at_once.append(now[webhook.webhook_id])
        try:
            return send(webhook, *given, **named)
        finally:
            now[webhook.webhook_id] -= 1

    monkeypatch.setattr(webhooks, "send", counted)

    assert deliver_webhooks(NOON).done == 60

    assert max(at_once) <= HANDS_PER_LANE_MAX < deliveries.SENDERS


def test_one_that_refuses_some_and_takes_others_is_never_switched_off(
    receiver: Receiver,
) -> None:
    """Three days of refusing the same event mean that event, and not the webhook."""
    webhook = listening(HEAP, receiver.url)
    at = NOON
    for attempt in range(1, 9):
        happen(HEAP, 1, at)
        receiver.will(500, 200) if attempt > 1 else receiver.will(500)
        deliver_webhooks(at)
        at += timedelta(days=1)

    after = webhooks.find_webhook(HEAP, webhook.webhook_id)
    assert after.is_enabled

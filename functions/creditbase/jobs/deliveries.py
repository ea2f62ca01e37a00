"""The job `deliver_webhooks`: events go to the webhooks that want them, each until it is taken.

First a delivery is made of each new event for each webhook that wants it; then what is due is
sent, at least once, with back-off for three days. A webhook that takes nothing for that long,
or says that it is gone, is switched off. A webhook that does not answer is left alone for the
rest of a run, and what is for it is put off, so that it holds up nobody else.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from creditbase.accounts import webhook_store as store
from creditbase.accounts import webhook_use_cases as webhooks
from creditbase.accounts.webhooks import Webhook
from creditbase.jobs.sparing import try_one
from creditbase.jobs.use_cases import Report
from creditbase.kernel.money import ceil_div
from creditbase.kernel.trying import ATTEMPTS_MAX, SHARDS
from creditbase.runtime.events import find_due_events
from creditbase.runtime.firestore import Ambiguous, Lost, commit
from creditbase.runtime.log import alert
from creditbase.runtime.outbox import NotTaken, Parcel, Refused, put_off, try_to_deliver
from creditbase.runtime.outward import Answered, Unreachable

log = logging.getLogger(__name__)

EVENTS_PER_RUN_MAX = 480
DELIVERIES_PER_RUN_MAX = 960
RUN_S_MAX = 200
"""After so many seconds nothing more is begun: the function ends at 300."""
SENDERS = 8
PUT_OFF_FOR = timedelta(minutes=5)
"""A run reads so many at most: what is for a webhook that does not answer must not fill it."""
GIVEN_UP = "it took nothing for three days"
SAID_GONE = "it answered 410 Gone"


def deliver_webhooks(now: datetime) -> Report:
    """Hand new events on to webhooks and send what is due; at most so many.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    begun_s = time.monotonic()
    desk = _Desk()
    is_complete = _hand_on(desk, now)
    due: list[Parcel] = []
    most = ceil_div(DELIVERIES_PER_RUN_MAX, SHARDS)
    for shard in range(SHARDS):
        found = store.find_due_deliveries(shard=shard, now=now, limit=most)
        is_complete = is_complete and len(found) < most
        due += found
    ends: Counter[str] = Counter()

    def one(parcel: Parcel) -> str:
        spent_s = time.monotonic() - begun_s
        if spent_s >= RUN_S_MAX:
            return "not begun"
        return desk.deliver(parcel, now + timedelta(seconds=spent_s))

    with ThreadPoolExecutor(SENDERS) as senders:
        ends.update(senders.map(one, sorted(due, key=lambda parcel: parcel.created_at)))
    is_complete = is_complete and not ends["not begun"] and not ends["left alone"]
    report = Report(
        "deliver_webhooks", ends["delivered"], ends["rests"] + ends["dead"], is_complete
    )
    log.info("job done", extra=report.facts())
    return report


def _hand_on(desk: "_Desk", now: datetime) -> bool:
    """Make deliveries of new events; return whether there were no more than we take."""
    most = ceil_div(EVENTS_PER_RUN_MAX, SHARDS)
    is_complete = True
    for shard in range(SHARDS):
        found = find_due_events(shard=shard, now=now, limit=most)
        is_complete = is_complete and len(found) < most
        for event in found:
            wanting = desk.webhooks_of(event.fields["project_id"])
            try:
                commit(store.writes_to_hand_on(event, wanting, now=now))
            except (Lost, Ambiguous):
                continue  # another run was quicker, or the next one sees what became of it
    return is_complete


class _Desk:
    """What one run knows: the webhooks of each project, and which of them do not answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._webhooks: dict[str, list[Webhook]] = {}
        self._silent: set[str] = set()

    def webhooks_of(self, project_id: str) -> list[Webhook]:
        """Return a project's webhooks, read once in a run."""
        with self._lock:
            if project_id not in self._webhooks:
                self._webhooks[project_id] = store.find_webhooks(project_id)
            return self._webhooks[project_id]

    def deliver(self, parcel: Parcel, at: datetime) -> str:
        """Send one delivery and say how it ended."""
        webhook_id = parcel.fields["webhook_id"]
        with self._lock:
            is_silent = webhook_id in self._silent
        if is_silent:
            put_off(parcel, until=at + PUT_OFF_FOR)
            return "left alone"
        end = try_one(
            lambda: try_to_deliver(parcel, self._send, now=at),
            otherwise="rests",
            delivery=parcel.parcel_id,
        )
        if end == "dead":
            self._after_death(parcel, at)
        return end

    def _send(self, parcel: Parcel) -> Mapping[str, Any]:
        kept = parcel.fields
        known = self.webhooks_of(kept["project_id"])
        webhook = next((w for w in known if w.webhook_id == kept["webhook_id"]), None)
        if webhook is None or not webhook.is_enabled:
            raise Refused("the webhook is switched off, or was taken away")
        try:
            answered = webhooks.send(webhook, kept["event_id"], kept["body"])
        except Unreachable as failure:
            with self._lock:
                self._silent.add(webhook.webhook_id)
            raise NotTaken(str(failure), info={}) from failure
        told = told_of(answered)
        if answered.status == webhooks.GONE:
            raise Refused(SAID_GONE, info=told)
        if not answered.is_good:
            raise NotTaken(f"it answered {answered.status}", info=told)
        return told

    def _after_death(self, parcel: Parcel, at: datetime) -> None:
        """Switch a webhook off that was given up on, and call for somebody."""
        kept = parcel.fields
        project_id, webhook_id = kept["project_id"], kept["webhook_id"]
        known = [w for w in self.webhooks_of(project_id) if w.webhook_id == webhook_id]
        if not known or not known[0].is_enabled:
            return
        is_last = parcel.delivery.attempts + 1 >= ATTEMPTS_MAX
        reason = GIVEN_UP if is_last else SAID_GONE
        since = parcel.created_at if is_last else at
        if webhooks.give_up(project_id, webhook_id, reason, since=since, now=at):
            alert(
                "webhook_disabled",
                "a webhook takes nothing and was switched off",
                project=project_id,
                webhook=webhook_id,
            )
            with self._lock:
                self._webhooks.pop(project_id, None)


def told_of(answered: Answered) -> dict[str, object]:
    """Return what the log of deliveries keeps of an answer."""
    return {
        "response_status": answered.status,
        "response_body": answered.body,
        "latency_ms": answered.latency_ms,
    }

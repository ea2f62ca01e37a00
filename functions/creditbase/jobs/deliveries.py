"""The job `deliver_webhooks`: events go to the webhooks that want them, each until it is taken.

First a delivery is made of each new event for each webhook that wants it; then what is due is
sent, at least once, with back-off for three days. Projects, and then webhooks, take turns, so
that a heap of one hides nothing of another. A webhook that does not answer, or refuses all, is
left alone for some minutes; one that takes nothing for three days, or says that it is gone, is
switched off.
"""

import contextlib
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
from creditbase.accounts.webhooks import Fared, Webhook, after_run, given_up
from creditbase.jobs import receivers
from creditbase.jobs.queues import Due, read_due
from creditbase.jobs.rounds import Outcome, Result, Rounds, in_turn
from creditbase.jobs.sparing import try_one
from creditbase.jobs.use_cases import Report
from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import Ambiguous, Lost, commit
from creditbase.runtime.log import alert
from creditbase.runtime.outbox import NotTaken, Parcel, Refused, try_to_deliver
from creditbase.runtime.outward import Answered, Unreachable

log = logging.getLogger(__name__)

EVENTS_PER_RUN_MAX = 6_000
DELIVERIES_PER_RUN_MAX = 6_000
RUN_S_MAX = 50
"""After so many seconds nothing more is begun: a minute later the next run shares anew."""
STORE_HANDS = 16
"""How many events are handed on at once."""
SENDERS = 32
SAID_GONE = "it answered 410 Gone"


def deliver_webhooks(now: datetime) -> Report:
    """Hand new events on to webhooks and send what is due; at most so many.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    run = _Run(_Desk(), now, time.monotonic())
    with ThreadPoolExecutor(STORE_HANDS) as hands:
        is_complete = run.hand_on(hands)
        due = read_due(
            "deliveries",
            most=DELIVERIES_PER_RUN_MAX,
            now=now,
            readers=hands,
            rests=lambda parcel: run.desk.rests(parcel, now),
        )
    ends = run.send(due)
    is_complete = is_complete and due.is_complete and not ends["left alone"]
    report = Report(
        "deliver_webhooks", ends["delivered"], ends["rests"] + ends["dead"], is_complete
    )
    log.info("job done", extra=report.facts())
    return report


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: what it knows, its instant, and when it began."""

    desk: "_Desk"
    now: datetime
    begun_s: float

    def at(self) -> datetime:
        """Return what time it is by now: a lease counts from when something is taken."""
        return self.now + timedelta(seconds=time.monotonic() - self.begun_s)

    def is_over(self) -> bool:
        """Return whether nothing more is to be begun."""
        return time.monotonic() - self.begun_s >= RUN_S_MAX

    def hand_on(self, hands: ThreadPoolExecutor) -> bool:
        """Make deliveries of new events; return whether that were all."""
        due = read_due("events", most=EVENTS_PER_RUN_MAX, now=self.now, readers=hands)
        list(hands.map(self.desk.webhooks_of, due.queues))  # once for each project

        def one(event: Parcel) -> bool:
            if self.is_over():
                return False
            wanting = self.desk.webhooks_of(event.fields["project_id"])
            ours = receivers.wanting(event.fields["event_type"])
            # Another run was quicker, or the next one sees what became of it.
            with contextlib.suppress(Lost, Ambiguous):
                commit(store.writes_to_hand_on(event, wanting, ours=ours, now=self.now))
            return True

        return all(list(hands.map(one, in_turn(due.queues.values())))) and due.is_complete

    def send(self, due: Due) -> Counter[str]:
        """Send what is due, webhook by webhook in turn, and say how it all ended."""
        known = {name: self.desk.webhook_of(queue[0]) for name, queue in due.queues.items()}
        failing = {name for name, it in known.items() if it is not None and it.failing_since}
        rounds = Rounds.of(due.queues, doubtful=failing, hands=SENDERS)
        ends: Counter[str] = Counter()
        with ThreadPoolExecutor(SENDERS) as senders:
            for served in [senders.submit(self._serve, rounds) for _ in range(SENDERS)]:
                ends += served.result()
        for result in rounds.results():
            ends["left alone"] += result.left
            webhook = known[result.name]
            if webhook is not None and result.took + result.refused:
                self.desk.note(webhook, result, self.now)
        return ends

    def _serve(self, rounds: Rounds[Parcel]) -> Counter[str]:
        """Be one sender: take turns until there are none, or no time."""
        ends: Counter[str] = Counter()
        while not self.is_over() and (turn := rounds.take()) is not None:
            name, parcel = turn
            outcome: Outcome = "neither"
            begun_ns = time.monotonic_ns()
            try:
                end, outcome = self.desk.deliver(parcel, self.at())
                ends[end] += 1
                if end == "dead" and name in receivers.RECEIVERS:
                    _alert_lost(parcel)
            finally:
                spent_ms = (time.monotonic_ns() - begun_ns) // 1_000_000
                rounds.done(name, outcome, spent_ms)
        return ends


class _Silent(NotTaken):
    """There was no answer."""


class _Desk:
    """What one run knows of the webhooks of each project."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._webhooks: dict[str, list[Webhook]] = {}

    def webhooks_of(self, project_id: str) -> list[Webhook]:
        """Return a project's webhooks, read once in a run."""
        with self._lock:
            known = self._webhooks.get(project_id)
        if known is None:
            known = store.find_webhooks(project_id)
            with self._lock:
                known = self._webhooks.setdefault(project_id, known)
        return known

    def webhook_of(self, parcel: Parcel) -> Webhook | None:
        """Return the webhook that a delivery is for, if it is still there."""
        kept = parcel.fields
        known = self.webhooks_of(kept["project_id"])
        return next((it for it in known if it.webhook_id == kept["webhook_id"]), None)

    def rests(self, parcel: Parcel, now: datetime) -> bool:
        """Return whether nothing is to be sent to a delivery's webhook for now."""
        webhook = self.webhook_of(parcel)
        if webhook is None or not webhook.is_enabled or webhook.rests_until is None:
            return False
        return now < webhook.rests_until

    def deliver(self, parcel: Parcel, at: datetime) -> tuple[str, Outcome]:
        """Send one delivery; say how it ended, and what its receiver did."""
        outcome: Outcome = "neither"

        def send(held: Parcel) -> Mapping[str, Any]:
            nonlocal outcome
            try:
                told = self._send(held, at)
            except _Silent:
                outcome = "silent"
                raise
            except NotTaken:
                outcome = "refused"
                raise
            outcome = "took"
            return told

        end = try_one(
            lambda: try_to_deliver(parcel, send, now=at),
            otherwise="rests",
            delivery=parcel.parcel_id,
        )
        return end, outcome

    def _send(self, parcel: Parcel, at: datetime) -> Mapping[str, Any]:
        kept = parcel.fields
        if kept["webhook_id"] in receivers.RECEIVERS:
            return receivers.RECEIVERS[kept["webhook_id"]](parcel)
        webhook = self.webhook_of(parcel)
        if webhook is None or not webhook.is_enabled:
            raise Refused("the webhook is switched off, or was taken away")
        try:
            answered = webhooks.send(webhook, kept["event_id"], kept["body"])
        except Unreachable as failure:
            raise _Silent(str(failure), info={}) from failure
        told = told_of(answered)
        if answered.status == webhooks.GONE:
            self._switch_off(webhook, at)
            raise Refused(SAID_GONE, info=told)
        if not answered.is_good:
            raise NotTaken(f"it answered {answered.status}", info=told)
        return told

    def _switch_off(self, webhook: Webhook, now: datetime) -> None:
        if webhooks.note(webhook, lambda it: given_up(it, SAID_GONE, now=now)):
            _alert(webhook)
        with self._lock:
            self._webhooks.pop(webhook.project_id, None)

    def note(self, webhook: Webhook, result: Result, now: datetime) -> None:
        """Write down how a webhook fared in a run, where that is anything new."""
        fared = Fared(
            has_taken=result.took > 0,
            has_refused=result.refused > 0,
            is_closed=result.is_closed,
        )
        if after_run(webhook, fared, now=now) == webhook:
            return
        if webhooks.note(webhook, lambda it: after_run(it, fared, now=now)):
            _alert(webhook)


def _alert_lost(parcel: Parcel) -> None:
    alert(
        "receiver_failed",
        "an event was not taken by a receiver of ours",
        receiver=parcel.fields["webhook_id"],
        delivery=parcel.parcel_id,
    )


def _alert(webhook: Webhook) -> None:
    alert(
        "webhook_disabled",
        "a webhook takes nothing and was switched off",
        project=webhook.project_id,
        webhook=webhook.webhook_id,
    )


def told_of(answered: Answered) -> dict[str, object]:
    """Return what the log of deliveries keeps of an answer."""
    return {
        "response_status": answered.status,
        "response_body": answered.body,
        "latency_ms": answered.latency_ms,
    }

"""The job `drain_inbox`: Stripe's events that were stored and not finished are tried again.

Bounded in number and time. Each attempt is counted before it is made and moves the event
into the future, so a run that was killed is continued by the next, and what always fails
neither blocks the others nor is tried for ever. Kept apart from the other jobs because it
speaks with Stripe, and they need not even load it.
"""

import logging
import time
from collections import Counter
from datetime import datetime

from creditbase.jobs.sparing import try_one
from creditbase.jobs.use_cases import Report
from creditbase.kernel.money import ceil_div
from creditbase.kernel.trying import ATTEMPTS_MAX
from creditbase.ledger.paths import SHARDS
from creditbase.payments.inbox import (
    Waiting,
    find_due_events,
    give_up_if_spent,
    try_again,
)

log = logging.getLogger(__name__)

EVENTS_PER_RUN_MAX = 480
RUN_S_MAX = 240
"""After so many seconds no other event is begun: the function ends at 300."""


def drain_inbox(now: datetime, *, limit: int = EVENTS_PER_RUN_MAX) -> Report:
    """Handle again what has been unfinished for a minute, at most so many of it."""
    until_s = time.monotonic() + RUN_S_MAX
    most = ceil_div(limit, SHARDS)
    ends: Counter[str] = Counter()
    is_complete = True
    for shard in range(SHARDS):
        found = find_due_events(shard=shard, now=now, limit=most)
        is_complete = is_complete and len(found) < most
        for waiting in found:
            if time.monotonic() >= until_s:
                is_complete = False
                break
            ends[_try(waiting, now=now)] += 1
    report = Report("drain_inbox", ends["done"], ends["failed"], is_complete)
    log.info("job done", extra=report.facts())
    return report


def _try(waiting: Waiting, *, now: datetime) -> str:
    """Return how it ended: `done`, `failed`, or `left` to somebody else who is at it."""
    event_id = waiting.event.event_id
    attempt = waiting.attempts + 1
    end = try_one(
        lambda: "done" if try_again(waiting, now=now) else "left",
        otherwise="failed",
        stripe_event=event_id,
        attempt=attempt,
    )
    if end == "failed" and attempt >= ATTEMPTS_MAX:
        give_up_if_spent(event_id)
    return end

"""How the house is: what the jobs did, what waits, and what stands still. Cheap to ask.

Some twenty bounded questions, asked at once; nothing is computed that would have to read every
wallet. That the ledger agrees with itself is proved entry by entry before each commit, and
again by `verify_ledger`; what does not is parked.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

from creditbase.admin import rollup_progress
from creditbase.admin.inbox import count_events
from creditbase.admin.runs_store import Runs, load_runs
from creditbase.admin.verify_progress import VerifyProgress, load_verify_progress
from creditbase.kernel.records import dataclass
from creditbase.ledger import anchor_store
from creditbase.ledger.attention import (
    Overdue,
    Parked,
    find_overdue,
    find_parked_anywhere,
)
from creditbase.payments.inbox_store import find_longest_due
from creditbase.runtime.backlog import Backlog, backlog_of, backlog_of_queues

T = TypeVar("T")

HANDS = 8
NAMED_MAX = 20
"""How many wallets are named; more is told as more."""
GRACE = timedelta(minutes=10)
"""How long after its time a hold may stand: the job that ends them runs every five minutes."""
JOBS = [
    *("sync_balances", "expire_holds", "reset_cycles", "roll_up_usage"),
    *("drain_inbox", "reconcile_stripe", "answer_crossings", "erase_customers"),
    *("deliver_outbox", "deliver_webhooks", "anchor_ledger", "verify_ledger"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was found, as of one moment."""

    runs: list[Runs]
    rolled_up_at: datetime | None
    """The instant that the platform's days are of; None before the first roll-up."""
    is_rolling: bool
    anchored: str
    """The newest day that was anchored; empty before the first."""
    verified: VerifyProgress
    """Until when wallets were verified."""
    parked: list[Parked]
    """At most one more than may be named."""
    overdue: list[Overdue]
    """At most one more than may be named."""
    events: dict[str, int]
    events_due_since: datetime | None
    backlogs: list[Backlog]


def look(now: datetime) -> Health:
    """Ask everything at once.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    with ThreadPoolExecutor(HANDS) as hands:

        def ask(question: Callable[[], T]) -> Callable[[], T]:
            return hands.submit(question).result

        runs = ask(lambda: load_runs(JOBS))
        progress = ask(rollup_progress.load_progress)
        anchored = ask(anchor_store.load_progress)
        verified = ask(load_verify_progress)
        parked = ask(lambda: find_parked_anywhere(limit=NAMED_MAX + 1))
        overdue = ask(lambda: find_overdue(now - GRACE, limit=NAMED_MAX + 1))
        events = ask(count_events)
        events_due_since = ask(lambda: find_longest_due(now))
        mail = ask(lambda: backlog_of("mail", now=now))
        crossings = ask(lambda: backlog_of("crossings", now=now))
        told = ask(lambda: backlog_of_queues("events"))
        deliveries = ask(lambda: backlog_of_queues("deliveries"))
        rolled = progress()
        return Health(
            runs=runs(),
            rolled_up_at=rolled.as_of,
            is_rolling=rolled.sweep is not None,
            anchored=anchored().last_date,
            verified=verified(),
            parked=parked(),
            overdue=overdue(),
            events=events(),
            events_due_since=events_due_since(),
            backlogs=[mail(), crossings(), told(), deliveries()],
        )

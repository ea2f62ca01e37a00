"""The job `answer_crossings`: what follows when a balance has fallen below a level.

The commit that took it there wrote a crossing, and nothing else. Here the customer is
reminded, or the wallet tops itself up. A crossing is leased before it is answered, so of two
runs one does it; a run that was killed is continued by the next, when the lease is over.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from creditbase.accounts.domain import CustomerRef
from creditbase.jobs.use_cases import Report
from creditbase.kernel.errors import Contention, NotFound, Unavailable
from creditbase.kernel.money import ceil_div
from creditbase.kernel.trying import SHARDS
from creditbase.ledger.store import find_due_crossings, write_to_ask_again
from creditbase.payments.auto_topups import refill
from creditbase.payments.reminding import LowBalance, remind
from creditbase.runtime.firestore import Ambiguous, Lost, commit
from creditbase.runtime.log import alert
from creditbase.runtime.outbox import NotTaken, Parcel, Refused, try_to_deliver

log = logging.getLogger(__name__)

CROSSINGS_PER_RUN_MAX = 480
NAMED_MAX = 20
"""How many crossings an alert names."""

Answer = Callable[[Parcel, datetime], Mapping[str, Any]]


def answer_crossings(now: datetime, *, limit: int = CROSSINGS_PER_RUN_MAX) -> Report:
    """Do what is due about balances that have fallen below a level; at most so many.

    Raises:
        Unavailable: the store gave no answer.
    """
    most = ceil_div(limit, SHARDS)
    ends: Counter[str] = Counter()
    dead: list[str] = []
    is_complete = True
    for shard in range(SHARDS):
        found = find_due_crossings(shard=shard, now=now, limit=most)
        is_complete = is_complete and len(found) < most
        for parcel in found:
            end = try_to_deliver(parcel, lambda held: _answer(held, now), now=now)
            ends[end] += 1
            if end == "dead":
                dead.append(parcel.parcel_id)
    if dead:
        alert(
            "crossing_failed",
            "nothing came of a low balance",
            crossings=dead[:NAMED_MAX],
            count=len(dead),
        )
    failed = ends["rests"] + ends["dead"]
    report = Report("answer_crossings", ends["delivered"], failed, is_complete)
    log.info("job done", extra=report.facts())
    return report


def _answer(parcel: Parcel, now: datetime) -> Mapping[str, Any]:
    try:
        return ANSWERS[parcel.fields["level"]](parcel, now)
    except (Unavailable, Contention) as failure:
        raise NotTaken(type(failure).__name__) from failure
    except NotFound as failure:
        raise Refused("There is no such customer") from failure


def _remind(parcel: Parcel, now: datetime) -> Mapping[str, Any]:
    kept = parcel.fields
    low = LowBalance(kept["number"], kept["below_nanos"], kept["balance_nanos"])
    remind(_customer(parcel), low, now=now)
    return {"done": "reminded"}


def _refill(parcel: Parcel, now: datetime) -> Mapping[str, Any]:
    again_at = refill(_customer(parcel), now=now)
    if again_at is None:
        return {"done": "refilled"}
    if again_at <= now:
        raise NotTaken("One run was not enough")
    try:
        commit([write_to_ask_again(parcel, at=again_at)])
    except Lost:
        pass  # somebody has written it already
    except Ambiguous as failure:
        raise NotTaken("not known to be written") from failure
    return {"done": "waits for the next month"}


def _customer(parcel: Parcel) -> CustomerRef:
    return CustomerRef(parcel.fields["project_id"], parcel.fields["customer_id"])


ANSWERS: dict[str, Answer] = {"low": _remind, "refill": _refill}

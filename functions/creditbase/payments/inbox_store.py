"""The inbox of Stripe's events: `stripe_events/{evt}`, which go after 90 days.

Nobody else spells this path. An event is stored once, acted on, and finished; what is stored
and not finished is due again later.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from creditbase.kernel.records import dataclass
from creditbase.kernel.trying import SHARDS, rest_after, shard_of
from creditbase.payments.domain import EVENT_LIFETIME, Event, Outcome
from creditbase.runtime.firestore import (
    Create,
    Snapshot,
    Update,
    Version,
    Write,
    count_documents,
    get_all,
    query,
)

PAYLOAD_CHARACTERS_MAX = 200_000
"""A longer payload is not kept: the object is asked for again anyway."""
PERSONAL = frozenset(
    {"charge", "checkout.session", "dispute", "payment_intent", "refund", "setup_intent"}
)
"""Kinds of objects that are about a person, and do not always say about whom."""
NEEDED = (
    *("type", "livemode", "account", "api_version", "object_id", "object_type"),
    *("status", "attempts"),
)
"""What trying an event again needs to know: not the payload, which may be large."""
FINISHED = frozenset({"applied", "ignored", "quarantined"})
"""How an event ends. A `stored` one is still tried, a `dead` one only if it is sent again."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event of the inbox: finished, or with the version that finishing it needs."""

    is_finished: bool
    version: Version


def find_event(event_id: str) -> Stored | None:
    """Return how far an event has come, if it was ever stored."""
    snapshot = get_all([_event(event_id)])[0]
    if snapshot.fields is None or snapshot.version is None:
        return None
    return Stored(snapshot.fields["status"] in FINISHED, snapshot.version)


def find_finished(event_ids: Sequence[str]) -> set[str]:
    """Return which of these events are finished, by one RPC."""
    paths = [_event(name) for name in event_ids]
    found = get_all(paths, only=["status"]) if paths else []
    return {
        name
        for name, snapshot in zip(event_ids, found, strict=True)
        if snapshot.fields is not None and snapshot.fields["status"] in FINISHED
    }


@dataclass(frozen=True, slots=True)
class Waiting:
    """An unfinished event of the inbox: how often it was tried, and the version read.

    Its payload stays where it is: nothing is read of it but what has a field of its own.
    """

    event: Event
    attempts: int
    version: Version


def find_due_events(*, shard: int, now: datetime, limit: int) -> list[Waiting]:
    """Return unfinished events of a shard that want to be tried, the longest due first."""
    found = query(
        "stripe_events",
        where=[("shard", "==", shard), ("next_try_at", "<=", now)],
        order_by="next_try_at",
        limit=limit,
        only=NEEDED,
    )
    return [_waiting(snapshot) for snapshot in found]


def find_waiting(event_id: str) -> Waiting | None:
    """Return the event as it stands, if it is still tried."""
    snapshot = get_all([_event(event_id)], only=NEEDED)[0]
    if snapshot.fields is None or snapshot.fields["status"] != "stored":
        return None
    return _waiting(snapshot)


def _waiting(snapshot: Snapshot) -> Waiting:
    assert snapshot.fields is not None
    assert snapshot.version is not None
    kept = snapshot.fields
    event = Event(
        event_id=snapshot.path.rpartition("/")[2],
        type=kept["type"],
        is_live=kept["livemode"],
        account=kept["account"],
        api_version=kept["api_version"],
        object_id=kept["object_id"],
        object_type=kept["object_type"],
        payload="",
    )
    return Waiting(event, kept["attempts"], snapshot.version)


# ---- what operators look at ------------------------------------------------------------------

Unfinished = Literal["stored", "dead", "quarantined"]
"""Events that somebody may want to look at: still tried, given up, and never ours to handle."""
SHOWN = (*NEEDED, "reason", "received_at", "next_try_at")


@dataclass(frozen=True, slots=True)
class Listed:
    """An event of the inbox as an operator sees it, with the version read."""

    event: Event
    status: str
    reason: str
    attempts: int
    received_at: datetime
    next_try_at: datetime | None
    version: Version


def find_listed(event_id: str) -> Listed | None:
    """Return an event, whatever became of it."""
    snapshot = get_all([_event(event_id)], only=SHOWN)[0]
    return None if snapshot.fields is None else _listed(snapshot)


def find_by_status(status: Unfinished, *, after: str, limit: int) -> list[Listed]:
    """Return events of a status, by id, beyond one.

    An index of when they came would be a hot spot: it would have every event there is.
    """
    found = query(
        "stripe_events",
        where=[("status", "==", status)],
        order_by="status",
        limit=limit,
        only=SHOWN,
        after=(status, _event(after)) if after else None,
    )
    return [_listed(snapshot) for snapshot in found]


def count_by_status(status: Unfinished) -> int:
    """Return how many events have a status."""
    return count_documents("stripe_events", where=[("status", "==", status)])


def find_longest_due(now: datetime) -> datetime | None:
    """Return since when the longest waiting event is due; None where nothing is due."""
    found = query(
        "stripe_events",
        where=[("shard", "in", list(range(SHARDS))), ("next_try_at", "<=", now)],
        order_by="next_try_at",
        limit=1,
        only=["next_try_at"],
    )
    due_at: datetime | None = (found[0].fields or {})["next_try_at"] if found else None
    return due_at


def writes_to_try_again(listed: Listed, *, now: datetime) -> list[Write]:
    """Return the write that makes an event due as if it had just come, unless it changed."""
    changes: dict[tuple[str, ...], Any] = {
        ("status",): "stored",
        ("reason",): "",
        ("finished_at",): None,
        ("attempts",): 0,
        ("next_try_at",): now,
    }
    path = _event(listed.event.event_id)
    return [Update(path, changes, unless_changed_since=listed.version)]


def _listed(snapshot: Snapshot) -> Listed:
    waiting = _waiting(snapshot)
    kept = snapshot.fields or {}
    return Listed(
        event=waiting.event,
        status=kept["status"],
        reason=kept["reason"],
        attempts=waiting.attempts,
        received_at=kept["received_at"],
        next_try_at=kept["next_try_at"],
        version=waiting.version,
    )


# ---- writes ----------------------------------------------------------------------------------


def writes_for_arrival(event: Event, *, is_erased: bool = False, now: datetime) -> list[Write]:
    """Return the write that stores an event, or fails if it was stored before.

    Its payload only where it could be found again: not of `PERSONAL` objects that do not say
    whose they are, and not of a person who was erased.
    """
    fits = len(event.payload) <= PAYLOAD_CHARACTERS_MAX and not is_erased
    is_told = bool(event.stripe_customer_id) or event.object_type not in PERSONAL
    fields = {
        "type": event.type,
        "livemode": event.is_live,
        "account": event.account,
        "api_version": event.api_version,
        "object_id": event.object_id,
        "object_type": event.object_type,
        "stripe_customer_id": event.stripe_customer_id,
        "payload": event.payload if fits and is_told else "",
        "status": "stored",
        "reason": "",
        "received_at": now,
        "finished_at": None,
        "expires_at": now + EVENT_LIFETIME,
        "attempts": 0,
        "next_try_at": now + rest_after(0),
        "shard": shard_of(event.event_id),
    }
    return [Create(_event(event.event_id), fields)]


def writes_for_end(
    event: Event, outcome: Outcome, version: Version, *, now: datetime
) -> list[Write]:
    """Return the write that finishes an event, or fails if somebody else did."""
    changes: dict[tuple[str, ...], Any] = {
        ("status",): outcome.status,
        ("reason",): outcome.reason,
        ("finished_at",): now,
        ("next_try_at",): None,
    }
    return [Update(_event(event.event_id), changes, unless_changed_since=version)]


def writes_for_attempt(waiting: Waiting, *, now: datetime) -> list[Write]:
    """Return the write that counts an attempt before it is made, or fails if a twin did.

    Whoever dies in it has made it all the same, so that no event can kill us for ever.
    """
    attempts = waiting.attempts + 1
    changes: dict[tuple[str, ...], Any] = {
        ("attempts",): attempts,
        ("next_try_at",): now + rest_after(attempts),
    }
    path = _event(waiting.event.event_id)
    return [Update(path, changes, unless_changed_since=waiting.version)]


def writes_for_death(waiting: Waiting) -> list[Write]:
    """Return the write that gives an event up, or fails if it has changed."""
    changes: dict[tuple[str, ...], Any] = {("status",): "dead", ("next_try_at",): None}
    path = _event(waiting.event.event_id)
    return [Update(path, changes, unless_changed_since=waiting.version)]


# ---- erasing ---------------------------------------------------------------------------------


def find_events_of(stripe_customer_id: str, *, after: str, limit: int) -> list[Snapshot]:
    """Return events about a Stripe customer, payloads too, by id, beyond one."""
    return query(
        "stripe_events",
        where=[("stripe_customer_id", "==", stripe_customer_id)],
        order_by="stripe_customer_id",
        limit=limit,
        after=(stripe_customer_id, _event(after)) if after else None,
    )


def writes_to_empty(found: Sequence[Snapshot]) -> list[Write]:
    """Return the writes that leave of events what names nobody."""
    return [
        Update(one.path, {("payload",): ""}, unless_changed_since=one.version)
        for one in found
        if one.version is not None and (one.fields or {}).get("payload")
    ]


def _event(event_id: str) -> str:
    return f"stripe_events/{event_id}"

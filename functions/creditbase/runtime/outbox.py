"""Outboxes: documents that were written in the commit of their cause, and are to be delivered.

    {outbox}/{id}   created_at, due_at (null: nothing to do), shard, expires_at (TTL), delivery,
                    and where receivers take turns, queue (null: nothing to do)

`delivery` has the form that Firebase's Trigger Email extension gives it, and is not there
until somebody takes the document. Each change is conditioned on the version that was read, so
of two that take the same parcel one does. What carries the parcel is the caller's affair:
mail, and any other outbox that is kept like this.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from creditbase.kernel import outbox
from creditbase.kernel.outbox import LIFETIME, Delivery, Watched
from creditbase.kernel.records import dataclass
from creditbase.kernel.trying import shard_of
from creditbase.runtime.firestore import (
    Ambiguous,
    Create,
    Fields,
    Lost,
    Snapshot,
    Update,
    Version,
    commit,
    query,
)

log = logging.getLogger(__name__)

WRITES_MAX = 3
"""How often an end is written whose reply was lost."""


class NotDelivered(Exception):
    """The parcel was not taken. `info` is what is known of the attempt, if anything."""

    def __init__(self, message: str, *, info: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.info = info


class Refused(NotDelivered):
    """The parcel will never be taken; trying again does not help."""


class NotTaken(NotDelivered):
    """The parcel was not taken now; it may be later."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Something to deliver, as one read saw it."""

    path: str
    fields: Fields
    delivery: Delivery
    version: Version

    @property
    def parcel_id(self) -> str:
        """Return the id, which its cause gave it."""
        return self.path.rpartition("/")[2]

    @property
    def queue(self) -> str:
        """Return with what else it waits."""
        return str(self.fields["queue"])

    @property
    def due_at(self) -> datetime | None:
        """Return when it wants to be looked at; None: never again."""
        at: datetime | None = self.fields["due_at"]
        return at

    @property
    def created_at(self) -> datetime:
        """Return when its cause was committed."""
        at: datetime = self.fields["created_at"]
        return at


Send = Callable[[Parcel], Mapping[str, Any]]
"""Carries a parcel and says what became of it; raises `Refused` or `NotTaken`."""
QueuedOutbox = Literal["events", "deliveries"]
"""The outboxes that are read by turns: `queue` is a project, or a webhook."""
End = Literal["delivered", "rests", "dead", "left"]
"""Dead: a person should look. Left: to somebody else who is at it."""


def create_parcel(
    path: str, fields: Mapping[str, Any], *, now: datetime, queue: str = ""
) -> Create:
    """Return the write that puts something into an outbox, for the commit of its cause.

    `queue` says with what else it waits, where an outbox is read by turns.
    """
    kept = {
        **fields,
        "created_at": now,
        "due_at": now,
        "shard": shard_of(path.rpartition("/")[2]),
        "expires_at": now + LIFETIME,
        **({"queue": queue} if queue else {}),
    }
    return Create(path, kept)


def parcel_from(snapshot: Snapshot) -> Parcel:
    """Return the parcel that a document is."""
    assert snapshot.fields is not None
    assert snapshot.version is not None
    kept = snapshot.fields.get("delivery") or {}
    delivery = Delivery(
        state=kept.get("state") or "PENDING",
        attempts=kept.get("attempts") or 0,
        started_at=kept.get("startTime"),
        ended_at=kept.get("endTime"),
        lease_expires_at=kept.get("leaseExpireTime"),
        error=kept.get("error") or "",
        info=kept.get("info") or {},
    )
    return Parcel(snapshot.path, snapshot.fields, delivery, snapshot.version)


def find_waiting(outbox: QueuedOutbox, *, after: str, limit: int) -> list[Parcel]:
    """Return what waits in the queues that come after one, queue by queue, due or not."""
    assert outbox in {"events", "deliveries"}
    found = query(outbox, where=[("queue", ">", after)], order_by="queue", limit=limit)
    return [parcel_from(snapshot) for snapshot in found]


def find_due(
    outbox: QueuedOutbox, queue: str, *, shard: int, now: datetime, limit: int
) -> list[Parcel]:
    """Return what is due of a queue and shard, the longest due first."""
    assert outbox in {"events", "deliveries"}
    found = query(
        outbox,
        where=[("queue", "==", queue), ("shard", "==", shard), ("due_at", "<=", now)],
        order_by="due_at",
        limit=limit,
    )
    return [parcel_from(snapshot) for snapshot in found]


def try_to_deliver(parcel: Parcel, send: Send, *, now: datetime) -> End:
    """Lease a parcel, carry it, and write down how it ended.

    At least once: who dies after carrying it, and before saying so, has it carried again.
    """
    if parcel.delivery.is_ended:
        # Somebody else has delivered it, or has given it up; it is only no longer due.
        _write(parcel, parcel.delivery)
        return "delivered" if parcel.delivery.state == "SUCCESS" else "dead"
    if parcel.delivery.is_spent:
        spent = outbox.failed(
            parcel.delivery, "The last attempt did not end", is_final=True, now=now
        )
        _write(parcel, spent)
        return "dead"
    leased = outbox.taken(parcel.delivery, now=now)
    try:
        version = commit([_update(parcel, leased)])
    except (Lost, Ambiguous):
        return "left"  # where it was ours all the same, the lease ends and it is due again
    held = Parcel(parcel.path, parcel.fields, leased, version)
    try:
        ended = outbox.delivered(leased, send(held), now=now)
    except NotDelivered as failure:
        is_final = isinstance(failure, Refused)
        ended = outbox.failed(
            leased, str(failure), is_final=is_final, now=now, info=failure.info
        )
    _write(held, ended)
    if ended.state == "SUCCESS":
        return "delivered"
    return "dead" if ended.state == "ERROR" else "rests"


def look_after(parcel: Parcel, *, now: datetime) -> Watched:
    """Look what became of a parcel that somebody else is to deliver, and when to look again."""
    seen = outbox.watch(parcel.delivery, created_at=parcel.created_at, now=now)
    _commit(parcel, {("due_at",): seen.due_at})
    return seen


def _write(parcel: Parcel, delivery: Delivery) -> None:
    _commit(parcel, _update(parcel, delivery).changes)


def _commit(parcel: Parcel, changes: Mapping[tuple[str, ...], Any]) -> None:
    for _ in range(WRITES_MAX):
        try:
            commit([Update(parcel.path, changes, unless_changed_since=parcel.version)])
        except Lost:
            return  # our own write whose reply was lost, or somebody who knows more
        except Ambiguous:
            continue
        return
    log.warning("what became of a parcel is not written down", extra={"parcel": parcel.path})


def _update(parcel: Parcel, delivery: Delivery) -> Update:
    changes: dict[tuple[str, ...], Any] = {
        ("due_at",): delivery.due_at,
        ("delivery", "state"): delivery.state,
        ("delivery", "attempts"): delivery.attempts,
        ("delivery", "startTime"): delivery.started_at,
        ("delivery", "endTime"): delivery.ended_at,
        ("delivery", "leaseExpireTime"): delivery.lease_expires_at,
        ("delivery", "error"): delivery.error or None,
        ("delivery", "info"): dict(delivery.info) or None,
    }
    if delivery.due_at is None and "queue" in parcel.fields:
        changes["queue",] = None
    return Update(parcel.path, changes, unless_changed_since=parcel.version)

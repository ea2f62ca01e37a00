"""How much waits in the outboxes, and since when: a few counts, whatever their size."""

from datetime import UTC, datetime
from typing import Literal

from creditbase.kernel.records import dataclass
from creditbase.kernel.trying import SHARDS
from creditbase.runtime.firestore import count_documents, query
from creditbase.runtime.outbox import Parcel, QueuedOutbox, parcel_from

ALL_SHARDS = list(range(SHARDS))
THE_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

DatedOutbox = Literal["mail", "crossings"]
"""The outboxes that are read by due time alone."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in an outbox, due or resting. `due_since` is None where nothing is due."""

    name: str
    waiting: int
    due_since: datetime | None = None


def backlog_of(outbox: DatedOutbox, *, now: datetime) -> Backlog:
    """Return what waits in an outbox; a count and one document."""
    assert outbox in {"mail", "crossings"}
    waiting = count_documents(
        outbox, where=[("shard", "in", ALL_SHARDS), ("due_at", ">", THE_BEGINNING)]
    )
    longest = query(
        outbox,
        where=[("shard", "in", ALL_SHARDS), ("due_at", "<=", now)],
        order_by="due_at",
        limit=1,
        only=["due_at"],
    )
    return Backlog(outbox, waiting, (longest[0].fields or {})["due_at"] if longest else None)


def backlog_of_queues(outbox: QueuedOutbox) -> Backlog:
    """Return what waits in all queues of an outbox; a count."""
    assert outbox in {"events", "deliveries"}
    return Backlog(outbox, count_documents(outbox, where=[("queue", ">", "")]))


def find_waiting_deliveries(*, after: tuple[str, str] | None, limit: int) -> list[Parcel]:
    """Return deliveries that wait, webhook by webhook; `after` is a webhook and a delivery."""
    found = query(
        "deliveries",
        where=[("queue", ">", "")],
        order_by="queue",
        limit=limit,
        after=None if after is None else (after[0], f"deliveries/{after[1]}"),
    )
    return [parcel_from(snapshot) for snapshot in found]

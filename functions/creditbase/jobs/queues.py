"""What of an outbox is due, read so that no queue hides another.

A queue is a project's events, or a webhook's deliveries. A heap in one of them costs one page,
beyond which the next queue begins; then each gets an equal share of what a run may take.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime

from creditbase.jobs.rounds import shares
from creditbase.kernel.ids import sha256_hex
from creditbase.kernel.money import ceil_div
from creditbase.kernel.records import dataclass
from creditbase.kernel.trying import SHARDS
from creditbase.runtime.outbox import Parcel, QueuedOutbox, find_due, find_waiting

PAGE = 100
UNEVEN_MAX = 4
"""By how much a shard may have more than its part without being cut."""
QUEUES_MAX = 1_000
"""Queues that a run looks at; where there are more, each run begins at another."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is due of each queue, the longest first; whether that was all there is."""

    queues: dict[str, list[Parcel]]
    is_complete: bool


def read_due(
    outbox: QueuedOutbox,
    *,
    most: int,
    now: datetime,
    readers: Executor,
    rests: Callable[[Parcel], bool] = lambda _: False,
) -> Due:
    """Return what is due of an outbox, at most so much, and of each queue its share.

    `rests` says of any parcel whether its queue is left alone.
    """
    seen, are_all = _look_round(outbox, start=sha256_hex(now.isoformat())[:8])
    at_rest = list(readers.map(rests, [queue.parcels[0] for queue in seen.values()]))
    asleep = {name for name, rested in zip(seen, at_rest, strict=True) if rested}
    live = {name: queue for name, queue in seen.items() if name not in asleep}
    found = {name: _due(queue.parcels, now) for name, queue in live.items()}
    too_many = most + 1
    waiting = {
        name: too_many if queue.is_cut else len(found[name]) for name, queue in live.items()
    }
    share = shares(waiting, most)
    for _ in range(2):  # where some had less than their share, the others share that, too
        wanted = {name: min(share[name], waiting[name]) for name in live}
        more = {name: share[name] for name in live if wanted[name] > len(found[name])}
        for name, (parcels, is_all) in _read_more(outbox, more, now, readers).items():
            found[name] = parcels
            waiting[name] = len(parcels) if is_all else too_many
        share = shares(waiting, most)
    taken = {name: parcels[: share[name]] for name, parcels in found.items()}
    is_complete = are_all and all(waiting[name] == len(taken[name]) for name in live)
    return Due({name: parcels for name, parcels in taken.items() if parcels}, is_complete)


@dataclass(slots=True)
class _Queue:
    parcels: list[Parcel]
    is_cut: bool = False
    """Whether there may be more than was seen of it."""


def _look_round(outbox: QueuedOutbox, *, start: str) -> tuple[dict[str, _Queue], bool]:
    """Return the queues in which something waits, from one on and round to it again."""
    seen: dict[str, _Queue] = {}
    for begin, end in ((start, ""), ("", start)):
        after = begin
        while page := find_waiting(outbox, after=after, limit=PAGE):
            after = page[-1].queue
            for parcel in page:
                if not end or parcel.queue <= end:
                    seen.setdefault(parcel.queue, _Queue([])).parcels.append(parcel)
            if len(page) < PAGE or (end and after > end):
                break
            seen[after].is_cut = True
            if len(seen) >= QUEUES_MAX:
                return seen, False
    return seen, True


def _read_more(
    outbox: QueuedOutbox, more: dict[str, int], now: datetime, readers: Executor
) -> dict[str, tuple[list[Parcel], bool]]:
    """Return as much as is said of each of these queues, by shards; and whether it is all."""

    def read(asked: tuple[str, int]) -> list[Parcel]:
        name, shard = asked
        return find_due(outbox, name, shard=shard, now=now, limit=limits[name])

    limits = {name: ceil_div(most, SHARDS) + UNEVEN_MAX for name, most in more.items()}
    asked = [(name, shard) for name in more for shard in range(SHARDS)]
    found: dict[str, list[list[Parcel]]] = {name: [] for name in more}
    for (name, _), parcels in zip(asked, readers.map(read, asked), strict=True):
        found[name].append(parcels)
    return {
        name: (
            _due([parcel for shard in shards for parcel in shard], now),
            all(len(shard) < limits[name] for shard in shards),
        )
        for name, shards in found.items()
    }


def _due(parcels: list[Parcel], now: datetime) -> list[Parcel]:
    """Return those that are due, the longest first."""
    dated = [(parcel.due_at, parcel) for parcel in parcels if parcel.due_at is not None]
    due = [(at, parcel) for at, parcel in dated if at <= now]
    return [parcel for _, parcel in sorted(due, key=lambda it: (it[0], it[1].created_at))]

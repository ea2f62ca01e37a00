"""What waits in an outbox, and how far its delivery has come. Pure.

The states are those of Firebase's Trigger Email extension, so that a mail looks the same
whoever sent it. A delivery is leased before it is made: an overlapping run leaves it alone,
and whoever dies in it has made the attempt all the same.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from creditbase.kernel.records import dataclass
from creditbase.kernel.trying import ATTEMPTS_MAX, rest_after

ENDED = frozenset({"SUCCESS", "ERROR"})
LEASE = timedelta(minutes=5)
"""Longer than a run may last, so whose lease is over is not at it any more."""
LIFETIME = timedelta(days=30)
"""How long an outbox keeps what it held: it names people."""
TAKEN_WITHIN = timedelta(minutes=15)
"""How soon somebody else, the extension say, should have taken what it is to deliver."""
WATCH_EVERY = timedelta(days=1)
WATCHED_FOR = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How far a delivery has come."""

    state: str = "PENDING"
    """`PENDING`, `PROCESSING`, `RETRY` (it rests), `SUCCESS` or `ERROR`."""
    attempts: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    lease_expires_at: datetime | None = None
    error: str = ""
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ended(self) -> bool:
        """Return whether nobody will try it any more."""
        return self.state in ENDED

    @property
    def is_spent(self) -> bool:
        """Return whether it was tried as often as it may be."""
        return self.attempts >= ATTEMPTS_MAX

    @property
    def due_at(self) -> datetime | None:
        """Return when it wants to be looked at again; None where it has ended."""
        if self.state == "PROCESSING":
            return self.lease_expires_at
        if self.state == "RETRY" and self.ended_at is not None:
            return self.ended_at + rest_after(self.attempts)
        return None


def taken(delivery: Delivery, *, now: datetime) -> Delivery:
    """Return the delivery with one more attempt begun, leased until it must be over."""
    assert not delivery.is_ended
    return replace(
        delivery,
        state="PROCESSING",
        attempts=delivery.attempts + 1,
        started_at=delivery.started_at or now,
        lease_expires_at=now + LEASE,
    )


def delivered(delivery: Delivery, info: Mapping[str, Any], *, now: datetime) -> Delivery:
    """Return the delivery that was made."""
    return replace(
        delivery, state="SUCCESS", ended_at=now, lease_expires_at=None, error="", info=info
    )


def failed(
    delivery: Delivery,
    error: str,
    *,
    is_final: bool,
    now: datetime,
    info: Mapping[str, Any] | None = None,
) -> Delivery:
    """Return the delivery that rests, or that nobody tries again."""
    return replace(
        delivery,
        state="ERROR" if is_final or delivery.is_spent else "RETRY",
        ended_at=now,
        lease_expires_at=None,
        error=error,
        info=delivery.info if info is None else info,
    )


@dataclass(frozen=True, slots=True)
class Watched:
    """What a look at somebody else's delivery tells, and when to look again."""

    verdict: Literal["delivered", "failed", "waiting"]
    due_at: datetime | None


def watch(delivery: Delivery, *, created_at: datetime, now: datetime) -> Watched:
    """Judge a delivery that somebody else is to make, and that should have been made."""
    if delivery.state == "SUCCESS":
        return Watched("delivered", None)
    if delivery.state == "ERROR":
        return Watched("failed", None)
    is_over = now >= created_at + WATCHED_FOR
    return Watched("waiting", None if is_over else now + WATCH_EVERY)

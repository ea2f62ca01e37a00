"""Tries that are counted for all processes together: where guessing must not pay.

    rate/{sha256(bucket)}   tries (the instants in the window, by try), expires_at (TTL)

The limits of `runtime.limits` live in a process and so grow with the instances. This one is
a document for each bucket: exact, two RPCs a try, and closed where the store does not answer.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from creditbase.kernel.errors import RateLimited
from creditbase.kernel.ids import sha256_hex
from creditbase.kernel.money import ceil_div
from creditbase.kernel.records import dataclass
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Create, Snapshot, Update, Write, get_all

Tries = Mapping[str, datetime]
"""When each try was made, by its id."""


@dataclass(frozen=True, slots=True)
class TryLimit:
    """So many tries within a window that ends now."""

    tries: int
    window: timedelta


def count_try(buckets: Sequence[str], try_id: str, limit: TryLimit, *, now: datetime) -> None:
    """Count one try in every bucket, or in none; the same try is counted once.

    A try that is refused is not counted, so it makes nobody wait longer.

    Raises:
        RateLimited: a bucket is full; says after how many seconds none is.
        Contention, Unavailable: not known to be counted, so it must not be made.
    """
    paths = [f"rate/{sha256_hex(bucket)}" for bucket in buckets]

    def attempt() -> Attempt[None]:
        found = get_all(paths)
        known = [recent_tries(_tries_of(bucket), limit, now=now) for bucket in found]
        if all(try_id in tries for tries in known):
            return Attempt(None, ())
        wait_s = max(seconds_to_wait(tries, limit, now=now) for tries in known)
        if wait_s > 0:
            raise RateLimited(retry_after_s=wait_s, reason="RATE_LIMITED")
        return Attempt(
            None,
            [
                _write(bucket, {**tries, try_id: now}, expires_at=now + limit.window)
                for bucket, tries in zip(found, known, strict=True)
            ],
        )

    commit_or_retry(attempt)


def recent_tries(tries: Tries, limit: TryLimit, *, now: datetime) -> Tries:
    """Return the tries that still count: those of the window, and those of faster clocks."""
    return {name: at for name, at in tries.items() if now < at + limit.window}


def seconds_to_wait(recent: Tries, limit: TryLimit, *, now: datetime) -> int:
    """Return after how many seconds one more try fits; 0 where it fits now."""
    if len(recent) < limit.tries:
        return 0
    must_leave = sorted(recent.values())[len(recent) - limit.tries]
    left = must_leave + limit.window - now
    return ceil_div(left // timedelta(microseconds=1), 1_000_000)


def _tries_of(bucket: Snapshot) -> Tries:
    return {} if bucket.fields is None else bucket.fields["tries"]


def _write(bucket: Snapshot, tries: Tries, *, expires_at: datetime) -> Write:
    if bucket.version is None:
        return Create(bucket.path, {"tries": dict(tries), "expires_at": expires_at})
    return Update(
        bucket.path,
        {("tries",): dict(tries), ("expires_at",): expires_at},
        unless_changed_since=bucket.version,
    )

"""Limits of one process: token buckets per caller, and a block for guessing addresses.

In process by choice: it costs no read, and a limit that is off by the number of instances
still stops a runaway client. Both are settings.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from creditbase.kernel.errors import Fact, RateLimited
from creditbase.kernel.money import ceil_div
from creditbase.kernel.records import dataclass

TRACKED_MAX = 10_000
NANOS_PER_SECOND = 1_000_000_000

Monotonic = Callable[[], int]
"""A clock in nanoseconds that only goes forward."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests a minute, and under which plan, where a plan decides."""

    per_minute: int
    plan: str = ""


class TooFast(RateLimited):
    """A caller has used up its minute. Shows the plan that decides how many it has."""

    def __init__(self, *, retry_after_s: int, plan: str) -> None:
        super().__init__(retry_after_s=retry_after_s, reason="RATE_LIMITED")
        self.plan = plan

    def facts(self) -> dict[str, Fact]:
        """Return the plan, where one decides."""
        return {"plan": self.plan} if self.plan else {}


class RateBuckets:
    """A bucket per caller and class: a minute's requests at once, refilled evenly.

    Kept as the instant at which the bucket would be full again, so an idle caller costs
    nothing and the arithmetic is whole nanoseconds.
    """

    def __init__(self, monotonic: Monotonic = time.monotonic_ns) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def take(self, name: str, limit: RateLimit) -> None:
        """Count one request of this bucket.

        Raises:
            TooFast: the minute is used up; says after how many seconds one is free again.
        """
        minute = 60 * NANOS_PER_SECOND
        each = minute // limit.per_minute
        with self._lock:
            now = self._monotonic()
            full_at = max(now, self._full_at.get(name, now)) + each
            over = full_at - now - minute
            if over > 0:
                raise TooFast(retry_after_s=ceil_div(over, NANOS_PER_SECOND), plan=limit.plan)
            self._full_at[name] = full_at
            self._full_at.move_to_end(name)
            if len(self._full_at) > TRACKED_MAX:
                self._full_at.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockoutRule:
    """So many failures within a window lead to a block."""

    failures: int
    window_s: int
    block_s: int


class Lockout:
    """Blocks an address that keeps showing credentials that do not hold."""

    def __init__(self, monotonic: Monotonic = time.monotonic_ns) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failed_at: OrderedDict[str, list[int]] = OrderedDict()
        self._blocked_until: OrderedDict[str, int] = OrderedDict()

    def check(self, address: str) -> None:
        """Let the address pass, or say when it may come again.

        Raises:
            RateLimited: it is blocked, whatever it shows now.
        """
        with self._lock:
            left = self._blocked_until.get(address, 0) - self._monotonic()
            if left > 0:
                raise RateLimited(
                    retry_after_s=ceil_div(left, NANOS_PER_SECOND), reason="IP_RATE_LIMITED"
                )

    def count_failure(self, address: str, rule: LockoutRule) -> None:
        """Remember a failed authentication, and block at the last one that is allowed."""
        with self._lock:
            now = self._monotonic()
            since = now - rule.window_s * NANOS_PER_SECOND
            recent = [at for at in self._failed_at.pop(address, []) if at > since] + [now]
            if len(recent) >= rule.failures:
                self._blocked_until.pop(address, None)
                self._blocked_until[address] = now + rule.block_s * NANOS_PER_SECOND
                _forget_oldest(self._blocked_until)
                return
            self._failed_at[address] = recent
            _forget_oldest(self._failed_at)


def _forget_oldest(tracked: OrderedDict[str, list[int]] | OrderedDict[str, int]) -> None:
    if len(tracked) > TRACKED_MAX:
        tracked.popitem(last=False)

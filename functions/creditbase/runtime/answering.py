"""By when a request has to be answered: its callers wait five seconds, a cold start included.

SDKs give up after five seconds and repeat (relay-api.md 1). Whoever asks somebody else on the
way, as Stripe, asks here how long that may take: what is left of the five seconds since the
request came, less what it takes to write down and send what came of it.

Nobody tells a process when its first request was sent: the platform holds it while the
process starts. So the first request of a young process, and those that come together with it,
count as sent when the process began. An instance that was kept warm has met that age idle.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from math import inf
from pathlib import Path

ANSWERED_WITHIN_S = 5.0
"""How long callers wait."""
SPARE_S = 1.0
"""Of it for what follows the last question: commits, the answer, its way."""
TOGETHER_S = 1.0
"""Requests that begin so soon after the first one waited for the same start."""
START_S_MAX = 60.0
"""No process takes longer from its beginning to its code: a clock that says so is wrong."""

_until_s: ContextVar[float] = ContextVar("until_s", default=inf)


class Instance:
    """A process: when it began, and when its first request did. Seconds are monotonic."""

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._first_s: float | None = None
        self._lock = threading.Lock()

    def asked_s(self, now_s: float) -> float:
        """Return since when the caller of a request that begins now may have been waiting.

        Who waited for a start that took more than five seconds is gone.
        """
        with self._lock:
            if self._first_s is None:
                self._first_s = now_s
        is_young = self._first_s - self._began_s < ANSWERED_WITHIN_S
        is_together = now_s - self._first_s <= TOGETHER_S
        return self._began_s if is_young and is_together else now_s


@cache
def instance() -> Instance:
    """Return this process; what serves no function has no caller who waits for its start."""
    return Instance(_BEGAN_S if "FUNCTION_TARGET" in os.environ else -inf)


def began_s(proc: Path = Path("/proc/self/stat")) -> float:
    """Return when this process began, on the monotonic clock; now where nothing tells."""
    now_s = time.monotonic()
    try:
        text = proc.read_text(encoding="ascii", errors="replace")
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - _began_after_boot_s(text)
    except (OSError, ValueError, IndexError):
        return now_s
    return now_s - age_s if 0 <= age_s <= START_S_MAX else now_s


def _began_after_boot_s(stat: str) -> float:
    # The second field is a name in brackets, which may hold spaces and brackets itself; of
    # the fields after it, the twentieth is the start in ticks (proc(5)).
    return int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


_BEGAN_S = began_s()
"""Of the process that loads the code: the server forks its workers off it afterwards."""


@contextmanager
def answering(*, within_s: float | None = ANSWERED_WITHIN_S) -> Iterator[None]:
    """Answer a request that begins now; None: its caller waits as long as it takes."""
    until_s = inf
    if within_s is not None:
        until_s = instance().asked_s(time.monotonic()) + within_s - SPARE_S
    token = _until_s.set(until_s)
    try:
        yield
    finally:
        _until_s.reset(token)


def left_s() -> float:
    """Return how long this request may still wait for others; infinite outside of one."""
    return _until_s.get() - time.monotonic()

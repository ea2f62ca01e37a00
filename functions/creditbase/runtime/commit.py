"""The optimistic loop for everything but wallets, which have their own (`ledger`).

Source: DESIGN section 4: gather, decide, commit; ADR-0004.
"""

import random
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from creditbase.kernel.errors import Contention
from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import Ambiguous, Lost, Write, commit

ATTEMPTS_MAX = 12
PAUSE_MS_MAX = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """A decision: the answer to give once the writes are durable."""

    answer: T
    writes: Sequence[Write]


def commit_or_retry(attempt: Callable[[], Attempt[T]]) -> T:
    """Gather and decide with `attempt`, commit its writes; start over if another was first.

    `attempt` reads, decides and returns writes, and does nothing else: it may run again.
    A lost reply is no failure: the next gather sees what was written.

    Raises:
        Contention: still losing after the last attempt; safe to retry.
    """
    for number in range(ATTEMPTS_MAX):
        if number > 0:
            pause(number)
        found = attempt()
        if not found.writes:
            return found.answer
        try:
            commit(found.writes)
        except (Lost, Ambiguous):
            continue
        return found.answer
    raise Contention


def pause(number: int) -> None:
    """Sleep a random, growing moment before attempt `number`, so that racers part."""
    ceiling_ms = min(PAUSE_MS_MAX, 5 * 2**number)
    time.sleep(random.randint(1, ceiling_ms) * 0.001)  # noqa: S311 - jitter, not a secret

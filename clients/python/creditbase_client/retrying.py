"""Whether a failed try is repeated, and after what pause: decided without clock or network."""

from dataclasses import dataclass

from creditbase_client.errors import CreditbaseError, Refused
from creditbase_client.operations import Operation


class NeverSent(CreditbaseError):
    """No connection was made, so nothing can have been done."""

    retryable = True


@dataclass(frozen=True)
class Retries:
    """How often and how patiently. Of all tries of a call, each has the same key and body.

    Pauses double from `first_pause_s`, and are spread at random between half and all of it.
    The server's `Retry-After` is kept; one above `pause_max_s` is left to the caller.
    """

    tries_max: int = 5
    first_pause_s: float = 0.2
    pause_max_s: float = 10.0

    def pause_s(
        self, operation: Operation, failure: CreditbaseError, *, tries: int, chance: float
    ) -> float | None:
        """Return how long to wait before the next try, or None where there is none.

        `tries` have been made; `chance` is in [0, 1).
        """
        if tries >= self.tries_max or not _may_repeat(operation, failure):
            return None
        told_s = failure.retry_after_s if isinstance(failure, Refused) else None
        if told_s is not None and told_s > self.pause_max_s:
            return None
        grown_s = min(self.pause_max_s, self.first_pause_s * 2.0 ** (tries - 1))
        return max(told_s or 0.0, grown_s * (0.5 + chance / 2))


def _may_repeat(operation: Operation, failure: CreditbaseError) -> bool:
    if not failure.retryable:
        return False
    if operation.is_repeatable or isinstance(failure, NeverSent):
        return True
    # A server that says when to come again has done nothing, or finishes it then.
    return isinstance(failure, Refused) and failure.retry_after_s is not None

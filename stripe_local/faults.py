"""Faults on order: the next API requests fail, before they are executed or after."""

import threading
from dataclasses import dataclass, replace
from typing import Literal

Outcome = Literal["error", "rate_limit", "lock_timeout", "reset", "hang", "slow"]
Moment = Literal["before", "after"]


@dataclass(frozen=True)
class Fault:
    """What is to go wrong, when, how often, and with which requests.

    - `error`: the answer is a 500. After execution it is what an idempotency key remembers.
    - `rate_limit`: the answer is a 429, and nothing is executed.
    - `lock_timeout`: the same, because somebody else is at work on the object; the client is
      told to try again by itself.
    - `reset`: the connection is cut without an answer.
    - `hang`: no answer comes, until the client gives up or `seconds` are over.
    - `slow`: the request is executed, but only after `seconds`, or when it is released.
    """

    outcome: Outcome
    moment: Moment = "before"
    count: int = 1
    method: str | None = None
    path_prefix: str = "/v1/"
    seconds: float = 30.0
    retry_after_s: int | None = None
    """What a 429 says in `Retry-After`. Stripe itself sends none."""

    def concerns(self, method: str, path: str) -> bool:
        """Return whether a request is one of those that shall fail."""
        return self.method in {None, method} and path.startswith(self.path_prefix)


class Faults:
    """The faults that are still to happen, in the order in which they were ordered."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []
        self._lock = threading.Lock()
        self._released = threading.Event()

    def arm(self, fault: Fault) -> None:
        """Order a fault."""
        with self._lock:
            self._armed.append(fault)
            self._released.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault that a request meets, if any, and use it up."""
        with self._lock:
            for place, fault in enumerate(self._armed):
                if fault.concerns(method, path):
                    left = replace(fault, count=fault.count - 1)
                    self._armed[place : place + 1] = [left] if left.count else []
                    return fault
        return None

    def dawdle(self, fault: Fault) -> None:
        """Wait as long as a slow request takes."""
        self._released.wait(fault.seconds)

    def disarm(self) -> None:
        """Order no more faults, and let slow requests go on."""
        with self._lock:
            self._armed.clear()
            self._released.set()

    def armed(self) -> list[Fault]:
        """Return the faults that are still to happen."""
        with self._lock:
            return list(self._armed)

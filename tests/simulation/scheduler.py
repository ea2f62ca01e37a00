"""One thread, many callers: a seed draws who runs next, and time passes only when all wait.

Every caller is a greenlet. It gives way where a process would: when it sleeps, waits for an
event or a lock, or speaks to the store. So a run is the same for the same seed, to the last
step, and a whole month of it takes a moment.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import greenlet

MICROSECONDS = 1_000_000


class Stuck(AssertionError):
    """Everybody waits for somebody: a run that would never end."""


class Dead(BaseException):
    """What a caller of a killed process meets if it were ever to go on."""


@dataclass(eq=False)
class Host:
    """A process of ours: its memory, its clock, and whether it lives."""

    name: str
    skew: timedelta = timedelta(0)
    is_alive: bool = True
    frozen_until_us: int = 0
    memory: dict[Any, Any] = field(default_factory=dict)


class Task(greenlet.greenlet):
    """A caller, and the process that it runs in; of a client outside: none."""

    host: Host | None
    turn: int
    """Counts its turns, so that a late wake-up for an earlier wait is known as one."""

    def __init__(self, work: Callable[[], None], parent: Any, host: Host | None) -> None:
        super().__init__(work, parent)
        self.host = host
        self.turn = 0


class Scheduler:
    """Whose turn it is. All chance of a run comes from its one source."""

    def __init__(self, seed: int, *, start_at: datetime) -> None:
        self.rng = Random(seed)  # noqa: S311 - repeatable, and no secret
        self.start_at = start_at
        self.now_us = 0
        self.turns = 0
        self._live: set[Task] = set()
        self._hub = greenlet.getcurrent()
        self._waiting: list[tuple[int, float, int, Task, int]] = []
        self._buried: list[Task] = []

    # ---- clocks --------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return what the clock of the running process says."""
        at = self.start_at + timedelta(microseconds=self.now_us)
        host = self.host()
        return at if host is None else at + host.skew

    def monotonic(self) -> float:
        """Return seconds since the beginning, as `time.monotonic` would."""
        return self.now_us / MICROSECONDS

    def host(self) -> Host | None:
        """Return the process that is running, or None outside of all."""
        return getattr(greenlet.getcurrent(), "host", None)

    # ---- giving way ----------------------------------------------------------------------

    def spawn(self, work: Callable[[], None], host: Host | None = None) -> Task:
        """Let a caller begin, now, whenever its turn comes."""

        def run() -> None:
            try:
                work()
            finally:
                self._live.discard(task)

        task = Task(run, self._hub, host)
        self._live.add(task)
        self.wake(task)
        return task

    def bury(self, host: Host) -> None:
        """Let a process be dead: it runs nothing any more, no `finally` either."""
        host.is_alive = False
        gone = [task for task in self._live if task.host is host]
        self._live.difference_update(gone)
        self._buried += gone

    def wake(self, task: Task, *, after_us: int = 0) -> None:
        """Give a caller a turn, unless it gets another one before."""
        at = self.now_us + after_us
        heapq.heappush(self._waiting, (at, self.rng.random(), task.turn, task, task.turn))

    def sleep(self, seconds: float) -> None:
        """Give way for so long."""
        self.sleep_us(max(0, int(seconds * MICROSECONDS)))

    def sleep_us(self, wait_us: int) -> None:
        """Give way for so many microseconds."""
        self.wake(self.running(), after_us=wait_us)
        self._hub.switch()

    def give_way(self) -> None:
        """Give way until somebody wakes this caller."""
        self.running()
        self._hub.switch()

    def give_way_for_ever(self) -> None:
        """Give way, of a process that was just killed: there is no other turn."""
        self._hub.switch()

    def running(self) -> Task:
        """Return the caller whose turn it is."""
        task = greenlet.getcurrent()
        assert isinstance(task, Task), "only callers wait"
        if task.host is not None and not task.host.is_alive:
            raise Dead
        return task

    # ---- the loop --------------------------------------------------------------------------

    def run(self, until: Callable[[], bool]) -> None:
        """Give turns until it is enough, or nobody is left.

        Raises:
            Stuck: somebody is left, and nobody will ever get a turn.
        """
        while not until():
            if not self._waiting:
                if self._live:
                    raise Stuck(f"{len(self._live)} callers wait for ever")
                return
            at_us, _, _, task, turn = heapq.heappop(self._waiting)
            if task.dead or turn != task.turn:
                continue
            host = task.host
            if host is not None:
                if not host.is_alive:
                    continue
                if host.frozen_until_us > at_us:
                    wait_us = host.frozen_until_us - self.now_us
                    self.wake(task, after_us=wait_us)
                    continue
            self.now_us = max(self.now_us, at_us)
            self.turns += 1
            task.turn += 1
            task.switch()

    def leap(self, seconds: float) -> None:
        """Let so much time pass for everybody at once."""
        self.now_us += int(seconds * MICROSECONDS)

    def end(self) -> None:
        """Forget who is left: killed callers are never woken, only taken away."""
        self._waiting.clear()
        self._live.clear()
        self._buried.clear()


class Event:
    """As `threading.Event`, for callers of a scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_set = False
        self._waiting: list[Task] = []

    def is_set(self) -> bool:
        """Return whether it happened."""
        return self._is_set

    def set(self) -> None:
        """Let it have happened, and wake all who wait for it."""
        self._is_set = True
        for task in self._waiting:
            self._scheduler.wake(task)
        self._waiting.clear()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it happens, or no longer than that; return whether it has."""
        if self._is_set:
            return True
        task = self._scheduler.running()
        self._waiting.append(task)
        if timeout is not None:
            self._scheduler.wake(task, after_us=int(timeout * MICROSECONDS))
        self._scheduler.give_way()
        if task in self._waiting:
            self._waiting.remove(task)
        return self._is_set


class Lock:
    """As `threading.Lock`, for callers of a scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._holder: Any = None
        self._waiting: deque[Task] = deque()

    def __enter__(self) -> bool:
        me = greenlet.getcurrent()
        assert self._holder is not me, "this lock is not one that its holder may take again"
        while self._holder is not None:
            assert isinstance(me, Task)
            self._waiting.append(me)
            self._scheduler.give_way()
        self._holder = me
        return True

    def __exit__(self, *_: object) -> None:
        self._holder = None
        if self._waiting:
            self._scheduler.wake(self._waiting.popleft())

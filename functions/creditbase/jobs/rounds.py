"""Whose turn it is: many lanes, a few hands, and nobody waits for somebody else's server.

Pure but for its lock. Each lane is a receiver with what waits for it, the longest first. The
lanes take turns. A lane has one hand until it has taken something, then ever more; one that
is slow has one, and all that are slow or known to fail share half of the hands. A lane that
does not answer, or refuses again and again, is closed, and what waits in it is left.
"""

import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from typing import Generic, Literal, TypeVar

from creditbase.kernel.records import dataclass

HANDS_PER_LANE_MAX = 8
SLOW_MS = 2_000
REFUSALS_MAX = 20
"""How often in a row a lane may refuse before it is closed."""

Item = TypeVar("Item")
Outcome = Literal["took", "refused", "silent", "neither"]
"""Neither: it was not the receiver's doing, as where another run has it."""


def shares(waiting: Mapping[str, int], most: int) -> dict[str, int]:
    """Return how many of each queue are taken, in all at most so many.

    Whoever wants less than an equal share gets all of it, and the rest share what is left.
    """
    found: dict[str, int] = {}
    left, queues = most, len(waiting)
    for queue, wanted in sorted(waiting.items(), key=lambda it: it[1]):
        found[queue] = min(wanted, left // queues)
        left -= found[queue]
        queues -= 1
    return found


def in_turn(queues: Iterable[Iterable[Item]]) -> list[Item]:
    """Return one of each queue, then another of each, until all are empty."""
    iterators = deque(iter(queue) for queue in queues)
    found: list[Item] = []
    while iterators:
        turn = iterators.popleft()
        for item in turn:
            found.append(item)
            iterators.append(turn)
            break
    return found


@dataclass(slots=True)
class _Lane(Generic[Item]):
    name: str
    waiting: deque[Item]
    is_doubtful: bool
    hands: int = 0
    hands_max: int = 1
    refusals: int = 0
    took: int = 0
    refused: int = 0
    is_closed: bool = False
    is_in_line: bool = False
    """Whether it stands in line for a turn: no lane stands there twice."""

    @property
    def is_ready(self) -> bool:
        return bool(self.waiting) and not self.is_closed and self.hands < self.hands_max


@dataclass(frozen=True, slots=True)
class Result:
    """How a lane fared: what it took and refused, what is left, and whether it was closed."""

    name: str
    took: int
    refused: int
    left: int
    is_closed: bool


@dataclass(slots=True)
class Rounds(Generic[Item]):
    """Deals out what waits in lanes to hands that ask for it."""

    lanes: dict[str, _Lane[Item]]
    doubtful_hands_max: int
    _line: deque[_Lane[Item]] = field(default_factory=deque)
    """Every lane that is ready, in the order of their turns."""
    _parked: deque[_Lane[Item]] = field(default_factory=deque)
    """Those of them that are doubtful, while there is no hand for them."""
    _doubtful_hands: int = 0
    _is_over: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @classmethod
    def of(
        cls,
        waiting: Mapping[str, Iterable[Item]],
        *,
        doubtful: Collection[str] = (),
        hands: int,
    ) -> "Rounds[Item]":
        """Return the rounds of these lanes, before the first of them."""
        lanes = {
            name: _Lane(name, deque(items), is_doubtful=name in doubtful)
            for name, items in waiting.items()
        }
        rounds = cls(lanes, max(1, hands // 2))
        for lane in lanes.values():
            rounds._line_up(lane)
        return rounds

    def take(self) -> tuple[str, Item] | None:
        """Return whose turn it is, and its next item; wait for one. None: there are no more."""
        with self._changed:
            while True:
                lane = None if self._is_over else self._next()
                if lane is not None:
                    break
                if self._is_over or not any(lane.hands for lane in self.lanes.values()):
                    return None
                self._changed.wait()
            lane.hands += 1
            self._doubtful_hands += lane.is_doubtful
            item = lane.waiting.popleft()
            self._line_up(lane)
            return lane.name, item

    def done(self, name: str, outcome: Outcome, spent_ms: int = 0) -> None:
        """Note how a turn ended, and how long it took."""
        with self._changed:
            lane = self.lanes[name]
            lane.hands -= 1
            self._doubtful_hands -= lane.is_doubtful
            if spent_ms >= SLOW_MS and not lane.is_doubtful:
                lane.is_doubtful = True
                self._doubtful_hands += lane.hands
            _note(lane, outcome)
            self._line.extend(self._parked)
            self._parked.clear()
            self._line_up(lane)
            self._changed.notify_all()

    def end(self) -> None:
        """Give nobody anything more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def results(self) -> list[Result]:
        """Return how every lane fared."""
        return [
            Result(lane.name, lane.took, lane.refused, len(lane.waiting), lane.is_closed)
            for lane in self.lanes.values()
        ]

    def _line_up(self, lane: _Lane[Item]) -> None:
        if lane.is_ready and not lane.is_in_line:
            lane.is_in_line = True
            self._line.append(lane)

    def _next(self) -> _Lane[Item] | None:
        while self._line:
            lane = self._line.popleft()
            if (
                lane.is_ready
                and lane.is_doubtful
                and self._doubtful_hands >= self.doubtful_hands_max
            ):
                self._parked.append(lane)
                continue
            lane.is_in_line = False
            if lane.is_ready:
                return lane  # else it was closed, or became slow, while it stood in line
        return None


def _note(lane: _Lane[Item], outcome: Outcome) -> None:
    """Widen a lane that takes what it is given; close one that does not."""
    if outcome == "took":
        lane.took += 1
        lane.refusals = 0
        lane.hands_max = min(HANDS_PER_LANE_MAX, 2 * lane.hands_max)
    elif outcome in {"refused", "silent"}:
        lane.refused += 1
        lane.refusals += 1
        lane.is_closed = lane.is_closed or outcome == "silent" or lane.refusals >= REFUSALS_MAX
    if lane.is_doubtful:
        lane.hands_max = 1

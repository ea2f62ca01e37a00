"""What a process keeps of each project for a while."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProject(Generic[T]):
    """A value of each project for a while, loaded by one thread while the others wait.

    A failed load is not kept: the next caller tries again.
    """

    def __init__(
        self, load: Callable[[str], T], *, ttl_s: int, clock: Callable[[], float]
    ) -> None:
        self._load = load
        self._ttl_s = ttl_s
        self._clock = clock
        self._kept: dict[str, tuple[float, T]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._door = threading.Lock()

    def get(self, project_id: str) -> T:
        """Return the value, from the process where it is young enough."""
        found = self._fresh(project_id)
        if found is not None:
            return found
        with self._door:
            lock = self._locks.setdefault(project_id, threading.Lock())
        with lock:
            found = self._fresh(project_id)
            if found is not None:
                return found
            begun_at_s = self._clock()
            loaded = self._load(project_id)
            self._kept[project_id] = (begun_at_s, loaded)
            return loaded

    def forget(self, project_id: str = "") -> None:
        """Drop what is kept of a project, or of all, for this process only."""
        if project_id:
            self._kept.pop(project_id, None)
        else:
            self._kept.clear()

    def _fresh(self, project_id: str) -> T | None:
        kept = self._kept.get(project_id)
        if kept is None or self._clock() - kept[0] >= self._ttl_s:
            return None
        return kept[1]

"""The way to the store and what happens on it: requests are lost, late, doubled, unanswered.

Each RPC takes a moment on the way there and one on the way back; others run meanwhile.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, TypeVar

from creditbase.kernel.errors import Unavailable
from creditbase.runtime import rehearsal
from creditbase.runtime.firestore import Ambiguous, Lost, Snapshot, Version, Write
from tests.simulation.scheduler import Scheduler
from tests.simulation.store import Store

T = TypeVar("T")

HOP_US_MAX = 12_000
LATE_US_MAX = 20_000_000
"""How much later a request may arrive that nobody waits for any more."""
TIMEOUT_US = 5_000_000

COMMIT_FAULTS = (
    "request lost",
    "reply lost",
    "aborted",
    "aborted after",
    "commit late",
    "commit doubled",
    "slow",
)
READ_FAULTS = ("read lost", "read late", "slow")
KILLS = ("killed before", "killed after")


@dataclass
class Weather:
    """How often something goes wrong, in a thousand RPCs."""

    commit: int = 0
    read: int = 0
    kill: int = 0


@dataclass
class Network:
    """What the product takes for Firestore."""

    scheduler: Scheduler
    store: Store
    weather: Weather = field(default_factory=Weather)
    faults: Counter[str] = field(default_factory=Counter)
    rpcs: Counter[str] = field(default_factory=Counter)
    kill_running: Callable[[], None] = lambda: None

    @property
    def rng(self) -> Random:
        """Return the run's one source of chance."""
        return self.scheduler.rng

    # ---- what the product calls --------------------------------------------------------------

    def get_all(
        self,
        paths: Sequence[str],
        *,
        only: Sequence[str] | None = None,
        read_at: datetime | None = None,
    ) -> list[Snapshot]:
        """Stand for `firestore.get_all`."""
        assert read_at is None, "this store remembers no earlier instant"
        return self._read(lambda: self.store.get_all(paths, only))

    def query(
        self,
        collection: str,
        *,
        where: Iterable[tuple[str, str, Any]] = (),
        order_by: str | None = None,
        is_newest_first: bool = False,
        limit: int,
        is_group: bool = False,
        only: Sequence[str] | None = None,
        after: tuple[Any, str] | None = None,
        read_at: datetime | None = None,
    ) -> list[Snapshot]:
        """Stand for `firestore.query`."""
        assert read_at is None, "this store remembers no earlier instant"
        return self._read(
            lambda: self.store.query(
                collection,
                where=where,
                order_by=order_by,
                is_newest_first=is_newest_first,
                limit=limit,
                is_group=is_group,
                only=only,
                after=after,
            )
        )

    def page_of(
        self, collection: str, *, after: str, limit: int, read_at: datetime | None = None
    ) -> list[Snapshot]:
        """Stand for `firestore.page_of`."""
        assert read_at is None, "this store remembers no earlier instant"
        return self._read(lambda: self.store.page_of(collection, after=after, limit=limit))

    def count_documents(
        self, collection: str, *, where: Iterable[tuple[str, str, Any]] = ()
    ) -> int:
        """Stand for `firestore.count_documents`."""
        return self._read(lambda: self.store.count(collection, where))

    def commit(self, writes: Sequence[Write]) -> Version:
        """Stand for `firestore.commit`.

        Raises:
            Lost, Ambiguous: as there.
        """
        assert writes
        rehearsal.change_begins()
        self.rpcs["commit"] += 1
        fault = self._fault(self.weather.commit, COMMIT_FAULTS)
        if fault == "killed before":
            self._kill(fault)
        self._hop()
        if fault in {"request lost", "aborted"}:
            self._note(fault)
            self._hop()
            raise Ambiguous
        if fault == "commit late":
            self._note(fault)
            self._arrives_late(writes)
            self.scheduler.sleep_us(self.rng.choice((20_000, TIMEOUT_US)))
            raise Ambiguous
        if fault == "slow":
            self._note(fault)
            self.scheduler.sleep_us(self.rng.randrange(TIMEOUT_US))
        version = self.store.commit(writes)
        if fault == "killed after":
            self._kill(fault)
        self._hop()
        if fault in {"reply lost", "aborted after"}:
            self._note(fault)
            raise Ambiguous
        if fault == "commit doubled":
            self._note(fault)
            # The client hears the answer to the second one.
            version = self.store.commit(writes)
        return version

    # ---- what goes wrong -------------------------------------------------------------------

    def _read(self, ask: Callable[[], T]) -> T:
        self.rpcs["read"] += 1
        fault = self._fault(self.weather.read, READ_FAULTS)
        if fault in KILLS:
            self._kill(str(fault))
        self._hop()
        if fault == "read lost":
            self._note(fault)
            raise Unavailable
        if fault == "slow":
            self._note(fault)
            self.scheduler.sleep_us(self.rng.randrange(TIMEOUT_US))
        found = ask()
        self._hop()
        if fault == "read late":
            # Its answer comes, and what it says is long over.
            self._note(fault)
            self.scheduler.sleep_us(self.rng.randrange(TIMEOUT_US))
        return found

    def _fault(self, in_a_thousand: int, kinds: Sequence[str]) -> str | None:
        drawn = self.rng.randrange(1_000)
        if self.scheduler.host() is not None and drawn < self.weather.kill:
            return self.rng.choice(KILLS)
        if drawn < self.weather.kill + in_a_thousand:
            return self.rng.choice(kinds)
        return None

    def _hop(self) -> None:
        self.scheduler.sleep_us(self.rng.randrange(HOP_US_MAX))

    def _note(self, fault: str) -> None:
        self.faults[fault] += 1

    def _kill(self, fault: str) -> None:
        self._note(fault)
        self.kill_running()
        # Its own turn is its last: nobody wakes it again.
        self.scheduler.give_way_for_ever()

    def _arrives_late(self, writes: Sequence[Write]) -> None:
        def arrive() -> None:
            most_us = self.rng.choice((2 * HOP_US_MAX, LATE_US_MAX))
            self.scheduler.sleep_us(self.rng.randrange(most_us))
            try:
                self.store.commit(writes)
            except Lost:
                self._note("commit too late")
            else:
                self._note("commit late, and made")

        self.scheduler.spawn(arrive)

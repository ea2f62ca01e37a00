"""The product on the simulated store, one caller and nothing going wrong: as fast as it goes.

For what tries very many orders of the same few things. Every call to the store is counted as
the wire counts RPCs, so a test may know what was read and written.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import _lru_cache_wrapper
from types import ModuleType
from typing import Any

from creditbase.runtime import rehearsal
from creditbase.runtime.firestore import Snapshot, Version, Write
from tests.simulation.housing import CALLS, is_shared, modules_of_ours
from tests.simulation.store import Store
from tests.wire import Rpc, Send, Wire


class StraightWire(Wire):
    """Stands for the store and for the wire to it."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    def get_all(
        self,
        paths: Sequence[str],
        *,
        only: Sequence[str] | None = None,
        read_at: datetime | None = None,
    ) -> list[Snapshot]:
        """Stand for `firestore.get_all`."""
        assert read_at is None, "this store remembers no earlier instant"
        rpc = Rpc("BatchGetDocuments", len(paths), 0, tuple(paths))
        found: list[Snapshot] = self._go(rpc, lambda: self.store.get_all(paths, only))
        return found

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
        self.rpcs.append(Rpc("RunQuery", 0, 0))
        return self.store.query(
            collection,
            where=where,
            order_by=order_by,
            is_newest_first=is_newest_first,
            limit=limit,
            is_group=is_group,
            only=only,
            after=after,
        )

    def page_of(
        self, collection: str, *, after: str, limit: int, read_at: datetime | None = None
    ) -> list[Snapshot]:
        """Stand for `firestore.page_of`."""
        assert read_at is None, "this store remembers no earlier instant"
        self.rpcs.append(Rpc("RunQuery", 0, 0))
        return self.store.page_of(collection, after=after, limit=limit)

    def count_documents(
        self, collection: str, *, where: Iterable[tuple[str, str, Any]] = ()
    ) -> int:
        """Stand for `firestore.count_documents`."""
        self.rpcs.append(Rpc("RunAggregationQuery", 0, 0))
        return self.store.count(collection, where)

    def commit(self, writes: Sequence[Write]) -> Version:
        """Stand for `firestore.commit`."""
        rehearsal.change_begins()
        rpc = Rpc("Commit", 0, len(writes), tuple(write.path for write in writes))
        version: Version = self._go(rpc, lambda: self.store.commit(writes))
        return version

    def _go(self, rpc: Rpc, send: Send) -> Any:
        """Count it, and let what was ordered for it happen: to stand still, say."""
        fault = self.faults.pop(len(self.rpcs), None)
        self.rpcs.append(rpc)
        return send() if fault is None else fault(send)


@contextmanager
def straight(tests: str) -> Iterator[StraightWire]:
    """Let the product, and the tests of that package, live on a new store until the end.

    What a process keeps in its memory is as new as the store.
    """
    wire = StraightWire(Store())
    undo: list[tuple[ModuleType, str, Any]] = []
    fresh: dict[Any, Any] = {}
    theirs = [module for name, module in sorted(sys.modules.items()) if name.startswith(tests)]
    for module in (*modules_of_ours(), *theirs):
        for name, kept in list(vars(module).items()):
            if callable(kept) and kept.__hash__ is not None and kept in CALLS:
                value: Any = getattr(wire, CALLS[kept])
            elif isinstance(kept, _lru_cache_wrapper) and not is_shared(kept):
                value = fresh.setdefault(kept, Remembered(kept.__wrapped__))
            else:
                continue
            undo.append((module, name, kept))
            setattr(module, name, value)
    try:
        yield wire
    finally:
        for module, name, kept in reversed(undo):
            setattr(module, name, kept)


class Remembered:
    """As `functools.cache` of a function without arguments, for the one process there is."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: list[Any] = []

    def __call__(self) -> Any:
        """Return what was made, now if it was not yet."""
        if not self._made:
            self._made.append(self._make())
        return self._made[0]

    def cache_clear(self) -> None:
        """Forget it."""
        self._made.clear()

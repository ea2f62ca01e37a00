"""The product as it is, put where a simulation runs: its store, its clocks, its threads.

Nothing of the rooms is replaced but what they stand on: the five calls of the store, `time`,
`threading` and `random`, and what a process keeps in its memory, of which each simulated
process has its own.
"""

import functools
import importlib
import pkgutil
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import creditbase
from creditbase.ledger import lane
from creditbase.ledger.domain.commands import Command
from creditbase.runtime import firestore
from tests.simulation.network import Network
from tests.simulation.scheduler import Event, Lock, Scheduler

ROOMS = (
    *("accounts", "admin", "catalog", "jobs", "ledger", "metering", "payments"),
    "subscriptions",
)
SHARED = frozenset({"settings", "client", "shipped_book", "_templates", "_tls"})
"""What processes may share: it never changes, or stands for no memory of ours."""
CALLS = {
    getattr(firestore, name): name
    for name in ("get_all", "query", "page_of", "count_documents", "commit")
}


@contextmanager
def housed(scheduler: Scheduler, network: Network) -> Iterator[None]:
    """Let the product live on this scheduler and this network for a while."""
    modules = list(modules_of_ours())
    undo: list[tuple[ModuleType, str, Any]] = []

    def put(module: ModuleType, name: str, value: Any) -> None:
        undo.append((module, name, getattr(module, name)))
        setattr(module, name, value)

    for module, name, kept in [(m, n, v) for m in modules for n, v in vars(m).items()]:
        value = _substitute(scheduler, network, kept)
        if value is not None:
            put(module, name, value)
    put(lane, "Ticket", _ticket_of(scheduler))
    try:
        yield
    finally:
        for module, name, kept in reversed(undo):
            setattr(module, name, kept)


def modules_of_ours() -> Iterator[ModuleType]:
    """Yield every module of the product, loaded now if it was not."""
    for room in ROOMS:
        package = importlib.import_module(f"creditbase.{room}")
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    own = creditbase.__name__ + "."
    yield from [module for name, module in sorted(sys.modules.items()) if name.startswith(own)]


def _substitute(scheduler: Scheduler, network: Network, kept: Any) -> Any:
    """Return what stands for something that a module of the product names, or None."""
    if callable(kept) and kept.__hash__ is not None and kept in CALLS:
        return getattr(network, CALLS[kept])
    if kept is time:
        return SimpleNamespace(
            sleep=scheduler.sleep,
            monotonic=scheduler.monotonic,
            monotonic_ns=lambda: scheduler.now_us * 1_000,
        )
    if kept is threading:
        return SimpleNamespace(
            Lock=lambda: Lock(scheduler), Event=lambda: Event(scheduler), Thread=None
        )
    if kept is random:
        return scheduler.rng
    if isinstance(kept, functools._lru_cache_wrapper) and not is_shared(kept):
        return _remembering(scheduler, kept.__wrapped__)
    return None


def is_shared(cached: Any) -> bool:
    """Return whether what is cached is no memory of a process."""
    made = cached.__wrapped__
    return made.__name__ in SHARED or made.__code__.co_argcount > 0


def _remembering(scheduler: Scheduler, make: Callable[[], Any]) -> Callable[[], Any]:
    """Return what gives each process its own of what a process has one of."""
    nowhere: dict[Any, Any] = {}

    def remembered() -> Any:
        host = scheduler.host()
        memory = nowhere if host is None else host.memory
        if make not in memory:
            memory[make] = make()
        return memory[make]

    return remembered


def _ticket_of(scheduler: Scheduler) -> Callable[..., lane.Ticket]:
    plain = lane.Ticket

    def ticket(command: Command, now: datetime, deadline_s: float, size: int) -> lane.Ticket:
        wake = cast("lane.Signal", Event(scheduler))
        return plain(command, now, deadline_s, size, wake)

    return ticket

"""What is measured: who calls, on how many customers, in how many processes, how late."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NAIVE, TIDY, OURS, COMMIT = "naive", "tidy", "ours", "commit"
UNQUEUED = "naive unqueued"
ALL = (NAIVE, TIDY, OURS)
MANY = 1_000
SPACE_MS = 60
"""Between two charges of one caller: more than pacing asks for (25 commits a second)."""
COMMITS_HZ = 5
"""The worst that a production document may do."""
HOT_CALLERS = 256
LATENCY, RAW, LIMITED = "latency", "raw", "limited"


@dataclass(frozen=True)
class Case:
    """One measurement of some designs."""

    callers: int
    customers: int = 1
    instances: int = 1
    """Processes that share the callers."""
    profile: str = LATENCY
    designs: tuple[str, ...] = ALL
    seconds: float = 3.0
    space_ms: int = 0

    @property
    def case_id(self) -> str:
        """Return a name that says what it is."""
        customers = f"{self.customers} customer{'s' * (self.customers > 1)}"
        instances = f"{self.instances} process{'es' * (self.instances > 1)}"
        callers = f"{self.callers} caller{'s' * (self.callers > 1)}"
        return f"{self.profile}: {callers}, {customers}, {instances}"

    def facts(self) -> Mapping[str, Any]:
        """Return what a report needs of it."""
        return {
            "id": self.case_id,
            "callers": self.callers,
            "customers": self.customers,
            "processes": self.instances,
            "profile": self.profile,
            "space_ms": self.space_ms,
        }


def full() -> Iterator[Case]:
    """Yield the cases of a whole run."""
    yield Case(1, space_ms=SPACE_MS, designs=(COMMIT, *ALL))
    yield Case(8, designs=(*ALL, UNQUEUED))
    yield Case(32)
    yield Case(128)
    yield Case(32, MANY)
    for callers in (8, 32, 128):
        yield Case(callers, instances=4)
    yield Case(32, MANY, instances=4)
    for instances in (2, 4, 8):
        yield Case(HOT_CALLERS, instances=instances, seconds=5)
    yield Case(128, profile=LIMITED, seconds=5)
    yield Case(1, space_ms=SPACE_MS, profile=RAW, designs=(COMMIT, *ALL), seconds=2)
    for instances in (1, 4):
        for callers in (8, 32, 128):
            yield Case(callers, instances=instances, profile=RAW, seconds=2)
        yield Case(32, MANY, instances=instances, profile=RAW, seconds=2)


def short() -> Iterator[Case]:
    """Yield a few small cases that show that the machinery works."""
    yield Case(1, space_ms=SPACE_MS, designs=(COMMIT, *ALL), seconds=1)
    yield Case(8, seconds=1)
    yield Case(8, 16, seconds=1)
    yield Case(16, instances=2, seconds=1)
    yield Case(16, profile=LIMITED, seconds=1, designs=(OURS,))
    yield Case(8, profile=RAW, seconds=1)

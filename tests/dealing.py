"""In which order parallel workers take the tests: what takes long first, what is light last.

`--dist worksteal` gives each worker an equal run of the collected list, from its front to its
end, and whoever is done takes half of what another has left. A long test at the end leaves the
others idle; so each run begins with its share of what is heavy, goes on with tests that need
the whole stack, which may still be starting, and ends with many that take no time.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby, islice

import pytest

HEAVY = ("payments", "jobs", "scenarios", "simulation", "contract", "proof", "relay", "hub")
"""Rooms whose tests take longer than the rest; what is a second less does not matter here."""


def dealt(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return the tests in the order in which that many workers take them.

    Tests of a module stay together, so that its fixtures are made once.
    """
    if workers < 2:
        return list(items)
    stacked = [item for item in items if item.get_closest_marker("stack")]
    others = [item for item in items if not item.get_closest_marker("stack")]
    heavy = [item for item in others if _room(item) in HEAVY]
    light = iter([item for item in others if _room(item) not in HEAVY])
    hands: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for group in (*_modules(heavy), *_modules(stacked)):
        min(hands, key=len).extend(group)
    # As the scheduler cuts the list: each worker an equal part of what is left.
    left, order = len(items), list[pytest.Item]()
    for number, hand in enumerate(hands):
        size = left // (workers - number)
        order += hand
        order += islice(light, max(0, size - len(hand)))
        left -= size
    return order


def _room(item: pytest.Item) -> str:
    return "".join(item.nodeid.split("/")[1:2])


def _modules(items: Iterable[pytest.Item]) -> list[list[pytest.Item]]:
    """Return the tests by module, the largest first."""
    groups = [list(each) for _, each in groupby(items, key=lambda item: item.path)]
    return sorted(groups, key=len, reverse=True)

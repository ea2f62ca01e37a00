"""The order in which parallel workers take the tests."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.dealing import dealt


@dataclass(frozen=True)
class Item:
    """A test, as far as its place in the order goes."""

    nodeid: str
    is_stacked: bool = False

    @property
    def path(self) -> Path:
        """Return its module."""
        return Path(self.nodeid.partition("::")[0])

    def get_closest_marker(self, name: str) -> object:
        """Return the mark of a test that needs the stack."""
        return object() if self.is_stacked and name == "stack" else None


def items() -> list[Any]:
    """Return tests as they are collected: by room."""
    rooms = [("accounts", 30), ("e2e", 6), ("jobs", 9), ("kernel", 40), ("payments", 15)]
    return [
        Item(f"tests/{room}/test_{number % 3}.py::test_{number}", room == "e2e")
        for room, count in rooms
        for number in sorted(range(count), key=lambda n: n % 3)
    ]


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 7, 60])
def test_every_test_is_dealt_once(workers: int) -> None:
    """A test that is lost on the way would be green for ever."""
    assert sorted(dealt(items(), workers), key=str) == sorted(items(), key=str)


def test_each_part_begins_with_what_is_heavy_and_ends_with_what_is_light() -> None:
    """The scheduler cuts the list in equal parts, and steals from the end of one."""
    order = dealt(items(), 2)
    half = len(order) // 2

    for part in (order[:half], order[half:]):
        kinds = ["stack" if item.get_closest_marker("stack") else room(item) for item in part]
        assert kinds == sorted(kinds, key=["heavy", "stack", "light"].index)
        assert set(kinds) == {"heavy", "stack", "light"}


def test_tests_of_a_module_stay_together() -> None:
    """Its fixtures are made once."""
    heavy = [item.path for item in dealt(items(), 3) if room(item) == "heavy"]

    assert sum(a != b for a, b in pairwise(heavy)) == len(set(heavy)) - 1


def test_one_worker_takes_them_as_they_are() -> None:
    """Whoever runs one room sees it in its own order."""
    assert dealt(items(), 1) == items()


def room(item: pytest.Item) -> str:
    """Return whether a test's room is one of the heavy ones."""
    return "heavy" if item.path.parent.name in {"jobs", "payments"} else "light"

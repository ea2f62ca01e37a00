"""Rehearsals: run a use case to see whether it would change anything, and change nothing.

What it would do is learned from the use case itself, so there is no second copy of its logic.
Whoever is about to change something outside this process calls `change_begins` first: the
commit to the store, and every request to Stripe that is no question.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

_is_rehearsing = ContextVar("is_rehearsing", default=False)


class WouldChange(Exception):
    """The rehearsed use case came to its first change, and was stopped before it."""


def is_rehearsing() -> bool:
    """Return whether this thread is rehearsing."""
    return _is_rehearsing.get()


def change_begins() -> None:
    """Say that something is about to be changed outside this process.

    Raises:
        WouldChange: this is a rehearsal.
    """
    if is_rehearsing():
        raise WouldChange


def rehearse(act: Callable[[], T]) -> T:
    """Return what an act comes to that has nothing to change.

    Raises:
        WouldChange: it has; nothing was changed.
    """
    held = _is_rehearsing.set(True)
    try:
        return act()
    finally:
        _is_rehearsing.reset(held)

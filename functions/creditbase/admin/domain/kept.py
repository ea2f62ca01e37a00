"""Values of a sweep that count only once all of it does. Pure; ADR 0027.

A sweep changes many documents, step by step. Each keeps the value that the sweep has made and
the one before it; which of them counts is said by one document, so all change at once.
"""

from collections.abc import Collection
from dataclasses import field
from typing import Generic, TypeVar

from creditbase.kernel.records import dataclass

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Published:
    """As far as sweeps have been published: up to a number, but for those given up."""

    number: int = 0
    given_up: Collection[int] = field(default_factory=tuple)

    def holds(self, sweep: int) -> bool:
        """Return whether what that sweep has written counts."""
        return sweep <= self.number and sweep not in self.given_up


@dataclass(frozen=True, slots=True)
class Kept(Generic[Value]):
    """A value with the sweep that made it, and the published one before it."""

    now: Value
    before: Value
    sweep: int = 0

    def settled(self, published: Published) -> Value:
        """Return the value that counts."""
        return self.now if published.holds(self.sweep) else self.before

    def base(self, published: Published, sweep: int) -> Value:
        """Return the value that a sweep goes on from: its own, or the one that counts."""
        return self.now if self.sweep == sweep else self.settled(published)

    def changed(self, value: Value, published: Published, sweep: int) -> "Kept[Value]":
        """Return what is kept once a sweep has made another value."""
        before = self.before if self.sweep == sweep else self.settled(published)
        return Kept(value, before, sweep)

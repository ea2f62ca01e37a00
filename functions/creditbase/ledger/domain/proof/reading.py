"""Raw documents, read with suspicion: whatever is not as it is written ends the proof.

A store hands out what lies there, and somebody may have written into it. So nothing is taken
for an amount or an instant before it was looked at, and what is wrong is told by its place.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from creditbase.kernel.instants import write_exact
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.kernel.records import dataclass

NOTHING = "nothing"
"""What is expected, or found, where there is no such thing."""


class Broken(Exception):
    """A line that does not hold: where it is, what should stand there, and what does.

    `path` is below the wallet's document; empty for the wallet itself.
    """

    def __init__(
        self, path: str, field: str, expected: object, found: object, *, seq: int = 0
    ) -> None:
        self.path = path
        self.field = field
        self.expected = shown(expected)
        self.found = shown(found)
        self.seq = seq
        number = f" (entry {seq})" if seq else ""
        super().__init__(
            f"{path or 'wallet'}{number}: {field} should be {self.expected}, "
            f"and is {self.found}"
        )


def shown(value: object) -> str:
    """Return a value as a line of a report has it, not too long."""
    text = write_exact(value) if isinstance(value, datetime) else str(value)
    return text if len(text) <= 300 else f"{text[:297]}..."


def is_same(one: object, other: object) -> bool:
    """Return whether two values are the same to the store: 1, 1.0 and true are not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    return type(one) is type(other) and one == other


@dataclass(frozen=True, slots=True)
class Doc:
    """A document, or a map within one, that knows where it stands."""

    path: str
    fields: Mapping[str, Any]
    prefix: str = ""
    seq: int = 0

    def broken(self, field: str, expected: object, found: object) -> Broken:
        """Return that a field is not what it should be."""
        return Broken(self.path, self.prefix + field, expected, found, seq=self.seq)

    def has(self, name: str) -> bool:
        """Return whether a field is there."""
        return name in self.fields

    def expect(self, name: str, expected: object) -> None:
        """Let a field be what it should be.

        Raises:
            Broken: it is not.
        """
        found = self.fields.get(name, NOTHING)
        if not is_same(found, expected):
            raise self.broken(name, expected, found)

    def whole(self, name: str, default: int | None = None, *, least: int = 0) -> int:
        """Return a whole number that is not too large; an absent one is the default.

        Raises:
            Broken: it is none, or out of range.
        """
        found = self.fields.get(name, default)
        if type(found) is not int or not least <= found <= AMOUNT_NANOS_MAX:
            raise self.broken(name, f"a whole number from {least} on", found)
        return found

    def signed(self, name: str, default: int | None = None) -> int:
        """Return a whole number that may be below zero.

        Raises:
            Broken: it is none.
        """
        return self.whole(name, default, least=-AMOUNT_NANOS_MAX)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; an absent one is the default.

        Raises:
            Broken: it is none.
        """
        found = self.fields.get(name, default)
        if not isinstance(found, str):
            raise self.broken(name, "a text", found)
        return found

    def one_of(self, name: str, known: tuple[object, ...]) -> None:
        """Let a field be one of a few values.

        Raises:
            Broken: it is none of them.
        """
        found = self.fields.get(name, NOTHING)
        if not any(is_same(found, each) for each in known):
            raise self.broken(name, f"one of {known}", found)

    def flag(self, name: str) -> bool:
        """Return a truth value.

        Raises:
            Broken: it is none.
        """
        self.one_of(name, (True, False))
        return bool(self.fields[name])

    def instant(self, name: str) -> datetime:
        """Return an instant.

        Raises:
            Broken: it is none.
        """
        found = self.fields.get(name)
        if not isinstance(found, datetime) or found.tzinfo is None:
            raise self.broken(name, "an instant", found)
        return found

    def maybe_instant(self, name: str) -> datetime | None:
        """Return an instant, or None where there is none.

        Raises:
            Broken: it is something else.
        """
        return None if self.fields.get(name) is None else self.instant(name)

    def inner(self, name: str, *, is_optional: bool = False) -> "Doc":
        """Return a map within; an absent one is empty where it may be absent.

        Raises:
            Broken: it is no map.
        """
        found = self.fields.get(name, {} if is_optional else None)
        if not isinstance(found, Mapping):
            raise self.broken(name, "a map", found)
        return Doc(self.path, found, f"{self.prefix}{name}.", self.seq)

    def inners(self) -> "dict[str, Doc]":
        """Return every part of a map of maps, by its key.

        Raises:
            Broken: one of them is no map.
        """
        return {key: self.inner(key) for key in self.fields}

    def listed(self, name: str, *, is_optional: bool = False) -> "list[Doc]":
        """Return a list of maps; an absent one is empty where it may be absent.

        Raises:
            Broken: it is none.
        """
        found = self.fields.get(name, [] if is_optional else None)
        if not isinstance(found, list | tuple):
            raise self.broken(name, "a list", found)
        parts = Doc(
            self.path,
            {str(place): part for place, part in enumerate(found)},
            f"{self.prefix}{name}.",
            self.seq,
        )
        return [parts.inner(place) for place in parts.fields]

    def has_only(self, needed: frozenset[str], allowed: frozenset[str] = frozenset()) -> None:
        """Let a map have the fields that it needs, and none that nobody knows.

        Raises:
            Broken: one is missing, or unknown.
        """
        for name in sorted(needed - self.fields.keys()):
            raise self.broken(name, "a field", NOTHING)
        for name in sorted(self.fields.keys() - needed - allowed):
            raise self.broken(name, NOTHING, self.fields[name])

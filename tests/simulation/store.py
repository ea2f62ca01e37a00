"""A store as Firestore promises it to be: versions, preconditions, one atomic commit.

Speaks what `creditbase.runtime.firestore` speaks, which is all that the rooms know of a store.
Whether that is Firestore's own way is the business of the tests on the emulator; here it is
assumed, and everything that a network and a killed process can do is done to it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from creditbase.runtime.firestore import (
    DELETE_FIELD,
    Create,
    Delete,
    Fields,
    Lost,
    Put,
    Snapshot,
    Update,
    Version,
    Write,
)

FIRST_VERSION = datetime(2000, 1, 1, tzinfo=UTC)
PLAIN = frozenset({str, bool, int, float, bytes, datetime, type(None)})
WRITES_MAX = 500

Compared = Callable[[Any, Any], bool]
OPERATORS: dict[str, Compared] = {
    "==": lambda kept, asked: kept == asked,
    "<": lambda kept, asked: kept < asked,
    "<=": lambda kept, asked: kept <= asked,
    ">": lambda kept, asked: kept > asked,
    ">=": lambda kept, asked: kept >= asked,
    "in": lambda kept, asked: kept in asked,
    "array_contains": lambda kept, asked: isinstance(kept, list) and asked in kept,
}


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it is kept; nothing in it is ever changed in place."""

    fields: Fields
    version: Version


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did to a document."""

    path: str
    before: Fields | None
    after: Fields | None


Watcher = Callable[[Sequence[Change]], None]


class Store:
    """Documents by path. `watcher` sees every commit as it is made."""

    def __init__(self) -> None:
        self.commits = 0
        self.watcher: Watcher = lambda _: None
        self._collections: defaultdict[str, dict[str, Stored]] = defaultdict(dict)
        self._by_name: defaultdict[str, set[str]] = defaultdict(set)

    def find(self, path: str) -> Stored | None:
        """Return a document."""
        collection, _, name = path.rpartition("/")
        kept = self._collections.get(collection)
        return None if kept is None else kept.get(name)

    def documents(self, collection: str) -> Mapping[str, Stored]:
        """Return what is in a collection, by id."""
        return self._collections.get(collection, {})

    def group(self, name: str) -> Iterable[tuple[str, Stored]]:
        """Yield the documents of every collection of that name, with their paths."""
        for collection in sorted(self._by_name[name]):
            for document_id, stored in self._collections[collection].items():
                yield f"{collection}/{document_id}", stored

    # ---- reads ---------------------------------------------------------------------------

    def get_all(self, paths: Sequence[str], only: Sequence[str] | None) -> list[Snapshot]:
        """Return documents in the order asked, all of this instant."""
        instant = self._instant()
        return [_snapshot(path, self.find(path), only, instant) for path in paths]

    def query(
        self,
        collection: str,
        *,
        where: Iterable[tuple[str, str, Any]],
        order_by: str | None,
        is_newest_first: bool,
        limit: int,
        is_group: bool,
        only: Sequence[str] | None,
        after: tuple[Any, str] | None,
    ) -> list[Snapshot]:
        """Return what a query finds: of documents that have every field it names."""
        asked = list(where)
        source = (
            self.group(collection)
            if is_group
            else ((f"{collection}/{i}", s) for i, s in self.documents(collection).items())
        )
        found = [(path, stored) for path, stored in source if _fits(stored.fields, asked)]
        if order_by is None:
            unequal = [field for field, operator, _ in asked if operator[0] in "<>"]
            order_by = unequal[0] if unequal else None

        def place(item: tuple[str, Stored]) -> tuple[Any, str]:
            value = _value(item[1].fields, order_by) if order_by else 0
            return (value is not None, value), item[0]

        if order_by is not None:
            found = [item for item in found if _has(item[1].fields, order_by)]
        found.sort(key=place, reverse=is_newest_first)
        if after is not None:
            after = ((after[0] is not None, after[0]), after[1])
            found = [
                item
                for item in found
                if (place(item) < after if is_newest_first else place(item) > after)
            ]
        return [_snapshot(path, stored, only, None) for path, stored in found[:limit]]

    def page_of(self, collection: str, *, after: str, limit: int) -> list[Snapshot]:
        """Return the next documents of a collection by id."""
        kept = self.documents(collection)
        names = sorted(name for name in kept if name > after)[:limit]
        return [_snapshot(f"{collection}/{n}", kept[n], None, None) for n in names]

    def count(self, collection: str, where: Iterable[tuple[str, str, Any]]) -> int:
        """Return how many documents fit."""
        asked = list(where)
        return sum(_fits(s.fields, asked) for s in self.documents(collection).values())

    # ---- the one write ---------------------------------------------------------------------

    def commit(self, writes: Sequence[Write]) -> Version:
        """Apply all writes or none.

        Raises:
            Lost: a precondition does not hold.
        """
        assert 0 < len(writes) <= WRITES_MAX
        kept = {write.path: self.find(write.path) for write in writes}
        assert len(kept) == len(writes), "a path twice in a commit"
        for write in writes:
            _check(write, kept[write.path])
        self.commits += 1
        version = self._instant()
        changes = []
        for write in writes:
            before = kept[write.path]
            was = None if before is None else before.fields
            after = _applied(write, was)
            self._keep(write.path, None if after is None else Stored(after, version))
            changes.append(Change(write.path, was, after))
        self.watcher(changes)
        return version

    def _instant(self) -> Version:
        return FIRST_VERSION + timedelta(microseconds=self.commits)

    def _keep(self, path: str, stored: Stored | None) -> None:
        collection, _, name = path.rpartition("/")
        if stored is None:
            self._collections[collection].pop(name, None)
            return
        self._collections[collection][name] = stored
        self._by_name[collection.rpartition("/")[2]].add(collection)


def _check(write: Write, kept: Stored | None) -> None:
    match write:
        case Create():
            if kept is not None:
                raise Lost
        case Update(unless_changed_since=version):
            if kept is None or kept.version != version:
                raise Lost
        case Delete(unless_changed_since=version):
            if version is not None and (kept is None or kept.version != version):
                raise Lost
        case Put():
            pass


def _applied(write: Write, was: Fields | None) -> Fields | None:
    match write:
        case Create(fields=fields) | Put(fields=fields):
            copied: Fields = _copied(fields)
            return copied
        case Update(changes=changes):
            assert was is not None
            return _changed(was, changes)
        case Delete():
            return None


def _changed(was: Fields, changes: Mapping[tuple[str, ...], Any]) -> Fields:
    """Return the fields with some of them changed; what was is left as it was."""
    changed = dict(was)
    own: dict[tuple[str, ...], Fields] = {(): changed}
    for names, value in changes.items():
        inner = own.get(names[:-1])
        if inner is None:
            inner = _own(own, names[:-1])
        if value is DELETE_FIELD:
            inner.pop(names[-1], None)
        else:
            inner[names[-1]] = _copied(value)
    return changed


def _own(own: dict[tuple[str, ...], Fields], names: tuple[str, ...]) -> Fields:
    """Return the map at a path, copied from what was: once, however much of it changes."""
    found = own.get(names)
    if found is None:
        around = _own(own, names[:-1])
        kept = around.get(names[-1])
        found = dict(kept) if isinstance(kept, dict) else {}
        own[names] = around[names[-1]] = found
    return found


def _copied(value: Any) -> Any:
    """Return a copy; refuse what Firestore would."""
    kind = type(value)
    if kind is dict:
        return {
            name if type(name) is str and name else _refused(name): (
                inner if type(inner) in PLAIN else _copied(inner)
            )
            for name, inner in value.items()
        }
    if kind in PLAIN:
        return value
    if isinstance(value, Mapping):
        return _copied(dict(value))
    if isinstance(value, list | tuple):
        return [_copied(inner) for inner in value]
    if isinstance(value, str):
        return str(value)
    return value if isinstance(value, datetime) else _refused(value)


def _refused(value: object) -> Any:
    raise AssertionError(f"Firestore keeps no {value!r} of {type(value)}")


def _snapshot(
    path: str, stored: Stored | None, only: Sequence[str] | None, read_at: datetime | None
) -> Snapshot:
    if stored is None:
        return Snapshot(path, None, None, read_at)
    fields = stored.fields
    if only is not None:
        fields = {name: fields[name] for name in only if name in fields}
    return Snapshot(path, fields, stored.version, read_at)


def _value(fields: Mapping[str, Any], path: str) -> Any:
    found: Any = fields
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _has(fields: Mapping[str, Any], path: str) -> bool:
    """Return whether a field is there, be it null."""
    around, _, name = path.rpartition(".")
    found = _value(fields, around) if around else fields
    return isinstance(found, Mapping) and name in found


def _fits(fields: Mapping[str, Any], where: Sequence[tuple[str, str, Any]]) -> bool:
    for path, operator, asked in where:
        kept = _value(fields, path)
        if operator == "==" and asked is None:
            if kept is not None or not _has(fields, path):
                return False
            continue
        if kept is None or not OPERATORS[operator](kept, asked):
            return False
    return True

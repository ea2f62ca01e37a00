"""The simulated store is Firestore, as far as the rooms can tell: the emulator is the judge."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from creditbase.runtime import firestore
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
from tests.simulation.store import Store

pytestmark = pytest.mark.firestore

SEEDS = 3
STEPS = 60
BEGINS_AT = datetime(2026, 3, 1, tzinfo=UTC)
QUERIES: tuple[dict[str, Any], ...] = (
    {"where": [("kind", "==", "a")]},
    {"where": [("kind", "==", None)]},
    {"where": [("shard", "in", [0, 2]), ("due_at", "<=", BEGINS_AT + timedelta(hours=9))]},
    {"where": [("shard", "==", 1)], "order_by": "due_at"},
    {"order_by": "due_at", "is_newest_first": True},
    {"where": [("tags", "array_contains", "x")]},
    {"where": [("state.seq", ">", 3)]},
    {"order_by": "kind", "only": ["kind"]},
    {"where": [("shard", ">=", 1)], "is_group": True},
)


@dataclass
class Both:
    """The same done to both stores; what differs fails."""

    root: str
    rng: Random
    model: Store = field(default_factory=Store)
    versions: dict[str, list[tuple[Version, Version]]] = field(default_factory=dict)
    """Of each document, those that it had: of the model's, and of the emulator's."""
    lost: int = 0

    @property
    def paths(self) -> list[str]:
        """Return the documents that there may be."""
        return [f"{self.root}/rows/r{n}" for n in range(4)] + [
            f"{self.root}/rows/r0/lines/l{n}" for n in range(3)
        ]

    def commit(self) -> None:
        """Commit something drawn by chance to both, and hold what came of it together."""
        mine: list[Write] = []
        real: list[Write] = []
        for path in self.rng.sample(self.paths, self.rng.randint(1, 3)):
            for writes, write in zip((mine, real), self._write(path), strict=True):
                writes.append(write)
        outcomes = [self._try(commit, w) for commit, w in self._commits(mine, real)]
        assert outcomes[0] == outcomes[1], mine
        self.lost += not outcomes[0]
        paths = [write.path for write in mine]
        found = zip(self.model.get_all(paths, None), firestore.get_all(paths), strict=True)
        for model_has, emulator_has in found if outcomes[0] else ():
            if model_has.version is not None and emulator_has.version is not None:
                pair = (model_has.version, emulator_has.version)
                self.versions.setdefault(model_has.path, []).append(pair)

    def _commits(self, mine: list[Write], real: list[Write]) -> Iterator[tuple[Any, Any]]:
        yield self.model.commit, mine
        yield firestore.commit, real

    @staticmethod
    def _try(commit: Any, writes: Sequence[Write]) -> bool:
        try:
            commit(writes)
        except Lost:
            return False
        return True

    def _write(self, path: str) -> tuple[Write, Write]:
        known = self.versions.get(path)
        kind = self.rng.randrange(6)
        if kind == 0:
            return (Delete(path),) * 2
        if kind == 1 or not known:
            return (Create(path, self._fields()),) * 2
        if kind == 2:
            return (Put(path, self._fields()),) * 2
        model, emulator = known[-1] if self.rng.randrange(4) else self.rng.choice(known)
        if kind == 3:
            return Delete(path, model), Delete(path, emulator)
        changes = self._changes()
        return Update(path, changes, model), Update(path, changes, emulator)

    def _fields(self) -> Fields:
        fields: Fields = {
            "kind": self.rng.choice(("a", "b", None)),
            "shard": self.rng.randrange(3),
            "due_at": BEGINS_AT + timedelta(hours=self.rng.randrange(24)),
            "tags": self.rng.sample(["x", "y"], self.rng.randrange(3)),
            "state": {"seq": self.rng.randrange(9), "grants": {"free:1": {"left": 5}}},
        }
        for name in self.rng.sample(list(fields), self.rng.randrange(3)):
            del fields[name]
        return fields

    def _changes(self) -> dict[tuple[str, ...], Any]:
        choices: dict[tuple[str, ...], Any] = {
            ("kind",): self.rng.choice(("a", "c")),
            ("due_at",): DELETE_FIELD,
            ("state", "seq"): self.rng.randrange(9),
            ("state", "grants", "free:1"): {"left": self.rng.randrange(9)},
            ("state", "holds", "hold_1", "at"): BEGINS_AT,
            ("tags",): [],
        }
        chosen = self.rng.sample(list(choices), self.rng.randint(1, 2))
        return {names: choices[names] for names in chosen}

    def compare(self) -> None:
        """Ask both the same."""
        asked = [firestore.get_all(self.paths), self.model.get_all(self.paths, None)]
        assert _told(asked[0]) == _told(asked[1])
        name = f"{self.root}/rows"
        for query in QUERIES:
            where: dict[str, Any] = {**DEFAULTS, **query, "limit": self.rng.randint(1, 5)}
            collection = "lines" if where["is_group"] else name
            real = firestore.query(collection, **where)
            if where["is_group"]:
                # The emulator's groups reach into the documents of other runs.
                real = [one for one in real if one.path.startswith(self.root)]
                where["limit"] = len(real)
            assert _told(real) == _told(self.model.query(collection, **where)), query
        pages = [store.page_of(name, after="r0", limit=2) for store in (firestore, self.model)]
        assert _told(pages[0]) == _told(pages[1])
        counted = [("kind", "==", "a")]
        real_count = firestore.count_documents(name, where=counted)
        assert real_count == self.model.count(name, counted)


DEFAULTS: dict[str, Any] = {
    "where": [],
    "order_by": None,
    "is_newest_first": False,
    "is_group": False,
    "only": None,
    "after": None,
}


def _told(found: Sequence[Snapshot]) -> list[tuple[str, Fields | None]]:
    return [(one.path, one.fields) for one in found]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_model_is_the_emulator(seed: int, firestore_host: str, project: str) -> None:
    """Whatever is committed and asked: both refuse the same, and both find the same."""
    assert firestore_host
    assert project
    drawn = Random(seed)  # noqa: S311 - repeatable, and no secret
    both = Both(f"differential/{uuid4()}", drawn)

    for step in range(STEPS):
        both.commit()
        if step % 6 == 0:
            both.compare()

    both.compare()
    assert both.lost > STEPS // 10

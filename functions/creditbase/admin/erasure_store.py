"""How far the erasure of a person has come: `erasures/{customer_id}`. Nobody else spells it.

It is created before anything is done, so that whoever is cut off is gone on for by a job. The
user's uid stands in it until all is done, then nothing that names anybody.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import (
    Create,
    Snapshot,
    Update,
    Version,
    Write,
    get_all,
    query,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """An erasure: of whom, by which record, and what is left to do."""

    project_id: str
    customer_id: str
    uid: str
    """Of a customer of the hub: whose sign-in ends too. Empty once that is done."""
    audit_id: str
    begun_at: datetime
    due_at: datetime | None
    """When the job goes on with it; None: it is over."""
    attempts: int = 0
    erased_at: datetime | None = None
    """When the last document that named the person was emptied; None: not yet."""
    entries_after: str = ""
    """Up to which entry of the ledger the callers' own notes were taken out."""

    @property
    def ref(self) -> CustomerRef:
        """Return whose erasure it is."""
        return CustomerRef(self.project_id, self.customer_id)


@dataclass(frozen=True, slots=True)
class Kept:
    """An erasure, with the version that a change of it is conditioned on."""

    erasure: Erasure
    version: Version


def find_kept_erasure(customer_id: str) -> Kept | None:
    """Return the erasure of a customer with its version, if it was begun."""
    return _kept(get_all([_path(customer_id)])[0])


def find_erasure(customer_id: str) -> Erasure | None:
    """Return the erasure of a customer, if it was begun."""
    kept = find_kept_erasure(customer_id)
    return None if kept is None else kept.erasure


def find_due_erasures(now: datetime, *, limit: int) -> list[Erasure]:
    """Return erasures that somebody must go on with, the longest due first."""
    found = query("erasures", where=[("due_at", "<=", now)], order_by="due_at", limit=limit)
    return [kept.erasure for kept in map(_kept, found) if kept is not None]


def writes_to_begin(erasure: Erasure) -> list[Write]:
    """Return the write that begins an erasure, or fails if it was begun before."""
    return [Create(_path(erasure.customer_id), asdict(erasure))]


def writes_to_go_on(kept: Kept, after: Erasure) -> list[Write]:
    """Return the write that keeps how far it came, or fails if somebody else has done more."""
    before, now = asdict(kept.erasure), asdict(after)
    changes: Mapping[tuple[str, ...], Any] = {
        (name,): value for name, value in now.items() if before[name] != value
    }
    path = _path(after.customer_id)
    return [Update(path, changes, unless_changed_since=kept.version)] if changes else []


def _kept(snapshot: Snapshot) -> Kept | None:
    if snapshot.fields is None or snapshot.version is None:
        return None
    return Kept(Erasure(**snapshot.fields), snapshot.version)


def _path(customer_id: str) -> str:
    return f"erasures/{customer_id}"

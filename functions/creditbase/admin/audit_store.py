"""Where the record of operators' actions is kept: `audit/{id}`, by `create` alone.

Nobody else spells this path. A record is written in the commit of what it records, so that
nothing is done without one, and nothing twice.
"""

from collections.abc import Sequence

from creditbase.admin.domain.audit import Audit
from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import (
    Create,
    Fields,
    Snapshot,
    Update,
    Write,
    get_all,
    query,
)

PAGE = 50
HUSHED = "[erased]"
KEPT_REASONS = frozenset({"erase", "erase_outcome"})
NEWEST = "~"
"""Comes after every place."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Records, newest first, and where the next page begins; empty at the end."""

    records: tuple[Audit, ...]
    next_cursor: str = ""


def find_audit(audit_id: str) -> Audit | None:
    """Return the record of a deed, if it was done."""
    return _audit(get_all([_path(audit_id)])[0])


def writes_for_audit(audit: Audit) -> list[Write]:
    """Return the write that records a deed, or fails if it was done before."""
    fields: Fields = {
        "audit_id": audit.audit_id,
        "at": audit.at,
        "place": audit.place,
        "action": audit.action,
        "actor": audit.actor,
        "reason": audit.reason,
        "project_id": audit.project_id,
        "customer_id": audit.customer_id,
        "asked": dict(audit.asked),
        "digest": audit.digest,
        "entry_id": audit.entry_id,
        "before": dict(audit.before),
        "after": dict(audit.after),
        "follows": audit.follows,
        "stripe": dict(audit.stripe),
    }
    return [Create(_path(audit.audit_id), fields)]


def load_audit_page(*, customer_id: str = "", cursor: str = "") -> AuditPage:
    """Return records, newest first: of one customer, or all; one query."""
    below = cursor or NEWEST
    if customer_id:
        found = query(
            "audit",
            where=[("customer_id", "==", customer_id), ("place", "<", below)],
            order_by="place",
            is_newest_first=True,
            limit=PAGE + 1,
        )
    else:
        found = query(
            "audit",
            where=[("place", "<", below)],
            order_by="place",
            is_newest_first=True,
            limit=PAGE + 1,
        )
    return _page(found)


def writes_to_hush(found: Sequence[Snapshot]) -> list[Write]:
    """Return the writes that take the reasons out of records about who was erased.

    The one change that a record ever sees: a reason is free text, and may name somebody. Why
    a person was erased stays: it is what answers for the erasure itself.
    """
    changes: dict[tuple[str, ...], object] = {("reason",): HUSHED}
    return [
        Update(one.path, changes, unless_changed_since=one.version)
        for one in found
        if one.version is not None
        and one.fields is not None
        and one.fields["reason"] != HUSHED
        and one.fields["action"] not in KEPT_REASONS
    ]


def _page(found: Sequence[Snapshot]) -> AuditPage:
    records = [audit for audit in map(_audit, found) if audit is not None]
    shown = tuple(records[:PAGE])
    return AuditPage(shown, shown[-1].place if len(records) > PAGE else "")


def _audit(snapshot: Snapshot) -> Audit | None:
    if snapshot.fields is None:
        return None
    return Audit(**{name: value for name, value in snapshot.fields.items() if name != "place"})


def _path(audit_id: str) -> str:
    return f"audit/{audit_id}"

"""Wallets that want somebody's attention: parked, in debt, or with holds long out of time.

Questions of operators, each answered from an index that only such wallets are in.
"""

from datetime import datetime

from creditbase.kernel.records import dataclass
from creditbase.ledger.paths import SHARDS, WalletRef, wallet_ref_of
from creditbase.ledger.store import PARKED
from creditbase.runtime.firestore import count_documents, query

ALL_SHARDS = list(range(SHARDS))


@dataclass(frozen=True, slots=True)
class Parked:
    """A wallet that stands still, and the rule that was about to be broken."""

    ref: WalletRef
    reason: str


@dataclass(frozen=True, slots=True)
class Owing:
    """A wallet whose credits were taken back after they had been spent."""

    ref: WalletRef
    receivable_nanos: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """A wallet with a hold whose time is over, and since when."""

    ref: WalletRef
    due_at: datetime


def find_parked(project_id: str, *, after: tuple[str, str] | None, limit: int) -> list[Parked]:
    """Return a project's parked wallets, by reason and customer."""
    place = after and (after[0], WalletRef(project_id, after[1]).wallet)
    found = query(
        f"projects/{project_id}/wallets",
        where=[("parked", ">", "")],
        order_by="parked",
        limit=limit,
        only=["parked"],
        after=place,
    )
    return [
        Parked(wallet_ref_of(it.path), it.fields[PARKED])
        for it in found
        if it.fields is not None
    ]


def find_parked_anywhere(*, limit: int) -> list[Parked]:
    """Return parked wallets of all projects."""
    found = query(
        "wallets",
        where=[("parked", ">", "")],
        order_by="parked",
        limit=limit,
        is_group=True,
        only=["parked"],
    )
    return [
        Parked(wallet_ref_of(it.path), it.fields[PARKED])
        for it in found
        if it.fields is not None
    ]


def count_parked(project_id: str) -> int:
    """Return how many wallets of a project are parked."""
    return count_documents(f"projects/{project_id}/wallets", where=[("parked", ">", "")])


def find_owing(project_id: str, *, after: tuple[int, str] | None, limit: int) -> list[Owing]:
    """Return a project's wallets that owe, as published, the most first."""
    place = after and (after[0], WalletRef(project_id, after[1]).balance)
    found = query(
        f"projects/{project_id}/balances",
        where=[("receivable_nanos", ">", 0)],
        order_by="receivable_nanos",
        is_newest_first=True,
        limit=limit,
        only=["receivable_nanos"],
        after=place,
    )
    return [
        Owing(wallet_ref_of(it.path), it.fields["receivable_nanos"])
        for it in found
        if it.fields is not None
    ]


def count_owing(project_id: str) -> int:
    """Return how many wallets of a project owe."""
    return count_documents(
        f"projects/{project_id}/balances", where=[("receivable_nanos", ">", 0)]
    )


def find_overdue(before: datetime, *, limit: int) -> list[Overdue]:
    """Return wallets with a hold that should have ended before then, the longest first."""
    found = query(
        "wallets",
        where=[("shard", "in", ALL_SHARDS), ("holds_due_at", "<=", before)],
        order_by="holds_due_at",
        limit=limit,
        is_group=True,
        only=["holds_due_at"],
    )
    return [
        Overdue(wallet_ref_of(it.path), it.fields["holds_due_at"])
        for it in found
        if it.fields is not None
    ]

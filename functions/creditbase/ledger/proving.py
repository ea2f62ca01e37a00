"""Proving a wallet where it lies: everything of it, as of one instant of the store's.

Source: promises P01-P06; the rules are `domain/proof`, what they prove is ADR 0033.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.ledger.changes import STATE
from creditbase.ledger.domain.balance import balance_of
from creditbase.ledger.domain.proof.reading import Broken
from creditbase.ledger.domain.proof.tale import Tale
from creditbase.ledger.domain.proof.walk import UNREADABLE, Raw, finish, walk_entries
from creditbase.ledger.encoding import read_wallet, write_balance
from creditbase.ledger.paths import WalletRef
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Version

ENTRIES_PER_PAGE = 300


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof came to: how far it is, and the line that does not hold, if one does not.

    `version` is the wallet's that was proved; None where there is no wallet. A proof that
    `is_whole` held every document against the others; else there are more entries to come.
    """

    ref: WalletRef
    tale: Tale
    entries: int
    read_at: datetime
    version: Version | None
    parked: str = ""
    broken: Broken | None = None
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class StoreReads:
    """What a walk reads of a wallet in the store, as of one instant."""

    ref: WalletRef
    read_at: datetime

    def entries(self, after: int) -> Sequence[tuple[str, Raw]]:
        """Return the next page of entries by their numbers."""
        found = firestore.query(
            f"{self.ref.wallet}/entries",
            where=[("seq", ">", after)],
            order_by="seq",
            limit=ENTRIES_PER_PAGE,
            read_at=self.read_at,
        )
        return [(it.document_id, it.fields) for it in found if it.fields is not None]

    def named(self, paths: Sequence[str]) -> dict[str, Raw | None]:
        """Return documents below the wallet, by one RPC."""
        full = [f"{self.ref.wallet}/{path}" for path in paths]
        found = firestore.get_all(full, read_at=self.read_at)
        return {path: it.fields for path, it in zip(paths, found, strict=True)}

    def count(self, collection: str) -> int:
        """Return how many documents there are, whatever they say."""
        assert collection in {"entries", "usage", "periods"}
        return firestore.count_documents(
            f"{self.ref.wallet}/{collection}", read_at=self.read_at
        )


def prove_wallet(ref: WalletRef, tale: Tale | None = None, *, most: int) -> Proven:
    """Prove a wallet from its first entry, or from where a kept tale has ended.

    Ends early, with more to come, where there are more than about so many entries.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    tale = Tale(ref.wallet_id) if tale is None else tale
    first = tale.seq
    wallet, balance = firestore.get_all([ref.wallet, ref.balance])
    assert wallet.read_at is not None
    reads = StoreReads(ref, wallet.read_at)
    tale.salt = _salt(wallet.fields)
    broken: Broken | None = None
    is_whole = True
    try:
        _is_there(wallet.fields)
        watched = (balance.fields or {}).get("seq", 0)
        figures = walk_entries(tale, reads, most=most, watched=watched)
        is_whole = tale.seq < first + most
        if is_whole:
            finish(
                tale,
                reads,
                (wallet.fields, balance.fields),
                shard=ref.shard,
                expect_balance=lambda state: _balance(ref, state),
                figures=figures,
            )
    except Broken as line:
        broken = line
    except UNREADABLE as fault:
        broken = Broken("", "the wallet", "what can be read", repr(fault), seq=tale.seq)
    return Proven(
        ref,
        tale,
        tale.seq - first,
        wallet.read_at,
        wallet.version,
        parked=parked_reason(wallet.fields),
        broken=broken,
        is_whole=is_whole or broken is not None,
    )


def _is_there(fields: Raw | None) -> None:
    """Miss a wallet first: without its salt no entry of it could be held to its seal."""
    if fields is None:
        raise Broken("", "the wallet", "a document", "nothing")


def _salt(fields: Mapping[str, Any] | None) -> str:
    state = (fields or {}).get(STATE)
    salt = state.get("salt") if isinstance(state, Mapping) else ""
    return salt if isinstance(salt, str) else ""


def _balance(ref: WalletRef, state: Raw) -> Raw:
    wallet = read_wallet(ref.wallet_id, state)
    is_settled = wallet.published.is_settled
    return write_balance(
        balance_of(wallet, now=wallet.at, is_settled=is_settled), shard=ref.shard
    )


def parked_reason(fields: Mapping[str, Any] | None) -> str:
    """Return why a wallet is parked, wherever it says so."""
    if fields is None:
        return ""
    state = fields.get(STATE)
    said = state.get("parked") if isinstance(state, Mapping) else ""
    return str(said or fields.get("parked") or "")


def writes_to_mark(
    ref: WalletRef, fields: Mapping[str, Any], version: Version, reason: str
) -> list[firestore.Write]:
    """Return the write that parks a wallet, or lets it go where there is no reason.

    Of the raw document: a wallet that cannot be read must stand still, too.
    """
    state = fields.get(STATE)
    changes: dict[tuple[str, ...], Any] = {("parked",): reason or firestore.DELETE_FIELD}
    if isinstance(state, Mapping):
        changes[STATE, "parked"] = reason
        commits = state.get("commits")
        if type(commits) is int:
            changes[STATE, "commits"] = commits + 1
    return [firestore.Update(ref.wallet, changes, version)]

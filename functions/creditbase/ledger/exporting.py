"""A ledger as its customer gets it: everything that computes it again, and nothing of ours.

One JSON file, a record on each line, written while it is read. The wallet, its closed days
and its windows are of one instant; entries never change, so they are read after. A ledger
that is too long for one file says at its end, and before it begins, where the next begins.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.kernel.instants import write_exact
from creditbase.kernel.records import dataclass
from creditbase.ledger.anchor_store import load_anchors
from creditbase.ledger.domain.anchors import Anchor, Sibling
from creditbase.ledger.domain.cells import cell_of
from creditbase.ledger.domain.entries import Entry, entry_salt
from creditbase.ledger.domain.wallet import DELETED, Tally, Wallet, WindowCount
from creditbase.ledger.encoding import (
    read_closed_day,
    read_wallet,
    read_window,
    write_budget,
    write_draw,
    write_entry,
    write_grant,
)
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.proofs import Proof, load_proofs
from creditbase.ledger.store import load_entries
from creditbase.runtime import firestore

FORMAT = "creditbase-ledger"
VERSION = 1
ENTRIES_MAX = 50_000
"""Of one file."""
PAGE = 200
CLOSED_PAGE = 300
ANCHORS = 31
"""The newest days whose proofs are in an export, where nobody asks for more."""
ANCHORS_MAX = 400
FOREVER = "9999-12-31"

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which part of a ledger is wanted: entries from a number on, and the proofs of days."""

    from_seq: int = 1
    anchors: int = ANCHORS
    before: str = FOREVER
    """Only anchors of before that day."""
    is_private: bool = False
    """For operators: with what the seals cover, and what opens them."""


@dataclass(frozen=True, slots=True)
class Export:
    """An export that is about to be written; `next_seq` is where the next part begins."""

    next_seq: int | None
    pieces: Iterator[bytes]


def export_ledger(ref: WalletRef, asked: Asked) -> Export:
    """Return the export of a wallet; what it is written from is read while it is.

    Raises:
        NotFound: there is no such wallet.
        InvalidRequest: it has no entry of that number.
    """
    found = firestore.get_all([ref.wallet])[0]
    if found.fields is None:
        raise NotFound("Customer not found")
    wallet = read_wallet(ref.wallet_id, found.fields["state"])
    if wallet.frozen == DELETED and not asked.is_private:
        raise NotFound("Customer not found")
    if asked.from_seq > max(1, wallet.seq):
        raise InvalidRequest("The ledger has no entry of that number", field="from_seq")
    assert found.read_at is not None
    last = min(wallet.seq, asked.from_seq + ENTRIES_MAX - 1)
    next_seq = last + 1 if last < wallet.seq else None
    records = chain(
        [_head(ref, wallet, asked, last)],
        _closed(ref, found.read_at),
        _entries(ref, wallet, asked, last),
        _proofs(ref, asked),
        [{"record": "end", "next_seq": next_seq}],
    )
    return Export(next_seq, _written(records))


def _written(records: Iterator[Fields]) -> Iterator[bytes]:
    """Yield one JSON array, a record on each line, some lines at a time."""
    lines: list[str] = []
    before = "[\n"
    for record in records:
        lines.append(before + json.dumps(record, **SPELT))
        before = ",\n"
        if len(lines) == PAGE:
            yield "".join(lines).encode()
            lines = []
    yield ("".join(lines) + "\n]\n").encode()


def _spell(value: object) -> str:
    assert isinstance(value, datetime)
    return write_exact(value)


SPELT: Mapping[str, Any] = {
    "ensure_ascii": False,
    "separators": (",", ":"),
    "default": _spell,
    "allow_nan": False,
}

# ---- the records -----------------------------------------------------------------------------


def _head(ref: WalletRef, wallet: Wallet, asked: Asked, last: int) -> Fields:
    return {
        "record": "ledger",
        "format": FORMAT,
        "version": VERSION,
        "path": ref.wallet,
        "wallet_id": ref.wallet_id,
        "first_seq": asked.from_seq,
        "last_seq": last,
        "state": _state(wallet),
    }


def _state(wallet: Wallet) -> Fields:
    """Return what of a wallet its customer is shown: no costs, no prices, no salt."""
    return {
        "at": wallet.at,
        "created_at": wallet.created_at,
        "seq": wallet.seq,
        "receivable_nanos": wallet.receivable_nanos,
        "rows": wallet.rows,
        "rowed_nanos": wallet.rowed_nanos,
        "grants": {key: write_grant(grant) for key, grant in wallet.grants.items()},
        "holds": {
            key: {
                "amount_nanos": hold.amount_nanos,
                "draws": [write_draw(draw) for draw in hold.draws],
                "created_at": hold.created_at,
                "expires_at": hold.expires_at,
                "window_start_at": hold.window_start_at,
            }
            for key, hold in wallet.holds.items()
        },
        "window": _window(wallet.window),
        "closing": [_window(window) for window in wallet.closing],
        "today": _day(wallet.today.date, {c.key: t for c, t in wallet.today.cells.items()}),
    }


def _window(window: WindowCount) -> Fields:
    return {
        "start_at": window.span.start_at,
        "end_at": window.span.end_at,
        "included_spent_nanos": window.included_spent_nanos,
        "included_held_nanos": window.included_held_nanos,
        "models": {model: _tally(tally) for model, tally in window.tallies.items()},
        "budgets": {name: write_budget(count) for name, count in window.budgets.items()},
    }


def _day(date: str, cells: Mapping[str, Tally]) -> Fields:
    """Return a day by model alone: who provides it is ours to know."""
    by_model: dict[str, Tally] = {}
    for key, tally in cells.items():
        model = cell_of(key).model
        by_model[model] = by_model.get(model, Tally()).joined(tally)
    return {"date": date, "models": {model: _tally(it) for model, it in by_model.items()}}


def _tally(tally: Tally) -> Fields:
    shown = replace(tally, cost_nanos=0)
    names = Tally.__dataclass_fields__
    return {name: count for name in names if (count := getattr(shown, name))}


def _closed(ref: WalletRef, read_at: datetime) -> Iterator[Fields]:
    for fields in _documents(f"{ref.wallet}/usage", read_at):
        day = read_closed_day(fields)
        cells = {cell.key: tally for cell, tally in day.cells.items()}
        if cells:  # else it only says what shadow mode compared
            yield {"record": "day", **_day(day.date, cells)}
    for fields in _documents(f"{ref.wallet}/periods", read_at):
        yield {"record": "period", **_window(read_window(fields))}


def _documents(collection: str, read_at: datetime) -> Iterator[Fields]:
    after = ""
    while found := firestore.page_of(
        collection, after=after, limit=CLOSED_PAGE, read_at=read_at
    ):
        yield from (it.fields for it in found if it.fields is not None)
        after = found[-1].document_id


def _entries(ref: WalletRef, wallet: Wallet, asked: Asked, last: int) -> Iterator[Fields]:
    """Yield the entries in their order, a page of numbers at a time."""
    was_sealed = asked.from_seq == 1
    if not was_sealed:
        was_sealed = bool(load_entries(ref, *[asked.from_seq - 1] * 2, limit=1)[0].seal)
    for first in range(asked.from_seq, last + 1, PAGE):
        found = load_entries(ref, first, min(first + PAGE - 1, last), limit=PAGE)
        for entry in reversed(found):
            yield _entry(entry, wallet, asked, was_sealed=was_sealed)
            was_sealed = bool(entry.seal)


def _entry(entry: Entry, wallet: Wallet, asked: Asked, *, was_sealed: bool) -> Fields:
    """Return an entry as it is kept, less what is private.

    Of one of before the seals the hash is private, too, and so is the seal of the first one
    behind those.
    """
    fields = write_entry(entry)
    fields.pop("metadata", None)
    if asked.is_private:
        if entry.seal:
            fields["salt"] = entry_salt(wallet.salt, entry.entry_id)
        return {"record": "entry", **fields}
    fields.pop("private", None)
    if not entry.seal:
        told = replace(entry, seal="none").covered()
        return {"record": "told", **{k: v for k, v in told.items() if k not in HIDDEN}}
    if not was_sealed:
        shown = {k: v for k, v in fields.items() if k not in {"seal", "prev"}}
        return {"record": "bridge", **shown}
    return {"record": "entry", **fields}


HIDDEN = frozenset({"seal", "prev", "hash"})


def _proofs(ref: WalletRef, asked: Asked) -> Iterator[Fields]:
    if asked.anchors:
        anchors = load_anchors(before=asked.before, limit=asked.anchors)
        for proof in load_proofs(ref, anchors[::-1]):
            yield proof_record(proof)


def proof_record(proof: Proof) -> Fields:
    """Return a proof as an export has it."""
    return {
        "record": "proof",
        "anchor": proof.anchor.shown(),
        "seq": proof.seq,
        "blind": proof.blind,
        "siblings": [_sibling(it) for it in proof.siblings],
        "project_blind": proof.project_blind,
        "project_siblings": [_sibling(it) for it in proof.project_siblings],
    }


def _sibling(sibling: Sibling) -> Fields:
    return {"side": sibling.side, "hash": sibling.digest.hex()}


def anchors_shown(anchors: list[Anchor]) -> list[dict[str, object]]:
    """Return anchors as everybody may see them."""
    return [anchor.shown() for anchor in anchors]

"""Real ledgers to be told again: out of a project's store, or out of files of `export`."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from creditbase.admin.verifying import customers_after
from creditbase.kernel.instants import read
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.encoding import read_entry
from creditbase.ledger.exporting import FORMAT
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet, load_entries

PAGE = 200
INSTANTS = ("at", "window_start_at", "started_at", "expires_at")
BESIDE = frozenset({"record", "salt"})
USES = frozenset({"charge", "capture", "late"})


class NotToldFrom(Exception):
    """A file that no ledger can be told from, and what to type."""

    def __init__(self, text: str, fix: str = "creditbase export CUSTOMER --private") -> None:
        super().__init__(text)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Ledger:
    """A customer's entries from the first one on, oldest first."""

    customer_id: str
    entries: Sequence[Entry]


def stored(project_id: str, *, until: datetime) -> Iterator[Ledger]:
    """Yield the ledgers of a project, each until an instant.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    after = ""
    while names := customers_after(project_id, after):
        for customer_id in names:
            entries = tuple(_stored(WalletRef(project_id, customer_id), until))
            yield Ledger(customer_id, entries)
        after = names[-1]


def _stored(ref: WalletRef, until: datetime) -> Iterator[Entry]:
    loaded = find_wallet(ref)
    newest = 0 if loaded is None else loaded.wallet.seq
    for first in range(1, newest + 1, PAGE):
        page = load_entries(ref, first, min(first + PAGE - 1, newest), limit=PAGE)
        for entry in reversed(page):
            if entry.at >= until:
                return
            yield entry


def exported(files: Sequence[Path]) -> list[Ledger]:
    """Return the ledgers of private exports; those of several parts are put together.

    Raises:
        NotToldFrom: a file is no export, is without costs, or a part is missing.
    """
    found: dict[str, list[Entry]] = {}
    for file in files:
        head, entries = _read(file)
        found.setdefault(head["wallet_id"], []).extend(entries)
    ledgers = []
    for customer_id, entries in found.items():
        entries.sort(key=lambda entry: entry.seq)
        if [entry.seq for entry in entries] != list(range(1, len(entries) + 1)):
            raise NotToldFrom(f"a part of the ledger of {customer_id} is missing, or twice")
        ledgers.append(Ledger(customer_id, tuple(entries)))
    return ledgers


def _read(file: Path) -> tuple[dict[str, Any], list[Entry]]:
    try:
        records = json.loads(file.read_text(encoding="utf-8"))
        head = records[0]
        rows = [it for it in records if it["record"] in {"entry", "told", "bridge"}]
        is_ours = head["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError, IndexError) as fault:
        raise NotToldFrom(f"{file} is no export of a ledger") from fault
    if not is_ours:
        raise NotToldFrom(f"{file} is no export of a ledger")
    used = [it for it in rows if it["kind"] in USES and it.get("metered")]
    if any("cost_nanos" not in _private(it) for it in used):
        raise NotToldFrom(f"{file} says nothing of costs: it is a customer's own export")
    return head, [_entry(it) for it in rows]


def _private(row: dict[str, Any]) -> dict[str, Any]:
    metered: dict[str, Any] = {**row["metered"], **row.get("private", {})}
    return metered


def _entry(row: dict[str, Any]) -> Entry:
    fields = {name: value for name, value in row.items() if name not in BESIDE}
    for name in INSTANTS:
        if fields.get(name):
            fields[name] = read(fields[name])
    return read_entry(fields)

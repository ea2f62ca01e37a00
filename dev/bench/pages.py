"""Fewer writes: a prototype that keeps new entries in the wallet, and spills them in pages.

Beside what the product does (an entry is a document, and its own idempotency record), with the
same decision. A page holds fifty entries; a key that is not among the newest is looked up in
the pages, by the index of their keys, or a late retry would be charged twice. ADR-0044 has the
figures that decided against it: `python -m dev.bench.pages` on the store that
`FIRESTORE_EMULATOR_HOST` names prints them again.
"""

import secrets
import statistics
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from creditbase.kernel import ids
from creditbase.ledger.batch import decide_batch
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.ledger.store import Loaded, find_wallet, writes_for, writes_to_open
from creditbase.ledger.use_cases import run as run_command
from creditbase.runtime import firestore
from creditbase.runtime.protobuf import write_fields
from creditbase.runtime.store_rpcs import CommitRequest
from dev.bench.boundary import REGION_MS, Boundary, install

PAGE = 50
RECENT = "recent"
CHARGES = 240
RETRIED_AFTER = (1, 20, 60, 200)
"""How many charges later a client sends a key again."""
FUNDS_NANOS = 10**9


@dataclass
class Documents:
    """What the product does: each entry a document that must not exist yet."""

    ref: WalletRef

    def charge(self, key: str, now: datetime) -> None:
        """Take one nano."""
        run_command(self.ref, Charge(key, "a digest", FixedAmount(1)), now=now)


@dataclass
class Pages:
    """The prototype: the newest entries in the wallet, older ones fifty to a page."""

    ref: WalletRef
    is_looked_up: bool = True
    """Whether a key is looked for in the pages, too."""
    loaded: Loaded | None = None
    recent: dict[str, Any] = field(default_factory=dict)

    def charge(self, key: str, now: datetime) -> None:
        """Take one nano, unless the key is known."""
        while True:
            if self.loaded is None:
                self._read()
            if key in self.recent or (self.is_looked_up and self._is_in_a_page(key)):
                return
            try:
                self._commit(key, now)
            except firestore.Lost:
                self.loaded = None
                continue
            return

    def _read(self) -> None:
        """Read the wallet, whose document now has the newest entries in it."""
        self.loaded = find_wallet(self.ref)
        (wallet,) = firestore.get_all([self.ref.wallet], only=[RECENT])
        self.recent = dict((wallet.fields or {}).get(RECENT, {}))

    def _is_in_a_page(self, key: str) -> bool:
        where = [("keys", "array_contains", key)]
        return bool(
            firestore.query(f"{self.ref.wallet}/pages", where=where, limit=1, only=["number"])
        )

    def _commit(self, key: str, now: datetime) -> None:
        assert self.loaded is not None
        command = Charge(key, "a digest", FixedAmount(1))
        decided = decide_batch(self.loaded, [(command, now)])
        before, after = decided.before, decided.after
        plain = writes_for(self.ref, before, after, self.loaded.version, decided.accepted)
        update, entries = plain[0], plain[1:]
        assert isinstance(update, firestore.Update)
        changes, recent = dict(update.changes), dict(self.recent)
        writes: list[firestore.Write] = []
        for entry in entries:
            assert isinstance(entry, firestore.Create)
            if len(recent) == PAGE:
                page = {"number": after.seq, "keys": list(recent), "entries": recent}
                writes.append(firestore.Create(f"{self.ref.wallet}/pages/{after.seq}", page))
                recent = {}
                changes[(RECENT,)] = recent
            entry_id = entry.path.rpartition("/")[2]
            recent[entry_id] = dict(entry.fields)
            if (RECENT,) not in changes:
                changes[RECENT, entry_id] = recent[entry_id]
        writes.insert(0, firestore.Update(self.ref.wallet, changes, self.loaded.version))
        version = firestore.commit(writes)
        self.loaded, self.recent = Loaded(after, version, {}), recent


def opened() -> WalletRef:
    """Make a wallet with credits."""
    ref = WalletRef("bench", secrets.token_hex(8))
    terms = Terms("free", allocation_nanos=FUNDS_NANOS)
    now = datetime.now(UTC)
    wallet = open_wallet(ref.wallet_id, owner_uid="", terms=terms, now=now, salt=new_salt())
    firestore.commit(writes_to_open(ref, wallet))
    return ref


def measured(design: Documents | Pages, boundary: Boundary) -> dict[str, Any]:
    """Charge new keys one after the other, each later once more; say what it took."""
    boundary.begin(REGION_MS)
    took_ns, cpu_ns = [], 0
    keys = [ids.operation_entry_id(f"call {number}") for number in range(CHARGES)]
    for key in keys:
        began_ns, began_cpu_ns = time.perf_counter_ns(), time.process_time_ns()
        design.charge(key, datetime.now(UTC))
        took_ns.append(time.perf_counter_ns() - began_ns)
        cpu_ns += time.process_time_ns() - began_cpu_ns
        time.sleep(0.05)  # so that pacing asks nothing
    counts = dict(boundary.counts)
    boundary.begin({})
    for after in RETRIED_AFTER:
        design.charge(keys[-1 - after], datetime.now(UTC))
    (kept,) = firestore.get_all([design.ref.wallet])
    assert kept.fields is not None
    left_nanos = kept.fields["state"]["grants"]["free:0"]["remaining_nanos"]
    return {
        "p50_us": int(statistics.median(took_ns)) // 1000,
        "cpu_us": cpu_ns // CHARGES // 1000,
        **{name: f"{counts.get(name, 0) * 100 // CHARGES / 100:.2f}" for name in COUNTED},
        "wallet_bytes": size_of(kept.fields),
        "charged twice": FUNDS_NANOS - left_nanos - CHARGES,
    }


COUNTED = ("rpcs", "reads", "writes")


def size_of(fields: firestore.Fields) -> int:
    """Return how large a document is on the wire."""
    request = CommitRequest()
    write_fields(request.writes.add().update.fields, fields)
    return len(request.SerializeToString())


def run() -> dict[str, dict[str, Any]]:
    """Measure all three on new wallets."""
    boundary = install()
    designs: dict[str, Documents | Pages] = {
        "entries are documents": Documents(opened()),
        "pages, looked up": Pages(opened()),
        "pages, not looked up": Pages(opened(), is_looked_up=False),
    }
    return {name: measured(design, boundary) for name, design in designs.items()}


def main() -> int:
    """Measure; print a table."""
    for name, found in run().items():
        print(f"{name:24}" + "  ".join(f"{key} {value}" for key, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

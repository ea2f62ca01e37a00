"""Ledgers that have lived in the emulator, exported and anchored, for the verifier's tests."""

import json
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from creditbase.kernel import ids
from creditbase.ledger import anchoring, exporting, store
from creditbase.ledger.anchor_store import load_anchors
from creditbase.ledger.domain.commands import (
    Budget,
    CaptureHold,
    Charge,
    FixedAmount,
    MeteredUsage,
    PlaceHold,
    TakeBack,
)
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Metered, Terms
from creditbase.ledger.paths import WalletRef
from creditbase.runtime import firestore
from tests.ledger.builders import FlatRate
from tests.ledger.wallets import LiveWallet

Record = dict[str, Any]
CREDITS = 1_000_000


def a_project() -> str:
    """Make a project, so that the sweep over all projects finds it."""
    project_id = str(uuid.uuid4())
    firestore.commit([firestore.Create(f"projects/{project_id}", {"name": "p"})])
    return project_id


def open_in(project_id: str, now: datetime, nanos: int = 500 * CREDITS) -> LiveWallet:
    """Open a wallet in a project."""
    customer_id = ids.customer_uuid(project_id, uuid.uuid4().hex, 1)
    return LiveWallet.opened(project_id, customer_id, nanos=nanos, now=now)


def open_in_clear(now: datetime) -> LiveWallet:
    """Open a wallet as they were opened before there were seals."""
    ref = WalletRef(str(uuid.uuid4()), str(uuid.uuid4()))
    terms = Terms("free", allocation_nanos=500 * CREDITS)
    opened = open_wallet(ref.wallet_id, owner_uid="ada", terms=terms, now=now)
    firestore.commit(store.writes_to_open(ref, opened))
    return LiveWallet(ref, now)


def live(wallet: LiveWallet) -> LiveWallet:
    """Let a wallet live for forty days: most of what can happen happens once."""
    wallet.charge("a", 7)
    wallet.hold("b", 5)
    wallet.capture("b", 9)
    wallet.hold("c", 4, ttl_s=60)
    wallet.topup("pi", 100 * CREDITS)
    budget = Budget("key", 50 * CREDITS)
    usage = MeteredUsage({"input_tokens": 6, "requests": 1}, FlatRate(), "m")
    wallet.run(Charge(ids.operation_entry_id("f"), "d", usage, {"mail": "a@b.c"}, budget))
    wallet.run(
        Charge(
            ids.operation_entry_id("costly"), "d", FixedAmount(9, Metered("m", "acme", 4_242))
        )
    )
    entry_id = ids.operation_entry_id("g")
    wallet.run(PlaceHold(entry_id, wallet.hold_id("g"), "d", FixedAmount(3), 900, {}, budget))
    wallet.run(CaptureHold(wallet.hold_id("g"), "capture", FixedAmount(2)))
    wallet.hold("v", 11)
    wallet.void("v")
    late = wallet.later(days=40)
    late.charge("d", 3)
    late.hold("e", 2)
    late.run(TakeBack("refund:x:1", ids.topup_grant_id("pi"), 50 * CREDITS, owes_rest=True))
    return late


@dataclass
class Exported:
    """An export as records, that can be tampered with and written again."""

    records: list[Record]

    @classmethod
    def of(cls, ref: WalletRef, **asked: Any) -> "Exported":
        """Export a wallet."""
        export = exporting.export_ledger(ref, exporting.Asked(**asked))
        return cls(json.loads(b"".join(export.pieces)))

    def write(self, path: Path) -> Path:
        """Write it as it was."""
        lines = ",\n".join(
            json.dumps(it, ensure_ascii=False, separators=(",", ":")) for it in self.records
        )
        path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        return path

    def all(self, kind: str) -> list[Record]:
        """Return the records of a kind."""
        return [it for it in self.records if it["record"] == kind]

    @property
    def state(self) -> Record:
        """Return the wallet's state."""
        state: Record = self.records[0]["state"]
        return state


def next_day(after: datetime) -> datetime:
    """Return a day that no test has anchored yet, some months on."""
    last = [it.date for it in load_anchors(before=anchoring.FOREVER, limit=1)]
    newest = datetime.fromisoformat(f"{last[0]}T12:00:00+00:00") if last else after
    return max(after, newest) + timedelta(days=1)


def anchor(now: datetime, *, limit: int = 10**9) -> anchoring.Anchored:
    """Make the day's anchor."""
    return anchoring.anchor_ledger(now, until_s=time.monotonic() + 60, limit=limit)

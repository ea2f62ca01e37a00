"""A wallet in the emulator as tests use it, and an audit that trusts only raw documents."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from creditbase.kernel import ids
from creditbase.kernel.errors import BillingError
from creditbase.ledger import store, use_cases
from creditbase.ledger.domain.commands import (
    CaptureHold,
    Charge,
    Command,
    FixedAmount,
    GrantCredits,
    PlaceHold,
    Tidy,
    VoidHold,
)
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Metered, Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.runtime import firestore
from tests.together import at_once

NOT_COVERED = {"hash", "metadata", "private"}


@dataclass
class LiveWallet:
    """A wallet that was really written, and the instant at which commands are given."""

    ref: WalletRef
    now: datetime

    @classmethod
    def opened(
        cls, project_id: str, customer_id: str, *, nanos: int, now: datetime
    ) -> "LiveWallet":
        """Return a new wallet with that many free nanos."""
        ref = WalletRef(project_id, customer_id)
        terms = Terms("free", allocation_nanos=nanos)
        opened = open_wallet(
            ref.wallet_id, owner_uid="ada", terms=terms, now=now, salt=new_salt()
        )
        firestore.commit(store.writes_to_open(ref, opened))
        return cls(ref, now)

    # ---- commands --------------------------------------------------------------------------

    def run(self, command: Command) -> Decision:
        """Run any command."""
        return use_cases.run(self.ref, command, now=self.now)

    def charge(self, key: str, nanos: int = 1) -> Decision:
        """Charge under a key."""
        return self.run(
            Charge(ids.operation_entry_id(key), f"charge {nanos}", FixedAmount(nanos))
        )

    def hold_id(self, key: str) -> str:
        """Return the public id of the hold that a key makes."""
        return ids.hold_public_id(self.ref.customer_id, ids.operation_entry_id(key))

    def hold(self, key: str, nanos: int, ttl_s: int = 900) -> Decision:
        """Place a hold under a key."""
        entry_id = ids.operation_entry_id(key)
        cost = FixedAmount(nanos)
        return self.run(PlaceHold(entry_id, self.hold_id(key), f"hold {nanos}", cost, ttl_s))

    def hold_for_model(self, key: str, nanos: int) -> Decision:
        """Place a hold that names a model."""
        entry_id = ids.operation_entry_id(key)
        cost = FixedAmount(nanos, Metered("gpt-5-mini", "openai"))
        return self.run(PlaceHold(entry_id, self.hold_id(key), f"hold {nanos}", cost, 900))

    def capture(self, key: str, nanos: int) -> Decision:
        """Capture the hold of a key."""
        return self.run(CaptureHold(self.hold_id(key), f"capture {nanos}", FixedAmount(nanos)))

    def void(self, key: str) -> Decision:
        """Void the hold of a key."""
        return self.run(VoidHold(self.hold_id(key), "void"))

    def warm(self) -> None:
        """Let this process write the wallet last, moving no credits."""
        self.run(Tidy())

    def topup(self, payment: str, nanos: int) -> Decision:
        """Grant a bought pack."""
        return self.run(GrantCredits(ids.topup_grant_id(payment), "topup", nanos))

    def later(self, **span: float) -> "LiveWallet":
        """Return the same wallet, later."""
        return LiveWallet(self.ref, self.now + timedelta(**span))

    # ---- looking ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return the raw hot state."""
        fields = firestore.get_all([self.ref.wallet])[0].fields
        assert fields is not None
        state: dict[str, Any] = fields["state"]
        return state

    def entries(self) -> list[dict[str, Any]]:
        """Return the raw entries in their order."""
        found = firestore.query(f"{self.ref.wallet}/entries", limit=10_000)
        return sorted((s.fields or {} for s in found), key=lambda fields: fields["seq"])

    def newest(self, count: int) -> list[dict[str, Any]]:
        """Return the newest raw entries, the last one last: a long ledger is slow to read."""
        place = f"{self.ref.wallet}/entries"
        found = firestore.query(place, order_by="seq", is_newest_first=True, limit=count)
        return [each.fields or {} for each in reversed(found)]

    def available(self) -> int:
        """Return the sum of what is left in raw grants."""
        return sum(grant["remaining_nanos"] for grant in self.state()["grants"].values())

    def audit(self) -> None:
        """Recompute the wallet from its entries alone, by a reading of its own."""
        state, entries = self.state(), self.entries()
        sums: Counter[str] = Counter()
        prev = ""
        for seq, entry in enumerate(entries, start=1):
            assert entry["seq"] == seq
            assert entry["prev"] == prev
            assert sum(entry["postings"].values()) == 0
            covered = {k: v for k, v in entry.items() if k not in NOT_COVERED}
            text = json.dumps(
                covered,
                sort_keys=True,
                separators=(",", ":"),
                ensure_ascii=False,
                default=lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            )
            assert hashlib.sha256(text.encode()).hexdigest() == entry["hash"]
            prev = entry["hash"]
            sums.update(entry["postings"])
        assert state["seq"] == len(entries)
        assert state["head"] == prev
        assert sums["held"] == sum(h["amount_nanos"] for h in state["holds"].values())
        assert -sums["receivable"] == state["receivable_nanos"]
        grants = {f"grant:{k}": g["remaining_nanos"] for k, g in state["grants"].items()}
        left = {k: v for k, v in sums.items() if k.startswith("grant:") and v}
        assert left == {k: v for k, v in grants.items() if v}
        assert all(nanos >= 0 for nanos in left.values())


def in_parallel(count: int, work: Callable[[int], object]) -> list[object]:
    """Run work in that many threads at once; return answers or refusals in order."""

    def one(number: int) -> object:
        try:
            return work(number)
        except BillingError as refusal:
            return refusal

    return at_once(count, one)

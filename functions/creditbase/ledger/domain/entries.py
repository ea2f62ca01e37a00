"""Entries: the immutable lines of the ledger, their canonical JSON and their hash chain.

Source: DESIGN section 4, "Entry ids"; the written form is docs/data-model.md.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Literal

from creditbase.kernel.instants import write_exact
from creditbase.kernel.records import changed, dataclass
from creditbase.ledger.domain.wallet import NOTHING_METERED, Draw, Metered

EntryKind = Literal[
    "charge", "hold", "capture", "void", "expire", "late", "grant", "lapse", "refund"
]
"""`lapse` writes off a grant; `expire` ends a hold that timed out; `late` is a capture
after that."""

PRIVATE_OF_METERED = ("provider", "cost_nanos", "pricing")
PRIVATE = ("request_digest", "key_digest")
"""What an entry keeps and its customer is not shown: the hash covers a salted seal of it."""

Postings = Mapping[str, int]
"""Signed nanos by account: `grant:{id}`, `included`, `held`, `granted`, `consumed`,
`expired`, `refunded`, `receivable`, `shortfall`. They sum to zero."""


@dataclass(frozen=True)
class Figures:
    """The balance right after an entry. `included_remaining_nanos` is None if unlimited.

    `balance_nanos` is what is in the wallet: available, and what holds keep of grants.
    """

    available_nanos: int
    held_nanos: int
    receivable_nanos: int
    included_remaining_nanos: int | None = 0
    balance_nanos: int = 0


@dataclass(frozen=True)
class Entry:
    """One line of the ledger. What does not apply to a kind is zero or empty.

    `request_digest` is of the route and the canonical body; `started_at` and
    `expires_at` are the hold's; `window_start_at` is the window in which it counts.
    `row` numbers the entries that moved the balance; of all others it is 0.
    `metadata` is the caller's own and not covered by the hash, so that it can be erased.
    `seal` stands in the hash for what is private (ADR 0034); older entries have none, and
    their hash covers everything in clear.
    """

    entry_id: str
    kind: EntryKind
    seq: int
    at: datetime
    wallet_id: str
    prev: str
    postings: Postings
    figures: Figures
    window_start_at: datetime
    row: int = 0
    request_digest: str = ""
    key_digest: str = ""
    hold_id: str = ""
    status: str = ""
    amount_nanos: int = 0
    captured_nanos: int = 0
    shortfall_nanos: int = 0
    received_nanos: int = 0
    """What was paid in money for the credits that were captured."""
    draws: tuple[Draw, ...] = ()
    started_at: datetime | None = None
    expires_at: datetime | None = None
    metered: Metered = NOTHING_METERED
    cause: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    seal: str = ""
    hash: str = ""

    def private(self) -> dict[str, Any]:
        """Return what the seal covers: what a call cost us, and digests of requests."""
        metered = self.metered
        private: dict[str, Any] = {
            "provider": metered.provider,
            "cost_nanos": metered.cost_nanos,
            "pricing": dict(metered.pricing),
            "request_digest": self.request_digest,
            "key_digest": self.key_digest,
        }
        return _filled(private)

    def facts(self) -> dict[str, Any]:
        """Return what is kept, but hash and metadata: no empty fields, instants as datetimes.

        Of a sealed entry what is private stands apart, where the hash does not reach.
        """
        facts = self.covered()
        private = self.private() if self.seal else {}
        return {**facts, "private": private} if private else facts

    def covered(self) -> dict[str, Any]:
        """Return what the hash covers."""
        return self._covered(self.seal)

    def _covered(self, seal: str) -> dict[str, Any]:
        """Return what the hash covers where that is the seal; without one, everything."""
        metered = {
            "model": self.metered.model,
            "quantities": dict(self.metered.quantities),
        }
        optional: dict[str, Any] = {
            "row": self.row,
            "hold_id": self.hold_id,
            "status": self.status,
            "received_nanos": self.received_nanos,
            "draws": [_draw(draw) for draw in self.draws],
            "started_at": self.started_at,
            "expires_at": self.expires_at,
            "cause": dict(self.cause),
            "seal": seal,
        }
        if not seal:
            private = self.private()
            for name, value in private.items():
                (metered if name in PRIVATE_OF_METERED else optional)[name] = value
        return {
            "entry_id": self.entry_id,
            "kind": self.kind,
            "seq": self.seq,
            "at": self.at,
            "wallet_id": self.wallet_id,
            "prev": self.prev,
            "postings": dict(self.postings),
            "figures": _figures(self.figures),
            "window_start_at": self.window_start_at,
            "amount_nanos": self.amount_nanos,
            "captured_nanos": self.captured_nanos,
            "shortfall_nanos": self.shortfall_nanos,
            **_filled({**optional, "metered": _filled(metered)}),
        }

    def sealed(self, salt: str = "") -> "Entry":
        """Return the entry with its hash, which covers the previous entry's.

        With a wallet's salt it gets its seal first; without one it keeps the seal it has.
        """
        seal = self.seal_by(salt) if salt else self.seal
        return changed(self, seal=seal, hash=digest_of(self._covered(seal)))

    def seal_by(self, salt: str) -> str:
        """Return the seal that this entry has in a wallet of that salt."""
        return digest_of({**self.private(), "salt": entry_salt(salt, self.entry_id)})


def entry_salt(salt: str, entry_id: str) -> str:
    """Return an entry's own salt: who is shown one can open that seal and no other."""
    return hmac.digest(bytes.fromhex(salt), entry_id.encode(), "sha256").hex()


def canonical_json(facts: Mapping[str, Any]) -> str:
    """Return the one spelling of an entry: sorted keys, no spaces, UTF-8, exact instants."""
    return _CANONICAL.encode(facts)


def digest_of(facts: Mapping[str, Any]) -> str:
    """Return the lower-case hexadecimal SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical_json(facts).encode()).hexdigest()


def _write(value: object) -> str:
    if isinstance(value, datetime):
        return write_exact(value)
    raise TypeError(f"no canonical form for {type(value).__name__}")


_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_write
)


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are not empty: what does not apply is not written."""
    return {name: value for name, value in fields.items() if value}


def _figures(figures: Figures) -> dict[str, int]:
    written = {
        "available_nanos": figures.available_nanos,
        "held_nanos": figures.held_nanos,
        "receivable_nanos": figures.receivable_nanos,
        "balance_nanos": figures.balance_nanos,
    }
    if figures.included_remaining_nanos is not None:
        written["included_remaining_nanos"] = figures.included_remaining_nanos
    return written


def _draw(draw: Draw) -> dict[str, Any]:
    return {"source": draw.source, "kind": draw.kind, "amount_nanos": draw.amount_nanos}

"""The record of what an operator did: who, when, what, why, and what it changed. Pure."""

import re
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Literal

from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.ids import audit_uuid
from creditbase.kernel.instants import to_micros
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.draft import figures_of
from creditbase.ledger.domain.entries import digest_of
from creditbase.ledger.domain.wallet import Wallet

REASON_CHARACTERS_MAX = 500
KEY_CHARACTERS_MAX = 255
MISLEADING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What would move a terminal's cursor, break a line or turn its order where it is shown."""
COMMAND_LINE = "command-line"
"""Who acts where nobody signed in: whoever may use the project's own credentials."""
THEMSELVES = "themselves"
"""Who acts where a person asks for something of its own: no record names it."""
BACK_END = "back-end"
"""Who acts where a project does, by its secret key or its owner."""

Action = Literal[
    "adjust",
    "grant",
    "freeze",
    "thaw",
    "shadow_on",
    "shadow_off",
    "voucher_create",
    "voucher_disable",
    "refund",
    "refund_outcome",
    "plan",
    "plan_outcome",
    "role_give",
    "role_take",
    "event_retry",
    "erase",
    "erase_outcome",
    "park",
    "unpark",
]
OUTCOMES: Mapping[Action, Action] = {
    "refund": "refund_outcome",
    "plan": "plan_outcome",
    "erase": "erase_outcome",
}
"""What is done at Stripe is recorded twice: when it is asked for, and what came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What an operator asks for, once per key.

    `asked` is everything that makes it this action and no other; the same key with something
    else in it is refused. `customer_id` is empty where it is about no customer.
    """

    action: Action
    actor: str
    key: str
    reason: str
    project_id: str
    customer_id: str = ""
    asked: Mapping[str, object] = field(default_factory=dict)

    @property
    def audit_id(self) -> str:
        """Return the id of its record: the same for every repeat."""
        return audit_uuid(f"{self.project_id}/{self.customer_id}", self.key)

    @property
    def digest(self) -> str:
        """Return the digest of what is asked for, and why."""
        return digest_of(
            {"action": self.action, "reason": self.reason, "asked": dict(self.asked)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The record of a deed. `before` and `after` are figures of what it changed, if any.

    Of a deed at Stripe there are two: `stripe` is what is asked of it, and in the second, which
    `follows` the first, what came of it.
    """

    audit_id: str
    at: datetime
    action: Action
    actor: str
    reason: str
    project_id: str
    customer_id: str
    asked: Mapping[str, object]
    digest: str
    entry_id: str = ""
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)
    follows: str = ""
    stripe: Mapping[str, object] = field(default_factory=dict)

    @property
    def outcome_id(self) -> str:
        """Return the id of the record of what came of it."""
        return audit_uuid(self.audit_id, "outcome")

    @property
    def place(self) -> str:
        """Return the text that all records are in order by: when, and no two the same."""
        return f"{to_micros(self.at):020d}:{self.audit_id}"


def record_of(
    deed: Deed,
    *,
    now: datetime,
    entry_id: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    stripe: Mapping[str, object] | None = None,
) -> Audit:
    """Return the record of a deed that is done now."""
    return Audit(
        audit_id=deed.audit_id,
        at=now,
        action=deed.action,
        actor=deed.actor,
        reason=deed.reason,
        project_id=deed.project_id,
        customer_id=deed.customer_id,
        asked=dict(deed.asked),
        digest=deed.digest,
        entry_id=entry_id,
        before=before or {},
        after=after or {},
        stripe=stripe or {},
    )


def outcome_of(begun: Audit, stripe: Mapping[str, object], *, now: datetime) -> Audit:
    """Return the record of what came of a deed at Stripe."""
    return replace(
        begun,
        audit_id=begun.outcome_id,
        at=max(now, begun.at),
        action=OUTCOMES[begun.action],
        follows=begun.audit_id,
        stripe=stripe,
    )


def figures_for_audit(wallet: Wallet, at: datetime) -> dict[str, object]:
    """Return what of a wallet a record keeps."""
    figures = figures_of(wallet, at)
    return {
        "available_nanos": figures.available_nanos,
        "held_nanos": figures.held_nanos,
        "receivable_nanos": figures.receivable_nanos,
        "balance_nanos": figures.balance_nanos,
        "plan": wallet.terms.plan_code,
        "frozen": wallet.frozen,
    }


def check_deed(deed: Deed) -> None:
    """Let a deed pass that says why, and has a key.

    Raises:
        InvalidRequest: it does not, or at too great length.
    """
    if not 1 <= len(deed.key) <= KEY_CHARACTERS_MAX or not _is_printable_ascii(deed.key):
        raise InvalidRequest(
            "The Idempotency-Key header is missing, too long or not printable",
            field="Idempotency-Key",
        )
    if not 1 <= len(deed.reason) <= REASON_CHARACTERS_MAX or not deed.reason.strip():
        raise InvalidRequest("The reason is missing or too long", field="reason")
    if MISLEADING.search(deed.reason):
        raise InvalidRequest("The reason has characters that do not show", field="reason")


def _is_printable_ascii(text: str) -> bool:
    return text.isascii() and text.isprintable() and bool(text.strip())

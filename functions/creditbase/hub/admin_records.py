"""The records of what operators do, as they are asked for and shown."""

from creditbase.admin.domain.audit import Action, Audit, Deed
from creditbase.hub.admin_door import admin_of, key_of
from creditbase.kernel.instants import write_seconds
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.http import Call


def deed_of(
    call: Call, action: Action, reason: str, ref: WalletRef, asked: dict[str, object]
) -> Deed:
    """Return what the caller asks for, under its own name and key."""
    return Deed(
        action=action,
        actor=admin_of(call),
        key=key_of(call),
        reason=reason,
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        asked=asked,
    )


def audit_answer(audit: Audit) -> dict[str, object]:
    """Return a record as an answer."""
    return {"audit": audit_row(audit)}


def audit_row(audit: Audit) -> dict[str, object]:
    """Return a record as it is shown."""
    row: dict[str, object] = {
        "id": audit.audit_id,
        "at": write_seconds(audit.at),
        "action": audit.action,
        "actor": audit.actor,
        "reason": audit.reason,
        "project_id": audit.project_id,
        "asked": dict(audit.asked),
    }
    if audit.customer_id:
        row["customer_id"] = audit.customer_id
    if audit.entry_id:
        row["entry_id"] = audit.entry_id
    if audit.before:
        row["before"], row["after"] = dict(audit.before), dict(audit.after)
    if audit.follows:
        row["follows"] = audit.follows
    if audit.stripe:
        row["stripe"] = dict(audit.stripe)
    return row

"""What is typed to name things, and the deed that an operator's command leaves on record."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer

from command_line.answers import NOT_UNDERSTOOD, Answer, Failure, Session
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.domain.audit import COMMAND_LINE, Action, Audit, Deed
from creditbase.admin.explain_command import wallet_named
from creditbase.kernel import instants
from creditbase.kernel.instants import write_seconds

KEY_BYTES = 8
Seller = Annotated[str, typer.Option("--of", help="Name of the project inside: hub, relay, …")]
Reason = Annotated[str, typer.Option(help="Why; it is kept. Asked for where left out.")]
Key = Annotated[str, typer.Option(help="A name of this action: typed again, done once.")]
Who = Annotated[str, typer.Argument(help="The customer's id, or its name: a Firebase uid.")]


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed of a deed: about whom, why, and under which name."""

    seller: str
    customer: str
    reason: str
    key: str


def asked_reason(session: Session, reason: str) -> str:
    """Return why it is done: as typed, or as a person at the terminal says.

    Raises:
        Failure: nobody says why.
    """
    if not reason and session.said.is_terminal and not session.is_json:
        reason = session.said.input("Why? (it is kept) ")
    if not reason.strip():
        raise Failure("REASON_MISSING", "it was not said why", '--reason "…"', NOT_UNDERSTOOD)
    return reason.strip()


def deed_of(
    session: Session, typed: Typed, action: Action, asked: Mapping[str, object]
) -> Deed:
    """Return a deed about a customer, or about none where none was named.

    Raises:
        Failure: nobody says why.
        NotFound: there is no such customer.
    """
    project_id, customer_id = HUB_PROJECT_ID, ""
    if typed.customer:
        ref = wallet_named(typed.seller, typed.customer)
        project_id, customer_id = ref.project_id, ref.customer_id
    return Deed(
        action=action,
        actor=COMMAND_LINE,
        key=typed.key or secrets.token_hex(KEY_BYTES),
        reason=asked_reason(session, typed.reason),
        project_id=project_id,
        customer_id=customer_id,
        asked=asked,
    )


def answer_of(deed: Deed, audit: Audit) -> Answer:
    """Return the record of a deed."""
    result: dict[str, Any] = {
        "key": deed.key,
        "audit_id": audit.audit_id,
        "at": write_seconds(audit.at),
        "entry_id": audit.entry_id,
        "before": dict(audit.before),
        "after": dict(audit.after),
    }
    changed = [
        f"{name}: {old:,} -> {audit.after[name]:,}"
        if isinstance(old, int)
        else f"{name}: {old}"
        for name, old in audit.before.items()
        if audit.after[name] != old
    ]
    head = [f"audit: {audit.audit_id}", f"key: {deed.key} (typed again with --key: done once)"]
    return Answer(result, "\n".join([*head, *changed]))


def instant(text: str) -> datetime:
    """Return the instant that was typed: 2026-12-01T00:00Z."""
    try:
        return instants.read(text)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from fault

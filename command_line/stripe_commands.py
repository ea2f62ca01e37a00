"""Commands about Stripe's events, and whether Stripe and we agree."""

import secrets
from typing import Annotated

import typer

from command_line.answers import DIFFERS, DONE, Answer, Session
from command_line.frame import command
from command_line.naming import KEY_BYTES, Reason, asked_reason
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.domain.audit import COMMAND_LINE, Deed
from creditbase.admin.inbox import STATES, asked_of, list_events, retry_event
from creditbase.jobs.by_name import run_job
from creditbase.kernel.errors import Conflict, NotFound
from creditbase.payments.inbox_store import Listed
from creditbase.runtime import clock

RECONCILER = "reconcile-stripe"
State = Annotated[str, typer.Option(help="waiting, failed (given up) or parked.")]
IsReal = Annotated[bool, typer.Option("--apply", help="Do it; without, it is only shown.")]


def take(app: typer.Typer) -> None:
    """Add what may be typed."""
    command(app, "replay")(replay)
    command(app, "reconcile")(reconcile)


def replay(
    session: Session, state: State = "failed", apply: IsReal = False, reason: Reason = ""
) -> Answer:
    """Have unfinished events of Stripe's handled again. Without --apply it only shows them."""
    if state not in STATES:
        raise typer.BadParameter(f"a state is one of {', '.join(STATES)}")
    found = _all(state)
    tried: list[str] = []
    if apply and found:
        why = asked_reason(session, reason)
        session.confirm(f"have {len(found)} events handled again")
        with session.progress("events", len(found)) as advance:
            for it in found:
                tried += _retry(it, why)
                advance()
    rows = [
        {
            "event_id": it.event.event_id,
            "type": it.event.type,
            "attempts": it.attempts,
            "why": it.reason,
        }
        for it in found
    ]
    lines = [
        f"{it['event_id']}  {it['type']}  {it['attempts']} attempts  {it['why']}" for it in rows
    ]
    end = (
        f"{len(tried)} made due: the job drain_inbox handles them"
        if apply
        else "nothing was done: --apply does it"
    )
    lines.append(end if found else f"no event is {state}")
    return Answer(
        {"state": state, "applied": apply, "events": rows, "due": tried}, "\n".join(lines)
    )


def _all(state: str) -> list[Listed]:
    found: list[Listed] = []
    cursor = ""
    while True:
        page = list_events(state, after=cursor)
        found += page.events
        cursor = page.next_cursor
        if not cursor:
            return found


def _retry(it: Listed, reason: str) -> list[str]:
    deed = Deed(
        action="event_retry",
        actor=COMMAND_LINE,
        # A key of its own each time: an event that is due is harmlessly made due again.
        key=secrets.token_hex(KEY_BYTES),
        reason=reason,
        project_id=HUB_PROJECT_ID,
        asked=asked_of(it.event.event_id),
    )
    try:
        retry_event(deed, it.event.event_id, now=clock.now())
    except (Conflict, NotFound):
        return []  # it was finished since it was listed
    return [it.event.event_id]


def reconcile(
    session: Session,
    apply: IsReal = False,
    full: Annotated[bool, typer.Option("--full", help="Look back thirty days.")] = False,
) -> Answer:
    """Compare with Stripe; with --apply also repair. Status 3: something differs."""
    options = {"is_dry": not apply, "is_full": full}
    if apply:
        session.confirm("repair what never arrived from Stripe")
    with session.progress("Stripe"):
        report = run_job(RECONCILER, now=clock.now(), **{k: v for k, v in options.items() if v})
    facts = report.facts()
    lines = [f"{name}: {value}" for name, value in facts.items() if value not in ({}, [])]
    head = "nothing differs" if report.is_smooth else "Stripe and the ledger differ"
    status = DONE if report.is_smooth or apply else DIFFERS
    return Answer(dict(facts), "\n".join([head, *lines]), status)

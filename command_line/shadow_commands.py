"""Commands about shadow mode: switch it, and read what it has found out."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Annotated

import typer

from command_line.answers import DIFFERS, DONE, Answer, Session
from command_line.frame import command
from command_line.naming import Key, Reason, Seller, Typed, answer_of, deed_of
from creditbase.admin import acting, shadowing
from creditbase.admin.domain.audit import Action
from creditbase.admin.domain.shadow import DAYS, DAYS_MAX, ShadowReport
from creditbase.admin.explain_command import wallet_named
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import write_seconds
from creditbase.ledger.domain.shadow import Compared
from creditbase.runtime import clock

Whoever = Annotated[
    str, typer.Argument(help="The customer's id, or its name (whoever is new).")
]
Span = Annotated[int, typer.Option(min=1, max=DAYS_MAX, help="How many days, today the last.")]


def take(app: typer.Typer) -> None:
    """Add what may be typed."""
    modes = typer.Typer(name="shadow", help="Run beside another counter: refuse nobody.")
    command(modes, "on")(switch_on)
    command(modes, "off")(switch_off)
    command(modes, "report")(report)
    app.add_typer(modes)


def switch_on(
    session: Session,
    customer: Whoever = "",
    *,
    of: Seller = "hub",
    reason: Reason = "",
    key: Key = "",
) -> Answer:
    """Refuse a customer nothing from now on, and note what would have been."""
    return _switch(session, Typed(of, customer, reason, key), is_on=True)


def switch_off(
    session: Session,
    customer: Whoever = "",
    *,
    of: Seller = "hub",
    reason: Reason = "",
    key: Key = "",
) -> Answer:
    """Let a customer's wallet decide from now on."""
    return _switch(session, Typed(of, customer, reason, key), is_on=False)


def _switch(session: Session, typed: Typed, *, is_on: bool) -> Answer:
    action: Action = "shadow_on" if is_on else "shadow_off"
    whom = typed.customer or f"whoever is new of {typed.seller}"
    asked = {} if typed.customer else {"of": "new customers"}
    deed = deed_of(session, typed, action, asked)
    session.confirm(f"switch shadow mode {'on' if is_on else 'off'} for {whom}")
    if typed.customer:
        return answer_of(deed, acting.shadow(deed, is_on=is_on, now=clock.now()))
    deed = replace(deed, project_id=project_uuid(typed.seller))
    return answer_of(deed, shadowing.set_default(deed, is_on=is_on, now=clock.now()))


def report(
    session: Session,
    customer: Annotated[
        str, typer.Argument(help="The customer's id, or its name (all in the mode).")
    ] = "",
    *,
    of: Seller = "hub",
    days: Span = DAYS,
) -> Answer:
    """Show what was compared by day and model, and who is ready to switch."""
    del session
    if customer:
        ref = wallet_named(of, customer)
        found = [shadowing.load_shadow(ref, days=days, now=clock.now())]
    else:
        found = list(_all_of(project_uuid(of), days))
    result = {"customers": [shadowing.shown(one) for one in found]}
    lines = [line for one in found for line in _lines(one)]
    differs = any(one.total.different for one in found)
    view = "\n".join(lines) or "nobody is in shadow mode"
    return Answer(result, view, DIFFERS if differs else DONE)


def _all_of(project_id: str, days: int) -> Iterator[ShadowReport]:
    cursor = ""
    while True:
        page = shadowing.load_shadows(project_id, days=days, cursor=cursor, now=clock.now())
        yield from page.reports
        if not page.next_cursor:
            return
        cursor = page.next_cursor


def _lines(one: ShadowReport) -> Iterator[str]:
    mode = "off" if one.since is None else f"since {write_seconds(one.since)}"
    yield f"{one.customer_id}  {mode}"
    for line in one.lines:
        yield f"  {line.date}  {line.model}: {_counts(line.compared)}"
    ready = "ready to switch" if one.is_ready else "not ready"
    yield f"  {one.days} days: {_counts(one.total)}; agreed for {one.agreed_days}, {ready}"


def _counts(compared: Compared) -> str:
    named = {name.replace("_", " "): count for name, count in asdict(compared).items()}
    return ", ".join(f"{name} {it:,}" for name, it in named.items() if it) or "nothing"

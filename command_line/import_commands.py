"""Commands that bring customers over from what sold to them before."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from command_line.answers import DIFFERS, DONE, NOT_UNDERSTOOD, Answer, Failure, Session
from command_line.frame import command
from creditbase.kernel.errors import Contention, Unavailable
from creditbase.payments.adopting import (
    Adoption,
    adopt,
    check_mapping,
    list_extension_users,
    mark_prices,
    preview,
)
from creditbase.runtime import clock

IsReal = Annotated[bool, typer.Option("--apply", help="Do it; without, it is only shown.")]
Collection = Annotated[
    str, typer.Option("--customers", help="The extension's collection of customers.")
]
Maps = Annotated[
    list[str], typer.Option("--map", help="price_…=plan: the plan that a price is; repeatable.")
]
MapFile = Annotated[
    Path | None,
    typer.Option(
        "--map-file", exists=True, dir_okay=False, help="The same, one price_…=plan a line."
    ),
]
UNFINISHED_MAX = 3
"""So many users in a row that could not be finished: it is not they."""
UNFINISHED = "unfinished"


def take(app: typer.Typer) -> None:
    """Add what may be typed."""
    imports = typer.Typer(name="import", help="Bring customers over.")

    @imports.callback()
    def _only_by_name() -> None:
        """Bring customers over."""

    command(imports, "stripe-extension")(import_stripe_extension)
    app.add_typer(imports)


def import_stripe_extension(
    session: Session,
    maps: Maps = [],  # noqa: B006  Typer reads it, nobody writes to it.
    map_file: MapFile = None,
    collection: Collection = "customers",
    apply: IsReal = False,
) -> Answer:
    """Make users of "Run Payments with Stripe" ours. Status 3: somebody is left out."""
    mapping = _mapping_of([*maps, *(_lines_of(map_file) if map_file is not None else ())])
    check_mapping(mapping)
    users = list(list_extension_users(collection))
    if apply:
        session.confirm(f"mark {len(mapping)} prices and import {len(users)} users")
        mark_prices(mapping)
    found: list[Adoption] = []
    with session.progress("users", len(users)) as advance:
        for uid, stripe_customer_id in users:
            found.append(_take_over(uid, stripe_customer_id, mapping, apply=apply))
            if [it.left for it in found[-UNFINISHED_MAX:]] == [UNFINISHED] * UNFINISHED_MAX:
                raise Unavailable
            advance()
    return _answer(found, mapping, is_applied=apply)


def _take_over(
    uid: str, stripe_customer_id: str, mapping: dict[str, str], *, apply: bool
) -> Adoption:
    """Return what became of a user: one whose wallet takes nothing stops nobody else."""
    now = clock.now()
    try:
        if apply:
            return adopt(uid, stripe_customer_id, now=now)
        return preview(uid, stripe_customer_id, mapping, now=now)
    except (Unavailable, Contention):
        return Adoption(uid, stripe_customer_id, left=UNFINISHED)


def _lines_of(map_file: Path) -> list[str]:
    """Return what a file says: one to a line, without notes that begin with #."""
    lines = map_file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _mapping_of(lines: list[str]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    for line in lines:
        price_id, equals, code = (part.strip() for part in line.partition("="))
        if not (price_id and equals and code) or mapping.get(price_id, code) != code:
            text = f"{line!r} does not say which plan a price is"
            raise Failure("MAPPING_UNCLEAR", text, "--map price_…=plan", NOT_UNDERSTOOD)
        mapping[price_id] = code
    return mapping


def _answer(found: list[Adoption], mapping: dict[str, str], *, is_applied: bool) -> Answer:
    taken = [it for it in found if not it.left]
    totals = {
        "users": len(found),
        "made": sum(it.is_new for it in taken),
        "linked": sum(not it.is_linked for it in taken),
        "granted_nanos": sum(it.granted_nanos for it in taken),
        "left": len(found) - len(taken),
    }
    unmapped = sorted({price_id for it in found for price_id in it.unmapped})
    rows = [_line(it) for it in found]
    rows += [f"{price_id}: no plan is known for it (--map)" for price_id in unmapped]
    rows.append(", ".join(f"{name} {count}" for name, count in totals.items()))
    rows.append("done" if is_applied else "nothing was done: --apply does it")
    result = {
        "applied": is_applied,
        "mapping": mapping,
        "totals": totals,
        "unmapped_prices": unmapped,
        "users": [asdict(it) for it in found],
    }
    status = DONE if all(it.is_smooth for it in found) else DIFFERS
    return Answer(result, "\n".join(rows), status)


def _line(it: Adoption) -> str:
    if it.left:
        return f"= {it.uid}  {it.stripe_customer_id}  left: {it.left}"
    sign = "=" if it.is_linked and not it.granted_nanos else "+"
    runs = ", ".join(it.subscription_ids) or "no subscription"
    made = "made, " if it.is_new else ""
    linked = "linked already" if it.is_linked else "linked"
    return (
        f"{sign} {it.uid}  {it.stripe_customer_id}  {made}{linked}, {runs}: "
        f"{it.plan_code}, granted {it.granted_nanos} nanos"
    )

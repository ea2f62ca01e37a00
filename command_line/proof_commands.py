"""Commands that look into the ledger: verify, explain, export."""

import json
from pathlib import Path
from typing import Annotated

import typer

from command_line.answers import DIFFERS, DONE, Answer, Failure, Session
from command_line.frame import command
from command_line.naming import Seller, Who
from creditbase.admin.explain_command import lines_of, wallet_named
from creditbase.admin.explaining import explain_entry, explain_ledger
from creditbase.admin.verifying import Progress, certificate_of, count_owed, project_ids, verify
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import write_seconds
from creditbase.ledger.domain.proof.reading import Broken
from creditbase.ledger.exporting import Asked, export_ledger
from creditbase.runtime import clock


def take(app: typer.Typer) -> None:
    """Add what may be typed."""
    command(app, "verify")(prove)
    command(app, "explain")(explain)
    command(app, "export")(export)


def prove(
    session: Session,
    of: Annotated[str, typer.Option("--of", help="Name or id of a project (all).")] = "",
    customer: Annotated[str, typer.Option(help="Only this customer, by id or name.")] = "",
) -> Answer:
    """Prove every wallet from its first entry; writes nothing. Status 3: a line is wrong."""
    assert session.target is not None
    begun_at = write_seconds(clock.real_now())
    progress = Progress(project_ids=_projects(of), begun_at=begun_at)
    if customer:
        ref = wallet_named(of or "hub", customer)
        progress = Progress(
            project_ids=(ref.project_id,), customer_id=ref.customer_id, begun_at=begun_at
        )
    try:
        with session.progress("wallets") as advance:
            for done in verify(progress):
                progress = done
                advance()
        owed = count_owed(progress)
    except Broken as line:
        place = {"path": line.path, "seq": line.seq, "field": line.field}
        broken = {**place, "expected": line.expected, "found": line.found}
        return Answer({"holds": False, "broken": broken}, f"BROKEN {line}", DIFFERS)
    certificate = certificate_of(
        progress, owed, store=str(session.target), now=write_seconds(clock.real_now())
    )
    lines = [f"{progress.heads.count:,} wallets, {progress.entries:,} entries: all of it holds"]
    lines += [f"  holds: {check}" for check in certificate["checks"]]
    lines.append(f"digest: {certificate['digest']}")
    return Answer({"holds": True, "certificate": certificate}, "\n".join(lines))


def _projects(of: str) -> tuple[str, ...]:
    known = project_ids()
    found = tuple(it for it in known if not of or it in {of, project_uuid(of)})
    if of and not found:
        raise Failure("NOT_FOUND", f"there is no project {of}", "creditbase verify (all)")
    return found


def explain(
    session: Session,
    customer: Who,
    entry: Annotated[str, typer.Argument(help="Id of one entry (all, in short).")] = "",
    of: Seller = "hub",
) -> Answer:
    """Compute entries again, by the very prices they name. Status 3: one does not agree."""
    ref = wallet_named(of, customer)
    if entry:
        found = explain_entry(ref, entry)
        lines = list(lines_of(found))
        result: dict[str, object] = {"entries": 1, "agrees": found.agrees, "lines": lines}
        return Answer(result, "\n".join(lines), DONE if found.agrees else DIFFERS)
    count, wrong = 0, []
    with session.progress("entries") as advance:
        for found in explain_ledger(ref):
            count += 1
            advance()
            if not found.agrees:
                wrong += list(lines_of(found))
    text = f"{count:,} entries computed again: all agree, to the nano"
    result = {"entries": count, "agrees": not wrong, "lines": wrong}
    return Answer(result, "\n".join(wrong) or text, DIFFERS if wrong else DONE)


def export(
    session: Session,
    customer: Who,
    of: Seller = "hub",
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("ledger.json"),
    private: Annotated[bool, typer.Option("--private", help="With costs and seals.")] = False,
) -> Answer:
    """Write a customer's ledger with its proofs, for anyone to check."""
    ref, first, parts, entries = wallet_named(of, customer), 1, [], 0
    with session.progress("entries") as advance:
        while True:
            found = export_ledger(ref, Asked(from_seq=first, is_private=private))
            text = b"".join(found.pieces)
            records = len(json.loads(text))
            name = out if first == 1 else out.with_stem(f"{out.stem}-{first}")
            name.write_bytes(text)
            parts.append(str(name))
            advance(records)
            entries += records
            if found.next_seq is None:
                break
            first = found.next_seq
    result = {"files": parts, "records": entries}
    text_ = f"{entries:,} records in {', '.join(parts)}; check: docs/verify-yourself.md"
    return Answer(result, text_)

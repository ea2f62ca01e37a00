"""The command `verify`: a certificate of what holds, or the first line that does not."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from creditbase.admin.command_frame import CommandFailed, Group, add_command
from creditbase.admin.explain_command import wallet_named
from creditbase.admin.verifying import (
    Progress,
    certificate_of,
    count_owed,
    progress_from,
    project_ids,
    verify,
)
from creditbase.kernel.errors import Unavailable
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import write_seconds
from creditbase.ledger.domain.proof.reading import Broken
from creditbase.runtime import clock

STATE_FILE = Path("creditbase-verify.json")
NEWS_EVERY = 100
"""Wallets after which a long run says how far it is, and keeps that."""


def take_verify(groups: Group) -> None:
    """Add what may be typed."""
    command = add_command(
        groups, "verify", _verify, "prove every wallet from its first entry; writes nothing"
    )
    command.add_argument("--project", default="", help="name or id of a project (all)")
    command.add_argument("--customer", default="", help="only this customer, by id or name")
    command.add_argument(
        "--resume", action="store_true", help="go on where a run before was ended"
    )
    command.add_argument(
        "--state", type=Path, default=STATE_FILE, help=f"how far it is ({STATE_FILE})"
    )
    command.add_argument("--json", action="store_true", help="print it as JSON")
    command.add_argument("--out", type=Path, help="write the certificate here, as JSON")


def _verify(given: argparse.Namespace) -> None:
    progress = _progress(given)
    try:
        for done in verify(progress):
            progress = done
            if progress.heads.count % NEWS_EVERY == 0:
                _keep(given.state, progress)
                _say(f"{progress.heads.count:,} wallets, {progress.entries:,} entries so far")
        owed = count_owed(progress)
    except Broken as line:
        _tell_broken(given, line)
        raise CommandFailed(f"{line}") from line
    except (Unavailable, KeyboardInterrupt):
        _keep(given.state, progress)
        _say(f"how far it is stands in {given.state}; --resume goes on there")
        raise
    given.state.unlink(missing_ok=True)
    certificate = certificate_of(
        progress, owed, store=_store(), now=write_seconds(clock.real_now())
    )
    text = json.dumps(certificate, indent=2)
    if given.out:
        given.out.write_text(f"{text}\n", encoding="utf-8")
    if given.json:
        print(text)
        return
    for line_ in _lines(certificate):
        print(line_)


def _progress(given: argparse.Namespace) -> Progress:
    """Return where to begin: at the beginning, or where the same run was ended."""
    named, customer_id = project_ids(), ""
    if given.customer:
        ref = wallet_named(given.project or "hub", given.customer)
        named, customer_id = (ref.project_id,), ref.customer_id
    elif given.project:
        named = _project(given.project, named)
    begun_at = write_seconds(clock.real_now())
    fresh = Progress(project_ids=named, customer_id=customer_id, begun_at=begun_at)
    if not given.resume:
        return fresh
    if not given.state.is_file():
        raise CommandFailed(f"there is no {given.state} to go on from")
    try:
        kept = json.loads(given.state.read_text(encoding="utf-8"))
        found, store = progress_from(kept["progress"]), kept["store"]
    except (KeyError, TypeError, ValueError) as fault:
        raise CommandFailed(f"{given.state} is no progress of this command") from fault
    asked = (found.customer_id, store)
    is_same = set(found.project_ids) <= set(named) and asked == (customer_id, _store())
    if not is_same:
        raise CommandFailed(f"{given.state} is of a run that was asked for something else")
    return found


def _project(name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(it for it in known if it in {name, project_uuid(name)})
    if not found:
        raise CommandFailed(f"there is no project {name}")
    return found


def _keep(path: Path, progress: Progress) -> None:
    kept = {"store": _store(), "progress": progress.fields()}
    path.write_text(json.dumps(kept), encoding="utf-8")


def _store() -> str:
    emulator = os.environ.get("FIRESTORE_EMULATOR_HOST", "")
    return f"{os.environ['GCLOUD_PROJECT']}{f' at {emulator}' if emulator else ''}"


def _tell_broken(given: argparse.Namespace, line: Broken) -> None:
    facts = {
        "path": line.path,
        "seq": line.seq,
        "field": line.field,
        "expected": line.expected,
        "found": line.found,
    }
    if given.json:
        print(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        print(f"{name}: {value}")


def _lines(certificate: Mapping[str, Any]) -> list[str]:
    checks = [f"  holds: {check}" for check in certificate["checks"]]
    facts = [
        f"{name}: {value}"
        for name, value in certificate.items()
        if name not in {"checks", "projects", "payments_waiting", "digest"}
    ]
    waiting = certificate["payments_waiting"]
    return [
        "certificate",
        *facts,
        f"projects: {', '.join(certificate['projects'])}",
        *([f"waiting for their wallets: {', '.join(waiting)}"] if waiting else []),
        *checks,
        f"digest: {certificate['digest']}",
    ]


def _say(text: str) -> None:
    print(text, file=sys.stderr)

"""Commands about projects and their secret keys. A project is named, or given by its id."""

import argparse
import secrets
import sys
import uuid
from decimal import Decimal, InvalidOperation

from creditbase.accounts.domain import KEY_NAME_CHARACTERS_MAX, Project, ProjectTerms
from creditbase.accounts.origins import origin_of
from creditbase.accounts.owners import add_owner, change_project, load_projects
from creditbase.accounts.store import find_project
from creditbase.accounts.use_cases import (
    create_secret_key,
    ensure_project,
    list_secret_keys,
    revoke_secret_key,
)
from creditbase.admin.command_frame import Group, add_command, add_group
from creditbase.catalog.use_cases import shared_cache
from creditbase.kernel.errors import NotFound
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import write_seconds
from creditbase.kernel.money import BPS_PER_ONE, NANOS_PER_CENT
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.relay_projects import ensure_account

BPS_PER_PERCENT = 100


def take_projects(groups: Group) -> None:
    """Add what may be typed about projects and keys."""
    projects = add_group(groups, "projects", "make, list, show or change projects")
    command = add_command(projects, "create", _create, "make it, or show its id again")
    command.add_argument("name")
    add_command(projects, "list", _list, "show all projects")
    command = add_command(projects, "show", _show, "show a project")
    command.add_argument("name")
    command = add_command(projects, "set", _set, "change a project")
    command.add_argument("name")
    command.add_argument("--description", help="what it is for")
    command.add_argument(
        "--origins", type=_origins, help="origins of its pages: https://a.example,…"
    )
    command.add_argument(
        "--markup", type=_percent, help="percent on the providers' prices: 4.5"
    )
    command.add_argument("--low-balance", type=int, help="cents below which to remind")
    command.add_argument("--topup-min", type=int, help="cents of the smallest top-up")
    command = add_command(projects, "own", _own, "let a user administer it")
    command.add_argument("name")
    command.add_argument("uid")

    keys = add_group(groups, "keys", "make, list or revoke secret keys")
    command = add_command(keys, "create", _create_key, "make a secret key; it is shown once")
    command.add_argument("--project", required=True, help="the project")
    command.add_argument("--name", default="secret key", help="what to call it")
    command.add_argument("--budget", type=int, help="cents that it may spend in a window")
    command = add_command(keys, "list", _list_keys, "show a project's keys, not their secrets")
    command.add_argument("--project", required=True, help="the project")
    command = add_command(keys, "revoke", _revoke_key, "take a key out of use for good")
    command.add_argument("--project", required=True, help="the project")
    command.add_argument("key_id")


# ---- projects ------------------------------------------------------------------------------


def _create(given: argparse.Namespace) -> None:
    project = ensure_project(given.name, now=real_now())
    ensure_account(project.project_id, now=real_now())
    print(project.project_id)


def _list(given: argparse.Namespace) -> None:
    del given
    for project in load_projects():
        state = "archived" if project.archived_at is not None else "live"
        print(f"{project.project_id} {state} {project.name}")


def _show(given: argparse.Namespace) -> None:
    _print(_project(given.name))


def _set(given: argparse.Namespace) -> None:
    terms = ProjectTerms(
        description=given.description,
        allowed_origins=given.origins,
        low_balance_threshold_cents=given.low_balance,
        topup_min_cents=given.topup_min,
        markup_bps=given.markup,
    )
    project_id = _project(given.name).project_id
    _print(change_project(project_id, "", terms, now=real_now()))
    shared_cache().forget()


def _own(given: argparse.Namespace) -> None:
    was_changed = add_owner(_id(given.name), given.uid, now=real_now())
    _say(f"{given.uid} now owns it" if was_changed else f"{given.uid} owned it already")


def _print(project: Project) -> None:
    archived = project.archived_at
    for name, value in (
        ("id", project.project_id),
        ("name", project.name),
        ("description", project.description or "-"),
        ("owners", ", ".join(project.owners) or "-"),
        ("origins", ", ".join(project.allowed_origins) or "-"),
        ("markup", f"{project.markup_bps} basis points"),
        ("low_balance_threshold_cents", project.low_balance_threshold_cents),
        ("topup_min_cents", project.topup_min_cents),
        ("created_at", write_seconds(project.created_at)),
        ("archived_at", "-" if archived is None else write_seconds(archived)),
    ):
        print(f"{name}: {value}")


# ---- secret keys ---------------------------------------------------------------------------


def _create_key(given: argparse.Namespace) -> None:
    issued = create_secret_key(
        _id(given.project),
        name=given.name[:KEY_NAME_CHARACTERS_MAX],
        random_bytes=secrets.token_bytes(32),
        now=real_now(),
        budget_nanos=None if given.budget is None else given.budget * NANOS_PER_CENT,
    )
    print(issued.secret)
    _say("this is the only time that the key is shown; only its digest is kept")


def _list_keys(given: argparse.Namespace) -> None:
    for use in list_secret_keys(_id(given.project), now=real_now()):
        key = use.key
        made = write_seconds(key.created_at)
        print(f"{key.key_id} {key.prefix}…{key.last4} {made} {key.name}")


def _revoke_key(given: argparse.Namespace) -> None:
    revoke_secret_key(_id(given.project), given.key_id)
    _say("revoked: refused at once, on metering within ten seconds")


# ---- what is typed -------------------------------------------------------------------------


def _id(name: str) -> str:
    """Return a project's id from its name, or from the id itself."""
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return project_uuid(name)


def _project(name: str) -> Project:
    found = find_project(_id(name))
    if found is None:
        raise NotFound("There is no such project")
    return found


def _origins(text: str) -> tuple[str, ...]:
    try:
        return tuple(origin_of(part) for part in text.split(",") if part.strip())
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from fault


def _percent(text: str) -> int:
    try:
        bps = Decimal(text) * BPS_PER_PERCENT
    except InvalidOperation as fault:
        raise argparse.ArgumentTypeError(f"{text} is no number") from fault
    if not (bps.is_finite() and 0 <= bps <= BPS_PER_ONE and bps == int(bps)):
        raise argparse.ArgumentTypeError("a markup is 0 to 100 percent, in hundredths of one")
    return int(bps)


def _say(text: str) -> None:
    print(text, file=sys.stderr)

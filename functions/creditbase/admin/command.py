"""The operator's command line: parse, run a use case, say what happened.

The frame is the standard library's, because the functions' own environment has nothing else,
and the local stack seeds itself with it. Results go to standard output, everything said to a
person to standard error. Exit status: 0 done, 1 refused, 2 not understood.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path

from google.auth.exceptions import GoogleAuthError

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin import tiers, use_cases, vouchers
from creditbase.admin.analytics_commands import take_analytics
from creditbase.admin.command_frame import Command, CommandFailed, Group, add_command, add_group
from creditbase.admin.customer_commands import take_customers
from creditbase.admin.domain.audit import COMMAND_LINE, Action, Deed
from creditbase.admin.domain.vouchers import CODE_BYTES, VoucherTerms, new_code
from creditbase.admin.explain_command import take_explain
from creditbase.admin.inbox_commands import take_inbox
from creditbase.admin.price_commands import take_prices
from creditbase.admin.project_commands import take_projects
from creditbase.admin.roles import make_admin, remove_admin
from creditbase.admin.verify_command import take_verify
from creditbase.catalog import tier_store
from creditbase.catalog.models import CatalogFile, read_catalog
from creditbase.catalog.shipped import CatalogFault, shipped_book
from creditbase.kernel import instants
from creditbase.kernel.errors import BillingError, InvalidRequest, Unavailable
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import write_seconds
from creditbase.payments.selling import StripeUnfinished
from creditbase.payments.stripe_gateway import is_live
from creditbase.runtime import clock
from creditbase.runtime.emulator import UnsafeEnvironment, refuse_unsafe_environment
from creditbase.runtime.settings import SecretMissing

CATALOG_FILE = Path(__file__).parents[3] / "catalog.json"
RECONCILER = "reconcile-stripe"
JOBS = (
    *("sync-balances", "expire-holds", "reset-cycles"),
    *("answer-crossings", "drain-inbox", "deliver-outbox", "deliver-webhooks", RECONCILER),
    *("roll-up-usage", "anchor-ledger", "verify-ledger", "erase-customers"),
)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; a refusal is one line, never a trace."""
    given = _parser().parse_args(arguments)
    run: Command = given.run
    try:
        refuse_unsafe_environment()
        _refuse_without_project()
        run(given)
    except CatalogFault as fault:
        return _refused(f"the catalog cannot be taken: {fault.message}")
    except StripeUnfinished:
        return _refused("Stripe did not do all of it; what is done stays, push again to go on")
    except SecretMissing as missing:
        return _refused(f"{missing.secret_name} is not set")
    except Unavailable:
        return _refused(f"the store does not answer ({_where()}); nothing is known to be done")
    except (BillingError, UnsafeEnvironment, NoProject, NotMeant, CommandFailed) as refusal:
        return _refused(str(refusal))
    except GoogleAuthError as failure:
        return _refused(f"no credentials for {_where()}: {failure.args[0]}")
    return 0


class NoProject(Exception):
    """It was not said which Firebase project is meant."""


def _refuse_without_project() -> None:
    if not os.environ.get("GCLOUD_PROJECT"):
        raise NoProject("set GCLOUD_PROJECT to the Firebase project that is meant")


def _where() -> str:
    host = os.environ.get("FIRESTORE_EMULATOR_HOST", "")
    project = os.environ["GCLOUD_PROJECT"]
    return f"project {project}, emulator {host}" if host else f"project {project}"


def _refused(text: str) -> int:
    _say(f"refused: {text}")
    return 1


def _say(text: str) -> None:
    print(text, file=sys.stderr)


# ---- the commands ----------------------------------------------------------------------------


def _catalog_diff(given: argparse.Namespace) -> None:
    lines = _show_difference(given, read_catalog(given.file))
    _say("pushing would change this" if lines else "nothing differs")


def _catalog_push(given: argparse.Namespace) -> None:
    file = read_catalog(given.file)
    if not _show_difference(given, file):
        _say("nothing differs, nothing was written")
    elif given.dry_run:
        _say("pushing would change this; nothing was written")
    elif given.yes or _is_meant():
        project_id = project_uuid(given.project)
        use_cases.push_sale(project_id, file, at_stripe=not given.without_stripe)
        _say(f"{given.project} now sells by price book {shipped_book().version}")
    else:
        raise NotMeant("nothing was written")


def _show_difference(given: argparse.Namespace, file: CatalogFile) -> tuple[str, ...]:
    at_stripe = not given.without_stripe
    if at_stripe:
        _say(f"at Stripe: {_stripe_mode()} mode")
    lines = use_cases.compare_sale(project_uuid(given.project), file, at_stripe=at_stripe)
    for line in lines:
        print(line)
    return lines


class NotMeant(Exception):
    """It was not said that a change is meant, or with what."""


def _stripe_mode() -> str:
    try:
        return "live" if is_live() else "test"
    except Unavailable:
        raise NotMeant(
            "set STRIPE_SECRET_KEY to the account that is meant; --without-stripe leaves "
            "Stripe alone"
        ) from None


def _is_meant() -> bool:
    """Return whether the person at the terminal says yes."""
    if not sys.stdin.isatty():
        raise NotMeant("nobody is there to ask; --yes pushes without asking")
    print("push this? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _seed(given: argparse.Namespace) -> None:
    for made in use_cases.seed(read_catalog(given.file), now=_now(), say=_say):
        name = made.name.upper()
        print(f"{name}_PROJECT_ID={made.project_id}")
        print(f"{name}_SECRET_KEY={made.secret_key}")


def _tiers_put(given: argparse.Namespace) -> None:
    asked = tiers.read_tiers(given.file)
    for word, tier in tiers.put_tiers(project_uuid(given.project), asked, now=clock.now):
        print(tiers.tier_line(tier))
        _say(f"{tier.code}: {word}")


def _tiers_list(given: argparse.Namespace) -> None:
    for tier in tier_store.load_tiers(project_uuid(given.project)).sold:
        print(tiers.tier_line(tier))


def _user_make_admin(given: argparse.Namespace) -> None:
    was_changed = make_admin(given.uid, reason=given.reason, now=clock.real_now())
    _say(f"{given.uid} is now an admin" if was_changed else f"{given.uid} was an admin already")


def _user_remove_admin(given: argparse.Namespace) -> None:
    was_changed = remove_admin(given.uid, reason=given.reason, now=clock.real_now())
    _say(f"{given.uid} is no admin any more" if was_changed else f"{given.uid} was no admin")


def _voucher_create(given: argparse.Namespace) -> None:
    code = given.code or new_code(secrets.token_bytes(CODE_BYTES))
    terms = VoucherTerms(
        credits=given.credits,
        max_uses=given.max_uses,
        starts_at=given.starts_at,
        expires_at=given.expires_at,
        plans=tuple(sorted(filter(None, given.plans.split(",")))),
        credits_expire_days=given.credits_expire_days,
    )
    deed = _voucher_deed(given, "voucher_create", vouchers.asked_of(code, terms))
    was_made = vouchers.create_voucher(code, terms, now=clock.now(), deed=deed)
    print(code)
    if was_made:
        _say("this is the only time that the code is shown; only its digest is kept")
    else:
        _say("this voucher was there already, nothing was written")


def _voucher_disable(given: argparse.Namespace) -> None:
    deed = _voucher_deed(given, "voucher_disable", vouchers.asked_of(given.code))
    was_changed = vouchers.disable_voucher(given.code, now=clock.now(), deed=deed)
    _say("disabled; credits that it gave stay" if was_changed else "it was disabled already")


def _voucher_deed(given: argparse.Namespace, action: Action, asked: dict[str, object]) -> Deed:
    # A key of its own each time: making and disabling are harmless to repeat.
    return Deed(
        action=action,
        actor=COMMAND_LINE,
        key=secrets.token_hex(CODE_BYTES),
        reason=given.reason,
        project_id=HUB_PROJECT_ID,
        asked=asked,
    )


def _voucher_show(given: argparse.Namespace) -> None:
    voucher, uses = vouchers.load_voucher(given.code)
    terms = voucher.terms
    days = terms.credits_expire_days
    for name, value in (
        ("credits", terms.credits),
        ("credits_end", "never" if days is None else f"{days} days after redeeming"),
        ("uses", f"{uses} of {terms.max_uses or 'any number'}"),
        ("plans", ", ".join(terms.plans) or "every plan"),
        ("starts_at", _shown(terms.starts_at)),
        ("expires_at", _shown(terms.expires_at)),
        ("created_at", _shown(voucher.created_at)),
        ("disabled_at", _shown(voucher.disabled_at)),
    ):
        print(f"{name}: {value}")


def _shown(at: datetime | None) -> str:
    return "-" if at is None else write_seconds(at)


def _job_run(given: argparse.Namespace) -> None:
    # By name, as main.py names the functions: the jobs are a door above this room.
    options = {option: True for option in ("is_dry", "is_full") if getattr(given, option)}
    if options and given.name != RECONCILER:
        raise InvalidRequest(f"Only {RECONCILER} can be run that way")
    run_job = import_module("creditbase.jobs.by_name").run_job
    report = run_job(given.name, now=clock.now(), **options)
    left = "" if report.is_complete else ", more may be due: run it again"
    print(f"{given.name}: {report.done} done, {report.failed} failed{left}")
    if given.name == RECONCILER:
        print(json.dumps(report.facts(), indent=2))


def _now() -> datetime:
    return clock.real_now()  # keys and projects are made in real time


# ---- what may be typed -----------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m creditbase.admin", description="Operate Creditbase.", allow_abbrev=False
    )
    groups = parser.add_subparsers(required=True, metavar="COMMAND")

    catalog = add_group(groups, "catalog", "compare or push what a project sells")
    for name, run, text in (
        ("diff", _catalog_diff, "show what a push would change"),
        ("push", _catalog_push, "make the reviewed file what the project sells"),
    ):
        command = add_command(catalog, name, run, text)
        _takes_file(command)
        command.add_argument("--project", default="hub", help="name of the project (hub)")
        command.add_argument(
            "--without-stripe",
            action="store_true",
            help="leave what is sold there alone",
        )
    command.add_argument("--yes", action="store_true", help="push without asking")
    command.add_argument("--dry-run", action="store_true", help="show, and write nothing")

    take_projects(groups)
    take_customers(groups)
    take_inbox(groups)
    take_explain(groups)
    take_analytics(groups)
    take_prices(groups)
    take_verify(groups)

    _takes_file(add_command(groups, "seed", _seed, "make the hub and the relay project ready"))

    group = add_group(groups, "tiers", "make, change or list what a relay project sells")
    command = add_command(group, "put", _tiers_put, "make or change the tiers of a file")
    command.add_argument("file", type=Path, help="JSON: a list of tiers, as POST takes them")
    command.add_argument("--project", default="relay", help="name of the project (relay)")
    command = add_command(group, "list", _tiers_list, "show the tiers that are sold")
    command.add_argument("--project", default="relay", help="name of the project (relay)")

    users = add_group(groups, "users", "change a user's role")
    for name, run, text in (
        ("make-admin", _user_make_admin, "give the admin role"),
        ("remove-admin", _user_remove_admin, "take it away, from the next request on"),
    ):
        command = add_command(users, name, run, text)
        command.add_argument("uid")
        command.add_argument("--reason", required=True, help="why; it is kept")

    _takes_vouchers(add_group(groups, "vouchers", "make, disable or show codes for credits"))

    _takes_jobs(add_group(groups, "jobs", "run a scheduled job now"))
    return parser


def _takes_jobs(group: Group) -> None:
    command = add_command(group, "run", _job_run, "run it once, bounded as always")
    command.add_argument("name", choices=JOBS)
    command.add_argument(
        "--dry-run",
        dest="is_dry",
        action="store_true",
        help=f"{RECONCILER}: say what differs from Stripe, and change nothing",
    )
    command.add_argument(
        "--full",
        dest="is_full",
        action="store_true",
        help=f"{RECONCILER}: look back thirty days, whatever was compared before",
    )


def _takes_vouchers(group: Group) -> None:
    command = add_command(group, "create", _voucher_create, "make a code; it is shown once")
    command.add_argument("--credits", type=int, required=True, help="what it gives")
    command.add_argument("--reason", required=True, help="what for; it is kept")
    command.add_argument("--code", default="", help="the code itself (one is made)")
    command.add_argument("--max-uses", type=int, help="how many users may have it (all)")
    command.add_argument("--starts-at", type=_instant, help="from when: 2026-12-01T00:00Z")
    command.add_argument("--expires-at", type=_instant, help="until when, that instant outside")
    command.add_argument("--plans", default="", help="only for these plans, by code: a,b (all)")
    command.add_argument(
        "--credits-expire-days", type=int, help="days after which the credits end (never)"
    )
    for name, run, text in (
        ("disable", _voucher_disable, "take a code out of use for good"),
        ("show", _voucher_show, "show what a code gives, and how often it was redeemed"),
    ):
        command = add_command(group, name, run, text)
        command.add_argument("code")
        if name == "disable":
            command.add_argument("--reason", required=True, help="why; it is kept")


def _instant(text: str) -> datetime:
    try:
        return instants.read(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from fault


def _takes_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--file", type=Path, default=CATALOG_FILE, help="the reviewed catalog (catalog.json)"
    )

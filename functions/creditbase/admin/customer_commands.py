"""Commands about a customer: find, and do what the admin's endpoints do.

The same use cases, so the same record is left: of the command line, with the reason given.
Each action has a key; typed again with the key that is printed, it is not done again.
"""

import argparse
import secrets
import sys
from datetime import datetime

from creditbase.accounts.domain import Customer, CustomerRef
from creditbase.admin import acting, erasing, planning, refunding
from creditbase.admin.audit_store import load_audit_page
from creditbase.admin.command_frame import CommandFailed, Group, add_command, add_group
from creditbase.admin.customers import list_customers, search_customers
from creditbase.admin.domain.audit import COMMAND_LINE, Action, Audit, Deed
from creditbase.admin.erasing import Consent
from creditbase.admin.explain_command import wallet_named
from creditbase.admin.exporting import load_person, written
from creditbase.admin.parking import unpark
from creditbase.kernel import instants
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import write_exact, write_seconds
from creditbase.kernel.money import nanos_from_credits
from creditbase.ledger.domain.proof.reading import Broken
from creditbase.runtime import clock
from creditbase.subscriptions.claims import give_claims, give_everybody

KEY_BYTES = 8


def take_customers(groups: Group) -> None:
    """Add what may be typed about customers, and about what was done to them."""
    customers = add_group(groups, "customers", "find customers, and act on one")
    command = add_command(customers, "find", _find, "by id, name, e-mail, or an id of Stripe's")
    command.add_argument("text", nargs="?", default="", help="what it is (list all)")
    command.add_argument("--project", default="hub", help="name of the project (hub)")
    command = _takes_deed(customers, "adjust", _adjust, "give or take credits, to put right")
    command.add_argument("nanos", type=int, help="nano-dollars; below zero they are taken")
    command.add_argument("--corrects", default="", help="id of the entry that this puts right")
    command.add_argument(
        "--owe-rest", action="store_true", help="what cannot be taken is owed (let be)"
    )
    command = _takes_deed(customers, "grant", _grant, "give credits as a parcel of their own")
    command.add_argument("credits", type=int)
    command.add_argument("--kind", choices=acting.GIVEN_KINDS, default="promo")
    command.add_argument("--expires-at", type=_instant, help="when they end (never)")
    _takes_deed(customers, "freeze", _freeze, "stop a customer from spending")
    _takes_deed(customers, "thaw", _thaw, "let a customer spend again")
    _takes_deed(customers, "unpark", _unpark, "let a parked wallet go, if all of it holds")
    command = _takes_deed(customers, "refund", _refund, "give money back through Stripe")
    command.add_argument("payment", help="pi_… or in_…, by Stripe's id")
    command.add_argument("--cents", type=int, help="how much of it (all that is left)")
    command = _takes_deed(customers, "plan", _plan, "change the plan, or tier, through Stripe")
    command.add_argument("plan", help="its code; free ends the subscription")
    command.add_argument(
        "--when", choices=("now", "period_end"), default="", help="(as its price says)"
    )
    command = _takes_deed(customers, "erase", _erase, "erase everything that names a customer")
    command.add_argument(
        "--force", action="store_true", help="also what is owed, left or under way (refused)"
    )
    command = add_command(customers, "claims", _claims, "set the claims of a plan in tokens")
    command.add_argument("customer", nargs="?", default="", help="the id, or a Firebase uid")
    command.add_argument("--all", action="store_true", help="of every user of the hub")
    command.add_argument("--after", default="", help="go on after this customer id")
    command = add_command(customers, "export", _export, "write all that is known of one")
    command.add_argument("customer", help="the customer's id, or its name: a Firebase uid")
    command.add_argument("--project", default="hub", help="name or id of the project (hub)")
    command = add_command(groups, "audit", _audit, "show what operators did, newest first")
    command.add_argument("--customer", default="", help="only to this customer, by id")


def _takes_deed(group: Group, name: str, run: object, text: str) -> argparse.ArgumentParser:
    assert callable(run)
    command = add_command(group, name, run, text)
    command.add_argument("customer", help="the customer's id, or its name: a Firebase uid")
    command.add_argument("--project", default="hub", help="name or id of the project (hub)")
    command.add_argument("--reason", required=True, help="why; it is kept")
    command.add_argument("--key", default="", help="of an action that may be done (a new one)")
    return command


def _claims(given: argparse.Namespace) -> None:
    if bool(given.customer) == given.all:
        raise CommandFailed("say which customer, or --all")
    if given.all:
        count = 0
        for customer_id, was_set in give_everybody(project_uuid("hub"), after=given.after):
            count += was_set
            sys.stderr.write(f"\r{count} set; so far up to {customer_id}")
        sys.stdout.write(f"\n{count} users have other claims now\n")
        return
    ref = wallet_named("hub", given.customer)
    was_set = give_claims(CustomerRef(ref.project_id, ref.customer_id))
    sys.stdout.write("set\n" if was_set else "nothing to set\n")


def _find(given: argparse.Namespace) -> None:
    project_id = project_uuid(given.project)
    if given.text:
        for customer in search_customers(project_id, given.text).customers:
            print(_line(customer))
        return
    page = list_customers(project_id)
    while True:
        for customer in page.customers:
            print(_line(customer))
        if not page.next_cursor:
            return
        page = list_customers(project_id, after=page.next_cursor)


def _line(customer: Customer) -> str:
    stripe = customer.stripe_customer_id or "-"
    return f"{customer.customer_id} {customer.external_id} {customer.email or '-'} {stripe}"


def _adjust(given: argparse.Namespace) -> None:
    asked = {
        "amount_nanos": given.nanos,
        "owes_rest": given.owe_rest,
        "corrects": given.corrects,
    }
    audit = acting.adjust(
        _deed(given, "adjust", asked),
        amount_nanos=given.nanos,
        owes_rest=given.owe_rest,
        corrects=given.corrects,
        now=clock.now(),
    )
    _print(audit)


def _grant(given: argparse.Namespace) -> None:
    asked: dict[str, object] = {"kind": given.kind, "credits": given.credits}
    if given.expires_at is not None:
        asked["expires_at"] = write_exact(given.expires_at)
    audit = acting.give(
        _deed(given, "grant", asked),
        kind=given.kind,
        amount_nanos=nanos_from_credits(given.credits),
        expires_at=given.expires_at,
        now=clock.now(),
    )
    _print(audit)


def _freeze(given: argparse.Namespace) -> None:
    _print(acting.freeze(_deed(given, "freeze", {}), now=clock.now()))


def _thaw(given: argparse.Namespace) -> None:
    _print(acting.thaw(_deed(given, "thaw", {}), now=clock.now()))


def _unpark(given: argparse.Namespace) -> None:
    try:
        _print(unpark(_deed(given, "unpark", {}), now=clock.now()))
    except Broken as line:
        raise CommandFailed(f"it stays parked: {line}") from line


def _refund(given: argparse.Namespace) -> None:
    asked: dict[str, object] = {"payment": given.payment}
    if given.cents is not None:
        asked["amount_cents"] = given.cents
    deed = _deed(given, "refund", asked)
    audit = refunding.refund(
        deed, payment=given.payment, amount_cents=given.cents, now=clock.now()
    )
    _print(audit)


def _plan(given: argparse.Namespace) -> None:
    asked: dict[str, object] = {"plan": given.plan}
    if given.when:
        asked["when"] = given.when
    deed = _deed(given, "plan", asked)
    _print(planning.change_plan(deed, plan=given.plan, when=given.when, now=clock.now()))


def _erase(given: argparse.Namespace) -> None:
    deed = _deed(given, "erase", {"force": given.force})
    done = erasing.erase(deed, Consent(is_forced=given.force), now=clock.now())
    _print(erasing.record_of_erasure(done))
    if not done.is_erased:
        print("begun; the job erase-customers goes on with it", file=sys.stderr)


def _export(given: argparse.Namespace) -> None:
    ref = wallet_named(given.project, given.customer)
    person = load_person(CustomerRef(ref.project_id, ref.customer_id))
    for piece in written(person, now=clock.now()):
        sys.stdout.write(piece)


def _deed(given: argparse.Namespace, action: Action, asked: dict[str, object]) -> Deed:
    ref = wallet_named(given.project, given.customer)
    key = given.key or secrets.token_hex(KEY_BYTES)
    print(f"key: {key}", file=sys.stderr)
    return Deed(
        action=action,
        actor=COMMAND_LINE,
        key=key,
        reason=given.reason,
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        asked=asked,
    )


def _print(audit: Audit) -> None:
    for name, value in (
        ("audit", audit.audit_id),
        ("at", write_seconds(audit.at)),
        ("entry", audit.entry_id or "-"),
    ):
        print(f"{name}: {value}")
    for name, before in audit.before.items():
        after = audit.after[name]
        print(f"{name}: {before}" + ("" if after == before else f" -> {after}"))
    for name, told in audit.stripe.items():
        print(f"{name}: {told}")


def _audit(given: argparse.Namespace) -> None:
    page = load_audit_page(customer_id=given.customer)
    for audit in page.records:
        about = audit.customer_id or "-"
        print(
            f"{write_seconds(audit.at)} {audit.action} {about} by {audit.actor}: {audit.reason}"
        )


def _instant(text: str) -> datetime:
    try:
        return instants.read(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from fault

"""Commands about customers: find, show, give, adjust, and the codes that give credits."""

import secrets
from datetime import datetime
from typing import Annotated

import typer

from command_line.answers import Answer, Session
from command_line.frame import command
from command_line.naming import Key, Reason, Seller, Typed, Who, answer_of, deed_of, instant
from creditbase.accounts.domain import Customer
from creditbase.admin import acting, vouchers
from creditbase.admin.customers import list_customers, search_customers, show_customer
from creditbase.admin.domain.vouchers import CODE_BYTES, VoucherTerms, new_code
from creditbase.admin.explain_command import wallet_named
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import write_exact, write_seconds
from creditbase.kernel.money import nanos_from_credits
from creditbase.runtime import clock

Ends = Annotated[datetime | None, typer.Option(parser=instant, help="When they end (never).")]


def take(app: typer.Typer) -> None:
    """Add what may be typed."""
    customers = typer.Typer(name="customers", help="Find customers, and look at one.")
    command(customers, "find")(find)
    command(customers, "show")(show)
    app.add_typer(customers)
    command(app, "grant")(grant)
    command(app, "adjust")(adjust)
    codes = typer.Typer(name="voucher", help="Codes that give credits.")
    command(codes, "create")(create_voucher)
    codes.callback()(_keep_name)
    app.add_typer(codes)


def _keep_name() -> None:
    """Codes that give credits."""


def find(
    session: Session,
    text: Annotated[str, typer.Argument(help="What it is (list the first fifty).")] = "",
    of: Seller = "hub",
) -> Answer:
    """Find customers by id, name, e-mail, or an id of Stripe's."""
    del session
    project_id = project_uuid(of)
    page = search_customers(project_id, text) if text else list_customers(project_id)
    result = {"customers": list(map(_fields, page.customers)), "more": bool(page.next_cursor)}
    lines = [_line(it) for it in page.customers]
    return Answer(result, "\n".join(lines) or "no customer is called so")


def _line(customer: Customer) -> str:
    # Two lines: ids are copied, so none of them is cut at eighty columns.
    beside = f"e-mail {customer.email or '-'}  Stripe {customer.stripe_customer_id or '-'}"
    return f"{customer.customer_id}  name {customer.external_id}\n  {beside}"


def _fields(customer: Customer) -> dict[str, str]:
    return {
        "customer_id": customer.customer_id,
        "name": customer.external_id,
        "email": customer.email,
        "stripe_customer_id": customer.stripe_customer_id,
    }


def show(session: Session, customer: Who, of: Seller = "hub") -> Answer:
    """Show a customer and its wallet, as it stands now."""
    del session
    shown = show_customer(wallet_named(of, customer), now=clock.now())
    figures: dict[str, object] = {}
    if shown.balance is not None:
        balance = shown.balance
        figures = {
            "available_nanos": balance.available_nanos,
            "held_nanos": balance.held_nanos,
            "receivable_nanos": balance.receivable_nanos,
            "entries": balance.seq,
            "frozen": balance.frozen,
        }
    result = {**_fields(shown.customer), "wallet": figures or None}
    lines = [f"{name}: {value}" for name, value in _fields(shown.customer).items()]
    lines += [
        f"{name}: {value:,}" if type(value) is int else f"{name}: {value}"
        for name, value in figures.items()
    ]
    return Answer(result, "\n".join(lines))


def grant(
    session: Session,
    customer: Who,
    credit_count: Annotated[int, typer.Argument(metavar="CREDITS", min=1)],
    *,
    of: Seller = "hub",
    kind: Annotated[str, typer.Option(help="promo or adjustment")] = "promo",
    expires_at: Ends = None,
    reason: Reason = "",
    key: Key = "",
) -> Answer:
    """Give credits as a parcel of their own."""
    asked: dict[str, object] = {"kind": kind, "credits": credit_count}
    if expires_at is not None:
        asked["expires_at"] = write_exact(expires_at)
    deed = deed_of(session, Typed(of, customer, reason, key), "grant", asked)
    session.confirm(f"give {credit_count:,} credits to {customer}")
    audit = acting.give(
        deed,
        kind=kind,  # type: ignore[arg-type]
        amount_nanos=nanos_from_credits(credit_count),
        expires_at=expires_at,
        now=clock.now(),
    )
    return answer_of(deed, audit)


def adjust(
    session: Session,
    customer: Who,
    nanos: Annotated[int, typer.Argument(help="Nano-dollars; after --, below zero: taken.")],
    *,
    of: Seller = "hub",
    corrects: Annotated[str, typer.Option(help="Id of the entry that is put right.")] = "",
    owes_rest: Annotated[
        bool, typer.Option("--owe-rest", help="What is not there is owed.")
    ] = False,
    reason: Reason = "",
    key: Key = "",
) -> Answer:
    """Give or take nano-dollars, to put something right."""
    asked = {"amount_nanos": nanos, "owes_rest": owes_rest, "corrects": corrects}
    deed = deed_of(session, Typed(of, customer, reason, key), "adjust", asked)
    session.confirm(f"adjust {customer} by {nanos:,} nano-dollars")
    audit = acting.adjust(
        deed, amount_nanos=nanos, owes_rest=owes_rest, corrects=corrects, now=clock.now()
    )
    return answer_of(deed, audit)


def create_voucher(
    session: Session,
    *,
    credit_count: Annotated[int, typer.Option("--credits", min=1, help="What it gives.")],
    code: Annotated[str, typer.Option(help="The code itself (one is made).")] = "",
    max_uses: Annotated[int | None, typer.Option(help="How many users (all).")] = None,
    plans: Annotated[str, typer.Option(help="Only for these plans, by code: a,b.")] = "",
    starts_at: Ends = None,
    expires_at: Ends = None,
    reason: Reason = "",
) -> Answer:
    """Make a code that gives credits. It is shown once; the same code again makes nothing."""
    code = code or new_code(secrets.token_bytes(CODE_BYTES))
    terms = VoucherTerms(
        credits=credit_count,
        max_uses=max_uses,
        starts_at=starts_at,
        expires_at=expires_at,
        plans=tuple(sorted(filter(None, plans.split(",")))),
        credits_expire_days=None,
    )
    asked = vouchers.asked_of(code, terms)
    deed = deed_of(session, Typed("hub", "", reason, ""), "voucher_create", asked)
    session.confirm(f"make a voucher of {credit_count:,} credits")
    was_made = vouchers.create_voucher(code, terms, now=clock.now(), deed=deed)
    word = "shown this once; only its digest is kept" if was_made else "was there already"
    ends = write_seconds(expires_at) if expires_at else None
    result = {"code": code, "made": was_made, "credits": credit_count, "expires_at": ends}
    return Answer(result, f"{code}\n({word})")

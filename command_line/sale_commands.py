"""Commands about what is sold: the catalog, a project's own prices, and secret keys."""

import secrets
import uuid
from pathlib import Path
from typing import Annotated

import typer

from command_line.answers import DIFFERS, DONE, Answer, Session
from command_line.frame import command
from command_line.naming import Seller
from command_line.target import CATALOG_FILE
from creditbase.accounts.domain import KEY_NAME_CHARACTERS_MAX
from creditbase.accounts.use_cases import (
    create_secret_key,
    list_secret_keys,
    revoke_secret_key,
)
from creditbase.admin import use_cases
from creditbase.catalog.models import read_catalog
from creditbase.catalog.rates_models import read_rates
from creditbase.catalog.rates_use_cases import compare_rates, push_rates
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.instants import write_seconds
from creditbase.kernel.money import NANOS_PER_CENT
from creditbase.runtime.clock import real_now

SECRET_BYTES = 32
CatalogPath = Annotated[Path, typer.Option("--file", help="The reviewed catalog.")]
RatesPath = Annotated[Path, typer.Argument(help="JSON: version, models, negotiated.")]
LeaveStripe = Annotated[bool, typer.Option(help="Leave what Stripe sells alone.")]


def take(app: typer.Typer) -> None:
    """Add what may be typed."""
    catalog = typer.Typer(name="catalog", help="What a project sells: compare, or push.")
    command(catalog, "diff")(diff_catalog)
    command(catalog, "push")(push_catalog)
    prices = typer.Typer(name="prices", help="A project's own prices: compare, or push.")
    command(prices, "diff")(diff_prices)
    command(prices, "push")(push_prices)
    keys = typer.Typer(name="keys", help="Secret keys of back ends: make, list, revoke.")
    command(keys, "create")(create_key)
    command(keys, "list")(list_keys)
    command(keys, "revoke")(revoke_key)
    for group in (catalog, prices, keys):
        app.add_typer(group)


def diff_catalog(
    session: Session,
    of: Seller = "hub",
    file: CatalogPath = CATALOG_FILE,
    without_stripe: LeaveStripe = False,
) -> Answer:
    """Show what a push would change, in the store and at Stripe. Status 3: something."""
    del session
    lines = use_cases.compare_sale(
        project_uuid(of), read_catalog(file), at_stripe=not without_stripe
    )
    text = "\n".join(lines) or "nothing differs"
    return Answer({"changes": list(lines)}, text, DIFFERS if lines else DONE)


def push_catalog(
    session: Session,
    of: Seller = "hub",
    file: CatalogPath = CATALOG_FILE,
    without_stripe: LeaveStripe = False,
) -> Answer:
    """Make the reviewed file what the project sells; typed again it goes on."""
    offered, project_id = read_catalog(file), project_uuid(of)
    lines = use_cases.compare_sale(project_id, offered, at_stripe=not without_stripe)
    if lines:
        session.say("\n".join(lines))
        session.confirm(f"push {len(lines)} changes of what {of} sells")
        use_cases.push_sale(project_id, offered, at_stripe=not without_stripe)
    word = f"pushed: {len(lines)} changes" if lines else "nothing differs, nothing was written"
    return Answer({"changes": list(lines)}, word)


def diff_prices(session: Session, file: RatesPath, of: Seller = "hub") -> Answer:
    """Show what a push would change, and what has to be signed for. Status 3: something."""
    del session
    push = compare_rates(project_uuid(of), read_rates(file))
    result = {"changes": list(push.lines), "jumps": list(push.jumps)}
    lines = [*push.lines, *(f"to be signed for: {it}" for it in push.jumps)]
    return Answer(result, "\n".join(lines) or "nothing differs", DIFFERS if lines else DONE)


def push_prices(
    session: Session,
    file: RatesPath,
    of: Seller = "hub",
    sign_off: Annotated[bool, typer.Option("--sign-off", help="Big jumps are meant.")] = False,
) -> Answer:
    """Make the file what the project prices by, from now on; what was charged stays."""
    rates, project_id = read_rates(file), project_uuid(of)
    session.confirm(f"push prices {rates.version} of {of}")
    push = push_rates(project_id, rates, is_signed=sign_off)
    result = {"changes": list(push.lines), "version": rates.version}
    return Answer(result, "\n".join([*push.lines, f"{of} prices by {rates.version}"]))


# ---- secret keys -----------------------------------------------------------------------------


def create_key(
    session: Session,
    of: Seller = "relay",
    name: Annotated[str, typer.Option(help="What to call it.")] = "secret key",
    budget: Annotated[int | None, typer.Option(min=1, help="Cents of a window.")] = None,
) -> Answer:
    """Make a secret key. It is shown once; only its digest is kept."""
    session.confirm(f"make a secret key of {of}")
    issued = create_secret_key(
        _id(of),
        name=name[:KEY_NAME_CHARACTERS_MAX],
        random_bytes=secrets.token_bytes(SECRET_BYTES),
        now=real_now(),
        budget_nanos=None if budget is None else budget * NANOS_PER_CENT,
    )
    result = {"key_id": issued.key.key_id, "secret": issued.secret}
    return Answer(result, f"{issued.secret}\n(id {issued.key.key_id}; shown this once)")


def list_keys(session: Session, of: Seller = "relay") -> Answer:
    """Show a project's keys, not their secrets."""
    del session
    keys = [it.key for it in list_secret_keys(_id(of), now=real_now())]
    result = {
        "keys": [
            {
                "key_id": it.key_id,
                "hint": f"{it.prefix}…{it.last4}",
                "created_at": write_seconds(it.created_at),
                "name": it.name,
            }
            for it in keys
        ]
    }
    lines = [f"{it.key_id}  {it.prefix}…{it.last4}  {it.name}" for it in keys]
    return Answer(result, "\n".join(lines) or "there is no key")


def revoke_key(
    session: Session,
    key_id: Annotated[str, typer.Argument(help="Its id, as keys list shows it.")],
    of: Seller = "relay",
) -> Answer:
    """Take a key out of use for good: at once, on metering within ten seconds."""
    session.confirm(f"revoke the key {key_id} of {of}")
    revoke_secret_key(_id(of), key_id)
    return Answer({"key_id": key_id, "revoked": True}, "revoked")


def _id(name: str) -> str:
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return project_uuid(name)

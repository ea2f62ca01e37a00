"""What an operator does. Each can be repeated without changing anything twice."""

import secrets
from collections.abc import Callable
from datetime import datetime

from creditbase.accounts.use_cases import (
    HUB_PROJECT_ID,
    create_secret_key,
    ensure_project,
    list_secret_keys,
    revoke_secret_key,
)
from creditbase.catalog.models import CatalogFile
from creditbase.catalog.shipped import shipped_book
from creditbase.catalog.use_cases import compare_catalog, push_catalog, set_markup
from creditbase.kernel.records import dataclass
from creditbase.payments.offering import Offering, Phase
from creditbase.payments.selling import bring, compare_offering
from creditbase.subscriptions.relay_projects import ensure_account

SEEDED_PROJECTS = ("hub", "relay")
SEEDED_MARKUP_BPS = 4_000
"""Of the relay project, which sells by the hub's price book."""
SEEDED_KEY_NAME = "seed"


@dataclass(frozen=True, slots=True)
class Seeded:
    """A project that `seed` made or found, with its new secret key."""

    name: str
    project_id: str
    secret_key: str


def seed(file: CatalogFile, *, now: datetime, say: Callable[[str], None]) -> tuple[Seeded, ...]:
    """Make the two projects of the demonstration, what they sell by, and a secret key of each.

    Nobody can read a secret key a second time, so a repeat replaces the seeded key; keys
    made otherwise stay.
    """
    return tuple(_seed_project(name, file, now, say) for name in SEEDED_PROJECTS)


def _seed_project(
    name: str, file: CatalogFile, now: datetime, say: Callable[[str], None]
) -> Seeded:
    project = ensure_project(name, now=now)
    ensure_account(project.project_id, now=now)
    say(f"{name}: project {project.project_id}, price book {shipped_book().version}")
    if project.project_id == HUB_PROJECT_ID:
        for line in push_catalog(project.project_id, file).lines:
            say(f"{name}: {line}")
    else:
        set_markup(project.project_id, SEEDED_MARKUP_BPS)
    old = [
        use.key.key_id
        for use in list_secret_keys(project.project_id, now=now)
        if use.key.name == SEEDED_KEY_NAME
    ]
    # The old ones first: a run that was killed in between leaves none, and the next makes one.
    for key_id in old:
        revoke_secret_key(project.project_id, key_id)
    issued = create_secret_key(
        project.project_id,
        name=SEEDED_KEY_NAME,
        random_bytes=secrets.token_bytes(32),
        now=now,
    )
    say(f"{name}: secret key {issued.key.prefix}…{issued.key.last4}, {len(old)} replaced")
    return Seeded(name, project.project_id, issued.secret)


def compare_sale(project_id: str, file: CatalogFile, *, at_stripe: bool) -> tuple[str, ...]:
    """Return what pushing the file would change in the store and at Stripe; change nothing.

    Raises:
        NotFound: there is no such project.
        VersionTaken, PlanMissing: the file cannot be pushed.
        StripeUnfinished: Stripe does not answer.
    """
    lines = compare_catalog(project_id, file).lines
    return lines + compare_offering(_offering(project_id, file)) if at_stripe else lines


def push_sale(project_id: str, file: CatalogFile, *, at_stripe: bool) -> None:
    """Make the file what the project sells: new prices at Stripe, the catalog, old prices.

    In this order nobody is ever offered what Stripe cannot sell. Killed anywhere and repeated,
    it comes to the same end; the same file twice changes nothing.

    Raises:
        NotFound, VersionTaken, PlanMissing: the file cannot be pushed; nothing was changed.
        StripeUnfinished, Unavailable: not everything is done; push again.
    """
    compare_catalog(project_id, file)
    if at_stripe:
        bring(_offering(project_id, file), Phase.BEFORE)
    push_catalog(project_id, file)
    if at_stripe:
        bring(_offering(project_id, file), Phase.AFTER)


def _offering(project_id: str, file: CatalogFile) -> Offering:
    offer = file.to_offer(project_id)
    return Offering.of(project_id, offer.currency, offer.plans.values())

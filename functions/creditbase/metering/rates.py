"""The prices that a decision is given: loaded, kept in this process, and completed on demand.

A decision prices by the plan that it finds in the wallet. What the rate has not got, the
tiers of a project, say, is loaded when a decision first asks for it, and kept then.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import TypeVar

from creditbase.catalog.tier_use_cases import load_tiers
from creditbase.catalog.use_cases import load_book, load_catalog, load_rates
from creditbase.kernel.errors import BillingError, Forbidden, PaymentRequired
from creditbase.ledger.domain.commands import ChangeTerms, Command
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.wallet import Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.ledger.use_cases import run
from creditbase.metering.domain import (
    OUTSIDE_PLAN,
    CatalogRate,
    PricesMissing,
    is_tier_id,
    terms_by,
)

LOADS_MAX = 3
T = TypeVar("T")


@cache
def tiered_projects() -> set[str]:
    """Return the projects whose customers were seen to be on tiers, by this process."""
    return set()


def load_rate(project_id: str) -> CatalogRate:
    """Return a project's prices, at most a minute old, and without any read when warm.

    Raises:
        NotFound: the project has no catalog.
        Unavailable: the store gave no answer in time.
    """
    rate = CatalogRate(load_catalog(project_id))
    is_tiered = project_id in tiered_projects()
    return rate.with_tiers(load_tiers(project_id)) if is_tiered else rate


def run_priced(
    ref: WalletRef,
    command_with: Callable[[CatalogRate], Command],
    rate: CatalogRate,
    *,
    now: datetime,
) -> Decision:
    """Run a command that prices by a rate, which is given what it lacks as often as needed.

    Raises:
        BillingError: as the ledger and the rate refuse.
    """
    return completing(
        rate,
        lambda rate: run_following(ref, command_with(rate), now=now),
        ref.project_id,
    )


def run_following(ref: WalletRef, command: Command, *, now: datetime) -> Decision:
    """Run a command on a wallet that follows its tier where that was changed.

    No call is refused by a limit of before, and at most one more is let through by it.

    Raises:
        BillingError: as the ledger refuses.
    """
    try:
        decision = run(ref, command, now=now)
    except PaymentRequired as refusal:
        loaded = find_wallet(ref) if is_tier_id(refusal.plan) else None
        if loaded is None or not _catch_up(ref, loaded.wallet, now=now):
            raise
        return run(ref, command, now=now)
    with suppress(BillingError):
        _catch_up(ref, decision.wallet, now=now)
    return decision


def _catch_up(ref: WalletRef, wallet: Wallet, *, now: datetime) -> bool:
    """Put the wallet on what its tier says now; return whether that was something else.

    Under the revision of its terms: what Stripe has changed meanwhile is newer, and stays.
    """
    plan_code = wallet.terms.plan_code
    if not is_tier_id(plan_code):
        return False
    tier = load_tiers(ref.project_id, needed_id=plan_code).by_id(plan_code)
    terms = wallet.terms if tier is None else terms_by(tier, wallet.terms)
    if terms == wallet.terms:
        return False
    window = wallet.window.span if terms.window == "period" else None
    run(ref, ChangeTerms(terms, window), now=now)
    return True


def completing(rate: CatalogRate, ask: Callable[[CatalogRate], T], project_id: str) -> T:
    """Return what a question comes to, asked again with what its rate lacked.

    Raises:
        Forbidden: the plan that the wallet is on is none of the project's tiers.
    """
    for _ in range(LOADS_MAX):
        try:
            return ask(rate)
        except PricesMissing as missing:
            rate = _completed(rate, missing, project_id)
    raise Forbidden("This model is not part of the plan", reason=OUTSIDE_PLAN)


def _completed(rate: CatalogRate, missing: PricesMissing, project_id: str) -> CatalogRate:
    """Return the rate with what a decision missed."""
    if missing.rates:
        return rate.with_rates(load_rates(missing.rates))
    if missing.book_version:
        return rate.with_book(load_book(project_id, missing.book_version))
    tiered_projects().add(project_id)
    return rate.with_tiers(load_tiers(project_id, needed_id=missing.tier_id))

"""What is done with tiers: find them, make them, change them, put them away."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache

from creditbase.catalog import tier_store as store
from creditbase.catalog.domain.tier_rules import Given, changed_tier, new_tier
from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.catalog.per_project import PerProject
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import Conflict, Contention, NotFound
from creditbase.kernel.ids import tier_uuid
from creditbase.runtime.firestore import Ambiguous, Lost, Write, commit, query

CACHE_TTL_S = 60
HOLDING = ("active", "trialing", "past_due", "unpaid", "incomplete", "paused")
"""Statuses of a subscription that keep its tier from being put away."""


def load_tiers(project_id: str, *, needed_id: str = "") -> Tiers:
    """Return a project's tiers, at most a minute old, archived ones too.

    `needed_id` is a tier that somebody is on: where it is not known yet, all are read again.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    found = shared_tiers().get(project_id)
    if needed_id and found.by_id(needed_id) is None:
        shared_tiers().forget(project_id)
        return shared_tiers().get(project_id)
    return found


@cache
def shared_tiers() -> PerProject[Tiers]:
    """Return this process's tiers."""
    return PerProject(store.load_tiers, ttl_s=CACHE_TTL_S, clock=time.monotonic)


def find_tier_now(project_id: str, tier_id: str) -> Tier | None:
    """Return a tier as it is in the store, archived or not; no other project's."""
    kept = store.find_tier(project_id, tier_id)
    return None if kept is None else kept.tier


def find_code_now(project_id: str, code: str) -> Tier | None:
    """Return the tier that has the code in the store now."""
    named = store.find_code(project_id, code)
    tier = find_tier_now(project_id, named.tier_id) if named.tier_id else None
    return tier if tier is not None and not tier.is_archived else None


def tier_on_sale(project_id: str, tier_id: str) -> Tier:
    """Return a tier that can be listed and chosen, as it is in the store.

    Raises:
        NotFound: the project has no such tier, or has put it away.
    """
    tier = find_tier_now(project_id, tier_id)
    if tier is None or tier.is_archived:
        raise NotFound("Tier not found")
    return tier


# ---- making, changing, putting away ----------------------------------------------------------

Sell = Callable[[Tier], str]
"""Makes Stripe sell a tier, and returns the price; called before anything is written."""


def create_tier(project_id: str, given: Given, *, sell: Sell, now: datetime) -> Tier:
    """Make a tier, its price first. Killed in between and repeated, it makes the same one.

    Raises:
        InvalidRequest: it is not sound, or has a model without a price.
        Conflict: its code is another tier's, or the project has too many tiers.
        Contention, Unavailable: safe to repeat.
    """
    prices = load_catalog(project_id).prices
    code = store.find_code(project_id, str(given["code"]))
    tier_id = tier_uuid(project_id, code.code, code.generation + 1)
    tier = new_tier(tier_id, project_id, given, prices=prices, now=now)
    if code.tier_id:
        raise _taken(code.code)
    if len(store.load_tiers(project_id).every) >= store.TIERS_MAX:
        raise Conflict("The project has as many tiers as it may ever have")
    tier = _priced(tier, sell)
    _commit(store.writes_for_new_tier(tier, code), tier)
    return tier


def update_tier(
    project_id: str, tier_id: str, given: Given, *, sell: Sell, now: datetime
) -> Tier:
    """Change what was given of a tier, its price first; customers keep what they pay.

    Raises:
        NotFound: the project has no such tier.
        InvalidRequest, Conflict: as in `create_tier`.
        Contention, Unavailable: safe to repeat.
    """
    before, codes = store.find_tier_and_codes(
        project_id, tier_id, (str(given["code"]),) if "code" in given else ()
    )
    if before is None or before.tier.is_archived:
        raise NotFound("Tier not found")
    prices = load_catalog(project_id).prices
    tier = changed_tier(before.tier, given, prices=prices, now=now)
    takes = next((code for code in codes if code.code != before.tier.code), None)
    if takes is not None and takes.tier_id:
        raise _taken(takes.code)
    tier = _priced(tier, sell)
    if tier == before.tier:
        return tier
    leaves = store.find_code(project_id, before.tier.code) if takes is not None else None
    _commit(store.writes_for_change(before, tier, leaves=leaves, takes=takes), tier)
    return tier


def archive_tier(project_id: str, tier_id: str, *, now: datetime) -> Tier:
    """Put a tier away: no longer listed or sold, and its code free to take.

    Raises:
        NotFound: the project has no such tier.
        Conflict: customers are on it.
        Contention, Unavailable: safe to repeat.
    """
    before = store.find_tier(project_id, tier_id)
    if before is None or before.tier.is_archived:
        raise NotFound("Tier not found")
    if _is_held(project_id, tier_id):
        raise Conflict("Customers are on this tier")
    tier = replace(before.tier, is_archived=True, updated_at=now)
    leaves = store.find_code(project_id, tier.code)
    _commit(store.writes_for_change(before, tier, leaves=leaves, takes=None), tier)
    return tier


def _priced(tier: Tier, sell: Sell) -> Tier:
    return replace(tier, billing_price_ref=sell(tier)) if tier.is_sold_by_stripe else tier


def _taken(code: str) -> Conflict:
    return Conflict(f"The tier_code {code} is taken")


def _is_held(project_id: str, tier_id: str) -> bool:
    found = query(
        f"projects/{project_id}/customers",
        where=[
            ("tier_subscription.tier_id", "==", tier_id),
            ("tier_subscription.status", "in", list(HOLDING)),
        ],
        limit=1,
        only=["created_at"],
    )
    return bool(found)


def _commit(writes: list[Write], tier: Tier) -> None:
    """Write, on the condition that nothing has changed since it was read.

    No second try here: what Stripe was told belongs to what was read, so all of it is repeated.
    """
    try:
        commit(writes)
    except (Lost, Ambiguous) as failure:
        if find_tier_now(tier.project_id, tier.tier_id) != tier:
            raise Contention from failure
    finally:
        shared_tiers().forget(tier.project_id)

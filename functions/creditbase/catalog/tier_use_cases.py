"""What is done with tiers: find them, make them, change them, put them away."""

import time
from functools import cache

from creditbase.catalog import tier_store as store
from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.catalog.per_project import PerProject
from creditbase.kernel.errors import NotFound

CACHE_TTL_S = 60


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

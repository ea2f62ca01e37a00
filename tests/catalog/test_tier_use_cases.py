"""Tiers in the store: made once whatever the network does, and found again."""

import uuid
from contextlib import suppress
from typing import Any

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog import tier_store, tier_use_cases
from creditbase.catalog.domain.tiers import Tier, TierModel
from creditbase.catalog.tier_use_cases import (
    archive_tier,
    create_tier,
    find_code_now,
    find_tier_now,
    load_tiers,
    tier_on_sale,
    update_tier,
)
from creditbase.catalog.use_cases import load_catalog, shared_cache
from creditbase.kernel.errors import Conflict, Contention, NotFound, Retryable
from creditbase.runtime.firestore import commit
from tests.catalog.tiers import NOON, a_tier
from tests.sold import sell
from tests.wire import FAULTS, Fault, Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]
pytestmark = pytest.mark.firestore
LATER = NOON.replace(hour=13)


@pytest.fixture
def project_id(wire: Wire) -> str:
    """Return a new project, whose prices this process knows."""
    ensure_project("hub", now=NOON)
    sell(HUB_PROJECT_ID)
    shared_cache().forget()
    fresh = ensure_project(f"p{uuid.uuid4().hex}", now=NOON).project_id
    load_catalog(fresh)
    wire.reset()
    return fresh


def unsold(tier: Tier) -> str:
    """Sell nothing: these tiers have no price."""
    raise AssertionError(tier)


def make(project_id: str, code: str = "basic", **given: Any) -> Tier:
    """Make a free tier."""
    asked = {"code": code, "display_name": "Basic", "models": (TierModel("local-echo"),)}
    return create_tier(project_id, {**asked, **given}, sell=unsold, now=NOON)


def change(tier: Tier, **given: Any) -> Tier:
    """Change a tier."""
    return update_tier(tier.project_id, tier.tier_id, given, sell=unsold, now=LATER)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_lost_answer_makes_one_tier(project_id: str, wire: Wire, fault: Fault) -> None:
    """The commit is the third RPC: the code, the number of tiers, the commit."""
    wire.faults[2] = fault
    with suppress(Retryable):
        make(project_id)
    wire.wait_for_late()

    with suppress(Conflict):
        make(project_id)

    (tier,) = tier_store.load_tiers(project_id).sold
    assert find_code_now(project_id, "basic") == tier == tier_on_sale(project_id, tier.tier_id)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_lost_answer_renames_once(project_id: str, wire: Wire, fault: Fault) -> None:
    """Tier, its code of before and its code of now change together, or none of them."""
    tier = make(project_id)
    wire.reset()
    wire.faults[2] = fault
    with suppress(Retryable):
        change(tier, code="gold")
    wire.wait_for_late()

    renamed = change(tier, code="gold")

    assert (
        find_code_now(project_id, "gold") == renamed == find_tier_now(project_id, tier.tier_id)
    )
    assert find_code_now(project_id, "basic") is None
    assert make(project_id).tier_id != tier.tier_id


def test_a_change_that_lost_is_told_and_not_half_done(
    project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's came in between: what Stripe was told belongs to what was read."""
    tier = make(project_id)

    def slow(writes: Any) -> Any:
        monkeypatch.setattr(tier_use_cases, "commit", commit)
        change(tier, display_name="Theirs")
        return commit(writes)

    monkeypatch.setattr(tier_use_cases, "commit", slow)

    with pytest.raises(Contention):
        change(tier, display_name="Ours", code="ours")

    found = find_tier_now(project_id, tier.tier_id)
    assert found is not None
    assert (found.display_name, found.code) == ("Theirs", "basic")
    assert find_code_now(project_id, "ours") is None


def test_a_tier_that_somebody_is_on_is_looked_for_at_once(project_id: str) -> None:
    """Made by another process a second ago, it must not refuse its first customer."""
    assert load_tiers(project_id).sold == ()
    tier = a_tier(project_id=project_id)
    commit(tier_store.writes_for_new_tier(tier, tier_store.find_code(project_id, tier.code)))

    assert load_tiers(project_id).by_id(tier.tier_id) is None
    assert load_tiers(project_id, needed_id=tier.tier_id).by_id(tier.tier_id) == tier
    assert load_tiers(project_id).by_code(tier.code) == tier


def test_a_project_has_a_bounded_number_of_tiers_for_ever(
    project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One query reads them all; those put away are read too."""
    tier = make(project_id)
    archive_tier(project_id, tier.tier_id, now=LATER)
    monkeypatch.setattr(tier_store, "TIERS_MAX", 1)

    with pytest.raises(Conflict, match="as many tiers"):
        make(project_id)


def test_what_is_put_away_is_found_by_its_id_alone(project_id: str) -> None:
    """For who is on it; it is neither offered nor changed nor put away again."""
    tier = make(project_id)
    archived = archive_tier(project_id, tier.tier_id, now=LATER)

    assert find_tier_now(project_id, tier.tier_id) == archived
    assert load_tiers(project_id).by_id(tier.tier_id) == archived
    assert find_code_now(project_id, "basic") is None
    with pytest.raises(NotFound):
        tier_on_sale(project_id, tier.tier_id)
    with pytest.raises(NotFound):
        change(tier, display_name="Again")
    with pytest.raises(NotFound):
        archive_tier(project_id, tier.tier_id, now=LATER)

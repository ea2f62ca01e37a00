"""Where tiers are kept. Nobody else spells these paths.

projects/{p}/plans/{tier_id}     the tier; documents without `display_name` are catalog plans
projects/{p}/plan_codes/{code}   plan_id (empty: free to take), generation of tiers made so
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from creditbase.catalog.domain.tiers import Tier, TierModel, Tiers
from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import (
    Create,
    Snapshot,
    Update,
    Version,
    Write,
    get_all,
    query,
)

TIERS_MAX = 500
"""Tiers that a project ever has, archived ones too: one read lists them all."""
STORED = tuple(
    name for name in Tier.__dataclass_fields__ if name not in {"tier_id", "project_id"}
)


@dataclass(frozen=True, slots=True)
class KeptTier:
    """A tier with the version it was read at."""

    tier: Tier
    version: Version


@dataclass(frozen=True, slots=True)
class KeptCode:
    """What a code names now, and how many tiers were made under it."""

    code: str
    tier_id: str
    generation: int
    version: Version | None


def load_tiers(project_id: str) -> Tiers:
    """Return all tiers of a project, by one query.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    found = query(f"projects/{project_id}/plans", limit=TIERS_MAX)
    tiers = [_tier_of(project_id, snapshot) for snapshot in found]
    return Tiers.of(project_id, [tier for tier in tiers if tier is not None])


def find_tier(project_id: str, tier_id: str) -> KeptTier | None:
    """Return a tier, archived or not, if the project has it."""
    return _kept(project_id, get_all([tier_path(project_id, tier_id)])[0])


def find_code(project_id: str, code: str) -> KeptCode:
    """Return what a code names, if anything."""
    return _code(code, get_all([_code_path(project_id, code)])[0])


def find_tier_and_codes(
    project_id: str, tier_id: str, codes: tuple[str, ...]
) -> tuple[KeptTier | None, tuple[KeptCode, ...]]:
    """Return a tier and what some codes name, all of one instant, by one RPC."""
    paths = [tier_path(project_id, tier_id), *(_code_path(project_id, code) for code in codes)]
    tier, *found = get_all(paths)
    named = [_code(code, snapshot) for code, snapshot in zip(codes, found, strict=True)]
    return _kept(project_id, tier), tuple(named)


def writes_for_new_tier(tier: Tier, code: KeptCode) -> list[Write]:
    """Return the batch that makes a tier under its code, or fails whole if that is taken."""
    assert code.code == tier.code
    naming = _write_code(tier.project_id, code, tier.tier_id, code.generation + 1)
    return [Create(tier_path(tier.project_id, tier.tier_id), _fields(tier)), naming]


def writes_for_change(
    before: KeptTier, after: Tier, *, leaves: KeptCode | None, takes: KeptCode | None
) -> list[Write]:
    """Return the batch that changes a tier and what it is called, or fails whole."""
    project_id = after.project_id
    was, is_ = _fields(before.tier), _fields(after)
    changes: dict[tuple[str, ...], object] = {
        (name,): value for name, value in is_.items() if was[name] != value
    }
    writes: list[Write] = [
        Update(
            tier_path(project_id, after.tier_id), changes, unless_changed_since=before.version
        )
    ]
    if leaves is not None:
        writes.append(_write_code(project_id, leaves, "", leaves.generation))
    if takes is not None:
        writes.append(_write_code(project_id, takes, after.tier_id, takes.generation))
    return writes


def tier_path(project_id: str, tier_id: str) -> str:
    """Return the document of a tier."""
    return f"projects/{project_id}/plans/{tier_id}"


def _code_path(project_id: str, code: str) -> str:
    return f"projects/{project_id}/plan_codes/{code}"


def _write_code(project_id: str, code: KeptCode, tier_id: str, generation: int) -> Write:
    fields = {"plan_id": tier_id, "generation": generation}
    path = _code_path(project_id, code.code)
    if code.version is None:
        return Create(path, fields)
    changes: dict[tuple[str, ...], object] = {(name,): it for name, it in fields.items()}
    return Update(path, changes, unless_changed_since=code.version)


def _code(code: str, snapshot: Snapshot) -> KeptCode:
    fields: Mapping[str, Any] = snapshot.fields or {}
    return KeptCode(
        code, fields.get("plan_id", ""), fields.get("generation", 0), snapshot.version
    )


def _kept(project_id: str, snapshot: Snapshot) -> KeptTier | None:
    tier = _tier_of(project_id, snapshot)
    if tier is None or snapshot.version is None:
        return None
    return KeptTier(tier, snapshot.version)


def _tier_of(project_id: str, snapshot: Snapshot) -> Tier | None:
    if snapshot.fields is None or "display_name" not in snapshot.fields:
        return None
    kept = {name: snapshot.fields[name] for name in STORED if name in snapshot.fields}
    kept["models"] = tuple(TierModel(**model) for model in kept["models"])
    tier_id = snapshot.path.rpartition("/")[2]
    return Tier(tier_id=tier_id, project_id=project_id, **kept)


def _fields(tier: Tier) -> dict[str, Any]:
    fields: dict[str, Any] = {name: getattr(tier, name) for name in STORED}
    return {**fields, "models": [asdict(model) for model in tier.models]}

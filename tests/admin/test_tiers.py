"""`tiers put` and `tiers list`: what a relay project sells, from a reviewed file."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from creditbase.accounts.owners import owned_project
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.admin.tiers import put_tiers, read_tiers, tier_line
from creditbase.catalog.shipped import CatalogFault
from creditbase.catalog.tier_store import load_tiers
from creditbase.catalog.use_cases import shared_cache
from creditbase.runtime.clock import real_now
from dev.stack_steps import RELAY_TIERS
from tests.admin.test_command import Typed
from tests.sold import sell

pytestmark = [pytest.mark.firestore, pytest.mark.usefixtures("firestore_host", "project")]


@pytest.fixture
def name() -> str:
    """Return the name of a new project that can sell by the hub's prices."""
    ensure_project("hub", now=real_now())
    sell(HUB_PROJECT_ID)
    shared_cache().forget()
    fresh = f"p{uuid.uuid4().hex[:12]}"
    ensure_project(fresh, now=real_now())
    return fresh


def written(folder: Path, *changes: dict[str, Any]) -> Path:
    """Return a file of the demonstration's tiers that Stripe does not sell, changed."""
    rows = json.loads(RELAY_TIERS.read_text())
    kept = [
        row for row in rows if row.get("billing_provider") or "price_amount_cents" not in row
    ]
    for row, change in zip(kept, changes, strict=False):
        row.update(change)
    path = folder / "tiers.json"
    path.write_text(json.dumps(kept))
    return path


def put(
    capsys: pytest.CaptureFixture[str], path: Path, name: str, status: int = 0
) -> tuple[str, str]:
    """Type the command; return what it printed and what it said."""
    typed = Typed(capsys, "tiers", "put", str(path), "--project", name)
    assert typed.status == status, typed.said
    return typed.out, typed.said


def test_the_demonstrations_tiers_are_those_that_were_promised() -> None:
    """Who follows the documentation finds a tier of each kind."""
    rows = {row.tier_code: row for row in read_tiers(RELAY_TIERS)}

    free = [it for it in rows.values() if not it.price_amount_cents and it.spend_limit_cents]
    sold = [it for it in rows.values() if it.price_amount_cents and not it.billing_provider]
    assert [it.tier_code for it in free] == ["free", "free_plus"]
    assert [it.tier_code for it in sold] == ["pro", "business"]
    assert rows["enterprise"].billing_provider == "external"
    assert (rows["unlimited"].spend_limit_cents, rows["unlimited"].billing_mode) == (0, None)
    assert rows["payg"].billing_mode == "paygo"
    assert not any(it.promo_credits_cents for it in rows.values())
    assert all(it.models[0].model_id == "local-echo" for it in rows.values())


def test_makes_what_is_not_there_and_the_second_time_nothing(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Every start of the stack puts them."""
    path = written(tmp_path)

    out, said = put(capsys, path, name)
    before = load_tiers(ensure_project(name, now=real_now()).project_id)
    _, again = put(capsys, path, name)

    assert [line.split(": ")[1] for line in said.splitlines()] == ["made"] * 5
    assert [line.split(": ")[1] for line in again.splitlines()] == ["as it was"] * 5
    assert load_tiers(before.project_id) == before
    assert out == Typed(capsys, "tiers", "list", "--project", name).out
    assert "free_plus  25 cents a month  free  -  local-echo" in out
    assert "enterprise  50000 cents a month  49900 cents a month" in out
    assert "unlimited  no limit" in out
    assert "payg  paygo" in out


def test_brings_what_is_there_to_the_file(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """By its code, so that customers keep their tier."""
    put(capsys, written(tmp_path), name)

    _, said = put(capsys, written(tmp_path, {"spend_limit_cents": 11}), name)

    assert said.splitlines()[:2] == ["free: changed", "free_plus: as it was"]


def test_a_file_with_a_fault_is_refused_in_a_line(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Before anything is made of it, and where it is nothing at all."""
    wrong = written(tmp_path, {}, {"models": []})
    _, said = put(capsys, wrong, name, status=1)
    assert "1.models" in said
    unknown = written(tmp_path, {"models": [{"model_id": "gpt-9"}]})
    _, said = put(capsys, unknown, name, status=1)
    assert "There is no model gpt-9" in said

    with pytest.raises(CatalogFault, match="No such file"):
        read_tiers(tmp_path / "none.json")


def test_tells_of_each_tier_what_became_of_it(name: str, tmp_path: Path) -> None:
    """A run that ends half-way has said how far it came."""
    project_id = ensure_project(name, now=real_now()).project_id
    asked = read_tiers(written(tmp_path))

    word, tier = next(put_tiers(project_id, asked, now=real_now))

    assert (word, tier.code) == ("made", "free")
    assert tier_line(tier).endswith("free  -  local-echo,local-large")


def test_a_user_becomes_an_owner_once(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The stack gives its administrator the relay project at each start."""
    project_id = ensure_project(name, now=real_now()).project_id

    first = Typed(capsys, "projects", "own", name, "ada")
    second = Typed(capsys, "projects", "own", name, "ada")

    assert (first.said.strip(), second.said.strip()) == (
        "ada now owns it",
        "ada owned it already",
    )
    assert owned_project(project_id, "ada").owners == ("ada",)

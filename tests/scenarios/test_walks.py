"""Never more credits than were paid for, whatever the sequence: random walks hold us to it.

`pytest -m soak tests/scenarios` walks farther.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import stripe

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog
from dev import verify_ledger
from dev.layout import ROOT
from stripe_local.world import World
from tests.payments.doorstep import ask_directly
from tests.scenarios.bounds import check_bounds
from tests.scenarios.conftest import forget
from tests.scenarios.walking import Walk, new_world

pytestmark = pytest.mark.firestore

BEGINS = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
SEEDS_VARIABLE = "CREDITBASE_SOAK_SEEDS"


def seeds() -> range:
    """Return the seeds of the long walks: those that `make soak` names, or the usual ones."""
    first, _, end = os.environ.get(SEEDS_VARIABLE, "100:400").partition(":")
    return range(int(first), int(end))


WHO = pytest.mark.parametrize("is_owner_free", [False, True], ids=["portal", "dashboard"])


@pytest.fixture
def world(
    project: str, firestore_host: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Return a Stripe without a socket, which the product's client asks."""
    assert project
    assert firestore_host
    world = new_world(BEGINS)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_local")
    monkeypatch.setenv("STRIPE_API_BASE", world.public_url)
    monkeypatch.setenv("CREDITBASE_SITE_URL", "http://127.0.0.1:5000")
    monkeypatch.setattr(stripe.RequestsClient, "request", ask_directly(world))
    forget()
    ensure_project("hub", now=BEGINS)
    push_catalog(HUB_PROJECT_ID, read_catalog(ROOT / "catalog.json"))
    yield world
    forget()


@WHO
@pytest.mark.parametrize("seed", range(1))
def test_a_walk(world: World, seed: int, *, is_owner_free: bool) -> None:
    """Up and down, away and back, refunded and disputed, told late, shuffled and twice."""
    walk_and_check(world, seed, is_owner_free=is_owner_free, step_count=10)


@pytest.mark.soak
@WHO
@pytest.mark.parametrize("seed", seeds())
def test_a_long_walk(world: World, seed: int, *, is_owner_free: bool) -> None:
    """The same, farther, and often."""
    walk_and_check(world, seed, is_owner_free=is_owner_free, step_count=25)


def walk_and_check(world: World, seed: int, *, is_owner_free: bool, step_count: int) -> None:
    """Walk, and hold the end against what Stripe says was paid."""
    walk = Walk(world, seed, is_owner_free)
    walk.walk(step_count)
    print(f"walk {seed}:", *walk.steps, sep="\n  ")  # noqa: T201 - shown where it fails
    loaded = verify_ledger.load(walk.ref.project_id, walk.ref.customer_id)
    assert all(verify_ledger.verify(loaded))
    check_bounds(world, loaded.entries, is_owner_free=is_owner_free)

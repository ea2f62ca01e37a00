"""Fixtures of the hub's tests: signed-in users, really verified, on the Firestore emulator."""

from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import pytest

from creditbase.accounts import store
from creditbase.accounts.customer_store import writes_for_new_customer
from creditbase.accounts.domain import User, new_customer
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.hub.redeem import billing_redeem
from creditbase.ledger.use_cases import lanes
from creditbase.runtime import http
from creditbase.runtime.clock import real_now
from creditbase.runtime.firestore import commit
from creditbase.runtime.settings import settings
from tests.hub.redeeming import Counter
from tests.relay.desk import CATALOG, NOON, Clock
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of, verified_by
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]


@pytest.fixture(scope="session")
def key_server(one_signer: Signer) -> Signer:
    """Return a signer of this worker's project, its public keys being served."""
    return one_signer


@pytest.fixture
def signer(firestore_host: str, key_server: Signer) -> Iterator[Signer]:
    """Return the signer, with our functions verifying against its keys."""
    with verified_by(key_server):
        yield key_server


@pytest.fixture
def fresh_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Return a patch of the environment; settings are read again before and after."""
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


@pytest.fixture
def user(signer: Signer) -> str:
    """Return the uid of a user who has been here before."""
    return a_user()


@pytest.fixture
def counter(wire: Wire, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Return a hub where codes are redeemed, at noon."""
    ensure_project("hub", now=NOON)
    push_catalog(HUB_PROJECT_ID, CATALOG)
    shared_cache().forget()
    lanes.cache_clear()
    clock = Clock()
    monkeypatch.setattr(http, "now", clock.now)
    wire.reset()
    return Counter(signer, clock, client_of(billing_redeem))


def a_user(*, now: datetime | None = None) -> str:
    """Make a user with a customer, and return the uid."""
    uid, at = f"u{uuid4().hex}", now or real_now()
    customer, name = new_customer(project_id=HUB_PROJECT_ID, external_id=uid, now=at, uid=uid)
    user = User(uid=uid, customer=customer.ref, created_at=at)
    commit([*writes_for_new_customer(customer, name), *store.writes_for_new_user(user)])
    return uid

"""Fixtures of the relay's tests: two tenants, a customer, a clock, the wire."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from creditbase.relay.account import account
from creditbase.relay.customers import customers
from creditbase.relay.me import customers_me
from creditbase.relay.meter import meter
from creditbase.relay.projects import projects
from creditbase.relay.tiers import tiers
from creditbase.relay.tokens import auth_customer_token
from creditbase.runtime import http
from creditbase.runtime.settings import settings
from tests.relay.backend import TOKEN_KEYS, Backend
from tests.relay.desk import CREDIT, CREDITS, Clock, Desk, Tenant, start_cold
from tests.runtime.wiring import client_of
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]

FUNCTIONS = (account, auth_customer_token, customers, customers_me, projects, tiers)


@pytest.fixture(scope="session")
def meter_client() -> FlaskClient:
    """Return a client of the function."""
    return client_of(meter)


@pytest.fixture(scope="module")
def tenant(_session_wire: Wire) -> Tenant:
    """Return our own project."""
    return Tenant.made()


@pytest.fixture(scope="module")
def other_tenant(_session_wire: Wire) -> Tenant:
    """Return somebody else's project."""
    return Tenant.made()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that the functions go by."""
    moved = Clock()
    monkeypatch.setattr(http, "now", moved.now)
    return moved


@pytest.fixture
def desk(meter_client: FlaskClient, tenant: Tenant, clock: Clock, wire: Wire) -> Iterator[Desk]:
    """Return a desk with a new customer of 500 credits; its ledger is audited in the end."""
    settings.cache_clear()
    start_cold()
    opened = Desk.opened(meter_client, tenant, clock, nanos=CREDITS * CREDIT)
    wire.reset()
    yield opened
    wire.reset()
    wire.wait_for_late()
    opened.wallet.audit()
    settings.cache_clear()


@pytest.fixture
def stranger(meter_client: FlaskClient, other_tenant: Tenant, desk: Desk) -> Desk:
    """Return another project's desk, which has a customer of its own."""
    return Desk.opened(meter_client, other_tenant, desk.clock, nanos=CREDITS * CREDIT)


@pytest.fixture(scope="session")
def relay_clients() -> dict[str, FlaskClient]:
    """Return a client of every function of the relay that back ends and browsers call."""
    return {function.__name__: client_of(function) for function in FUNCTIONS}


@pytest.fixture
def signing_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have two keys to sign customer tokens with."""
    monkeypatch.setenv("CUSTOMER_TOKEN_KEYS", TOKEN_KEYS)


@pytest.fixture
def backend(
    relay_clients: dict[str, FlaskClient],
    tenant: Tenant,
    clock: Clock,
    wire: Wire,
    signing_keys: None,
) -> Iterator[Backend]:
    """Return a tenant's back end."""
    settings.cache_clear()
    start_cold()
    wire.reset()
    yield Backend(relay_clients, tenant, clock)
    settings.cache_clear()


@pytest.fixture
def rival(backend: Backend, other_tenant: Tenant) -> Backend:
    """Return another project's back end."""
    return Backend(backend.clients, other_tenant, backend.clock)

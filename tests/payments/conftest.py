"""Payments against the local Stripe and the real Firestore emulator, never a mock.

By its socket where a module says so (`over_http`), else without one: see `doorstep`.
"""

from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import pytest
import stripe
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes
from creditbase.payments import stripe_gateway, webhook
from creditbase.payments.use_cases import start_topup
from creditbase.runtime.clock import real_now
from creditbase.runtime.settings import settings
from creditbase.subscriptions.use_cases import first_touch
from dev.layout import ROOT
from tests.ledger.wallets import LiveWallet
from tests.payments.doorstep import leave_out_the_socket
from tests.payments.leaver import leaver, signed_out
from tests.payments.shop import SECRET, Resource, Shop
from tests.runtime.wiring import client_of
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "leaver", "signed_out", "wire"]


@pytest.fixture(scope="session")
def _session_shop(one_shop: Shop) -> Shop:
    """Return the one local Stripe of this worker, whichever module asks under this name."""
    return one_shop


@pytest.fixture
def shop(
    _session_shop: Shop, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Shop]:
    """Return an empty local Stripe that our gateway speaks to."""
    _session_shop.reset()
    if request.node.get_closest_marker("over_http") is None:
        monkeypatch.setattr(_session_shop, "is_over_http", False)
        leave_out_the_socket(monkeypatch, _session_shop.world, _session_shop.url)
    monkeypatch.setenv("STRIPE_API_BASE", _session_shop.url)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_local")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("CREDITBASE_SITE_URL", "http://127.0.0.1:5000")
    # The SDK waits half a second before it tries again; a test need not.
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.01)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.02)
    settings.cache_clear()
    stripe_gateway.client.cache_clear()
    yield _session_shop
    settings.cache_clear()
    stripe_gateway.client.cache_clear()


@pytest.fixture
def now() -> datetime:
    """Return the instant of this test."""
    return real_now().replace(microsecond=0)


@pytest.fixture
def ref(wire: Wire, shop: Shop, now: datetime) -> CustomerRef:
    """Return a new hub customer with its free credits, in a process that is warm for it."""
    assert shop
    ensure_project("hub", now=now)
    shared_cache().forget()
    push_catalog(HUB_PROJECT_ID, read_catalog(ROOT / "catalog.json"))
    lanes.cache_clear()
    made = first_touch(f"u{uuid4().hex}", now=now)
    wire.reset()
    return made


@pytest.fixture
def wallet(ref: CustomerRef, now: datetime) -> Iterator[LiveWallet]:
    """Return the customer's wallet; it is audited when the test ends."""
    live = LiveWallet(WalletRef(ref.project_id, ref.customer_id), now)
    yield live
    lanes.cache_clear()
    live.audit()


@pytest.fixture
def client(shop: Shop) -> FlaskClient:
    """Return a client of the deployed function."""
    assert shop
    return client_of(webhook.billing_webhook)


@pytest.fixture
def session_id(ref: CustomerRef, shop: Shop, now: datetime) -> str:
    """Return a session for the small pack that was paid; nothing was told yet."""
    started = start_topup(ref, "small", now=now)
    shop.pay(started.session.session_id)
    return started.session.session_id


@pytest.fixture
def completed(session_id: str, shop: Shop) -> Resource:
    """Return the event that tells of the paid session."""
    event = shop.event("checkout.session.completed")
    assert event["data"]["object"]["id"] == session_id
    return event

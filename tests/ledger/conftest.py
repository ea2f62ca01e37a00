"""Wallets on the real Firestore emulator, with the wire in between."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from creditbase.kernel import ids
from creditbase.ledger import use_cases
from creditbase.runtime.settings import settings
from tests.ledger.wallets import LiveWallet
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _many_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let sixty-four threads wait for one wallet, as a server of 128 threads does."""
    monkeypatch.setenv("THREADS", "128")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def wallet(wire: Wire) -> Iterator[LiveWallet]:
    """Return a new free wallet of 50 nanos, in a cold process, with nothing counted yet."""
    use_cases.lanes.cache_clear()
    customer_id = ids.customer_uuid(ids.project_uuid("hub"), uuid.uuid4().hex, 1)
    live = LiveWallet.opened(ids.project_uuid("hub"), customer_id, nanos=50, now=NOON)
    wire.reset()
    yield live
    wire.reset()
    live.audit()

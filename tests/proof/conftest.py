"""Wallets in a project of this worker, and meters that serve it."""

import secrets
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from creditbase.accounts import use_cases as accounts
from creditbase.kernel import ids
from creditbase.kernel.ids import project_uuid
from creditbase.runtime import firestore
from tests.ledger.wallets import LiveWallet


@pytest.fixture(scope="module")
def secret_key(firestore_host: str, project: str) -> Iterator[str]:
    """Return a secret key of the hub's project."""
    assert firestore_host
    assert project
    firestore.client.cache_clear()
    now = datetime.now(UTC)
    hub = accounts.ensure_project("hub", now=now)
    issued = accounts.create_secret_key(
        hub.project_id, name="proof", random_bytes=secrets.token_bytes(32), now=now
    )
    yield issued.secret
    firestore.client.cache_clear()


OpenWallet = Callable[[int], LiveWallet]


@pytest.fixture
def open_wallet(secret_key: str) -> OpenWallet:
    """Return a maker of new free wallets with that many nanos."""
    assert secret_key

    def make(nanos: int) -> LiveWallet:
        hub = project_uuid("hub")
        customer_id = ids.customer_uuid(hub, uuid.uuid4().hex, 1)
        return LiveWallet.opened(hub, customer_id, nanos=nanos, now=datetime.now(UTC))

    return make

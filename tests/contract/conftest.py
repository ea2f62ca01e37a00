"""Every function in one process, with callers that may do anything their credential may."""

from collections.abc import Iterator

import pytest

from creditbase.payments import stripe_gateway
from creditbase.runtime.settings import settings
from tests.contract.house import House
from tests.hub.conftest import key_server
from tests.payments.conftest import _session_shop
from tests.payments.shop import SECRET, Shop
from tests.relay.backend import TOKEN_KEYS
from tests.runtime.signing import Signer
from tests.runtime.wiring import verified_by
from tests.wire import Wire
from tests.wired import _session_wire

__all__ = ["_session_shop", "_session_wire", "key_server"]


@pytest.fixture(scope="module")
def house(_session_wire: Wire, key_server: Signer, _session_shop: Shop) -> Iterator[House]:
    """Return the whole product with its shop open, one project and customers of each kind."""
    _session_wire.reset()
    _session_shop.reset()
    with verified_by(key_server) as patch:
        patch.setenv("STRIPE_API_BASE", _session_shop.url)
        patch.setenv("STRIPE_SECRET_KEY", "sk_test_local")
        patch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
        patch.setenv("CREDITBASE_SITE_URL", "http://127.0.0.1:5000")
        patch.setenv("CUSTOMER_TOKEN_KEYS", TOKEN_KEYS)
        # Tries are counted in the store, by address: tests of other modules come from the same.
        patch.setenv("CREDITBASE_REDEEM_LIMIT", "false")
        settings.cache_clear()
        stripe_gateway.client.cache_clear()
        yield House.opened(key_server, _session_shop)
    settings.cache_clear()
    stripe_gateway.client.cache_clear()

"""Every function in one process, with callers that may do anything their credential may."""

import pytest

from tests.contract.house import House
from tests.hub.conftest import key_server, signer
from tests.payments.conftest import _session_shop, shop
from tests.payments.shop import Shop
from tests.relay.conftest import signing_keys
from tests.runtime.signing import Signer
from tests.wired import _session_wire, wire

__all__ = [
    "_session_shop",
    "_session_wire",
    "key_server",
    "shop",
    "signer",
    "signing_keys",
    "wire",
]


@pytest.fixture
def house(signer: Signer, shop: Shop, signing_keys: None) -> House:
    """Return the whole product with its shop open, and one customer of each kind."""
    assert shop
    return House.opened(signer)

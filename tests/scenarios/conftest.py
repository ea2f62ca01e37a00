"""What every story stands on: a deployed webhook, a local Stripe that tells it, one clock."""

from collections.abc import Iterator

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.ledger.use_cases import lanes
from creditbase.payments import stripe_billing, stripe_gateway
from creditbase.runtime import clock
from creditbase.runtime.settings import settings
from dev.layout import ROOT
from tests.hub.conftest import key_server, signer
from tests.payments.shop import SECRET, Shop, serving_shop
from tests.runtime.signing import Signer
from tests.scenarios.life import Customer, Town
from tests.servers import serving

__all__ = ["key_server", "signer"]


@pytest.fixture(scope="session")
def _town(
    project: str, firestore_host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """Return the one local Stripe of this worker's stories, and the webhook that it tells."""
    assert firestore_host
    moved = tmp_path_factory.mktemp("clock") / "offset"
    env = {
        "CREDITBASE_CLOCK_FILE": str(moved),
        "STRIPE_SECRET_KEY": "sk_test_local",
        "CREDITBASE_SITE_URL": "http://127.0.0.1:5000",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDITBASE_CLOCK_FILE", str(moved))
        with serving_shop() as shop:
            env["STRIPE_API_BASE"] = shop.url
            for name, value in {**env, "STRIPE_WEBHOOK_SECRET": SECRET}.items():
                patch.setenv(name, value)
            with serving("billing_webhook", project=project) as (url, _):
                patch.undo()  # the clock is for the stories alone
                yield Town(shop, f"{url}/billing/webhook", env)


@pytest.fixture
def town(_town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """Return an empty Stripe on the first day of a story."""
    for name, value in _town.env.items():
        monkeypatch.setenv(name, value)
    _town.begin()
    forget()
    ensure_project("hub", now=clock.now())
    push_catalog(HUB_PROJECT_ID, read_catalog(ROOT / "catalog.json"))
    yield _town
    _town.shop.reset()
    forget()


def forget() -> None:
    """Let this process read its settings, prices and catalog anew."""
    settings.cache_clear()
    stripe_gateway.client.cache_clear()
    stripe_billing.load_marked_price.cache_clear()
    shared_cache().forget()
    lanes.cache_clear()


@pytest.fixture
def shop(town: Town) -> Shop:
    """Return the Stripe of the story."""
    return town.shop


@pytest.fixture
def ada(town: Town, signer: Signer) -> Iterator[Customer]:
    """Return a newcomer, who has just looked at the free credits.

    Whatever the story was, at its end a program that shares no code with the product
    verifies every entry of the ledger.
    """
    customer = Customer.arrives(town, signer)
    yield customer
    customer.verify()

"""What Stripe knows and nobody told us: purchases whose webhooks are lost."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts.domain import CustomerRef
from creditbase.jobs.reconcile import Drift
from creditbase.ledger.paths import WalletRef
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.use_cases import start_topup
from creditbase.runtime import firestore
from creditbase.runtime.clock import real_now
from tests.ledger.wallets import LiveWallet
from tests.payments.shop import Resource, Shop
from tests.wire import Wire

KEPT = (
    *("wallets", "entries", "balances", "customers", "subscriptions"),
    *("stripe_customers", "checkout_sessions", "payments", "stripe_events"),
)


@pytest.fixture
def now(wire: Wire, project: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[datetime]:
    """Return the instant of this test, in a database with nothing in it."""
    monkeypatch.setenv("GCLOUD_PROJECT", f"{project}-{uuid4().hex[:8]}")
    firestore.client.cache_clear()
    wire.reset()
    yield real_now().replace(microsecond=0)
    wire.reset()
    firestore.client.cache_clear()


def everything() -> dict[str, Any]:
    """Return the version of every document but the job's own."""
    return {
        snapshot.path: snapshot.version
        for name in KEPT
        for snapshot in firestore.query(name, limit=10_000, is_group=True)
    }


def drift(report: Drift) -> dict[str, int]:
    """Return how much of each kind differed."""
    return {kind: len(ids) for kind, ids in report.differing.items() if ids}


def topup(shop: Shop, ref: CustomerRef, now: datetime) -> Resource:
    """Buy a small pack that nobody tells us of; return its session."""
    session_id = start_topup(ref, "small", now=now).session.session_id
    shop.pay(session_id)
    return shop.get(f"/checkout/sessions/{session_id}")


def subscribe(shop: Shop, ref: CustomerRef, now: datetime) -> Resource:
    """Subscribe to guru without anybody telling us; return the subscription."""
    session_id = start_checkout(ref, "guru", now=now).session_id
    shop.pay(session_id)
    name = shop.get(f"/checkout/sessions/{session_id}")["subscription"]
    return shop.get(f"/subscriptions/{name}")


def wallet_of(ref: CustomerRef, now: datetime) -> LiveWallet:
    """Return a customer's wallet."""
    return LiveWallet(WalletRef(ref.project_id, ref.customer_id), now)

"""A deployment in trouble: its store, its Stripe, its hub, and a customer who has paid."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes
from creditbase.payments.use_cases import start_topup
from creditbase.runtime import clock, firestore
from creditbase.runtime.settings import settings
from tests.drills.playbook import Playbook, StandIn
from tests.ledger.wallets import LiveWallet
from tests.payments.conftest import _session_shop, client, ref, shop
from tests.payments.shop import Shop
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_shop", "_session_wire", "client", "ref", "shop", "wire"]


@pytest.fixture
def now(wire: Wire, project: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[datetime]:
    """Return the instant of this drill, in a database with nothing in it."""
    monkeypatch.setenv("GCLOUD_PROJECT", f"{project}-{uuid4().hex[:8]}")
    firestore.client.cache_clear()
    wire.reset()
    yield clock.real_now().replace(microsecond=0)
    wire.faults = {}
    wire.reset()
    wire.wait_for_late()
    firestore.client.cache_clear()


@dataclass
class Deployment:
    """What a drill does to it, and what it looks at."""

    ref: CustomerRef
    shop: Shop
    client: FlaskClient
    wire: Wire
    patch: pytest.MonkeyPatch
    moved: Path

    @property
    def wallet(self) -> LiveWallet:
        """Return the customer's wallet, now."""
        return LiveWallet(WalletRef(self.ref.project_id, self.ref.customer_id), clock.now())

    def buy(self) -> str:
        """Pay for a small pack of which nobody has told us; return the session."""
        session_id = start_topup(self.ref, "small", now=clock.now()).session.session_id
        self.shop.pay(session_id)
        return session_id

    def let_pass(self, seconds: int) -> None:
        """Let our clock go ahead."""
        self.patch.setenv("CREDITBASE_CLOCK_FILE", str(self.moved))
        self.moved.write_text(f"{seconds}\n")

    def set_secret(self, name: str, value: str) -> None:
        """Let a secret be another one, as after the next deployment."""
        self.patch.setenv(name, value)
        settings.cache_clear()


@pytest.fixture
def at_stripe(shop: Shop, client: FlaskClient) -> tuple[Shop, FlaskClient]:
    """Return the local Stripe, and the webhook that it tells."""
    return shop, client


@pytest.fixture
def deployment(
    at_stripe: tuple[Shop, FlaskClient],
    ref: CustomerRef,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Deployment]:
    """Return a deployment with one customer; the wallet is audited when the drill is over."""
    made = Deployment(ref, *at_stripe, wire, monkeypatch, tmp_path / "clock")
    yield made
    wire.reset()
    lanes.cache_clear()
    made.wallet.audit()


@pytest.fixture
def playbook(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Playbook]]:
    """Open a runbook; the drill fails where it is not played to the end."""
    opened: list[Playbook] = []

    def open_page(page: str, stand_ins: dict[str, StandIn] | None = None) -> Playbook:
        opened.append(Playbook(page, capsys, stand_ins or {}))
        return opened[-1]

    yield open_page
    for book in opened:
        book.end()

"""A deployment in trouble: its store, its Stripe, its hub, and a customer who has paid."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes
from creditbase.payments.use_cases import start_topup
from creditbase.runtime import clock
from creditbase.runtime.settings import settings
from tests.drills.playbook import Playbook, StandIn
from tests.jobs.losses import now
from tests.ledger.wallets import LiveWallet
from tests.payments.conftest import _session_shop, client, ref, shop
from tests.payments.leaver import signed_out
from tests.payments.shop import Shop
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = [
    "_session_shop",
    "_session_wire",
    "client",
    "now",
    "ref",
    "shop",
    "signed_out",
    "wire",
]
SECRET_SET = (
    r"printf '%s' (?P<value>\S+) \| firebase functions:secrets:set (?P<name>\w+) --data-file=-"
)


@dataclass
class Deployment:
    """What a drill does to it, and what it looks at."""

    ref: CustomerRef
    shop: Shop
    client: FlaskClient
    wire: Wire
    patch: pytest.MonkeyPatch
    moved: Path
    set_secrets: dict[str, str] = field(default_factory=dict)
    """Those that are set, and in force with the next deployment only."""

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

    @property
    def firebase(self) -> dict[str, StandIn]:
        """Return what plays the commands that set a secret, and that deploy."""
        return {"printf '%s' ": self._set_secret, "firebase deploy --only ": self._deploy}

    def _set_secret(self, said: str) -> None:
        found = re.fullmatch(SECRET_SET, said)
        assert found is not None, said
        self.set_secrets[found["name"]] = found["value"]

    def _deploy(self, _: str) -> None:
        for name, value in self.set_secrets.items():
            self.patch.setenv(name, value)
        self.set_secrets.clear()
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

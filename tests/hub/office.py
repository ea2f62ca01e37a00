"""An administrator in a database of its own: nothing is used there but by the test at hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import main
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.roles import make_admin
from creditbase.ledger import use_cases as ledger
from creditbase.runtime import firestore, http
from creditbase.runtime.authorization import ROUTES
from tests.hub.conftest import a_user
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import NOON, Clock
from tests.runtime.contract import conforms
from tests.runtime.signing import Signer, serving_keys
from tests.runtime.wiring import client_of, verified_by

CREDIT = 1_000_000


@dataclass
class Office:
    """An admin who asks; the clock is moved by the test."""

    signer: Signer
    admin_uid: str
    clock: Clock
    clients: dict[str, FlaskClient] = field(default_factory=dict)

    def wallet(
        self, *, project_id: str = HUB_PROJECT_ID, nanos: int = 9 * CREDIT
    ) -> LiveWallet:
        """Return a new customer's wallet, now."""
        return LiveWallet.opened(project_id, str(uuid4()), nanos=nanos, now=self.clock.at)

    def ask(self, path: str, status: int = 200, **query: str) -> TestResponse:
        """Ask for a path below `/admin` as the admin."""
        route = next(route for route in ROUTES if route.path == f"/admin/{path}")
        if route.function not in self.clients:
            self.clients[route.function] = client_of(getattr(main, route.function))
        answer = self.clients[route.function].get(
            route.path, headers=self.signer.headers(self.admin_uid), query_string=query
        )
        assert answer.status_code == status, answer.text
        conforms(route.name, answer)
        return answer

    def read(self, path: str, **query: str) -> dict[str, Any]:
        """Return what a path says."""
        found = self.ask(path, 200, **query).get_json()
        assert isinstance(found, dict)
        return found


@contextmanager
def opened_office(name: str) -> Iterator[Office]:
    """Open an office in an empty database; the clock stands at noon."""
    clock = Clock()
    with (
        serving_keys(Signer(name)) as signer,
        verified_by(signer) as patch,
    ):
        patch.setattr(http, "now", clock.now)
        _forget()
        uid = a_user(now=NOON)
        make_admin(uid, reason="a test", now=NOON)
        yield Office(signer, uid, clock)
    _forget()


def _forget() -> None:
    firestore.client.cache_clear()
    ledger.lanes.cache_clear()


@pytest.fixture
def office(firestore_host: str, project: str) -> Iterator[Office]:
    """Return an office in an empty database."""
    assert firestore_host
    with opened_office(f"{project}-{uuid4().hex[:8]}") as found:
        yield found

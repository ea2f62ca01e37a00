"""A user who spends, and reads what became of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from creditbase.accounts.store import find_user
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.use_cases import load_catalog, shared_cache
from creditbase.hub.ledger import ledger
from creditbase.hub.models import models
from creditbase.hub.usage_days import usage_days
from creditbase.kernel.ids import operation_entry_id
from creditbase.ledger import use_cases as lanes_of
from creditbase.ledger.domain.commands import Charge, MeteredUsage
from creditbase.ledger.paths import WalletRef
from creditbase.metering.domain import CatalogRate
from creditbase.runtime import http
from creditbase.subscriptions.use_cases import first_touch
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import NOON, Clock
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of
from tests.sold import sell
from tests.wire import Wire


@dataclass
class Reader:
    """A user who spends, and reads what became of it."""

    signer: Signer
    clock: Clock
    uid: str
    functions: dict[str, FlaskClient]

    @property
    def wallet(self) -> LiveWallet:
        """Return the user's wallet, now."""
        user = find_user(self.uid)
        assert user is not None
        ref = WalletRef(user.customer.project_id, user.customer.customer_id)
        return LiveWallet(ref, self.clock.at)

    def call_model(self, model: str = "local-large", **usage: int) -> str:
        """Pay for a call, and return the id of its entry."""
        entry_id = operation_entry_id(uuid4().hex)
        rate = CatalogRate(load_catalog(HUB_PROJECT_ID))
        cost = MeteredUsage({"requests": 1, **usage}, rate, model)
        self.wallet.run(Charge(entry_id, "d", cost))
        return entry_id

    def ask(self, path: str, status: int = 200, *, uid: str = "", **query: str) -> TestResponse:
        """Get a path as the user, or as somebody else."""
        function = self.functions[path.split("/")[1] if "days" not in path else "days"]
        headers = self.signer.headers(uid or self.uid)
        answer = function.get(path, headers=headers, query_string=query)
        assert answer.status_code == status, answer.text
        return answer

    def entries(self, **query: str) -> list[dict[str, Any]]:
        """Return the rows of a page."""
        found: list[dict[str, Any]] = json_of(self.ask("/ledger", 200, uid="", **query))[
            "entries"
        ]
        return found


def json_of(answer: TestResponse) -> dict[str, Any]:
    """Return the JSON object of an answer."""
    found = answer.get_json()
    assert isinstance(found, dict)
    return found


@pytest.fixture
def reader(wire: Wire, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Return a new user with the free plan, at noon; the ledger is audited in the end."""
    ensure_project("hub", now=NOON)
    sell(HUB_PROJECT_ID)
    shared_cache().forget()
    lanes_of.lanes.cache_clear()
    clock = Clock()
    monkeypatch.setattr(http, "now", clock.now)
    uid = f"u{uuid4().hex}"
    first_touch(uid, now=NOON)
    functions = {"ledger": ledger, "days": usage_days, "models": models}
    opened = Reader(signer, clock, uid, {name: client_of(it) for name, it in functions.items()})
    wire.reset()
    yield opened
    opened.wallet.audit()

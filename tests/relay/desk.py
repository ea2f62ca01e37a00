"""A back end at the meter's door: a project with its secret key, and customers of its own.

In process, through functions-framework's own wiring; the store is the real emulator.
"""

import json
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from creditbase.accounts.use_cases import create_secret_key, ensure_customer, ensure_project
from creditbase.catalog.domain import Catalog
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import load_catalog
from creditbase.ledger import use_cases as ledger
from creditbase.metering.names import customer_names
from tests import together
from tests.ledger.wallets import LiveWallet
from tests.sold import sell

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
CATALOG = read_catalog(Path(__file__).parents[2] / "catalog.json")
CREDITS = 500
CREDIT = 1_000_000


@dataclass
class Clock:
    """The instant at which business happens, as a test moves it."""

    at: datetime = NOON

    def now(self) -> datetime:
        """Return the instant."""
        return self.at

    def pass_on(self, **span: float) -> datetime:
        """Let time pass."""
        self.at += timedelta(**span)
        return self.at


@dataclass(frozen=True)
class Tenant:
    """A project that sells by the catalog, and its secret key."""

    project_id: str
    secret_key: str

    @classmethod
    def made(cls) -> "Tenant":
        """Return a new project."""
        project = ensure_project(f"relay-{uuid.uuid4().hex}", now=NOON)
        sell(project.project_id)
        issued = create_secret_key(
            project.project_id, name="test", random_bytes=secrets.token_bytes(32), now=NOON
        )
        return cls(project.project_id, issued.secret)


@dataclass
class Desk:
    """Asks the meter for one tenant about one customer."""

    client: FlaskClient
    tenant: Tenant
    clock: Clock
    wallet: LiveWallet
    external_id: str
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def opened(cls, client: FlaskClient, tenant: Tenant, clock: Clock, *, nanos: int) -> "Desk":
        """Return a desk with a new customer, who has that many nanos."""
        name = f"ext-{uuid.uuid4().hex}"
        customer = ensure_customer(tenant.project_id, name, now=clock.at)
        wallet = LiveWallet.opened(
            tenant.project_id, customer.customer_id, nanos=nanos, now=clock.at
        )
        return cls(client, tenant, clock, wallet, name)

    @property
    def customer_id(self) -> str:
        """Return the customer's id."""
        return self.wallet.ref.customer_id

    def post(
        self, path: str, body: object, *, key: str | None = None, **headers: str
    ) -> TestResponse:
        """Post a body as JSON."""
        sent = {"X-ModelRelay-Api-Key": self.tenant.secret_key, **self.headers, **headers}
        if key is not None:
            sent["Idempotency-Key"] = key
        # A client of its own: they are not made for several threads.
        client = self.client.application.test_client()
        # Written here: the client's own way would sort the fields.
        text = json.dumps(body, ensure_ascii=False)
        return client.post(
            f"/api/v1{path}", data=text, headers=sent, content_type="application/json"
        )

    def get(self, path: str) -> TestResponse:
        """Get a path."""
        headers = {"X-ModelRelay-Api-Key": self.tenant.secret_key}
        return self.client.get(f"/api/v1{path}", headers=headers)

    def charge(self, key: str, nanos: int, **more: object) -> TestResponse:
        """Charge an amount."""
        body = {"customer_id": self.customer_id, "amount_nanos": nanos, **more}
        return self.post("/charges", body, key=key)

    def charge_for(self, key: str, model: str, **usage: int) -> TestResponse:
        """Charge metered usage."""
        body = {"customer_id": self.customer_id, "model": model, "usage": usage}
        return self.post("/charges", body, key=key)

    def hold(self, key: str, nanos: int, **more: object) -> TestResponse:
        """Hold an amount."""
        body = {"customer_id": self.customer_id, "amount_nanos": nanos, **more}
        return self.post("/holds", body, key=key)

    def hold_for(self, key: str, model: str, **usage_max: int) -> TestResponse:
        """Hold for metered usage."""
        body = {"customer_id": self.customer_id, "model": model, "usage_max": usage_max}
        return self.post("/holds", body, key=key)

    def held(self, nanos: int, **more: object) -> str:
        """Return the id of a new hold."""
        answer = self.hold(uuid.uuid4().hex, nanos, **more)
        assert answer.status_code == 201, answer.text
        return str(json_of(answer)["hold"]["id"])

    def end(self, hold_id: str, how: str, body: object, **headers: str) -> TestResponse:
        """Capture, void or extend a hold."""
        return self.post(f"/holds/{hold_id}/{how}", body, **headers)

    def show(self, hold_id: str) -> dict[str, Any]:
        """Return the hold as it is shown."""
        answer = self.get(f"/holds/{hold_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = json_of(answer)["hold"]
        return found


def at_once(count: int, ask: Callable[[int], TestResponse]) -> list[TestResponse]:
    """Ask in that many threads at the same moment; return the answers in order."""
    return together.at_once(count, ask)


def json_of(answer: TestResponse) -> dict[str, Any]:
    """Return the JSON object of an answer."""
    found = answer.get_json()
    assert isinstance(found, dict)
    return found


def code_of(answer: TestResponse) -> tuple[int, str]:
    """Return status and code of a refusal, whose shape is checked on the way."""
    body = json_of(answer)
    assert body["error"] == body["code"]
    assert isinstance(body["message"], str)
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["X-ModelRelay-Request-Id"] == body["request_id"]
    assert "issues" not in body
    return answer.status_code, str(body["code"])


def wrong_field(answer: TestResponse) -> str:
    """Return the field that a 400 names."""
    assert code_of(answer) == (400, "VALIDATION_ERROR")
    fields = json_of(answer).get("fields", [{"field": ""}])
    return str(fields[0]["field"])


def start_cold() -> None:
    """Be another process: nothing known of wallets and names."""
    ledger.lanes.cache_clear()
    customer_names.cache_clear()


def without(model: str) -> Callable[[str], Catalog]:
    """Return a look-up of catalogs with a newer book, which does not have this model."""

    def load(project_id: str) -> Catalog:
        full = load_catalog(project_id)
        lines = {
            provider: {name: line for name, line in kept.items() if name != model}
            for provider, kept in full.book.lines.items()
        }
        return replace(full, book=replace(full.book, version="newer", lines=lines))

    return load

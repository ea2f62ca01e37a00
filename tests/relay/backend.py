"""A developer's back end at the relay's doors, and a customer's browser with its token.

In process, through functions-framework's own wiring; the store is the real emulator.
"""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from creditbase.accounts.domain import Customer
from creditbase.catalog import tier_store
from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.runtime.firestore import commit
from creditbase.subscriptions.relay_customers import CustomerOrder, create_customer
from tests.relay.desk import Clock, Tenant, json_of

TOKEN_KEYS = "now:" + "n" * 40 + ",old:" + "o" * 40


@dataclass
class Backend:
    """Asks the relay's functions for one tenant."""

    clients: dict[str, FlaskClient]
    tenant: Tenant
    clock: Clock
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def project_id(self) -> str:
        """Return the tenant's project."""
        return self.tenant.project_id

    def ask(
        self,
        function: str,
        method: str,
        path: str,
        body: object = None,
        **headers: str,
    ) -> TestResponse:
        """Ask a function; with the secret key, unless the headers say otherwise."""
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        sent = {"x-modelrelay-api-key": self.tenant.secret_key, **self.headers, **names}
        text = None if body is None else json.dumps(body, ensure_ascii=False)
        client = self.clients[function].application.test_client()
        return client.open(
            f"/api/v1{path}",
            method=method,
            data=text,
            headers={name: value for name, value in sent.items() if value},
            content_type="application/json",
        )

    def customers(self, method: str, path: str = "", body: object = None) -> TestResponse:
        """Ask about customers."""
        return self.ask("customers", method, f"/customers{path}", body)

    def creates(self, external_id: str, **more: object) -> TestResponse:
        """Ask to make a customer."""
        body = {"external_id": external_id, "email": "user@example.com", **more}
        return self.customers("POST", "", body)

    def upserts(self, external_id: str, **more: object) -> TestResponse:
        """Ask to make or change a customer."""
        body = {"external_id": external_id, "email": "user@example.com", **more}
        return self.customers("PUT", "", body)

    def mint(self, **body: object) -> TestResponse:
        """Ask for a customer token."""
        return self.ask("auth_customer_token", "POST", "/auth/customer-token", body)

    def minted(self, **body: object) -> dict[str, Any]:
        """Return a new token with all that is said beside it."""
        answer = self.mint(**body)
        assert answer.status_code == 200, answer.text
        return json_of(answer)

    def has(self, tier: Tier) -> Tier:
        """Sell a tier."""
        code = tier_store.find_code(tier.project_id, tier.code)
        commit(tier_store.writes_for_new_tier(tier, code))
        shared_tiers.cache_clear()
        return tier

    def knows(self, external_id: str = "") -> Customer:
        """Make a customer, past the door."""
        order = CustomerOrder(
            project_id=self.project_id,
            external_id=external_id or a_name(),
            email="user@example.com",
            request_id=uuid.uuid4().hex,
        )
        return create_customer(order, now=self.clock.at)


def a_name() -> str:
    """Return an external id that nobody has."""
    return f"ext-{uuid.uuid4().hex}"


def in_a_path(text: str) -> str:
    """Return text as one segment of a path."""
    return quote(text, safe="")


def made(backend: Backend, external_id: str = "", **more: object) -> dict[str, Any]:
    """Return a new customer, as the door shows it."""
    answer = backend.creates(external_id or a_name(), **more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = json_of(answer)["customer"]["customer"]
    return found

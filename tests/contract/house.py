"""The whole product in one process: asked by route, with real credentials and real ids."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import main
from creditbase.accounts.owners import add_owner
from creditbase.accounts.use_cases import (
    HUB_PROJECT_ID,
    create_secret_key,
    ensure_project,
)
from creditbase.admin.tiers import put_tiers, read_tiers
from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.catalog.use_cases import shared_cache
from creditbase.ledger.use_cases import lanes
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.clock import now, real_now
from creditbase.runtime.routes import Credential, DoorName, Route
from dev.layout import ROOT
from tests.payments.shop import Shop, signed_event
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of
from tests.sold import sell

Json = dict[str, Any]
SITE = "https://app.example.com"


@cache
def _client(function: str) -> FlaskClient:
    return client_of(getattr(main, function))


@dataclass(frozen=True)
class Person:
    """A customer of the relay project, and the token in its browser."""

    customer_id: str
    external_id: str
    token: str = ""


@dataclass
class House:
    """A hub with a user, and a relay project with its tiers, which that user owns."""

    signer: Signer
    shop: Shop
    uid: str = ""
    project_id: str = ""
    secret_key: str = ""
    tier_ids: dict[str, str] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _lasting: Person | None = None

    def neighbour(self) -> "House":
        """Return another project with tiers of its own, and another owner."""
        project = ensure_project(f"contract-{uuid4().hex}", now=now())
        key = create_secret_key(
            project.project_id, name="t", random_bytes=uuid4().bytes * 2, now=real_now()
        )
        uid = f"u{uuid4().hex}"
        add_owner(project.project_id, uid, now=now())
        made = House(self.signer, self.shop, uid, project.project_id, key.secret)
        tiers = put_tiers(
            project.project_id, read_tiers(ROOT / "dev/relay_tiers.json"), now=now
        )
        made.tier_ids |= {tier.code: tier.tier_id for _, tier in tiers}
        shared_tiers.cache_clear()
        return made

    @classmethod
    def opened(cls, signer: Signer, shop: Shop) -> "House":
        """Return the house with everything pushed and seeded that its routes need."""
        ensure_project("hub", now=now())
        sell(HUB_PROJECT_ID)
        for shared in (shared_cache, shared_tiers, lanes):
            shared.cache_clear()
        made = cls(signer, shop).neighbour()
        assert made.ask("GET /usage/me").status_code == 200
        return made

    def person(self, tier_code: str = "") -> Person:
        """Return a new customer, on a tier and with a token where a tier is named."""
        name = f"user_{uuid4().hex[:12]}"
        profile = {"external_id": name, "email": f"{name}@example.com"}
        made = self.ask("POST /api/v1/customers", body=profile)
        assert made.status_code == 201, made.text
        customer_id = of(made)["customer"]["customer"]["id"]
        if not tier_code:
            return Person(customer_id, name)
        asked = {"customer_id": customer_id, "tier_code": tier_code}
        minted = self.ask("POST /api/v1/auth/customer-token", body=asked)
        assert minted.status_code == 200, minted.text
        return Person(customer_id, name, of(minted)["token"])

    def pays(self, session_id: str) -> None:
        """Let a customer pay a session, and Stripe tell of everything that followed."""
        self.shop.pay_unwatched(session_id)
        self.tell()

    def tell(self) -> None:
        """Deliver every event of Stripe's that was not delivered yet, oldest first."""
        while news := self._news():
            for event in news:
                sent = signed_event(event)
                answer = _client("billing_webhook").post(
                    "/billing/webhook",
                    data=sent.raw,
                    headers={"Stripe-Signature": sent.signature},
                )
                assert answer.status_code == 200, answer.text
                self._told.add(event["id"])

    def _news(self) -> list[Json]:
        newest_first: list[Json] = self.shop.get("/events", limit=100)["data"]
        return [event for event in newest_first[::-1] if event["id"] not in self._told]

    def ask(
        self,
        route: str,
        *,
        body: object = None,
        token: str = "",
        credential: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "",
        **path: Any,
    ) -> TestResponse:
        """Send a request to the function of a route, with a credential that it takes.

        `method` is another one than the route's, where it is to be.
        """
        row = next(row for row in ROUTES if row.name == route)
        named = {name: quote(str(value), safe="") for name, value in path.items()}
        shown = bearer(token) if token else credential or self.headers_for(row)
        sent = None
        if body is not None:
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return _client(row.function).open(
            row.path.format(**named),
            method=method or row.method,
            query_string={name: _told(value) for name, value in (query or {}).items()},
            headers={**(headers or {}), **shown},
            data=sent,
            content_type=None if sent is None else "application/json",
        )

    def headers_for(self, route: Route) -> dict[str, str]:
        """Return a credential that the route takes."""
        taken = route.credentials
        if Credential.SECRET_KEY in taken:
            return {"X-ModelRelay-Api-Key": self.secret_key}
        if Credential.CUSTOMER_TOKEN in taken:
            return bearer(self.lasting_person().token)
        if Credential.SIGNATURE in taken:
            return {"Stripe-Signature": "t=1,v1=00"}
        return self.signer.headers(self.uid)

    def lasting_person(self) -> Person:
        """Return the customer of all who do not care, made anew where it was deleted."""
        if self._lasting is not None:
            seen = self.ask(
                "GET /api/v1/customers/{customer_id}", customer_id=self._lasting.customer_id
            )
            if seen.status_code == 200:
                return self._lasting
        self._lasting = self.person("free")
        return self._lasting

    def _another_project(self) -> str:
        """Return a project that nobody else in the house lives from."""
        project = ensure_project(f"contract-{uuid4().hex}", now=now())
        add_owner(project.project_id, self.uid, now=now())
        return project.project_id

    def known(self, route: Route) -> dict[str, tuple[str, ...]]:
        """Return ids and names that exist, by the field or variable that takes them."""
        is_hub = route.door is DoorName.HUB
        person = self.lasting_person()
        mine = (self.project_id, self.project_id.upper())
        is_fatal = (route.method, route.path) == ("DELETE", "/api/v1/projects/{project_id}")
        return {
            "project_id": (self._another_project(),) if is_fatal else mine,
            "customer_id": (person.customer_id,),
            "customer_external_id": (person.external_id,),
            "external_id": (person.external_id,),
            "tier_id": tuple(self.tier_ids.values()),
            "tier_code": tuple(self.tier_ids),
            "model": ("gpt-5-mini",) if is_hub else ("local-echo", "local-large"),
            "model_id": ("local-echo",),
            "plan": ("guru", "pro"),
            "amount": ("small", "large"),
            "success_url": (f"{SITE}/ok",),
            "cancel_url": (f"{SITE}/no",),
        }


def _told(value: object) -> str | list[str]:
    """Return what a query says; a tuple is a name that is said more than once."""
    return [str(each) for each in value] if isinstance(value, tuple) else str(value)


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def of(answer: TestResponse) -> Json:
    """Return an answer's JSON."""
    found: Json = answer.get_json()
    return found

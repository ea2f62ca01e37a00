"""The whole product in one process: asked by route, with real credentials and real ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

import main
from creditbase.accounts.owners import add_owner
from creditbase.accounts.tokens import TTL_MAX, Minting, SigningKeys
from creditbase.accounts.use_cases import (
    HUB_PROJECT_ID,
    create_secret_key,
    ensure_customer,
    ensure_project,
)
from creditbase.catalog.domain.tiers import TierModel
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.ledger.use_cases import lanes
from creditbase.payments.tier_selling import create_tier
from creditbase.runtime.clock import now, real_now
from creditbase.runtime.routes import Credential, Route
from dev.layout import ROOT
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of

Json = dict[str, Any]


@cache
def _client(function: str) -> FlaskClient:
    return client_of(getattr(main, function))


@dataclass(frozen=True)
class House:
    """A hub and a relay project, a user and a customer, and what names them."""

    signer: Signer
    uid: str
    secret_key: str
    customer_token: str
    known: Mapping[str, tuple[str, ...]]
    """Ids and names that exist, by the name of the field or path variable that takes them."""

    @classmethod
    def opened(cls, signer: Signer) -> "House":
        """Return the house with everything pushed and seeded that its routes need."""
        ensure_project("hub", now=now())
        push_catalog(HUB_PROJECT_ID, read_catalog(ROOT / "catalog.json"))
        shared_cache().forget()
        lanes.cache_clear()
        uid = f"u{uuid4().hex}"
        key = create_secret_key(
            HUB_PROJECT_ID, name="t", random_bytes=uuid4().bytes * 2, now=real_now()
        )
        seen = _client("usage_me").get("/usage/me", headers=signer.headers(uid))
        assert seen.status_code == 200, seen.text
        project = ensure_project("hub", now=now())
        customer = ensure_customer(HUB_PROJECT_ID, uid, now=now())
        asked = Minting(token_id="t", key_id="k", ttl=TTL_MAX, now=real_now())
        token = SigningKeys.configured().mint(project, customer, asked)
        add_owner(HUB_PROJECT_ID, uid, now=now())
        given = {
            "code": f"t{uuid4().hex}",
            "display_name": "Basic",
            "models": (TierModel("local-echo"),),
        }
        tier = create_tier(HUB_PROJECT_ID, given, now=now())
        known = {
            "project_id": (HUB_PROJECT_ID,),
            "tier_id": (tier.tier_id,),
            "tier_code": (tier.code,),
            "model_id": ("local-echo", "gpt-5"),
            "customer_id": (customer.customer_id,),
            "customer_external_id": (uid,),
            "external_id": (uid,),
            "model": ("gpt-5-mini", "gpt-5"),
            "plan": ("guru", "pro"),
            "amount": ("small", "large"),
        }
        return cls(signer, uid, key.secret, token.text, known)

    def headers_for(self, route: Route) -> dict[str, str]:
        """Return a credential that the route takes."""
        taken = route.credentials
        if Credential.SECRET_KEY in taken:
            return {"X-ModelRelay-Api-Key": self.secret_key}
        if Credential.CUSTOMER_TOKEN in taken:
            return {"Authorization": f"Bearer {self.customer_token}"}
        if Credential.SIGNATURE in taken:
            return {"Stripe-Signature": "t=1,v1=00"}
        return self.signer.headers(self.uid)

    def ask(
        self,
        route: Route,
        *,
        path: Mapping[str, Any],
        query: Mapping[str, Any],
        headers: Mapping[str, str],
        body: bytes | None,
    ) -> TestResponse:
        """Send a request to the function of a route."""
        named = {name: quote(str(value), safe="") for name, value in path.items()}
        return _client(route.function).open(
            route.path.format(**named),
            method=route.method,
            query_string={name: str(value) for name, value in query.items()},
            headers={**headers, **self.headers_for(route)},
            data=body,
            content_type="application/json" if body is not None else None,
        )

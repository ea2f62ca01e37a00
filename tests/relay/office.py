"""An owner's browser at the relay's doors: a project of its own, and what it sells."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from creditbase.accounts.owners import add_owner
from creditbase.accounts.use_cases import HUB_PROJECT_ID, create_secret_key, ensure_project
from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.catalog.use_cases import set_markup, shared_cache
from tests.relay.backend import Backend
from tests.relay.desk import NOON, Tenant, json_of
from tests.runtime.signing import Signer
from tests.sold import sell

Json = dict[str, Any]
OWNER = "ada"
NO_KEY = {"x_modelrelay_api_key": ""}


@dataclass(frozen=True)
class Office:
    """An owner, with the project's back end beside."""

    signer: Signer
    backend: Backend

    @classmethod
    def opened(cls, signer: Signer, beside: Backend) -> "Office":
        """Return the office of a new project, which sells by the hub's prices at 40 % more."""
        ensure_project("hub", now=NOON)
        sell(HUB_PROJECT_ID)
        project_id = ensure_project(f"p{uuid.uuid4().hex}", now=NOON).project_id
        set_markup(project_id, 4_000)
        shared_cache().forget()
        shared_tiers().forget()
        add_owner(project_id, OWNER, now=NOON)
        key = create_secret_key(
            project_id, name="t", random_bytes=secrets.token_bytes(32), now=NOON
        )
        tenant = Tenant(project_id, key.secret)
        return cls(signer, Backend(beside.clients, tenant, beside.clock))

    @property
    def project_id(self) -> str:
        """Return the project."""
        return self.backend.project_id

    def as_user(self, uid: str = OWNER) -> Mapping[str, str]:
        """Return what the browser of a signed-in user sends."""
        sent = self.signer.headers(uid)
        names = {name.lower().replace("-", "_"): text for name, text in sent.items()}
        return {**NO_KEY, **names}

    def ask(
        self, method: str, path: str, body: object = None, uid: str = OWNER
    ) -> TestResponse:
        """Ask as a user, below the project's path."""
        whole = f"/projects/{self.project_id}{path}"
        return self.backend.ask("tiers", method, whole, body, **self.as_user(uid))

    def read(self, path: str, **headers: str) -> TestResponse:
        """Read with the secret key, unless the headers say otherwise."""
        return self.backend.ask("tiers", "GET", path, **headers)

    def made(self, code: str = "basic", **fields: object) -> Json:
        """Return a new tier, as the owner is told of it."""
        answer = self.ask("POST", "/tiers", a_body(code, **fields))
        assert answer.status_code == 201, answer.text
        tier: Json = json_of(answer)["tier"]
        return tier

    def changed(self, tier: Json, **fields: object) -> Json:
        """Return a tier after a change that names what is required, and these."""
        body = {
            "tier_code": tier["tier_code"],
            "display_name": tier["display_name"],
            "spend_limit_cents": tier["spend_limit_cents"],
            **fields,
        }
        answer = self.ask("PUT", f"/tiers/{tier['id']}", body)
        assert answer.status_code == 200, answer.text
        after: Json = json_of(answer)["tier"]
        return after


def a_body(code: str = "basic", **fields: object) -> Json:
    """Return what makes a free tier of five dollars a month."""
    return {
        "tier_code": code,
        "display_name": "Basic",
        "spend_limit_cents": 500,
        "models": [{"model_id": "local-echo"}],
        **fields,
    }

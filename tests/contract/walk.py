"""A walk over the running stack: every answer is held to what is published."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
import requests
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from dev.client import LOST, TRIES_MAX
from stripe_local.payer import pay_session
from tests.payments.shop import CARD
from tests.runtime.contract import conforms

Json = dict[str, Any]
TIMEOUT_S = 60


@dataclass
class Walk:
    """Asks routes one after the other, and keeps which of them were asked."""

    env: dict[str, str]
    asked: set[str] = field(default_factory=set)

    def ask(
        self,
        route: str,
        status: int,
        credential: dict[str, str],
        body: object = None,
        **path: str,
    ) -> Json:
        """Ask a route; return its body, once status and shape are as published."""
        method, _, pattern = route.partition(" ")
        named = {name: quote(value, safe="") for name, value in path.items()}
        answer = self.send(method, pattern.format(**named), credential, body)
        assert answer.status_code == status, f"{route}: {answer.status_code} {answer.text}"
        plain = Response(
            answer.content, status=answer.status_code, headers=dict(answer.headers)
        )
        conforms(route, TestResponse.force_type(plain))
        self.asked.add(route)
        found: Json = answer.json() if answer.content else {}
        return found

    def send(
        self, method: str, path: str, credential: dict[str, str], body: object
    ) -> requests.Response:
        """Send a request; again where the functions emulator lost its function on the way."""
        for tries_left in reversed(range(TRIES_MAX)):
            answer = requests.request(
                method,
                self.env["HUB_URL"] + path,
                data=None if body is None else json.dumps(body),
                headers={"Content-Type": "application/json", **credential},
                timeout=TIMEOUT_S,
            )
            if LOST not in answer.text or not tries_left:
                break
        return answer

    def paid(self, started: Json) -> str:
        """Pay a page of Stripe's as a person does; return the payment, if it is one's own."""
        session_id = started["session_id"]
        pay_session(self.env["STRIPE_URL"], session_id, card=CARD, email="eve@example.com")
        return self.at_stripe(f"/checkout/sessions/{session_id}")["payment_intent"] or ""

    def at_stripe(self, path: str, **params: str) -> Json:
        """Ask the local Stripe."""
        answer = requests.get(
            f"{self.env['STRIPE_URL']}/v1{path}",
            params=params,
            headers={"Authorization": "Bearer sk_test_walk"},
            timeout=TIMEOUT_S,
        )
        found: Json = answer.json()
        return found

    def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for what an event of Stripe's brings."""
        for _ in range(TIMEOUT_S):
            if is_so():
                return
            time.sleep(1)
        raise AssertionError

    def key(self) -> dict[str, str]:
        """Return the relay project's secret key, and an idempotency key of its own."""
        return {
            "X-ModelRelay-Api-Key": self.env["RELAY_SECRET_KEY"],
            "Idempotency-Key": secrets.token_hex(8),
        }

    def owner(self) -> dict[str, str]:
        """Return the credential of the administrator, who owns the relay project."""
        url = (
            f"http://{self.env['FIREBASE_AUTH_EMULATOR_HOST']}/identitytoolkit.googleapis.com"
            "/v1/accounts:signInWithPassword?key=local"
        )
        named = {"email": self.env["ADMIN_EMAIL"], "password": self.env["ADMIN_PASSWORD"]}
        account = requests.post(url, json=named, timeout=TIMEOUT_S).json()
        return {
            "Authorization": f"Bearer {account['idToken']}",
            "X-Firebase-AppCheck": self.env["APP_CHECK_TOKEN"],
        }


@pytest.fixture
def walk(stack_env: dict[str, str]) -> Walk:
    """Return a walk over the running stack."""
    return Walk(stack_env)

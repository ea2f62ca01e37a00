"""The two callers of the story: a customer's browser, and the back end that sells to them."""

from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT_S = 30
TRIES_MAX = 3
LOST = '{"code":"ECONNRESET"}'
"""All that the emulator answers, with 500, where a function's process hung up."""


@dataclass
class Customer:
    """A person with a browser: signed in at the Auth emulator, attested by App Check."""

    hub_url: str
    headers: dict[str, str]
    uid: str

    @classmethod
    def sign_up(cls, env: dict[str, str], email: str, password: str) -> "Customer":
        """Make an account in the Auth emulator and sign in with it."""
        base = f"http://{env['FIREBASE_AUTH_EMULATOR_HOST']}/identitytoolkit.googleapis.com/v1"
        body = {"email": email, "password": password, "returnSecureToken": True}
        answer = requests.post(
            f"{base}/accounts:signUp?key=local", json=body, timeout=TIMEOUT_S
        )
        answer.raise_for_status()
        account = answer.json()
        headers = {
            "Authorization": f"Bearer {account['idToken']}",
            "X-Firebase-AppCheck": env["APP_CHECK_TOKEN"],
        }
        return cls(env["HUB_URL"], headers, account["localId"])

    def get(self, path: str) -> requests.Response:
        """Ask the hub."""
        return self._send("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        """Tell the hub."""
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> requests.Response:
        """Send a request; again where the functions emulator lost its function on the way.

        On a busy machine it does so now and then, and says it in words of its own.
        """
        for tries_left in reversed(range(TRIES_MAX)):
            answer = requests.request(
                method,
                self.hub_url + path,
                json=body,
                headers=self.headers,
                timeout=TIMEOUT_S,
            )
            if LOST not in answer.text or not tries_left:
                break
        return answer


@dataclass
class BackEnd:
    """A server that calls models for its customers and meters each call."""

    meter_url: str
    secret_key: str

    def charge(
        self, customer: str, model: str, usage: dict[str, int], key: str
    ) -> requests.Response:
        """Charge a customer for one finished call of a model."""
        return requests.post(
            f"{self.meter_url}/api/v1/charges",
            json={"customer_external_id": customer, "model": model, "usage": usage},
            headers={"Authorization": f"Bearer {self.secret_key}", "Idempotency-Key": key},
            timeout=TIMEOUT_S,
        )

"""The two callers of the story: a customer's browser, and the back end that sells to them."""

from dataclasses import dataclass
from typing import Any

import requests

TIMEOUT_S = 30


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
        return requests.get(self.hub_url + path, headers=self.headers, timeout=TIMEOUT_S)

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        """Tell the hub."""
        url = self.hub_url + path
        return requests.post(url, json=body, headers=self.headers, timeout=TIMEOUT_S)


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

"""Whom the pages speak of: somebody who signed up and paid, and an administrator.

A page names them as its reader would: `$CUSTOMER`, `UID`, `https://YOUR-HUB`.
"""

import secrets
from dataclasses import dataclass

from dev.client import Customer
from dev.layout import ROOT
from tests.contract.walk import Walk

TIERS = "dev/relay_tiers.json"


@dataclass(frozen=True)
class Scene:
    """The variables that a page relies on, and what its placeholders stand for."""

    variables: dict[str, str]
    placeholders: dict[str, str]

    def put_into(self, text: str) -> str:
        """Return a block as its reader types it."""
        for placeholder, value in self.placeholders.items():
            text = text.replace(placeholder, value)
        return text


def prepared(env: dict[str, str]) -> Scene:
    """Let somebody sign up, pay and make a key."""
    walk = Walk(env)
    email = f"eve-{secrets.token_hex(6)}@example.com"
    eve = Customer.sign_up(env, email, secrets.token_urlsafe(9))
    walk.ask("GET /usage/me", 200, eve.headers)
    payment = walk.paid(walk.ask("POST /billing/topup", 200, eve.headers, {"amount": "small"}))
    admin = walk.owner()

    def found() -> list[str]:
        answer = walk.send("GET", f"/admin/customers?query={payment}", admin, None)
        return [one["id"] for one in answer.json()["customers"]]

    walk.until(lambda: found() != [])
    made = walk.ask("POST /api-keys", 201, eve.headers, {"name": "a page"})
    return Scene(
        {
            "CUSTOMER": found()[0],
            "PAYMENT": payment,
            "KEY": made["key"],
            "SITE": env["HUB_URL"],
            "ID_TOKEN": admin["Authorization"].removeprefix("Bearer "),
            "APP_CHECK": admin["X-Firebase-AppCheck"],
        },
        {
            "https://YOUR-HUB": env["HUB_URL"],
            "you@example.com": email,
            "pi_3…": payment,
            "UID": eve.uid,
            "FILE": str(ROOT / TIERS),
        },
    )

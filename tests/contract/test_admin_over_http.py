"""Every admin route, asked with a plain HTTP client by a really signed-in admin.

Through Hosting, over the Auth emulator, with a customer who has really paid. Each answer is
held to `docs/openapi.yaml`; the walk is over when no admin route is left that nobody asked.
"""

import secrets
from dataclasses import dataclass
from uuid import uuid4

import pytest

from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.routes import Credential
from dev.client import Customer
from tests.contract.walk import Json, Walk, walk

__all__ = ["walk"]
pytestmark = pytest.mark.stack
ONE = "/admin/customers/{customer_id}"
EXPORT = "GET /admin/export"


@dataclass
class Office:
    """A really signed-in admin, and a customer."""

    walk: Walk
    admin: dict[str, str]
    user: dict[str, str]
    customer_id: str

    def look(self, route: str, **path: str) -> Json:
        """Read something."""
        return self.walk.ask(f"GET {route}", 200, self.admin, None, **path)

    def act(self, route: str, body: Json, status: int = 200, **path: str) -> Json:
        """Do something, under a key of its own and once more under the same."""
        credential = {**self.admin, "Idempotency-Key": secrets.token_hex(8)}
        asked = {"reason": "walk", **body}
        first = self.walk.ask(f"POST {route}", status, credential, asked, **path)
        again = self.walk.ask(f"POST {route}", status, credential, asked, **path)
        if status == 200:
            assert first == again
        return first

    def act_on(self, action: str, body: Json, status: int = 200) -> Json:
        """Do something about the customer."""
        return self.act(f"{ONE}/{action}", body, status, customer_id=self.customer_id)

    def found(self, text: str) -> list[str]:
        """Return whom a text finds."""
        shown = self.walk.send("GET", f"/admin/customers?query={text}", self.admin, None)
        return [one["id"] for one in shown.json()["customers"]]


@pytest.fixture
def office(walk: Walk) -> Office:
    """Return an admin, and a customer who has just signed up."""
    email = f"eve-{secrets.token_hex(4)}@example.com"
    eve = Customer.sign_up(walk.env, email, secrets.token_urlsafe(9))
    walk.ask("GET /usage/me", 200, eve.headers)
    opened = Office(walk, walk.owner(), eve.headers, "")
    (opened.customer_id,) = opened.found(eve.uid)
    return opened


def test_every_admin_route_is_as_published(office: Office) -> None:
    """Reading, acting, money and plans; and none of it for the customer, who is no admin."""
    (entry,) = office.walk.ask("GET /ledger", 200, office.user)["entries"]
    _read(office, entry["id"])
    _act(office, entry["id"])
    _give_back(office)
    _change_plan(office)
    office.walk.ask("GET /admin/audit", 403, office.user)
    _forget(office)

    names = {route.name for route in ROUTES if Credential.ADMIN in route.credentials}
    assert not names - office.walk.asked


def _read(office: Office, entry_id: str) -> None:
    who = {"customer_id": office.customer_id}
    for suffix in ("", "/ledger", "/export", "/shadow"):
        office.look(f"{ONE}{suffix}", **who)
    assert office.look(f"{ONE}/ledger/{{entry_id}}/explain", **who, entry_id=entry_id)["agrees"]
    for row in ROUTES:
        is_plain = "{" not in row.path and row.name != EXPORT
        if row.method == "GET" and is_plain and Credential.ADMIN in row.credentials:
            office.look(row.path)
    exported = office.walk.send("GET", "/admin/export", office.admin, None)
    assert exported.headers["Content-Type"].startswith("text/csv")
    office.walk.asked.add(EXPORT)


def _act(office: Office, entry_id: str) -> None:
    office.act_on("adjust", {"amount_nanos": -1, "corrects": entry_id})
    office.act_on("grant", {"kind": "promo", "credits": 1})
    office.act_on("freeze", {})
    office.act_on("thaw", {})
    office.act_on("shadow", {"is_on": True})
    office.act_on("shadow", {"is_on": False})
    office.act("/admin/customers/shadow", {"is_on": False})
    office.act(f"{ONE}/thaw", {}, 404, customer_id=str(uuid4()))
    code = secrets.token_hex(8)
    office.act("/admin/vouchers", {"code": code, "credits": 1})
    office.act("/admin/vouchers/disable", {"code": code})
    office.act("/admin/webhooks/{event_id}/retry", {}, 404, event_id="evt_nobody")


def _forget(office: Office) -> None:
    """Erase somebody who has a plan and credits: only where that is said to be given up."""
    assert office.act_on("erase", {}, 409)["code"] == "CREDITS_LEFT"
    office.act_on("erase", {"force": True})
    assert office.found(office.customer_id) == []
    office.look(f"{ONE}/ledger", customer_id=office.customer_id)


def _give_back(office: Office) -> None:
    """Refund a real payment twice under one key: one refund, one record."""
    walk = office.walk
    paid = walk.paid(walk.ask("POST /billing/topup", 200, office.user, {"amount": "small"}))
    walk.until(lambda: office.found(paid) == [office.customer_id])

    record = office.act_on("refund", {"payment": paid, "amount_cents": 200})["audit"]

    assert record["stripe"]["status"] == "succeeded"
    refunds = walk.at_stripe("/refunds", payment_intent=paid)["data"]
    assert [one["amount"] for one in refunds] == [200]


def _change_plan(office: Office) -> None:
    """Who has no plan is not charged; who has one goes up, and is shown it."""
    walk, user = office.walk, office.user
    assert office.act_on("plan", {"plan": "pro"}, 409)["code"] == "NO_SUBSCRIPTION"
    walk.paid(walk.ask("POST /billing/checkout", 200, user, {"plan": "guru"}))
    walk.until(lambda: walk.ask("POST /billing/sync-balance", 200, user, {})["plan"] == "guru")

    assert office.act_on("plan", {"plan": "pro"})["audit"]["stripe"]["plan_now"] == "pro"

    assert walk.ask("POST /billing/sync-balance", 200, user, {})["plan"] == "pro"

"""Refunds and plans as operators ask for them: over HTTP and on the command line."""

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import ensure_project
from creditbase.admin.command import main
from creditbase.admin.roles import make_admin
from creditbase.hub.admin_customers import admin_customers
from creditbase.payments.mirroring import mirror_customer
from creditbase.payments.store import load_account
from creditbase.payments.subscribing import start_checkout
from creditbase.runtime.clock import real_now
from tests.hub.conftest import a_user, key_server, signer
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import FREE_NANOS, SMALL_NANOS, deliver
from tests.payments.shop import Resource, Shop, signed_event
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of

__all__ = ["key_server", "signer"]
pytestmark = pytest.mark.firestore


class Counter:
    """An admin at the door, and whom it is about."""

    def __init__(self, signer: Signer, ref: CustomerRef) -> None:
        self._client = client_of(admin_customers)
        uid = a_user()
        make_admin(uid, reason="a test", now=real_now())
        self._headers = signer.headers(uid)
        self._ref = ref

    def post(self, action: str, body: dict[str, Any], *, key: str = "") -> TestResponse:
        """Ask for an action; the answer is held to what is published."""
        headers = {**self._headers, "Idempotency-Key": key or uuid4().hex}
        path = f"/admin/customers/{self._ref.customer_id}/{action}"
        return self._client.post(path, headers=headers, json={"reason": "asked", **body})


@pytest.fixture
def counter(signer: Signer, ref: CustomerRef) -> Counter:
    """Return an admin at the door."""
    return Counter(signer, ref)


@pytest.fixture
def paid(client: FlaskClient, completed: Resource) -> str:
    """Return the payment of a small pack that was granted."""
    assert deliver(client, signed_event(completed)) == 200
    payment: str = completed["data"]["object"]["payment_intent"]
    return payment


def code_of(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the code of a refusal."""
    assert answer.json is not None
    return answer.status_code, answer.json["code"]


def test_a_refund_over_http_is_one_for_each_key(
    counter: Counter, paid: str, shop: Shop, wallet: LiveWallet, ref: CustomerRef
) -> None:
    """Answered with its second record; another body, and what cannot be, with a code."""
    body = {"payment": paid, "amount_cents": 200}

    first = counter.post("refund", body, key="k")
    again = counter.post("refund", body, key="k")

    assert first.status_code == 200, first.text
    assert first.json == again.json
    assert first.json is not None
    assert first.json["audit"]["stripe"]["status"] == "succeeded"
    assert first.json["audit"]["follows"]
    assert wallet.available() == FREE_NANOS + SMALL_NANOS * 3 // 5
    assert code_of(counter.post("refund", {"payment": paid}, key="k")) == (409, "CONFLICT")
    more = {"payment": paid, "amount_cents": 301}
    assert code_of(counter.post("refund", more)) == (409, "NOTHING_TO_REFUND")
    shop.break_posts("/v1/refunds", "reset before", count=3)
    broken = counter.post("refund", {"payment": paid}, key="later")
    assert code_of(broken) == (500, "INTERNAL")
    assert "Retry-After" in broken.headers
    shop.order_end_of_faults()
    assert counter.post("refund", {"payment": paid}, key="later").status_code == 200
    elsewhere = ensure_project(f"p{uuid4().hex}", now=wallet.now).project_id
    named = {"payment": paid, "project_id": elsewhere}
    assert code_of(counter.post("refund", named)) == (404, "NOT_FOUND")


def test_a_plan_over_http_is_changed_for_who_has_one(
    counter: Counter, shop: Shop, wallet: LiveWallet, ref: CustomerRef
) -> None:
    """Who has none is not charged: the words say what to do instead."""
    nobody = counter.post("plan", {"plan": "pro"})
    assert code_of(nobody) == (409, "NO_SUBSCRIPTION")
    assert "grant" in nobody.text
    assert "Checkout" in nobody.text
    shop.pay(start_checkout(ref, "guru", now=wallet.now).session_id)
    mirror_customer(load_account(ref).customer.stripe_customer_id, now=wallet.now)

    up = counter.post("plan", {"plan": "pro"})
    out = counter.post("plan", {"plan": "free", "when": "now"})

    for answer, plan in ((up, "pro"), (out, None)):
        assert answer.status_code == 200, answer.text
        assert answer.json is not None
        assert answer.json["audit"]["stripe"].get("plan_now") == plan


def test_the_command_line_does_the_same(
    ref: CustomerRef,
    paid: str,
    shop: Shop,
    wallet: LiveWallet,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the same use cases, with what came of it, and the key to type again."""
    to = [ref.customer_id, "--reason", "asked", "--key", "k"]

    refund = ["customers", "refund", *to, "--cents", "200", paid]
    assert [main(refund), main(refund)] == [0, 0]
    assert "status: succeeded" in capsys.readouterr().out
    assert wallet.available() == FREE_NANOS + SMALL_NANOS * 3 // 5
    plan = ["customers", "plan", ref.customer_id, "pro", "--reason", "asked"]
    assert main([*plan, "--key", "p"]) == 1
    assert "grant credits" in capsys.readouterr().err
    shop.pay(start_checkout(ref, "guru", now=wallet.now).session_id)
    assert main([*plan, "--when", "period_end"]) == 0
    assert "plan_next: pro" in capsys.readouterr().out
    rest = ["customers", "refund", ref.customer_id, "--reason", "asked", paid]
    assert main(rest) == 0
    assert wallet.available() >= FREE_NANOS

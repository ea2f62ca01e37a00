"""`/admin/customers/shadow`: the mode is switched on record, and its report is read."""

from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts.use_cases import ensure_customer, ensure_project
from creditbase.hub.admin_customers import admin_customers
from creditbase.ledger.domain.commands import Freeze
from creditbase.ledger.domain.shadow import SwitchShadow
from creditbase.ledger.domain.wallet import DELETED
from creditbase.ledger.paths import WalletRef
from creditbase.subscriptions.relay_customers import CustomerOrder, create_customer
from tests.hub.reader import json_of, reader
from tests.hub.test_admin_actions import done, post
from tests.hub.test_admin_customers import NOBODY, Desk, desk
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import NOON
from tests.runtime.wiring import client_of
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "desk", "reader", "wire"]
pytestmark = pytest.mark.firestore


def ask(desk: Desk, path: str, status: int = 200, **query: str) -> dict[str, Any]:
    """Get a path as the admin."""
    headers = desk.reader.signer.headers(desk.admin_uid)
    client = client_of(admin_customers)
    answer = client.get(f"/admin{path}", headers=headers, query_string=query)
    assert answer.status_code == status, answer.text
    return json_of(answer)


def of(desk: Desk, **query: str) -> dict[str, Any]:
    """Return the report of the desk's customer."""
    found: dict[str, Any] = ask(desk, f"/customers/{desk.customer_id}/shadow", 200, **query)
    report: dict[str, Any] = found["shadow"]
    return report


def a_project(count: int) -> str:
    """Return a project with so many wallets in shadow mode."""
    project_id = ensure_project(f"p{uuid4().hex}", now=NOON).project_id
    for _ in range(count):
        customer = ensure_customer(project_id, uuid4().hex, now=NOON)
        wallet = LiveWallet.opened(project_id, customer.customer_id, nanos=5, now=NOON)
        wallet.run(SwitchShadow(is_on=True))
    return project_id


def test_a_switch_is_on_record_and_the_report_follows_it(desk: Desk) -> None:
    """Under its own name, once for its key; the wallet carries the mode."""
    key = uuid4().hex
    record = done(desk, "shadow", {"is_on": True}, key=key)
    again = done(desk, "shadow", {"is_on": True}, key=key)
    desk.reader.wallet.charge("over", 10**12)
    while_on = of(desk)
    off = done(desk, "shadow", {"is_on": False})
    after = of(desk, days="1")

    assert (record["action"], again["id"], off["action"]) == (
        "shadow_on",
        record["id"],
        "shadow_off",
    )
    assert (while_on["days"], while_on["agreed_days"], while_on["is_ready"]) == (7, 0, False)
    assert [(it["model"], it["refused"]) for it in while_on["lines"]] == [("unspecified", 1)]
    assert (after["since"], after["total"]["different"]) == (None, 1)


def test_all_who_are_in_the_mode_are_listed_in_pages(desk: Desk) -> None:
    """And nobody who was deleted or switched off meanwhile."""
    project_id = a_project(22)
    first = ask(desk, "/customers/shadow", project_id=project_id)
    rest = ask(desk, "/customers/shadow", project_id=project_id, cursor=first["next_cursor"])
    ids = [it["customer_id"] for it in (*first["customers"], *rest["customers"])]
    wallets = [LiveWallet(WalletRef(project_id, it), NOON) for it in ids]
    wallets[0].run(Freeze(DELETED))
    wallets[1].run(SwitchShadow(is_on=False))
    left = ask(desk, "/customers/shadow", project_id=project_id)

    assert (len(first["customers"]), len(set(ids)), "next_cursor" in rest) == (20, 22, False)
    assert {it["customer_id"] for it in left["customers"]} == set(ids[2:])


def test_a_project_may_let_those_who_are_new_begin_in_the_mode(desk: Desk) -> None:
    """Who is there already stays as it is."""
    project_id = ensure_project(f"p{uuid4().hex}", now=NOON).project_id

    def make() -> LiveWallet:
        order = CustomerOrder(
            project_id=project_id,
            external_id=uuid4().hex,
            email="a@example.com",
            request_id=uuid4().hex,
        )
        customer = create_customer(order, now=NOON)
        return LiveWallet(WalletRef(project_id, customer.customer_id), NOON)

    def choose(*, is_on: bool, project: str = project_id) -> tuple[int, dict[str, Any]]:
        headers = {**desk.reader.signer.headers(desk.admin_uid), "Idempotency-Key": key}
        body = {"reason": "a trial", "is_on": is_on, "project_id": project}
        sent = client_of(admin_customers).post(
            "/admin/customers/shadow", headers=headers, json=body
        )
        return sent.status_code, json_of(sent)

    key = uuid4().hex
    before = make()
    record = choose(is_on=True)[1]["audit"]
    again = choose(is_on=True)[1]["audit"]
    new = make()
    key = uuid4().hex
    choose(is_on=False)
    after = make()

    assert record == again
    assert (record["before"], record["after"]) == (
        {"shadow_default": False},
        {"shadow_default": True},
    )
    since = [wallet.state()["shadow_since"] for wallet in (before, new, after)]
    assert since == [None, NOON, None]
    assert choose(is_on=True, project=NOBODY)[0] == 404


def test_what_cannot_be_asked_is_refused(desk: Desk) -> None:
    """Too many days, a cursor that is none, a customer of nobody."""
    ask(desk, f"/customers/{desk.customer_id}/shadow", 400, days="32")
    ask(desk, "/customers/shadow", 400, cursor="x")
    ask(desk, "/customers/shadow", 400, cursor=f"2026-03-10T12:00:00Z/{NOBODY}/x")
    ask(desk, f"/customers/{NOBODY}/shadow", 404)
    assert post(desk, "shadow", {}).status_code == 400

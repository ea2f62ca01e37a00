"""`/admin/payments`, `/admin/webhooks` and `/admin/health`: what wants an operator's eye."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_customer, ensure_project
from creditbase.admin.command import main
from creditbase.admin.health import look
from creditbase.hub.admin_health import admin_health
from creditbase.hub.admin_payments import admin_payments
from creditbase.hub.admin_webhooks import admin_webhooks
from creditbase.jobs.scheduled import keep_report
from creditbase.jobs.use_cases import Report
from creditbase.ledger.batch import writes_to_park
from creditbase.ledger.store import find_wallet
from creditbase.payments import inbox_store, store
from creditbase.payments.domain import Event, Payment, Return
from creditbase.runtime.firestore import Delete, Put, Write, commit, get_all
from creditbase.runtime.outbox import create_parcel
from creditbase.subscriptions.domain.mirror import Record
from creditbase.subscriptions.store import writes_for_records
from tests.hub.reader import json_of, reader
from tests.hub.test_admin_customers import Desk, desk
from tests.relay.desk import NOON
from tests.runtime.contract import conforms
from tests.runtime.wiring import client_of
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "desk", "reader", "wire"]
pytestmark = pytest.mark.firestore

EVENTS: FlaskClient = client_of(admin_webhooks)


def get(desk: Desk, path: str, status: int = 200, **asked: str) -> dict[str, Any]:
    """Get a path as the admin; the answer is as published."""
    functions = {"payments": admin_payments, "webhooks": admin_webhooks, "health": admin_health}
    client = client_of(functions[path.split("/")[2]])
    headers = desk.reader.signer.headers(desk.admin_uid)
    answer = client.get(path, headers=headers, query_string=asked)
    assert answer.status_code == status, answer.text
    conforms(f"GET {path}", answer)
    return json_of(answer)


def problems(desk: Desk, kind: str, project_id: str = HUB_PROJECT_ID) -> list[dict[str, Any]]:
    """Return all problems of a kind, whatever the size of a page."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = get(desk, "/admin/payments", kind=kind, cursor=cursor, project_id=project_id)
        found += page["problems"]
        cursor = page.get("next_cursor", "")
        if not cursor:
            assert page["counts"][kind] == len(found)
            return found


def subscribe(project_id: str, customer_id: str, status: str) -> str:
    """Keep a subscription of a status, and return its id."""
    record = Record(
        subscription_id=f"sub_{uuid4().hex}",
        customer_id=customer_id,
        status=status,
        plan_code="pro",
        price_cents=2_000,
        period_start_at=NOON,
        period_end_at=NOON + timedelta(days=30),
        created_at=NOON,
        cancel_at_period_end=False,
        trial_end_at=None,
    )
    commit(writes_for_records(project_id, {}, [record]))
    return record.subscription_id


def arrive(status: str = "stored", attempts: int = 0) -> str:
    """Store an event as it stands after so many attempts, and return its id."""
    event = Event(
        event_id=f"evt_{uuid4().hex}",
        type="invoice.paid",
        is_live=False,
        account="",
        api_version="2026-10-28.endive",
        object_id="in_1",
        object_type="invoice",
        payload='{"secret": 1}',
    )
    (created,) = inbox_store.writes_for_arrival(event, now=NOON)
    assert not isinstance(created, Delete)
    fields = dict(created.fields) | {"status": status, "attempts": attempts}  # type: ignore[union-attr]
    if status != "stored":
        fields["next_try_at"] = None
    commit([Put(created.path, fields)])
    return event.event_id


def retry(desk: Desk, event_id: str, *, key: str = "", reason: str = "mended") -> Any:
    """Ask for another attempt."""
    headers = desk.reader.signer.headers(desk.admin_uid)
    headers["Idempotency-Key"] = key or uuid4().hex
    path = f"/admin/webhooks/{event_id}/retry"
    answer = EVENTS.post(path, headers=headers, json={"reason": reason})
    conforms("POST /admin/webhooks/{event_id}/retry", answer)
    return answer


class TestPayments:
    """Whom to write to, by what went wrong."""

    def test_unpaid_subscriptions_are_found_page_by_page(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By status, each once, with who it is and which invoice was not paid."""
        monkeypatch.setattr("creditbase.admin.problems.PAGE", 2)
        project_id = ensure_project(f"p{uuid4().hex}", now=NOON).project_id
        customer = ensure_customer(project_id, "ada", now=NOON)
        made = {subscribe(project_id, customer.customer_id, "past_due") for _ in range(5)}
        subscribe(project_id, customer.customer_id, "active")
        gone = subscribe(project_id, str(uuid4()), "unpaid")
        path = f"projects/{project_id}/customers/{customer.customer_id}"
        issue = {
            "invoice_id": "in_1",
            "since_at": NOON,
            "attempts": 2,
            "next_attempt_at": None,
        }
        kept = get_all([path])[0].fields
        assert kept is not None
        commit([Put(path, {**kept, "payment_issue": issue})])

        found = problems(desk, "past_due", project_id)
        unpaid = problems(desk, "unpaid", project_id)

        assert sorted(made) == [it["subscription_id"] for it in found]
        assert {it["customer"]["external_id"] for it in found} == {"ada"}
        assert found[0]["payment_issue"]["attempts"] == 2
        assert [it["subscription_id"] for it in unpaid] == [gone]
        assert "customer" not in unpaid[0]
        assert problems(desk, "paused", project_id) == []

    def test_disputes_are_found_until_they_are_won(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The most money first; what a bank gave back is no problem any more."""
        monkeypatch.setattr("creditbase.admin.problems.PAGE", 1)
        project_id = ensure_project(f"p{uuid4().hex}", now=NOON).project_id
        customer = ensure_customer(project_id, "ada", now=NOON)
        payments = [disputed(project_id, customer.customer_id, cents) for cents in (500, 900)]
        before = problems(desk, "disputed", project_id)
        dispute(project_id, customer.customer_id, payments[1], 0)

        assert [it["disputed_cents"] for it in before] == [900, 500]
        left = problems(desk, "disputed", project_id)
        assert [it["payment_id"] for it in left] == [payments[0].payment_id]
        assert store.find_payment(payments[0].payment_id) is not None

    def test_debts_and_parked_wallets_are_found(self, desk: Desk) -> None:
        """Both are read from indexes that only they are in."""
        project_id = ensure_project(f"p{uuid4().hex}", now=NOON).project_id
        customers = [ensure_customer(project_id, name, now=NOON) for name in ("ada", "bob")]
        wallet = desk.reader.wallet
        loaded = find_wallet(wallet.ref)
        assert loaded is not None
        _, writes = writes_to_park(wallet.ref, loaded.wallet, loaded.version, "sum")
        commit(writes)
        owing: list[Write] = [
            Put(
                f"projects/{project_id}/balances/{customer.customer_id}",
                {"receivable_nanos": nanos},
            )
            for customer, nanos in zip(customers, (7, 0), strict=True)
        ]
        commit(owing)

        parked = problems(desk, "parked")
        assert {"customer_id": wallet.ref.customer_id, "reason": "sum"}.items() <= (
            next(it for it in parked if it["customer_id"] == wallet.ref.customer_id).items()
        )
        (owed,) = problems(desk, "owing", project_id)
        assert (owed["customer_id"], owed["receivable_nanos"]) == (customers[0].customer_id, 7)
        named = get(desk, "/admin/health")["parked_wallets"]["wallets"]
        assert wallet.ref.customer_id in {it["customer_id"] for it in named}

    @pytest.mark.parametrize(
        "asked",
        [
            {"kind": "late"},
            {"kind": "disputed", "cursor": "x"},
            {"kind": "owing", "cursor": "1:"},
            {"kind": "past_due", "cursor": "../x"},
            {"kind": "parked", "cursor": "__x__:sum"},
        ],
    )
    def test_what_cannot_be_read_is_refused(self, desk: Desk, asked: dict[str, str]) -> None:
        """With a sentence, and before anything is asked of the store."""
        get(desk, "/admin/payments", 400, **asked)


class TestInbox:
    """Events that nobody finished, and another try of one."""

    def test_unfinished_events_are_listed_by_state(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With age, attempts and reason, and without what Stripe said of anybody."""
        monkeypatch.setattr("creditbase.admin.inbox.PAGE", 1)
        made = {arrive("dead", attempts=8) for _ in range(2)}
        seen: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = get(desk, "/admin/webhooks", state="failed", cursor=cursor)
            seen += page["events"]
            cursor = page.get("next_cursor", "")
            if not cursor:
                break

        assert made <= {it["id"] for it in seen}
        assert page["counts"]["failed"] == len(seen)
        assert {it["attempts"] for it in seen if it["id"] in made} == {8}
        assert "secret" not in str(seen)
        get(desk, "/admin/webhooks", 400, state="done")
        get(desk, "/admin/webhooks", 400, cursor="evt_/x")

    def test_an_event_is_tried_again_with_a_record_and_once_for_a_key(self, desk: Desk) -> None:
        """The job that drains the inbox takes it; a finished one is left alone."""
        event_id = arrive("dead", attempts=8)

        first = retry(desk, event_id, key="k1")
        again = retry(desk, event_id, key="k1")
        other = retry(desk, event_id, key="k1", reason="another")

        assert first.status_code == again.status_code == 200, first.text
        assert first.json == again.json
        assert other.status_code == 409
        record = first.json["audit"]
        assert record["before"] == {"status": "dead", "attempts": 8}
        kept = inbox_store.find_listed(event_id)
        assert kept is not None
        assert (kept.status, kept.attempts, kept.next_try_at) == ("stored", 0, NOON)
        due = inbox_store.find_waiting(event_id)
        assert due is not None
        done = {"status": "applied", "next_try_at": None}
        fields = get_all([f"stripe_events/{event_id}"])[0].fields
        assert fields is not None
        commit([Put(f"stripe_events/{event_id}", {**fields, **done})])
        assert retry(desk, event_id).status_code == 409
        assert retry(desk, "evt_nobody").status_code == 404
        assert retry(desk, "x").status_code == 404
        assert retry(desk, event_id, reason="").status_code == 400

    @pytest.mark.usefixtures("firestore_host", "project")
    def test_the_command_line_does_the_same(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The same use case leaves the same record, in the name of the command line."""
        event_id = arrive("quarantined", attempts=1)

        assert main(["inbox", "list", "parked"]) == 0
        assert event_id in capsys.readouterr().out
        assert main(["inbox", "retry", event_id, "--reason", "ours by now"]) == 0

        assert "status: quarantined -> stored" in capsys.readouterr().out
        kept = inbox_store.find_listed(event_id)
        assert kept is not None
        assert kept.status == "stored"

    def test_what_waits_for_a_webhook_is_listed(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Webhook by webhook, each delivery once; what has ended is not there."""
        monkeypatch.setattr("creditbase.hub.admin_webhooks.DELIVERIES", 1)
        webhook_id = str(uuid4())
        fields = {
            "project_id": HUB_PROJECT_ID,
            "webhook_id": webhook_id,
            "event_id": str(uuid4()),
            "event_type": "customer.created",
            "body": "{}",
        }
        made = [str(uuid4()) for _ in range(3)]
        writes = [
            create_parcel(f"deliveries/{name}", fields, now=NOON, queue=webhook_id)
            for name in made
        ]
        commit(writes)
        seen: list[str] = []
        cursor = ""
        while True:
            page = get(desk, "/admin/webhooks/deliveries", cursor=cursor)
            seen += [it["id"] for it in page["deliveries"] if it["webhook_id"] == webhook_id]
            cursor = page.get("next_cursor", "")
            if not cursor:
                break

        assert seen == sorted(made)
        waiting = {it["name"]: it["waiting"] for it in get(desk, "/admin/health")["outboxes"]}
        assert waiting["deliveries"] >= 3
        get(desk, "/admin/webhooks/deliveries", 400, cursor="x")


class TestHealth:
    """The whole house in one look."""

    def test_the_jobs_last_runs_are_shown_with_the_last_trouble(self, desk: Desk) -> None:
        """A smooth run does not hide what failed in the one before it."""
        keep_report(Report("drain_inbox", 1, 2, is_complete=False), NOON)
        keep_report(Report("drain_inbox", 3, 0, is_complete=True), NOON + timedelta(minutes=5))
        arrive("stored")

        body = get(desk, "/admin/health")

        job = next(it for it in body["jobs"] if it["name"] == "drain_inbox")
        assert (job["last_run"]["done"], job["last_trouble"]["failed"]) == (3, 2)
        assert body["inbox"]["waiting"] >= 1

    def test_a_hold_that_nobody_ended_is_named(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The scheduler stands still where such are found; other tests have left some, too."""
        monkeypatch.setattr("creditbase.admin.health.NAMED_MAX", 10_000)
        wallet, later = desk.reader.wallet, NOON + timedelta(hours=2)
        wallet.hold("open", 5_000_000)
        before = {it.ref.customer_id for it in look(NOON).overdue}
        desk.reader.clock.at = later

        found = {it.ref.customer_id for it in look(later).overdue}
        shown = get(desk, "/admin/health")["overdue_holds"]

        assert wallet.ref.customer_id not in before
        assert wallet.ref.customer_id in found
        assert 0 < len(shown["wallets"]) <= 20
        assert shown["are_all"] == (len(found) <= 20)


@pytest.mark.parametrize(
    "path",
    ["/admin/payments", "/admin/webhooks", "/admin/webhooks/deliveries", "/admin/health"],
)
def test_nobody_else_may_look(desk: Desk, path: str) -> None:
    """A customer's own credentials open none of them."""
    functions = {"payments": admin_payments, "webhooks": admin_webhooks, "health": admin_health}
    client = client_of(functions[path.split("/")[2]])

    as_user = client.get(path, headers=desk.reader.signer.headers(desk.reader.uid))
    as_nobody = client.get(path)

    assert (as_user.status_code, json_of(as_user)["code"]) == (403, "ADMIN_REQUIRED")
    assert as_nobody.status_code == 401


def disputed(project_id: str, customer_id: str, cents: int) -> Payment:
    """Keep a payment that a bank disputes."""
    payment = Payment(
        payment_id=f"pi_{uuid4().hex}",
        session_id="",
        project_id=project_id,
        customer_id=customer_id,
        stripe_customer_id="cus_1",
        kind="topup",
        tier="small",
        currency="usd",
        paid_cents=1_000,
        granted_nanos=1,
        grant_id="g",
        created_at=NOON,
        expires_at=None,
    )
    return dispute(project_id, customer_id, payment, cents)


def dispute(project_id: str, customer_id: str, payment: Payment, cents: int) -> Payment:
    """Keep a step of a payment: so much of it is disputed by now."""
    step = Return(
        amount_nanos=0, owes_rest=False, target_nanos=0, refunded_cents=0, disputed_cents=cents
    )
    stepped = replace(payment, returns=(*payment.returns, step))
    account = store.load_account(CustomerRef(project_id, customer_id))
    commit(store.writes_for_payment(account, stepped))
    return stepped

"""What operators do, over HTTP: once for each key, and recorded in the commit of its effect."""

from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from creditbase.accounts.store import customer_path
from creditbase.admin.acting import adjust
from creditbase.admin.audit_store import find_audit
from creditbase.admin.domain.audit import Deed
from creditbase.admin.domain.vouchers import code_digest
from creditbase.hub.admin_audit import admin_audit
from creditbase.hub.admin_customers import admin_customers
from creditbase.hub.admin_vouchers import admin_vouchers
from creditbase.kernel.errors import Retryable
from creditbase.kernel.money import AMOUNT_NANOS_MAX, NANOS_PER_CREDIT
from creditbase.ledger.domain.commands import Freeze
from creditbase.ledger.domain.wallet import DELETED
from creditbase.runtime.firestore import Update, commit, get_all
from tests.hub.reader import json_of, reader
from tests.hub.test_admin_customers import Desk, desk
from tests.ledger.wallets import in_parallel
from tests.runtime.wiring import client_of
from tests.wire import FAULTS, Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "desk", "reader", "wire"]
pytestmark = pytest.mark.firestore

CREDIT = NANOS_PER_CREDIT
START = 500 * CREDIT
BODIES: dict[str, dict[str, Any]] = {
    "adjust": {"amount_nanos": -3},
    "grant": {"kind": "promo", "credits": 2},
    "freeze": {},
    "thaw": {},
    "shadow": {"is_on": True},
}


def post(
    desk: Desk, action: str, body: object = None, *, key: str = "", customer: str = ""
) -> TestResponse:
    """Ask for an action as the admin, under a key of its own where none is given."""
    headers = desk.reader.signer.headers(desk.admin_uid)
    headers["Idempotency-Key"] = key or uuid4().hex
    path = f"/admin/customers/{customer or desk.customer_id}/{action}"
    given = {"reason": "they asked", **(BODIES[action] if body is None else body)}  # type: ignore[dict-item]
    return client_of(admin_customers).post(path, headers=headers, json=given)


def done(desk: Desk, action: str, body: object = None, *, key: str = "") -> dict[str, Any]:
    """Do it, and return the record."""
    answer = post(desk, action, body, key=key)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json_of(answer)["audit"]
    return found


def available(desk: Desk) -> int:
    """Return what can be spent."""
    return desk.reader.wallet.available()


class TestActions:
    """Each does one thing and says what it changed."""

    def test_credits_are_given_and_taken_and_name_what_they_correct(self, desk: Desk) -> None:
        """The customer's own receipt shows the entry that was put right."""
        charged = desk.reader.call_model(input_tokens=12_345)
        before = available(desk)
        up = done(desk, "adjust", {"amount_nanos": 7, "corrects": charged})
        down = done(desk, "adjust", {"amount_nanos": -9, "corrects": charged})

        assert available(desk) == before - 2
        assert down["after"]["available_nanos"] == before - 2
        assert down["before"]["available_nanos"] == before + 7
        for record in (up, down):
            receipt = json_of(desk.reader.ask(f"/ledger/{record['entry_id']}"))["entry"]
            assert (receipt["corrects"], receipt["description"]) == (charged, "Adjustment")

    def test_more_than_is_there_is_not_taken_and_owed_only_where_asked(
        self, desk: Desk
    ) -> None:
        """Never below zero."""
        first = done(desk, "adjust", {"amount_nanos": -START - 5})
        second = done(desk, "adjust", {"amount_nanos": -5, "owes_rest": True})

        figures = ("available_nanos", "receivable_nanos")
        assert [first["after"][name] for name in figures] == [0, 0]
        assert [second["after"][name] for name in figures] == [0, 5]

    def test_a_gift_has_a_kind_and_an_end(self, desk: Desk) -> None:
        """The end is outside; one that is over already is refused."""
        body = {"kind": "promo", "credits": 2, "expires_at": "2026-03-10T12:00:01Z"}

        record = done(desk, "grant", body)

        assert available(desk) == START + 2 * CREDIT
        assert record["asked"]["expires_at"] == "2026-03-10T12:00:01.000000Z"
        late = post(desk, "grant", {**body, "expires_at": "2026-03-10T12:00:00Z"})
        assert (late.status_code, json_of(late)["field"]) == (400, "expires_at")

    def test_who_is_frozen_spends_nothing_until_thawed(self, desk: Desk) -> None:
        """The reason is in the record, and not in what the customer may read."""
        frozen = done(desk, "freeze")
        state = desk.reader.wallet.state()["frozen"]
        thawed = done(desk, "thaw")

        assert (frozen["after"]["frozen"], state) == ("operator", "operator")
        assert (thawed["before"]["frozen"], thawed["after"]["frozen"]) == ("operator", "")
        assert "entry_id" not in frozen

    def test_an_old_freeze_that_is_repeated_after_a_thaw_freezes_nobody(
        self, desk: Desk
    ) -> None:
        """A retry that was late for hours is answered with what it did then."""
        first = done(desk, "freeze", key="once")
        done(desk, "thaw")

        assert done(desk, "freeze", key="once") == first
        assert desk.reader.wallet.state()["frozen"] == ""


class TestKeys:
    """One effect for each key."""

    @pytest.mark.parametrize("action", BODIES)
    def test_the_same_key_twice_is_one_action_with_one_answer(
        self, desk: Desk, action: str
    ) -> None:
        """And another body, reason or action under it is refused."""
        key = uuid4().hex
        first = done(desk, action, key=key)
        seq = desk.reader.wallet.state()["seq"]

        again = done(desk, action, key=key)
        other = post(desk, action, {**BODIES[action], "reason": "another"}, key=key)
        swapped = post(desk, "thaw" if action == "freeze" else "freeze", key=key)

        assert again == first
        assert desk.reader.wallet.state()["seq"] == seq
        for refused in (other, swapped):
            assert (refused.status_code, json_of(refused)["code"]) == (409, "CONFLICT")

    def test_the_same_key_in_parallel_is_one_action(self, desk: Desk) -> None:
        """Two clicks, two tabs, two servers."""
        deed = Deed(
            action="adjust",
            actor="ada",
            key=uuid4().hex,
            reason="twice",
            project_id=desk.reader.wallet.ref.project_id,
            customer_id=desk.customer_id,
        )
        now = desk.reader.clock.at

        found = in_parallel(4, lambda _: adjust(deed, amount_nanos=-3, now=now))

        assert found == [find_audit(deed.audit_id)] * 4
        assert available(desk) == START - 3

    def test_different_keys_in_parallel_all_take_effect(self, desk: Desk) -> None:
        """Each on what the one before it left."""
        wallet, now = desk.reader.wallet, desk.reader.clock.at

        def one(number: int) -> object:
            deed = Deed(
                action="adjust",
                actor="ada",
                key=f"{number}",
                reason="each",
                project_id=wallet.ref.project_id,
                customer_id=desk.customer_id,
            )
            return adjust(deed, amount_nanos=-1, now=now).after["available_nanos"]

        assert sorted(in_parallel(3, one), key=str) == [START - 3, START - 2, START - 1]

    @pytest.mark.parametrize("key", ["", " ", "a" * 256, "ü"])
    def test_an_action_needs_a_key(self, desk: Desk, key: str) -> None:
        """Without one a retry would be a second action."""
        headers = {**desk.reader.signer.headers(desk.admin_uid), "Idempotency-Key": key}
        path = f"/admin/customers/{desk.customer_id}/freeze"

        answer = client_of(admin_customers).post(path, headers=headers, json={"reason": "x"})

        assert (answer.status_code, json_of(answer)["field"]) == (400, "Idempotency-Key")


class TestRefusals:
    """What is not done, and leaves no record."""

    @pytest.mark.parametrize(
        ("action", "body", "field"),
        [
            ("freeze", {"reason": ""}, "reason"),
            ("freeze", {"reason": "   "}, "reason"),
            ("freeze", {"reason": "a" * 501}, "reason"),
            ("freeze", {"reason": "so\x1b[2J"}, "reason"),
            ("freeze", {"reason": "so\nfar"}, "reason"),
            ("freeze", {"reason": "\u202eos"}, "reason"),
            ("freeze", {"because": "x"}, "because"),
            ("refund", {"payment": "pi_1", "amount_cents": 0}, "amount_cents"),
            ("refund", {"payment": "pi_1", "amount_cents": -1}, "amount_cents"),
            ("refund", {"payment": "pi_1", "amount_cents": 1.5}, "amount_cents"),
            ("refund", {"payment": "pi_1", "amount_cents": 100_000_000}, "amount_cents"),
            ("refund", {"payment": "pi_1", "amount_cents": "1"}, "amount_cents"),
            ("refund", {"payment": "cs_1"}, "payment"),
            ("refund", {}, "payment"),
            ("plan", {"plan": "gold"}, "plan"),
            ("plan", {"plan": ""}, "plan"),
            ("plan", {"plan": "pro", "when": "soon"}, "when"),
            ("plan", {"plan": "pro", "project_id": "x/y"}, "project_id"),
            ("adjust", {"amount_nanos": 0}, "amount_nanos"),
            ("adjust", {"amount_nanos": AMOUNT_NANOS_MAX + 1}, "amount_nanos"),
            ("adjust", {"amount_nanos": -AMOUNT_NANOS_MAX - 1}, "amount_nanos"),
            ("adjust", {"amount_nanos": 1.5}, "amount_nanos"),
            ("adjust", {"amount_nanos": "1"}, "amount_nanos"),
            ("adjust", {"amount_nanos": True}, "amount_nanos"),
            ("adjust", {"amount_nanos": 1, "owes_rest": True}, "owes_rest"),
            ("adjust", {"amount_nanos": 1, "corrects": "none"}, "corrects"),
            ("adjust", {"amount_nanos": 1, "corrects": "a/b"}, "corrects"),
            ("adjust", {"amount_nanos": 1, "corrects": "__x__"}, "corrects"),
            ("adjust", {"amount_nanos": AMOUNT_NANOS_MAX}, "amount_nanos"),
            ("grant", {"kind": "promo", "credits": 0}, "credits"),
            ("grant", {"kind": "promo", "credits": -1}, "credits"),
            ("grant", {"kind": "promo", "credits": 9_007_199_254}, "amount_nanos"),
            ("grant", {"kind": "topup", "credits": 1}, "kind"),
            ("grant", {"kind": "promo", "credits": 1, "expires_at": "soon"}, "expires_at"),
        ],
    )
    def test_what_cannot_be_is_said_to_be_wrong(
        self, desk: Desk, action: str, body: dict[str, Any], field: str
    ) -> None:
        """With the name of the field; nothing changes."""
        seq = desk.reader.wallet.state()["commits"]

        answer = post(desk, action, body)

        assert (answer.status_code, json_of(answer).get("field")) == (400, field), answer.text
        assert desk.reader.wallet.state()["commits"] == seq

    @pytest.mark.parametrize("action", BODIES)
    def test_nobody_acts_on_a_customer_who_is_not_there(self, desk: Desk, action: str) -> None:
        """Never was, or was deleted: also half way, where only the wallet knows it yet."""
        assert post(desk, action, customer=str(uuid4())).status_code == 404
        wallet = desk.reader.wallet
        wallet.run(Freeze(DELETED))
        assert post(desk, action).status_code == 404
        (found,) = get_all([customer_path(wallet.ref.project_id, desk.customer_id)])
        assert found.version is not None
        commit([Update(found.path, {("deleted_at",): wallet.now}, found.version)])

        assert post(desk, action).status_code == 404
        assert wallet.state()["frozen"] == DELETED


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("rpc", ["BatchGetDocuments", "Commit"])
def test_whatever_breaks_the_action_is_done_once_and_recorded(
    desk: Desk, wire: Wire, rpc: str, fault: str
) -> None:
    """Every kind of fault at the first read, and at the one commit; then the caller repeats."""
    deed = Deed(
        action="adjust",
        actor="ada",
        key=uuid4().hex,
        reason="faulty",
        project_id=desk.reader.wallet.ref.project_id,
        customer_id=desk.customer_id,
    )
    now = desk.reader.clock.at
    wire.reset()
    wire.faults[0 if rpc == "BatchGetDocuments" else 3] = FAULTS[fault]

    for _ in range(2):
        try:
            adjust(deed, amount_nanos=-3, now=now)
        except Retryable:
            continue
    wire.reset()
    wire.wait_for_late()
    audit = adjust(deed, amount_nanos=-3, now=now)

    assert available(desk) == START - 3
    assert audit == find_audit(deed.audit_id)
    assert audit.entry_id == f"adjust:{deed.audit_id}"


class TestVouchers:
    """Codes are made and taken out of use, with a record that does not hold the code."""

    def ask(self, desk: Desk, path: str, body: dict[str, Any], *, key: str) -> TestResponse:
        """Ask as the admin."""
        headers = {**desk.reader.signer.headers(desk.admin_uid), "Idempotency-Key": key}
        return client_of(admin_vouchers).post(
            f"/admin/vouchers{path}", headers=headers, json=body
        )

    def test_a_voucher_is_made_and_disabled_once(self, desk: Desk) -> None:
        """A repeat answers with the same record; other terms for the same code are refused."""
        code, key = f"Code-{uuid4().hex}", uuid4().hex
        terms = {
            "reason": "conference",
            "code": code,
            "credits": 5,
            "max_uses": 3,
            "expires_at": "2027-01-01T00:00:00Z",
        }

        made = [self.ask(desk, "", terms, key=key) for _ in range(2)]
        other = self.ask(desk, "", {**terms, "credits": 6}, key=uuid4().hex)
        ended = self.ask(desk, "/disable", {"reason": "over", "code": code}, key=uuid4().hex)
        again = self.ask(desk, "/disable", {"reason": "over", "code": code}, key=uuid4().hex)
        nobody = self.ask(desk, "/disable", {"reason": "over", "code": key}, key=uuid4().hex)

        assert [it.status_code for it in (*made, other, ended, again, nobody)] == [
            *(200, 200, 409, 200, 200, 404)
        ]
        assert json_of(made[0]) == json_of(made[1])
        assert json_of(made[0])["audit"]["asked"]["voucher"] == code_digest(code)
        assert code not in made[0].text
        swapped = self.ask(desk, "/disable", {"reason": "over", "code": code}, key=key)
        assert swapped.status_code == 409


class TestAudit:
    """Who did what, newest first."""

    def ask(self, desk: Desk, status: int = 200, **query: str) -> dict[str, Any]:
        """Ask as the admin."""
        headers = desk.reader.signer.headers(desk.admin_uid)
        answer = client_of(admin_audit).get("/admin/audit", headers=headers, query_string=query)
        assert answer.status_code == status, answer.text
        return json_of(answer)

    def test_all_that_was_done_to_a_customer_is_there_page_by_page(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also what happened in the same microsecond."""
        monkeypatch.setattr("creditbase.admin.audit_store.PAGE", 3)
        made = [done(desk, "adjust", {"amount_nanos": 1})["id"] for _ in range(4)]
        desk.reader.clock.pass_on(days=1)
        made.append(done(desk, "freeze")["id"])

        first = self.ask(desk, customer_id=desk.customer_id)
        rest = self.ask(desk, customer_id=desk.customer_id, cursor=first["next_cursor"])

        shown = [*first["records"], *rest["records"]]
        assert shown[0]["action"] == "freeze"
        assert shown[0]["actor"] == desk.admin_uid
        assert sorted(it["id"] for it in shown) == sorted(made)
        assert "next_cursor" not in rest
        assert self.ask(desk)["records"]

    @pytest.mark.parametrize("query", [{"cursor": "x"}, {"customer_id": "a" * 37}])
    def test_what_cannot_be_read_is_refused(self, desk: Desk, query: dict[str, str]) -> None:
        """Instead of an empty page."""
        self.ask(desk, 400, **query)

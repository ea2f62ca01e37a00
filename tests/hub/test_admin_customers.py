"""`/admin/customers`: what an operator finds and reads, over HTTP."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import customer_path
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_customer, ensure_project
from creditbase.admin.roles import make_admin
from creditbase.hub.admin_customers import admin_customers
from creditbase.payments import store as payments
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Update, commit, get_all
from tests.hub.conftest import a_user
from tests.hub.reader import Reader, json_of, reader
from tests.relay.desk import NOON
from tests.runtime.wiring import client_of
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "reader", "wire"]
pytestmark = pytest.mark.firestore
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass
class Desk:
    """An admin, and a customer to look at."""

    reader: Reader
    admin_uid: str
    client: FlaskClient

    @property
    def customer_id(self) -> str:
        """Return whom it is about."""
        return self.reader.wallet.ref.customer_id

    def get(self, path: str = "", status: int = 200, **query: str) -> dict[str, Any]:
        """Get something below the customers as the admin."""
        headers = self.reader.signer.headers(self.admin_uid)
        path, _, typed = path.partition("?")
        answer = self.client.get(
            f"/admin/customers{path}", headers=headers, query_string=typed or query
        )
        assert answer.status_code == status, answer.text
        return json_of(answer)

    def found(self, text: str, **query: str) -> list[str]:
        """Return whom a text finds."""
        return [it["id"] for it in self.get("", 200, query=text, **query)["customers"]]


@pytest.fixture
def desk(reader: Reader) -> Desk:
    """Return an admin beside a user of the hub."""
    uid = a_user(now=NOON)
    make_admin(uid, reason="a test", now=NOON)
    return Desk(reader, uid, client_of(admin_customers))


class TestSearch:
    """Exact, and by what an operator has at hand."""

    def test_a_customer_is_found_by_id_uid_address_and_stripe(self, desk: Desk) -> None:
        """Whatever a mail, a log line or Stripe's dashboard says."""
        address, stripe_id = f"{uuid4().hex}@Example.com", f"cus_{uuid4().hex}"
        ref = CustomerRef(HUB_PROJECT_ID, desk.customer_id)
        account = payments.load_account(ref)
        commit(payments.writes_for_link(account, stripe_id, now=NOON))
        (found,) = get_all([customer_path(ref.project_id, ref.customer_id)])
        assert found.version is not None
        changes: dict[tuple[str, ...], object] = {
            ("email",): address,
            ("email_key",): address.casefold(),
        }
        commit([Update(found.path, changes, found.version)])

        texts = [desk.customer_id, desk.customer_id.upper(), desk.reader.uid, stripe_id]
        for text in [*texts, address, f" {address.upper()} "]:
            assert desk.found(text) == [desk.customer_id], text

    def test_a_user_of_the_hub_is_found_by_the_address_that_signs_in(self, desk: Desk) -> None:
        """It is Firebase that knows it: nobody has told the hub."""
        address = f"{uuid4().hex}@example.com"
        elsewhere = ensure_project(f"p{uuid4().hex}", now=NOON).project_id
        ensure_customer(elsewhere, desk.reader.uid, now=NOON)

        desk.reader.signer.accounts[desk.reader.uid] = {"validSince": "0", "email": address}

        assert desk.found(address) == desk.found(address.upper()) == [desk.customer_id]
        assert desk.found(address, project_id=elsewhere) == []
        for text in (f"x{address}", "@", "no@address@at.all"):
            assert desk.found(text) == [], text

    def test_what_is_not_there_is_not_found(self, desk: Desk) -> None:
        """No prefix, no likeness, nobody of another project."""
        elsewhere = ensure_project(f"p{uuid4().hex}", now=NOON).project_id
        other = ensure_customer(elsewhere, "ada", now=NOON)

        for text in (
            str(uuid4()),
            desk.reader.uid[:-1],
            "cus_nobody",
            "pi_no",
            "cs_no",
            "a@b.c",
        ):
            assert desk.found(text) == [], text
        assert desk.found(other.customer_id) == []
        assert desk.found("ada", project_id=elsewhere) == [other.customer_id]
        assert desk.found("cus_a/b") == desk.found("cus_ü") == []

    def test_without_a_query_all_are_listed_page_by_page(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By id, each once; the stones of deleted ones are none."""
        monkeypatch.setattr("creditbase.admin.customers.PAGE", 2)
        project_id = ensure_project(f"p{uuid4().hex}", now=NOON).project_id
        made = {ensure_customer(project_id, f"c{n}", now=NOON).customer_id for n in range(5)}
        gone = min(made)
        (found,) = get_all([customer_path(project_id, gone)])
        assert found.version is not None
        commit([Update(found.path, {("deleted_at",): NOON}, found.version)])

        seen: list[str] = []
        cursor = ""
        for _ in range(3):
            page = desk.get("", 200, project_id=project_id, cursor=cursor)
            seen += [it["id"] for it in page["customers"]]
            cursor = page.get("next_cursor", "")

        assert cursor == ""
        assert seen == sorted(made - {gone})

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({"query": " "}, 400),
            ({"query": "a" * 321}, 400),
            ({"query": "a\nb"}, 400),
            ({"project_id": "hub"}, 400),
            ({"cursor": "x"}, 404),
        ],
    )
    def test_what_cannot_be_read_is_refused(
        self, desk: Desk, query: dict[str, str], status: int
    ) -> None:
        """With a sentence instead of an empty list."""
        desk.get("", status, **query)


class TestOne:
    """A customer, its wallet and its ledger."""

    def test_a_customer_is_shown_with_what_is_in_the_wallet(self, desk: Desk) -> None:
        """Balance, grants, holds, and whether anything stops it."""
        desk.reader.wallet.hold("open", 5_000_000)

        shown = desk.get(f"/{desk.customer_id}")["customer"]

        assert shown["uid"] == desk.reader.uid
        wallet = shown["wallet"]
        assert (wallet["available_nanos"], wallet["held_nanos"]) == (495_000_000, 5_000_000)
        assert (wallet["open_holds"], wallet["frozen"], wallet["parked"]) == (1, "", "")
        assert [grant["kind"] for grant in wallet["grants"]] == ["free"]

    def test_a_customer_without_a_wallet_is_shown_too(self, desk: Desk) -> None:
        """Nobody of the relay has one before the first call."""
        project_id = ensure_project(f"p{uuid4().hex}", now=NOON).project_id
        customer = ensure_customer(project_id, "ada", now=NOON)

        shown = desk.get(f"/{customer.customer_id}", project_id=project_id)["customer"]

        assert (shown["external_id"], "wallet" in shown) == ("ada", False)

    def test_the_ledger_says_what_a_call_cost_and_left(self, desk: Desk) -> None:
        """To the nano; what took nothing has neither."""
        desk.reader.call_model(input_tokens=12_345)
        desk.reader.call_model(input_tokens=1)

        first = desk.get(f"/{desk.customer_id}/ledger", limit="1")
        rest = desk.get(f"/{desk.customer_id}/ledger", cursor=first["next_cursor"])

        rows = [*first["entries"], *rest["entries"]]
        assert [row["seq"] for row in rows] == [3, 2, 1]
        assert "next_cursor" not in rest
        charge, grant = rows[1], rows[2]
        assert charge["cost_nanos"] > 0
        assert charge["margin_nanos"] == charge["captured_nanos"] - charge["cost_nanos"]
        assert "cost_nanos" not in grant

    def test_an_entry_is_computed_again_and_a_forged_one_is_found(self, desk: Desk) -> None:
        """As the command does it."""
        entry_id = desk.reader.call_model(input_tokens=12_345)
        path = desk.reader.wallet.ref.entry(entry_id)
        address = f"/{desk.customer_id}/ledger/{entry_id}/explain"

        honest = desk.get(address)
        (kept,) = get_all([path])
        assert kept.fields is not None
        commit([firestore.Put(path, {**kept.fields, "captured_nanos": 1})])
        forged = desk.get(address)
        commit([firestore.Put(path, kept.fields)])

        assert (honest["agrees"], honest["is_book_checked"]) == (True, True)
        assert honest["price_nanos"] > honest["cost_nanos"]
        assert (honest["prev"], honest["hash"]) == (kept.fields["prev"], kept.fields["hash"])
        assert not forged["agrees"]
        assert "hash" in {it["what"] for it in forged["differences"]}

    def test_a_grant_is_explained_without_a_price(self, desk: Desk) -> None:
        """Nothing of it was priced."""
        found = desk.get(f"/{desk.customer_id}/ledger/free:0/explain")

        assert found["agrees"]
        assert "margin" not in found

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/nobody", 404),
            (f"/{NOBODY}", 404),
            (f"/{NOBODY}/ledger", 404),
            ("/{id}/ledger/none/explain", 404),
            ("/{id}/ledger/.x/explain", 400),
            ("/{id}/ledger?limit=0", 400),
            ("/{id}/ledger?cursor=x", 400),
        ],
    )
    def test_what_is_not_there_is_404_and_nonsense_400(
        self, desk: Desk, path: str, status: int
    ) -> None:
        """As everywhere else in the hub."""
        desk.get(path.replace("{id}", desk.customer_id), status)

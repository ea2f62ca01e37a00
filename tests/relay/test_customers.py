"""`/customers`: made, changed, found, listed and deleted by a project's back end."""

import re
from collections import Counter
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest

from creditbase.accounts import customer_store
from creditbase.accounts.store import name_path
from creditbase.kernel.errors import NotFound
from creditbase.ledger import use_cases as ledger
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.firestore import get_all
from tests.catalog.tiers import a_tier
from tests.relay.backend import Backend, a_name, in_a_path, made
from tests.relay.desk import Tenant, at_once, code_of, json_of, wrong_field
from tests.wire import FAULTS, Wire

pytestmark = pytest.mark.firestore
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
COMMIT = 3
"""The RPC that makes a customer, after the key, the name and the project were read."""
NOON = "2026-03-10T12:00:00Z"


class TestMaking:
    """`POST /customers`."""

    def test_a_new_customer_has_all_its_fields_nested(self, backend: Backend) -> None:
        """Flat ones would make one of the SDKs lose the subscription."""
        name = a_name()

        answer = backend.creates(name, metadata={"plan": "gold", "seats": [1, None, [2.5]]})

        assert answer.status_code == 201
        customer = json_of(answer)["customer"]
        inner = customer.pop("customer")
        assert customer == {}
        assert UUID.fullmatch(inner.pop("id"))
        assert inner == {
            "project_id": backend.project_id,
            "external_id": name,
            "email": "user@example.com",
            "metadata": {"plan": "gold", "seats": [1, None, [2.5]]},
            "created_at": NOON,
            "updated_at": NOON,
        }

    def test_it_has_a_wallet_and_can_spend_nothing(self, backend: Backend) -> None:
        """Nobody has put it on a tier yet."""
        customer = made(backend)
        ref = WalletRef(backend.project_id, customer["id"])

        balance, _ = ledger.load_balance(ref, now=backend.clock.at)

        assert (balance.terms.plan_code, balance.terms.draws_wallet) == ("", False)

    def test_a_taken_external_id_is_a_conflict_always(self, backend: Backend) -> None:
        """Also with the very same body: whoever wants that asks with PUT."""
        name = a_name()
        made(backend, name)

        assert code_of(backend.creates(name)) == (409, "CONFLICT")
        assert code_of(backend.creates(name, email="other@example.com")) == (409, "CONFLICT")

    def test_of_many_who_make_the_same_one_succeeds(self, backend: Backend) -> None:
        """The id follows from the name, so nobody else can have made it."""
        name = a_name()

        answers = at_once(12, lambda _: backend.creates(name))

        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 11}

    @pytest.mark.parametrize("fault", sorted(FAULTS))
    def test_a_lost_reply_is_no_rival(self, backend: Backend, wire: Wire, fault: str) -> None:
        """Applied with its answer lost, or never applied: it becomes our own customer."""
        wire.faults[COMMIT] = FAULTS[fault]

        assert backend.creates(a_name()).status_code == 201
        assert len(wire.rpcs) > COMMIT + 1

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("external_id", ""),
            ("external_id", "x" * 256),
            ("external_id", 7),
            ("email", ""),
            ("email", "nobody"),
            ("email", "a b@example.com"),
            ("email", "a@example"),
            ("email", "a@-example.com"),
            ("email", f"{'x' * 65}@example.com"),
            ("metadata", []),
            ("metadata", "text"),
            ("project_id", "2fa0e9ec-1a4f-5a4b-9c0f-2f3b7a11ffff"),
            ("id", "2fa0e9ec-1a4f-5a4b-9c0f-2f3b7a11ffff"),
        ],
    )
    def test_what_is_wrong_is_named(self, backend: Backend, field: str, value: object) -> None:
        """The SDKs show `fields`; a project in the body is refused like anything unknown."""
        body = {"external_id": a_name(), "email": "user@example.com", field: value}

        for method in ("POST", "PUT"):
            assert wrong_field(backend.customers(method, "", body)) == field

    @pytest.mark.parametrize(
        "email", ["a@b.co", "first.last+tag@sub.example.com", "üser@exämple.de"]
    )
    def test_usual_addresses_are_taken(self, backend: Backend, email: str) -> None:
        """A customer must not be lost to a rule that is too clever."""
        assert made(backend, email=email)["email"] == email


class TestUpserting:
    """`PUT /customers`, which the SDKs do before every sign-in."""

    def test_it_makes_and_then_changes(self, backend: Backend) -> None:
        """201 and then 200, the same customer; without metadata what is there stays."""
        name = a_name()
        first = backend.upserts(name, metadata={"a": 1})
        backend.clock.pass_on(hours=1)

        second = backend.upserts(name, email="new@example.com")
        third = backend.upserts(name, email="new@example.com", metadata={})

        assert [first.status_code, second.status_code, third.status_code] == [201, 200, 200]
        before, after, emptied = (
            json_of(answer)["customer"]["customer"] for answer in (first, second, third)
        )
        assert after == {
            **before,
            "email": "new@example.com",
            "updated_at": "2026-03-10T13:00:00Z",
        }
        assert emptied["metadata"] == {}

    def test_nothing_new_is_nothing_written(self, backend: Backend, wire: Wire) -> None:
        """A sign-in is not a change."""
        name = a_name()
        backend.upserts(name, metadata={"a": {"b": 1}})
        wire.reset()

        backend.upserts(name, metadata={"a": {"b": 1}})

        assert wire.counts[2] == 0

    def test_what_is_equal_to_python_alone_is_a_change(self, backend: Backend) -> None:
        """JSON knows `1`, `1.0` and `true` apart, and so does whoever reads it back."""
        name = a_name()
        backend.upserts(name, metadata={"flag": 1})

        backend.upserts(name, metadata={"flag": True})

        shown = backend.customers("GET", f"/by-external-id/{name}")
        assert json_of(shown)["customer"]["customer"]["metadata"]["flag"] is True

    def test_fifty_at_once_make_one_customer(self, backend: Backend) -> None:
        """One is told that it is new; all are told of the same."""
        name = a_name()

        answers = at_once(50, lambda _: backend.upserts(name))

        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 49}
        ids = {json_of(answer)["customer"]["customer"]["id"] for answer in answers}
        assert len(ids) == 1


class TestFinding:
    """By id, by the project's own name, and all of them."""

    @pytest.mark.parametrize(
        "name", ["a/b//c", "/edge/", "%2F", "ü 雪 +&?#", ".", "x" * 255, "subscription"]
    )
    def test_any_text_is_a_name(self, backend: Backend, name: str) -> None:
        """Slashes too: it is the developer's own id, a path or an address."""
        customer = made(backend, name)

        found = backend.customers("GET", f"/by-external-id/{in_a_path(name)}")

        assert json_of(found)["customer"]["customer"] == customer
        backend.customers("DELETE", f"/{customer['id']}")

    def test_a_slash_that_a_proxy_has_decoded_is_one_still(self, backend: Backend) -> None:
        """Not every proxy keeps `%2F`."""
        name = f"org/{a_name()}"
        customer = made(backend, name)

        found = backend.customers("GET", f"/by-external-id/{unquote(in_a_path(name))}")

        assert json_of(found)["customer"]["customer"]["id"] == customer["id"]

    def test_a_name_that_is_too_long_is_refused(self, backend: Backend) -> None:
        """It cannot be anybody's."""
        answer = backend.customers("GET", f"/by-external-id/{'x' * 256}")

        assert wrong_field(answer) == "external_id"

    def test_ids_are_the_same_in_any_case(self, backend: Backend) -> None:
        """Swift writes UUIDs in capitals."""
        customer = made(backend)

        found = backend.customers("GET", f"/{customer['id'].upper()}")

        assert json_of(found)["customer"]["customer"] == customer

    def test_the_list_has_everybody_with_two_flat_names(
        self, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the order in which they came, however many pages the store has."""
        own = Backend(backend.clients, Tenant.made(), backend.clock)
        monkeypatch.setattr(customer_store, "PAGE", 2)
        tier_id = str(uuid4())
        tier = own.has(a_tier(tier_id=tier_id, project_id=own.project_id, code="starter"))
        assert json_of(own.customers("GET")) == {"customers": []}
        names = []
        for _ in range(5):
            names.append(made(own)["external_id"])
            own.clock.pass_on(seconds=1)
        own.minted(customer_external_id=names[3], tier_code=tier.code)

        listed = json_of(own.customers("GET"))["customers"]

        assert [item["external_id"] for item in listed] == names
        assert [item.get("tier_code") for item in listed] == [None] * 3 + ["starter", None]
        assert [item["customer"]["external_id"] for item in listed] == names
        assert listed[3]["subscription"]["subscription_status"] == "active"
        assert "tier_code" not in listed[0]
        assert "subscription" not in listed[0]

    def test_a_customer_alone_shows_its_subscription_nested(self, backend: Backend) -> None:
        """With the names of the older shape beside those of today."""
        tier_id = str(uuid4())
        code = f"t-{tier_id[:8]}"
        backend.has(a_tier(tier_id=tier_id, project_id=backend.project_id, code=code))
        customer = made(backend)
        backend.minted(customer_id=customer["id"], tier_code=code)

        shown = json_of(backend.customers("GET", f"/{customer['id']}"))["customer"]

        assert shown.keys() == {"customer", "subscription"}
        held = shown["subscription"]
        assert UUID.fullmatch(held.pop("id"))
        assert held == {
            "project_id": backend.project_id,
            "customer_id": customer["id"],
            "tier_id": tier_id,
            "tier_code": code,
            "billing_provider": "stripe",
            "subscription_status": "active",
            "status": "active",
            "active": True,
            "cancel_at_period_end": False,
            "created_at": NOON,
            "updated_at": NOON,
        }


class TestDeleting:
    """`DELETE /customers/{id}`: for ever, and the name is free."""

    def test_its_id_never_comes_back(self, backend: Backend) -> None:
        """Made again it is somebody else, who has nothing of the first one."""
        name = a_name()
        first = made(backend, name, metadata={"secret": 1})

        gone = backend.customers("DELETE", f"/{first['id']}")

        assert (gone.status_code, gone.get_data()) == (204, b"")
        assert code_of(backend.customers("GET", f"/{first['id']}")) == (404, "NOT_FOUND")
        assert code_of(backend.customers("DELETE", f"/{first['id']}")) == (404, "NOT_FOUND")
        by_name = backend.customers("GET", f"/by-external-id/{name}")
        assert code_of(by_name) == (404, "NOT_FOUND")
        again = backend.upserts(name)
        assert again.status_code == 201
        second = json_of(again)["customer"]["customer"]
        assert second["id"] != first["id"]
        assert second["metadata"] == {}
        assert code_of(backend.customers("GET", f"/{first['id']}")) == (404, "NOT_FOUND")

    def test_nothing_personal_stays(self, backend: Backend) -> None:
        """Neither in the profile nor under the name."""
        name = a_name()
        customer = made(backend, name, email="ada@example.com", metadata={"who": "Ada"})
        backend.customers("DELETE", f"/{customer['id']}")

        paths = [
            f"projects/{backend.project_id}/customers/{customer['id']}",
            name_path(backend.project_id, name),
        ]

        left = repr([snapshot.fields for snapshot in get_all(paths)])
        assert not any(text in left for text in (name, "ada@example.com", "Ada"))

    def test_nobody_spends_from_its_wallet_any_more(self, backend: Backend) -> None:
        """Frozen in the commit that deletes it."""
        customer = made(backend)
        ref = WalletRef(backend.project_id, customer["id"])

        backend.customers("DELETE", f"/{customer['id']}")

        with pytest.raises(NotFound):
            ledger.run(ref, Charge("op:x", "x", FixedAmount(1)), now=backend.clock.at)

    def test_of_many_who_delete_it_all_see_it_gone(self, backend: Backend) -> None:
        """And whoever makes it meanwhile makes one."""
        customer = made(backend)

        answers = at_once(8, lambda _: backend.customers("DELETE", f"/{customer['id']}"))

        assert {answer.status_code for answer in answers} <= {204, 404}
        assert 204 in {answer.status_code for answer in answers}

    def test_making_and_deleting_at_once_leave_one_or_none(self, backend: Backend) -> None:
        """The name means one customer or nobody, never what was deleted."""
        name = a_name()
        customer = made(backend, name)

        def act(number: int) -> Any:
            if number % 2:
                return backend.upserts(name)
            return backend.customers("DELETE", f"/{customer['id']}")

        answers = at_once(8, act)

        assert {answer.status_code for answer in answers} <= {200, 201, 204, 404}
        _, found = customer_store.find_by_name(backend.project_id, name)
        shown = backend.customers("GET", f"/by-external-id/{name}").status_code
        assert shown == (404 if found is None else 200)

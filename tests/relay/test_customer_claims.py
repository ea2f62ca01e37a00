"""Customers: sign-ins that are claimed, and projects that see nothing of each other."""

from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts.domain import Customer, CustomerRef, ProjectTerms
from creditbase.accounts.store import find_customer
from creditbase.accounts.use_cases import ensure_customer
from creditbase.kernel.errors import NotFound
from creditbase.runtime.settings import settings
from creditbase.subscriptions.relay_customers import (
    CustomerOrder,
    claim_customer,
    create_customer,
)
from creditbase.subscriptions.relay_projects import Founding, found_project
from tests.relay.backend import Backend, a_name, made
from tests.relay.desk import code_of, json_of, wrong_field

pytestmark = pytest.mark.firestore


class TestClaiming:
    """`POST /customers/claim`: a sign-in with a provider becomes a customer's."""

    def claim(self, backend: Backend, email: str, subject: str = "s1", **more: str) -> Any:
        """Ask to link a sign-in."""
        body = {"email": email, "provider": "github", "subject": subject, **more}
        return backend.customers("POST", "/claim", body)

    def test_it_is_linked_once(self, backend: Backend) -> None:
        """200, and then 204, whatever the case of the address."""
        email = f"{a_name()}@example.com"
        customer = made(backend, email=email)

        first = self.claim(backend, email.upper(), subject=email)
        second = self.claim(backend, email, subject=email)

        assert json_of(first)["customer"]["customer"]["id"] == customer["id"]
        assert (second.status_code, second.get_data()) == (204, b"")

    def test_somebody_elses_identity_is_a_conflict(self, backend: Backend) -> None:
        """Until that customer is deleted."""
        mine, yours = (f"{a_name()}@example.com" for _ in range(2))
        owner = made(backend, email=mine)
        made(backend, email=yours)
        assert self.claim(backend, mine, subject=mine).status_code == 200

        assert code_of(self.claim(backend, yours, subject=mine)) == (409, "CONFLICT")
        backend.customers("DELETE", f"/{owner['id']}")
        assert self.claim(backend, yours, subject=mine).status_code == 200

    def test_an_address_of_several_is_nobodys(self, backend: Backend) -> None:
        """It does not tell which of them is meant."""
        email = f"{a_name()}@example.com"
        for _ in range(2):
            made(backend, email=email)

        assert code_of(self.claim(backend, email)) == (409, "CONFLICT")

    def test_the_projects_own_account_is_nobodys(
        self, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its address is its founder's: who signs in with it is a customer like any other."""
        project = str(uuid4())
        email = f"{a_name()}@example.com"
        founding = Founding(project_id=project, uid="ada", email=email)
        monkeypatch.setenv("CREDITBASE_PROJECT_FOUNDERS", "anyone")
        settings.cache_clear()
        found_project(founding, ProjectTerms(name="p"), now=backend.clock.at)

        def claim() -> Customer:
            at = backend.clock.at
            return claim_customer(project, email=email, identity=email, now=at)[0]

        with pytest.raises(NotFound):
            claim()
        order = CustomerOrder(
            project_id=project, external_id="ada", email=email.upper(), request_id="r"
        )
        customer = create_customer(order, now=backend.clock.at)

        assert claim().customer_id == customer.customer_id

    def test_whoever_made_it_a_customer_is_found_by_its_address(self, backend: Backend) -> None:
        """A stranger who paid at Stripe's page is made one elsewhere, by the same write."""
        email = f"{a_name()}@Example.com"
        now = backend.clock.at
        customer = ensure_customer(backend.project_id, a_name(), now=now, email=email)

        answer = self.claim(backend, email.lower(), subject=email)

        assert json_of(answer)["customer"]["customer"]["id"] == customer.customer_id

    def test_an_address_of_nobody_is_not_found(self, backend: Backend, rival: Backend) -> None:
        """Nor one of another project's customer."""
        email = f"{a_name()}@example.com"
        made(rival, email=email)

        assert code_of(self.claim(backend, email)) == (404, "NOT_FOUND")

    def test_other_providers_are_unknown(self, backend: Backend) -> None:
        """A closed list."""
        answer = self.claim(backend, "user@example.com", provider="facebook")

        assert wrong_field(answer) == "provider"


class TestIsolation:
    """Nothing is read, written, or told to exist across projects."""

    def test_another_projects_customer_looks_like_nobody(
        self, backend: Backend, rival: Backend
    ) -> None:
        """Status, body and headers, whatever is asked."""
        customer = made(backend)
        nobody = str(uuid4())

        for method, path in (
            ("GET", "/{}"),
            ("DELETE", "/{}"),
            ("GET", "/by-external-id/{}"),
        ):
            is_named = "external" in path
            theirs = customer["external_id"] if is_named else customer["id"]
            asked = [rival.customers(method, path.format(who)) for who in (theirs, nobody)]
            bodies = [{**json_of(one), "request_id": ""} for one in asked]
            names = [sorted(one.headers.keys()) for one in asked]
            assert [one.status_code for one in asked] == [404, 404]
            assert bodies[0] == bodies[1]
            assert names[0] == names[1]
        assert find_customer(CustomerRef(backend.project_id, customer["id"])) is not None

    def test_the_same_name_is_another_customer_in_another_project(
        self, backend: Backend, rival: Backend
    ) -> None:
        """Names are a project's own."""
        name = a_name()

        assert made(backend, name)["id"] != made(rival, name)["id"]
        listed = json_of(rival.customers("GET"))["customers"]
        assert {item["customer"]["project_id"] for item in listed} == {rival.project_id}

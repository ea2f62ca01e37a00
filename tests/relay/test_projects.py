"""`/projects`: owners administer what is theirs, signed in to the web app."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from creditbase.accounts.domain import ACCOUNT
from creditbase.accounts.origins import known_origins
from creditbase.accounts.use_cases import find_customer_by_name, find_secret_key_holder
from creditbase.catalog.use_cases import push_catalog
from creditbase.kernel.ids import sha256_hex
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.clock import real_now
from creditbase.runtime.settings import settings
from tests.catalog.tiers import a_tier
from tests.ledger.wallets import LiveWallet
from tests.relay.backend import Backend, a_name
from tests.relay.desk import CATALOG, Tenant, code_of, json_of, wrong_field
from tests.runtime.signing import Signer
from tests.runtime.wiring import verified_by

pytestmark = pytest.mark.firestore
CENT = 10_000_000


@pytest.fixture(scope="session")
def key_server(one_signer: Signer) -> Signer:
    """Return a signer of this worker's project, its public keys being served."""
    return one_signer


@pytest.fixture
def signer(key_server: Signer) -> Iterator[Signer]:
    """Return the signer, with our functions verifying against its keys."""
    with verified_by(key_server):
        yield key_server


@dataclass
class Owner:
    """Somebody signed in to the web app."""

    backend: Backend
    signer: Signer
    uid: str

    def ask(self, method: str, path: str = "", body: object = None) -> TestResponse:
        """Ask about projects."""
        return self.backend.ask(
            "projects",
            method,
            f"/projects{path}",
            body,
            x_modelrelay_api_key="",
            **self.signer.headers(self.uid),
        )

    def founds(self, **more: object) -> dict[str, Any]:
        """Return a new project of theirs."""
        answer = self.ask("POST", "", {"name": "My app", **more})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = json_of(answer)["project"]
        return found

    def backend_of(self, project_id: str) -> Backend:
        """Return a back end of a project, with a key that the owner has made."""
        answer = self.ask("POST", f"/{project_id}/keys", {"name": "server"})
        assert answer.status_code == 201, answer.text
        secret = json_of(answer)["key"]["secret_key"]
        return Backend(self.backend.clients, Tenant(project_id, secret), self.backend.clock)


@pytest.fixture
def owner(backend: Backend, signer: Signer, monkeypatch: pytest.MonkeyPatch) -> Owner:
    """Return a user who may make projects."""
    monkeypatch.setenv("CREDITBASE_PROJECT_FOUNDERS", "anyone")
    settings.cache_clear()
    return Owner(backend, signer, f"u{uuid4().hex}")


@pytest.fixture
def stranger(owner: Owner) -> Owner:
    """Return another one."""
    return Owner(owner.backend, owner.signer, f"u{uuid4().hex}")


class TestMaking:
    """A project, with an account of its own."""

    def test_it_is_as_it_was_said_to_be(self, owner: Owner) -> None:
        """What is left out is as usual."""
        bare, whole = (
            owner.founds(),
            owner.founds(
                description="For all",
                markup_percentage=20,
                allowed_origins=["https://App.Example/", "http://localhost:3000"],
                low_balance_threshold_cents=0,
                topup_min_cents=50,
                billing_mode="managed",
            ),
        )

        shown = json_of(owner.ask("GET", f"/{whole['id'].upper()}"))["project"]

        assert shown == whole
        listed = json_of(owner.ask("GET"))["projects"]
        assert sorted(it["id"] for it in listed) == sorted([bare["id"], whole["id"]])
        for project in (bare, whole):
            project.pop("id")
        assert bare.pop("owner_id") == whole.pop("owner_id")
        times = {"created_at": "2026-03-10T12:00:00Z", "updated_at": "2026-03-10T12:00:00Z"}
        common = {"name": "My app", "billing_mode": "managed", **times}
        assert bare == {
            **common,
            "description": "",
            "markup_percentage": 4,
            "allowed_origins": [],
            "low_balance_threshold_cents": 500,
            "topup_min_cents": 100,
        }
        assert whole == {
            **common,
            "description": "For all",
            "markup_percentage": 20,
            "allowed_origins": ["https://app.example", "http://localhost:3000"],
            "low_balance_threshold_cents": 0,
            "topup_min_cents": 50,
        }

    def test_it_has_an_account_that_is_no_customer(self, owner: Owner) -> None:
        """Its developer pays with it; the list is of the developer's own customers."""
        project_id = owner.founds()["id"]

        assert find_customer_by_name(project_id, ACCOUNT) is not None
        assert json_of(owner.ask("GET", f"/{project_id}/customers")) == {"customers": []}

    def test_its_account_cannot_be_deleted(self, owner: Owner) -> None:
        """Its wallet would be frozen for ever, with what was paid into it."""
        project_id = owner.founds()["id"]
        account = find_customer_by_name(project_id, ACCOUNT)
        assert account is not None
        answer = owner.ask("DELETE", f"/{project_id}/customers/{account.customer_id}")
        assert code_of(answer) == (404, "NOT_FOUND")
        assert find_customer_by_name(project_id, ACCOUNT) == account

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", ""),
            ("billing_mode", "byob"),
            ("markup_percentage", 101),
            ("markup_percentage", -1),
            ("markup_percentage", 1.5),
            ("allowed_origins", ["http://app.example"]),
            ("allowed_origins", ["https://app.example/path"]),
            ("allowed_origins", ["*"]),
            ("topup_min_cents", 49),
            ("owners", ["me"]),
        ],
    )
    def test_what_is_wrong_is_named(self, owner: Owner, field: str, value: object) -> None:
        """In the field, or in the first wrong item of it."""
        answer = owner.ask("POST", "", {"name": "My app", field: value})

        assert wrong_field(answer).partition(".")[0] == field

    def test_only_owners_may_where_it_is_set_so(
        self, owner: Owner, stranger: Owner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In production not everybody who has signed in may sell through our Stripe account."""
        owner.founds()
        monkeypatch.setenv("CREDITBASE_PROJECT_FOUNDERS", "owners")
        settings.cache_clear()

        assert owner.ask("POST", "", {"name": "Another"}).status_code == 201
        refused = stranger.ask("POST", "", {"name": "Mine"})
        assert code_of(refused) == (403, "FORBIDDEN")


class TestChanging:
    """`PUT /projects/{id}`."""

    def test_what_is_left_out_stays(self, owner: Owner) -> None:
        """And nothing new is no change."""
        project = owner.founds(markup_percentage=20)
        owner.backend.clock.pass_on(hours=1)

        changed = owner.ask("PUT", f"/{project['id']}", {"description": "New"})
        same = owner.ask("PUT", f"/{project['id']}", {"description": "New"})

        wanted = {**project, "description": "New", "updated_at": "2026-03-10T13:00:00Z"}
        assert json_of(changed)["project"] == json_of(same)["project"] == wanted


class TestOwning:
    """Somebody else's project looks like none."""

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("GET", "/{}", None),
            ("PUT", "/{}", {"name": "Mine"}),
            ("DELETE", "/{}", None),
            ("GET", "/{}/customers", None),
            ("POST", "/{}/customers", {"external_id": "x", "email": "a@example.com"}),
            ("DELETE", "/{}/customers/2fa0e9ec-1a4f-5a4b-9c0f-2f3b7a11ffff", None),
            ("GET", "/{}/keys", None),
            ("POST", "/{}/keys", {}),
            ("DELETE", "/{}/keys/key_000000000000000000000000", None),
        ],
    )
    def test_nobody_else_is_told_that_it_exists(
        self, owner: Owner, stranger: Owner, method: str, path: str, body: object
    ) -> None:
        """The same status, body and headers as for an id that nobody has."""
        project_id = owner.founds()["id"]

        asked = [
            stranger.ask(method, path.format(who), body) for who in (project_id, str(uuid4()))
        ]

        assert [answer.status_code for answer in asked] == [404, 404]
        bodies = [{**json_of(answer), "request_id": ""} for answer in asked]
        assert bodies[0] == bodies[1]
        names = [sorted(answer.headers.keys()) for answer in asked]
        assert names[0] == names[1]
        assert json_of(stranger.ask("GET")) == {"projects": []}

    def test_a_secret_key_administers_nothing(self, owner: Owner) -> None:
        """Whoever steals one from a server cannot make another."""
        project_id = owner.founds()["id"]
        server = owner.backend_of(project_id)

        answer = server.ask("projects", "POST", f"/projects/{project_id}/keys", {})

        assert answer.status_code == 401


class TestKeys:
    """Several, shown once, gone when they are revoked."""

    def test_a_key_is_shown_once_and_can_be_revoked(self, owner: Owner) -> None:
        """Another one goes on working."""
        project_id = owner.founds()["id"]
        path = f"/{project_id}/keys"
        first = json_of(owner.ask("POST", path, {"name": "one", "budget_cents": 7}))["key"]
        second = owner.backend_of(project_id)

        listed = json_of(owner.ask("GET", path))["keys"]
        secret = first.pop("secret_key")
        gone = owner.ask("DELETE", f"{path}/{first['id']}")

        assert first in listed
        assert (first["kind"], first["budget_cents"], len(listed)) == ("secret", 7, 2)
        assert secret not in str(listed)
        assert gone.status_code == 204
        assert find_secret_key_holder(sha256_hex(secret), real_now()) is None
        assert second.customers("GET").status_code == 200
        assert code_of(owner.ask("DELETE", f"{path}/{first['id']}")) == (404, "NOT_FOUND")


class TestCustomersOfAProject:
    """The owner sees what the back end sees."""

    def test_they_are_made_listed_and_deleted(self, owner: Owner) -> None:
        """By the same rules."""
        path = f"/{owner.founds()['id']}/customers"
        body = {"external_id": a_name(), "email": "user@example.com"}

        made = owner.ask("POST", path, body)
        again = owner.ask("POST", path, body)
        customer = json_of(made)["customer"]["customer"]
        listed = json_of(owner.ask("GET", path))["customers"]
        gone = owner.ask("DELETE", f"{path}/{customer['id']}")

        assert (made.status_code, code_of(again)) == (201, (409, "CONFLICT"))
        assert [item["customer"] for item in listed] == [customer]
        assert gone.status_code == 204
        assert json_of(owner.ask("GET", path)) == {"customers": []}


class TestPuttingAway:
    """`DELETE /projects/{id}`."""

    def test_its_keys_tokens_and_routes_end(self, owner: Owner) -> None:
        """Its ledger stays; nobody reaches it any more."""
        project = owner.founds(allowed_origins=["https://gone.example"])
        server = owner.backend_of(project["id"])
        server.creates(a_name())

        gone = owner.ask("DELETE", f"/{project['id']}")

        assert (gone.status_code, gone.get_data()) == (204, b"")
        assert server.customers("GET").status_code == 401
        assert code_of(owner.ask("GET", f"/{project['id']}")) == (404, "NOT_FOUND")
        assert code_of(owner.ask("DELETE", f"/{project['id']}")) == (404, "NOT_FOUND")
        assert json_of(owner.ask("GET")) == {"projects": []}

    def test_money_keeps_it(self, owner: Owner) -> None:
        """Nobody's credits are put away with it."""
        project_id = owner.founds()["id"]
        customer = json_of(owner.backend_of(project_id).creates(a_name()))["customer"]
        ref = WalletRef(project_id, customer["customer"]["id"])
        wallet = LiveWallet(ref, owner.backend.clock.at)
        wallet.topup("pi_1", 5 * CENT)

        assert code_of(owner.ask("DELETE", f"/{project_id}")) == (409, "CONFLICT")


class TestBrowsersOfAProject:
    """The project's own pages read what its customers are answered; others do not."""

    def test_a_preflight_of_a_projects_page_is_answered(
        self, owner: Owner, relay_clients: dict[str, FlaskClient]
    ) -> None:
        """Before anybody is known, an origin that some project lists is enough."""
        origin = f"https://{uuid4().hex}.example"
        owner.founds(allowed_origins=[origin])
        known_origins.cache_clear()
        asked = "authorization, x-modelrelay-trace-id, x-evil"

        def preflight(page: str) -> TestResponse:
            headers = {"Origin": page, "Access-Control-Request-Headers": asked}
            return relay_clients["tiers"].options("/api/v1/tiers", headers=headers)

        good, bad = preflight(origin), preflight("https://evil.example")

        assert (good.status_code, bad.status_code) == (204, 204)
        assert good.headers["Access-Control-Allow-Origin"] == origin
        assert "authorization" in good.headers["Access-Control-Allow-Headers"]
        assert "x-modelrelay-trace-id" in good.headers["Access-Control-Allow-Headers"]
        assert "x-evil" not in good.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Origin" not in bad.headers

    def test_errors_can_be_read_too(self, owner: Owner) -> None:
        """A 401 that a page cannot read looks like a broken network, and is repeated."""
        origin = f"https://{uuid4().hex}.example"
        project_id = owner.founds(allowed_origins=[origin])["id"]
        other = owner.founds()["id"]
        known_origins.cache_clear()

        def ask(token: str) -> TestResponse:
            return owner.backend.ask(
                "tiers",
                "GET",
                "/tiers",
                x_modelrelay_api_key="",
                authorization=f"Bearer {token}",
                origin=origin,
            )

        refused = ask("mr_ct_a.b.c")
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (
            401,
            origin,
        )
        assert "X-ModelRelay-Request-Id" in refused.headers["Access-Control-Expose-Headers"]
        for project, is_read in ((project_id, True), (other, False)):
            answer = ask(token_of(owner.backend_of(project)))
            assert answer.status_code == 200
            assert ("Access-Control-Allow-Origin" in answer.headers) is is_read


def token_of(server: Backend) -> str:
    """Return a token of a new customer on a new free tier."""
    tier_id = str(uuid4())
    push_catalog(server.project_id, CATALOG)
    server.has(a_tier(tier_id=tier_id, project_id=server.project_id, code="free"))
    customer = server.knows()
    said = server.minted(customer_id=customer.customer_id, tier_code="free")
    return str(said["token"])


def test_a_request_is_named_by_its_caller_where_that_is_a_name(backend: Backend) -> None:
    """The SDKs look for theirs in the answer; what cannot be a header's text is not echoed."""
    mine = backend.ask("customers", "GET", "/customers", x_modelrelay_request_id="req-7:a.b_c")
    odd = backend.ask("customers", "GET", "/customers/x", x_modelrelay_request_id="a b<c>")

    assert mine.headers["X-ModelRelay-Request-Id"] == "req-7:a.b_c"
    assert mine.headers["X-Request-Id"] == "req-7:a.b_c"
    assert odd.headers["X-ModelRelay-Request-Id"].startswith("req_")
    assert json_of(odd)["request_id"] == odd.headers["X-ModelRelay-Request-Id"]


def test_unknown_paths_and_methods_are_said_so(backend: Backend) -> None:
    """404 and 405 in the flat body; 405 says what is allowed."""
    nowhere = backend.ask("customers", "GET", "/customers/a/b/c")
    not_so = backend.ask("customers", "PATCH", "/customers", {})

    assert code_of(nowhere) == (404, "NOT_FOUND")
    assert code_of(not_so) == (405, "METHOD_NOT_ALLOWED")
    assert not_so.headers["Allow"] == "GET, POST, PUT"

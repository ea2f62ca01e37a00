"""`/projects/{id}/webhooks…`: owners alone, every field, and never an address of ours."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from creditbase.accounts.owners import add_owner
from creditbase.accounts.use_cases import ensure_project
from creditbase.accounts.webhooks import EVENT_TYPES, WEBHOOKS_MAX
from creditbase.jobs.deliveries import deliver_webhooks
from creditbase.relay.webhooks import project_webhooks
from creditbase.runtime import firestore
from creditbase.runtime.events import Event, create_event
from creditbase.runtime.settings import settings
from tests.receiver import Receiver, _receiver, receiver, saying, slamming
from tests.relay.desk import NOON, Clock, code_of, json_of, wrong_field
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of, verified_by
from tests.wire import Wire

__all__ = ["_receiver", "receiver"]
pytestmark = pytest.mark.firestore


class Owner:
    """A user who owns a project, at its webhooks."""

    def __init__(self, client: FlaskClient, signer: Signer) -> None:
        self.uid = f"u{uuid4().hex}"
        self.client = client
        self.signer = signer
        self.project_id = ensure_project(f"owned-{self.uid}", now=NOON).project_id
        add_owner(self.project_id, self.uid, now=NOON)

    def ask(
        self, method: str, path: str = "", body: object = None, **query: object
    ) -> TestResponse:
        """Ask for something below the project's webhooks."""
        return self.client.open(
            f"/api/v1/projects/{self.project_id}/webhooks{path}",
            method=method,
            headers=self.signer.headers(self.uid),
            data=None if body is None else json.dumps(body),
            query_string={name: str(value) for name, value in query.items()},
            content_type="application/json",
        )

    def made(self, url: str, *events: str, **fields: object) -> dict[str, Any]:
        """Return a new webhook."""
        body = {"endpoint_url": url, "events": list(events or EVENT_TYPES), **fields}
        answer = self.ask("POST", "", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = json_of(answer)["webhook"]
        return made

    def log(self, webhook: dict[str, Any], **query: object) -> dict[str, Any]:
        """Return the log of a webhook."""
        answer = self.ask("GET", f"/{webhook['id']}/events", **query)
        assert answer.status_code == 200, answer.text
        return json_of(answer)


@pytest.fixture(scope="module")
def key_server(one_signer: Signer) -> Signer:
    """Return who signs users' tokens."""
    return one_signer


@pytest.fixture
def owner(key_server: Signer, wire: Wire, clock: Clock) -> Iterator[Owner]:
    """Return the owner of a new project."""
    assert clock.at == NOON
    settings.cache_clear()
    with verified_by(key_server):
        owner = Owner(client_of(project_webhooks), key_server)
        wire.reset()
        yield owner
    settings.cache_clear()


class TestKeeping:
    """Made, shown, changed, taken away."""

    def test_a_webhook_is_what_was_asked_for(self, owner: Owner) -> None:
        """With an id and a secret of its own; and the list has it."""
        made = owner.made("https://app.example/hook", "request.completed", "customer.created")

        assert made == {
            "id": made["id"],
            "project_id": owner.project_id,
            "endpoint_url": "https://app.example/hook",
            "events": ["customer.created", "request.completed"],
            "enabled": True,
            "signing_secret": made["signing_secret"],
            "created_at": "2026-03-10T12:00:00Z",
            "updated_at": "2026-03-10T12:00:00Z",
        }
        assert json_of(owner.ask("GET")) == {"webhooks": [made]}
        assert json_of(owner.ask("GET", f"/{made['id'].upper()}")) == {"webhook": made}

    def test_what_is_left_out_stays(self, owner: Owner) -> None:
        """And a rotated secret is another one."""
        made = owner.made("https://app.example/hook", "customer.created", enabled=False)
        path = f"/{made['id']}"

        told = json_of(owner.ask("PUT", path, {"events": ["customer.deleted"]}))["webhook"]
        assert told == {**made, "events": ["customer.deleted"]}
        told = json_of(owner.ask("PUT", path, {"rotate_secret": True}))["webhook"]
        assert told["signing_secret"] != made["signing_secret"]
        body = {"endpoint_url": "https://other.example", "enabled": True}
        told = json_of(owner.ask("PUT", path, body))["webhook"]

        assert (told["endpoint_url"], told["enabled"]) == ("https://other.example", True)
        assert json_of(owner.ask("GET", path))["webhook"] == told

    def test_one_that_was_taken_away_is_not_there(self, owner: Owner) -> None:
        """Nor is one that never was, or whose id is none."""
        path = f"/{owner.made('https://app.example')['id']}"

        assert owner.ask("DELETE", path).status_code == 204
        for method in ("GET", "DELETE", "PUT"):
            asked = owner.ask(method, path, {"rotate_secret": True})
            assert code_of(asked) == (404, "NOT_FOUND")
        assert code_of(owner.ask("GET", "/1")) == (404, "NOT_FOUND")
        assert code_of(owner.ask("GET", f"{path}/events")) == (404, "NOT_FOUND")

    def test_a_project_has_ten(self, owner: Owner) -> None:
        """Each event is a write for each."""
        for number in range(WEBHOOKS_MAX):
            owner.made(f"https://app.example/{number}")

        body = {"endpoint_url": "https://app.example", "events": ["customer.created"]}
        assert code_of(owner.ask("POST", "", body)) == (409, "CONFLICT")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"endpoint_url": "http://app.example"}, "endpoint_url"),
            ({"endpoint_url": "https://10.0.0.1/"}, "endpoint_url"),
            ({"endpoint_url": "https://169.254.169.254/computeMetadata"}, "endpoint_url"),
            ({"endpoint_url": "https://user@app.example"}, "endpoint_url"),
            ({"events": []}, "events"),
            ({"events": ["customer.eaten"]}, "events"),
            ({"enabled": 1}, "enabled"),
            ({"secret": "mine"}, "secret"),
        ],
    )
    def test_what_is_wrong_is_named(
        self, owner: Owner, body: dict[str, object], field: str
    ) -> None:
        """Before anything is written."""
        good = {"endpoint_url": "https://app.example", "events": ["customer.created"]}

        assert wrong_field(owner.ask("POST", "", {**good, **body})) == field
        assert json_of(owner.ask("GET")) == {"webhooks": []}

    def test_nobody_else_learns_of_them(self, owner: Owner, key_server: Signer) -> None:
        """Another project's owner, at ours and at a project that is none: the same answer."""
        made = owner.made("https://app.example")
        stranger = Owner(owner.client, key_server)
        own, stranger.project_id = stranger.project_id, owner.project_id
        asked = [stranger.ask("GET"), stranger.ask("GET", f"/{made['id']}")]
        stranger.project_id = str(uuid4())
        asked.append(stranger.ask("GET"))
        stranger.project_id = "hub"
        asked.append(stranger.ask("GET"))
        stranger.project_id = own

        for answer in asked:
            assert code_of(answer) == (404, "NOT_FOUND")
            assert json_of(answer)["message"] == "Project not found"
        assert code_of(stranger.ask("GET", f"/{made['id']}")) == (404, "NOT_FOUND")


class TestTesting:
    """A made-up event, sent while the owner waits."""

    def test_it_arrives_signed(self, owner: Owner, receiver: Receiver) -> None:
        """And leaves nothing in the log."""
        made = owner.made(receiver.url)

        answer = owner.ask("POST", f"/{made['id']}/test", {"event_type": "request.completed"})

        told = json_of(answer)
        assert told.pop("latency_ms") >= 0
        assert (answer.status_code, told) == (
            200,
            {"status": "delivered", "response_status": 200, "response_body": "ok"},
        )
        event = receiver.taken[0].verified(made["signing_secret"])
        assert (event["type"], event["data"]) == ("request.completed", {"is_test": True})
        assert owner.log(made) == {"events": []}

    def test_a_failure_is_502_and_says_why(self, owner: Owner, receiver: Receiver) -> None:
        """With what came back, if anything did."""
        path = f"/{owner.made(receiver.url)['id']}/test"
        receiver.will(saying(418, b"teapot"), slamming)
        body = {"event_type": "customer.created"}

        refused, slammed = owner.ask("POST", path, body), owner.ask("POST", path, body)

        told = json_of(refused)
        assert told.pop("latency_ms") >= 0
        assert (refused.status_code, told) == (
            502,
            {
                "status": "failed",
                "response_status": 418,
                "response_body": "teapot",
                "error": "it answered 418",
            },
        )
        assert (slammed.status_code, json_of(slammed)) == (
            502,
            {"status": "failed", "error": "the connection failed"},
        )
        assert wrong_field(owner.ask("POST", path, {"event_type": "x"})) == "event_type"


class TestLog:
    """What was sent, page by page."""

    def test_it_is_listed_by_type_and_status_the_newest_first(
        self, owner: Owner, receiver: Receiver
    ) -> None:
        """`next_cursor` is the next offset, and absent on the last page."""
        made = owner.made(receiver.url)
        receiver.will(500)
        for number in range(5):
            event = Event(
                project_id=owner.project_id,
                event_type="customer.deleted" if number == 4 else "customer.created",
                cause=f"{made['id']}/{number}",
                data={},
            )
            at = NOON + timedelta(minutes=number)
            firestore.commit([create_event(event, now=at)])
            deliver_webhooks(at)

        page = owner.log(made, limit=2)
        rest = owner.log(made, limit=3, offset=page["next_cursor"])

        assert page["next_cursor"] == "2"
        assert "next_cursor" not in rest
        times = [event["created_at"] for event in (*page["events"], *rest["events"])]
        assert times == [f"2026-03-10T12:0{n}:00Z" for n in (4, 3, 2, 1, 0)]
        assert len(owner.log(made, event_type="customer.created")["events"]) == 4
        pending = owner.log(made, status="pending", event_type="customer.created")["events"]
        assert [event["response_status"] for event in pending] == [500]
        assert owner.log(made, status="failed") == {"events": []}

    @pytest.mark.parametrize(
        "query",
        [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"offset": -1}, {"offset": 1001}],
    )
    def test_a_page_is_bounded(self, owner: Owner, query: dict[str, object]) -> None:
        """Nothing is read without end."""
        made = owner.made("https://app.example")

        assert wrong_field(owner.ask("GET", f"/{made['id']}/events", **query)) in query

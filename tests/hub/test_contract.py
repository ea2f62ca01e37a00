"""Real answers of every route of the first story, held to the published description."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

import main
from creditbase.accounts.use_cases import (
    HUB_PROJECT_ID,
    create_secret_key,
    ensure_project,
)
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.kernel.instants import write_seconds
from creditbase.ledger.use_cases import lanes
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.clock import now, real_now
from tests.runtime.contract import conforms, matches
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of

pytestmark = pytest.mark.firestore
CATALOG = Path(__file__).parents[2] / "catalog.json"


class Story:
    """A newcomer of the hub, and the back end that meters its usage."""

    def __init__(self, signer: Signer) -> None:
        self.uid = f"u{uuid4().hex}"
        self.user = signer.headers(self.uid)
        made = create_secret_key(
            HUB_PROJECT_ID, name="t", random_bytes=uuid4().bytes * 2, now=real_now()
        )
        self._secret_key_id = made.key.key_id
        self.back_end = {"X-ModelRelay-Api-Key": made.secret}

    def ask(
        self,
        route: str,
        *,
        headers: dict[str, str],
        body: object = None,
        **path: str,
    ) -> TestResponse:
        """Send a request to the deployed function of a route, and check its answer."""
        method, _, pattern = route.partition(" ")
        function = next(
            row.function for row in ROUTES if (row.method, row.path) == (method, pattern)
        )
        client = client_of(getattr(main, function))
        answer = client.open(pattern.format(**path), method=method, headers=headers, json=body)
        conforms(route, answer)
        return answer

    def meter(self, route: str, body: object = None, **path: str) -> TestResponse:
        """Ask as the back end, with a new idempotency key."""
        headers = {**self.back_end, "Idempotency-Key": uuid4().hex}
        return self.ask(route, headers=headers, body=body, **path)


@pytest.fixture
def story(signer: Signer) -> Story:
    """Return a newcomer in a hub that sells plans and knows prices."""
    ensure_project("hub", now=now())
    push_catalog(HUB_PROJECT_ID, read_catalog(CATALOG))
    shared_cache().forget()
    lanes.cache_clear()
    return Story(signer)


def test_usage_and_keys(story: Story) -> None:
    """A user looks, makes a key, looks with it, and revokes it."""
    assert story.ask("GET /usage/me", headers=story.user).json["plan"] == "free"  # type: ignore[index]
    made = story.ask("POST /api-keys", headers=story.user, body={"name": "laptop"}).json
    assert made is not None
    by_key = {"X-Api-Key": made["key"]}

    looked = story.ask("GET /usage/me", headers=by_key)
    synced = story.ask("POST /billing/sync-balance", headers=by_key)
    listed = story.ask("GET /api-keys", headers=story.user)
    revoked = story.ask("DELETE /api-keys/{key_id}", headers=story.user, key_id=made["id"])
    again = story.ask("DELETE /api-keys/{key_id}", headers=story.user, key_id=made["id"])
    refused = story.ask("GET /usage/me", headers=by_key)

    statuses = [each.status_code for each in (looked, synced, listed, revoked, again, refused)]
    assert statuses == [200, 200, 200, 200, 404, 401]


def test_metering(story: Story) -> None:
    """A back end charges, holds, extends, captures, voids, and asks for too much."""
    story.ask("GET /usage/me", headers=story.user)
    who = {"customer_external_id": story.uid}
    model = {"model": "gpt-5-mini", "usage": {"input_tokens": 1000, "output_tokens": 100}}

    charged = story.meter("POST /api/v1/charges", {**who, "amount_nanos": 1_000_000})
    metered = story.meter("POST /api/v1/charges", {**who, **model})
    held = story.meter("POST /api/v1/holds", {**who, "amount_nanos": 5_000_000})
    assert held.json is not None
    hold_id = held.json["hold"]["id"]
    later = write_seconds(now() + timedelta(hours=1))
    extended = story.meter(
        "POST /api/v1/holds/{hold_id}/extend", {"expires_at": later}, hold_id=hold_id
    )
    shown = story.meter("GET /api/v1/holds/{hold_id}", hold_id=hold_id)
    captured = story.meter(
        "POST /api/v1/holds/{hold_id}/capture", {"amount_nanos": 1}, hold_id=hold_id
    )
    ended = story.meter("POST /api/v1/holds/{hold_id}/void", {}, hold_id=hold_id)
    poor = story.meter("POST /api/v1/charges", {**who, "amount_nanos": 10**12})
    wrong = story.meter("POST /api/v1/charges", {**who, "amount_nanos": -1})
    unknown = story.meter(
        "POST /api/v1/charges", {"customer_external_id": "nobody", "amount_nanos": 1}
    )
    stranger = story.ask("POST /api/v1/charges", headers={}, body={})

    answers = (charged, metered, held, extended, shown, captured, ended)
    assert [each.status_code for each in answers] == [201, 201, 201, 200, 200, 200, 409]
    refusals = (poor, wrong, unknown, stranger)
    assert [each.status_code for each in refusals] == [402, 400, 404, 401]


def test_the_same_key_with_another_body_is_a_conflict(story: Story) -> None:
    """As published: 422, and a replay says that it is one."""
    story.ask("GET /usage/me", headers=story.user)
    headers = {**story.back_end, "Idempotency-Key": uuid4().hex}
    body = {"customer_external_id": story.uid, "amount_nanos": 1}

    first = story.ask("POST /api/v1/charges", headers=headers, body=body)
    replay = story.ask("POST /api/v1/charges", headers=headers, body=body)
    other = story.ask("POST /api/v1/charges", headers=headers, body={**body, "amount_nanos": 2})

    assert (first.status_code, replay.status_code, other.status_code) == (201, 201, 422)
    assert replay.headers["Idempotent-Replayed"] == "true"
    assert replay.data == first.data


def test_buying_without_a_secret_fails_closed(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sold, and nothing is told, while the key of Stripe is missing."""
    monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)
    monkeypatch.delenv("STRIPE_WEBHOOK_SECRET", raising=False)

    wrong = story.ask("POST /billing/topup", headers=story.user, body={"amount": "huge"})
    asked = story.ask("POST /billing/topup", headers=story.user, body={"amount": "small"})
    told = story.ask("POST /billing/webhook", headers={}, body={})
    none = story.ask("POST /billing/checkout", headers=story.user, body={"plan": "free"})
    plan = story.ask("POST /billing/checkout", headers=story.user, body={"plan": "guru"})
    nobody = story.ask("POST /billing/portal", headers=story.user)

    assert (wrong.status_code, asked.status_code, told.status_code) == (400, 500, 500)
    assert (none.status_code, plan.status_code) == (400, 500)
    assert nobody.status_code == 404


def test_a_callable_error_is_as_published(story: Story) -> None:
    """The other envelope has its schema too."""
    client = client_of(main.usage_me)

    answer = client.post("/", json={"data": None})

    matches(answer.json, {"$ref": "#/components/schemas/CallableError"})

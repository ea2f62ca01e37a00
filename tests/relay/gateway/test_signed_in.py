"""A signed-in user of the hub calls a model in the browser and watches its credits move."""

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from werkzeug.test import TestResponse

from creditbase.accounts.use_cases import HUB_PROJECT_ID, create_api_key, ensure_project
from creditbase.catalog.use_cases import shared_cache
from creditbase.ledger.domain.balance import Balance
from creditbase.ledger.pages import load_entry
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_balance
from creditbase.relay.gateway import local_upstream
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.use_cases import first_touch
from tests.relay.desk import json_of
from tests.relay.gateway.counter import CHAT, RESPONSES, Counter, events_of, says
from tests.runtime.signing import Signer
from tests.runtime.wiring import verified_by
from tests.sold import sell

NANOS_PER_CREDIT = 10**6
FREE_NANOS = 500 * NANOS_PER_CREDIT
WORDS = "one two three four"
ASKED = {"model": "local-slow", "messages": says(WORDS), "stream": True, "max_tokens": 5}


@dataclass
class User:
    """Somebody who has just signed up: its wallet, and what its browser sends."""

    uid: str
    ref: WalletRef
    headers: dict[str, str]
    counter: Counter

    def post(self, path: str = CHAT, **headers: str) -> TestResponse:
        """Ask with these headers alone."""
        nobody = {"X_ModelRelay_Api_Key": "", "X_ModelRelay_Customer_Id": ""}
        return self.counter.post(path, ASKED, **{**nobody, **headers})

    def published(self) -> Balance:
        """Return what the user's page listens to."""
        found = find_balance(self.ref)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def key_server(one_signer: Signer) -> Signer:
    """Return a signer of this worker's project, its public keys being served."""
    return one_signer


@pytest.fixture
def user(
    counter: Counter, key_server: Signer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[User]:
    """Return a user of the hub, whose tokens are verified for real."""
    now = counter.desk.clock.at
    ensure_project("hub", now=now)
    sell(HUB_PROJECT_ID)
    shared_cache().forget()
    monkeypatch.setattr(local_upstream, "SLOW_WORD_S", 0.001)
    with verified_by(key_server) as patch:
        patch.setenv("CREDITBASE_RATE_LIMITS", "off")
        patch.setenv("CREDITBASE_SITE_URL", "https://app.example")
        patch.setenv("CUSTOMER_TOKEN_KEYS", f"k:{secrets.token_urlsafe(32)}")
        uid = f"u{uuid.uuid4().hex}"
        customer = first_touch(uid, now=now)
        ref = WalletRef(customer.project_id, customer.customer_id)
        yield User(uid, ref, key_server.headers(uid), counter)


def test_a_page_sees_hold_capture_and_balance(user: User) -> None:
    """The balance that it listens to moves twice, and the headers name the receipt."""
    answer = user.post(**user.headers, Origin="https://app.example")
    during = user.published()
    chunks = events_of(answer)
    after = user.published()

    said = [choice["delta"].get("content", "") for it in chunks for choice in it["choices"]]
    assert "".join(said) == WORDS
    held_nanos = int(answer.headers["X-Creditbase-Held-Nanos"])
    assert (during.held_nanos, during.available_nanos) == (held_nanos, FREE_NANOS - held_nanos)
    receipt = load_entry(user.ref, f"end:{answer.headers['X-Creditbase-Hold-Id']}")
    assert receipt.kind == "capture"
    assert 0 < receipt.captured_nanos < held_nanos
    assert after.held_nanos == 0
    assert after.available_nanos == FREE_NANOS - receipt.captured_nanos
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"X-Creditbase-Hold-Id", "X-Creditbase-Held-Nanos"} <= set(exposed)


def test_a_page_without_app_check_calls_nothing(user: User) -> None:
    """Somebody's ID token alone does not spend: it may not be our page that asks."""
    bearer = user.headers["Authorization"]
    without = {"Authorization": bearer}
    forged = {**without, "X-Firebase-AppCheck": bearer.removeprefix("Bearer ")}

    answers = [
        user.post(path, **sent) for sent in (without, forged) for path in (CHAT, RESPONSES)
    ]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert user.published().available_nanos == FREE_NANOS


def test_a_key_spends_its_budget_and_no_more(user: User) -> None:
    """The user's other credits are there; whoever has the key does not get them."""
    budget_nanos = 200 * NANOS_PER_CREDIT
    key = create_api_key(
        user.uid,
        name="k",
        random_bytes=secrets.token_bytes(32),
        now=real_now(),
        budget_nanos=budget_nanos,
    ).secret

    calls = 0
    while (answer := user.post(X_Api_Key=key)).status_code == 200:
        events_of(answer)
        calls += 1

    assert calls > 0
    refused = json_of(answer)
    assert (refused["code"], refused["limit_source"]) == ("PAYMENT_REQUIRED", "budget")
    assert refused["available_nanos"] < refused["required_nanos"] <= budget_nanos
    assert user.published().available_nanos > FREE_NANOS - budget_nanos
    with user.post(**user.headers) as own:
        assert own.status_code == 200


def test_another_project_never_spends_a_users_credits(user: User) -> None:
    """Whoever knows the customer's id, or the user's, and has a secret key of its own: 404."""
    key = user.counter.desk.tenant.secret_key

    answers = [
        user.post(X_ModelRelay_Api_Key=key, X_ModelRelay_Customer_Id=name)
        for name in (user.ref.customer_id, user.uid)
    ]

    assert [json_of(answer)["code"] for answer in answers] == ["NOT_FOUND"] * 2
    assert user.published().available_nanos == FREE_NANOS

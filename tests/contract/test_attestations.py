"""By HTTP: an attestation is good once where money moves, a sign-in while Firebase says so."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from firebase_admin import _user_mgt, app_check
from werkzeug.test import TestResponse

from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.routes import Route
from creditbase.runtime.settings import settings
from tests.contract.house import House
from tests.contract.test_bad_inputs import names_of
from tests.runtime.wiring import forget_firebase

pytestmark = pytest.mark.firestore

ONCE = [route for route in ROUTES if route.consumes_app_check]
ASKING = [route for route in ROUTES if route.checks_session]


@pytest.fixture
def once(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Return the house with replay protection on; the verifier is a server of ours."""
    monkeypatch.setenv("CREDITBASE_APP_CHECK_REPLAY_PROTECTION", "on")
    settings.cache_clear()
    yield house
    settings.cache_clear()


def ask(house: House, route: Route, shown: dict[str, str]) -> TestResponse:
    """Ask a route with a body that says nothing, so that nothing is done by who is let in."""
    path: dict[str, Any] = dict.fromkeys(names_of(route), "x")
    body = b"[]" if route.method in {"POST", "PUT"} else None
    return house.ask(route.name, credential=shown, body=body, **path)


def attested(house: House) -> dict[str, str]:
    """Return an attestation that nobody has shown before."""
    return {"X-Firebase-AppCheck": house.signer.app_token(jti=uuid4().hex)}


def code(answer: TestResponse) -> tuple[int, str]:
    """Return the status and code of a refusal."""
    body: Any = answer.get_json()
    return answer.status_code, body["code"]


@pytest.mark.parametrize("route", ONCE, ids=lambda route: route.name)
def test_an_attestation_is_taken_once_where_money_moves(once: House, route: Route) -> None:
    """What somebody has recorded on its way cannot be played again, by nobody and nowhere."""
    shown = {**once.signer.headers(f"u{uuid4().hex}"), **attested(once)}
    for _ in range(2):
        looked = once.ask("GET /usage/me", credential=shown)
        assert looked.status_code == 200

    first, second = ask(once, route, shown), ask(once, route, shown)
    elsewhere = ask(once, next(it for it in ONCE if it is not route), shown)

    assert first.status_code != 401, first.text
    assert code(second) == code(elsewhere) == (401, "APP_CHECK_FAILED")
    assert ask(once, route, {**shown, **attested(once)}).status_code == first.status_code


def test_where_replays_cannot_be_told_nothing_is_bought(
    once: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed, and say that it may be tried again; looking goes on."""
    service: Any = app_check._AppCheckService
    monkeypatch.setattr(service, "_VERIFY_URL_FORMAT", "http://127.0.0.1:1/{project_id}")
    shown = once.signer.headers("u-unsure")

    refused = [ask(once, route, shown) for route in ONCE]

    assert {answer.status_code for answer in refused} == {500}
    assert all("Retry-After" in answer.headers for answer in refused)
    assert once.ask("GET /usage/me", credential=shown).status_code == 200


def test_a_sign_in_that_was_ended_is_refused_by_each_route_that_asks(house: House) -> None:
    """Its owner's, its admin's and its own: with the same words as a token that nobody made."""
    house.signer.accounts["u-ended"] = {"validSince": str(int(time.time()) + 3600)}
    shown = house.signer.headers("u-ended")

    answers = {route.name: ask(house, route, shown).status_code for route in ASKING}

    assert answers == dict.fromkeys(answers, 401)
    assert len(answers) > 40
    assert house.ask("GET /usage/me", credential=shown).status_code == 200


def test_where_firebase_does_not_answer_each_route_that_asks_is_closed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 at the hub and 503 at the relay, each with the word to come again."""
    monkeypatch.setattr(_user_mgt.UserManager, "ID_TOOLKIT_URL", "http://127.0.0.1:1")
    forget_firebase()
    shown = house.signer.headers(house.uid)

    answers = {route: ask(house, route, shown) for route in ASKING}

    for route, answer in answers.items():
        expected = 503 if route.path.startswith("/api/v1") else 500
        assert answer.status_code == expected, route.name
        assert answer.headers["Retry-After"]
    monkeypatch.undo()
    forget_firebase()

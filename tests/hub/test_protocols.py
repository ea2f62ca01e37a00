"""Plain HTTP and the callable protocol: told apart by the body, served by one operation."""

import dataclasses
import json

import pytest

from creditbase.hub.door import HUB
from creditbase.runtime.doors import relay_door, unlimited
from tests.runtime.doubles import Greeter, serving

DOOR = dataclasses.replace(HUB, authenticator=Greeter(), limit_for=unlimited)
KEY = {"X-Api-Key": "u1"}


def test_a_get_is_called_with_null() -> None:
    """`httpsCallable(functions, "usage_me")()` sends `{"data": null}` by POST."""
    client = serving("usage_me", DOOR)

    plain = client.get("/usage/me", headers=KEY)
    called = client.post("/", headers=KEY, json={"data": None})

    assert plain.json is not None
    assert called.json is not None
    assert called.json.keys() == {"result"}
    ignored = {"request_id": ""}
    assert {**called.json["result"], **ignored} == {**plain.json, **ignored}


def test_an_argument_is_the_body() -> None:
    """Both protocols hand the same fields to the operation."""
    client = serving("billing_topup", DOOR)

    plain = client.post("/billing/topup", headers=KEY, json={"amount": "small"})
    called = client.post("/billing/topup", headers=KEY, json={"data": {"amount": "small"}})

    assert plain.json is not None
    assert called.json is not None
    assert plain.json["body"] == called.json["result"]["body"] == {"amount": "small"}


@pytest.mark.parametrize(
    ("path", "argument", "route"),
    [
        ("/", None, "GET /api-keys"),
        ("/", {}, "POST /api-keys"),
        ("/", {"name": "laptop"}, "POST /api-keys"),
        ("/key_1", None, "DELETE /api-keys/{key_id}"),
        ("/key_1", {}, "DELETE /api-keys/{key_id}"),
        ("/api-keys/key_1", None, "DELETE /api-keys/{key_id}"),
    ],
)
def test_a_callable_without_a_verb_finds_its_route(
    path: str, argument: object, route: str
) -> None:
    """No argument asks, an argument acts; a path with one route needs no choice."""
    answer = serving("api_keys", DOOR).post(path, headers=KEY, json={"data": argument})

    assert answer.json is not None
    assert answer.json["result"]["route"] == route


@pytest.mark.parametrize("argument", [1, "x", [], True])
def test_an_argument_that_is_no_object_is_refused_in_the_callables_own_words(
    argument: object,
) -> None:
    """The SDK must see `invalid-argument`, not a body that it cannot read."""
    answer = serving("usage_me", DOOR).post("/", headers=KEY, json={"data": argument})

    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"data":null,"data":null}', b'{"data":NaN}', b"\xff"]
)
def test_what_cannot_be_parsed_gets_the_plain_error(body: bytes) -> None:
    """Nobody can tell which protocol it was meant to be."""
    answer = serving("billing_topup", DOOR).post("/", headers=KEY, data=body)

    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize("body", [{}, {"data": None, "x": 1}, {"Data": None}])
def test_another_body_is_plain_http(body: dict[str, object]) -> None:
    """Only the single key makes a call; a plain POST to a GET's path is 405."""
    answer = serving("usage_me", DOOR).post("/usage/me", headers=KEY, json=body)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


def test_who_is_not_known_is_told_in_the_protocol_that_it_spoke() -> None:
    """The SDK then reports `unauthenticated` and not `internal`."""
    answer = serving("usage_me", DOOR).post("/", json={"data": None})

    assert answer.status_code == 401
    assert answer.json is not None
    assert answer.json["error"]["status"] == "UNAUTHENTICATED"


def test_a_creation_by_call_is_a_plain_success() -> None:
    """The protocol knows success and error; the SDK asks for no 201."""
    answer = serving("api_keys", DOOR).post("/", headers=KEY, json={"data": {}})

    assert answer.status_code == 200


def test_a_callable_is_bounded_by_its_route_too() -> None:
    """A GET's path takes a body when it is called; it is bounded all the same."""
    body = json.dumps({"data": {"a": "x" * 5000}})

    answer = serving("usage_me", DOOR).post("/", headers=KEY, data=body)

    assert answer.status_code == 400


def test_metering_does_not_speak_the_callable_protocol() -> None:
    """There `data` is a field like any other."""
    answer = serving("meter", relay_door(Greeter(), unlimited)).post(
        "/holds", headers=KEY, json={"data": {"a": 1}}
    )

    assert answer.json is not None
    assert answer.json["body"] == {"data": {"a": 1}}

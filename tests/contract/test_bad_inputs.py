"""Bad inputs over all routes: the exact status and code, the dialect's shape, nothing written.

What every route must refuse is generated from the table of routes; what only one field can be
wrong in is a row of `FIELDS`. That nothing is written is seen at the wire to Firestore, which
carries no write; that an answer has its shape is held by `tests.runtime.contract.watch`.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbase.admin.roles import make_admin
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.clock import now
from creditbase.runtime.routes import Credential, DoorName, Route
from creditbase.subscriptions.use_cases import first_touch
from tests import figures
from tests.contract.house import SITE, House
from tests.runtime.contract import description, resolved
from tests.wire import Wire

pytestmark = pytest.mark.firestore

BAD_INPUTS = "T6 bad inputs with their exact answer"
CARD = "4242 4242 4242 4242"
BODIES: Mapping[str, bytes] = {
    "no JSON": b"{",
    "a list": b"[]",
    "a text": b'"' + CARD.encode() + b'"',
    "form fields": b"amount_nanos=1",
    "a name twice": b'{"a":1,"a":2}',
    "NaN": b'{"a":NaN}',
    "a number beyond all bounds": b'{"a":1e999}',
    "half a character": b'{"a":"\\ud800"}',
    "no UTF-8": b'{"a":"\xff"}',
    "nested without end": b'{"a":' * 17 + b"1" + b"}" * 17,
}
"""What is no JSON object that two readers would read alike."""
BAD_AMOUNTS: tuple[object, ...] = (
    -1,
    1.5,
    "1",
    True,
    None,
    [],
    {},
    2**53 + 1,
    10**30,
    "\uff11",
)
BAD_TEXTS: tuple[object, ...] = (1, True, [], {}, "", "x" * 3_000)
BAD_URLS: tuple[object, ...] = (
    *("javascript:alert(1)", "//evil.example", "http://", "https:///ok", "https:/ok"),
    *("https://app.example.com@evil.example/", "https://app.example.com\\@evil.example"),
    *("https://user:pw@app.example.com/", "data:text/html,x", "ftp://app.example.com/"),
    *("https://app.example.com\n.evil.example/", "", 1, None, [], {}),
)
"""What no buyer may be sent to, whoever asks for it."""
BAD_IDS: tuple[object, ...] = (
    "../x",
    "a/b",
    "__x__",
    ".",
    "..",
    "x" * 2_000,
    "",
    1,
    [],
    "\u202e",
)
BAD_DATES: tuple[object, ...] = ("2026-13-01T00:00:00Z", "tomorrow", 1, "", "2026-02-30", [])


@dataclass(frozen=True)
class Row:
    """A good body of a route, and one field of it with values that are wrong."""

    route: str
    good: Mapping[str, object]
    field: str
    bad: tuple[object, ...]
    code: str = ""
    """Where it is another than that of any wrong field."""


METERED = {"customer_id": "{customer_id}", "amount_nanos": 1}
PAGES = {"success_url": f"{SITE}/ok", "cancel_url": f"{SITE}/no"}
FIELDS = (
    Row("POST /api/v1/charges", METERED, "amount_nanos", BAD_AMOUNTS),
    Row("POST /api/v1/charges", METERED, "customer_id", BAD_IDS),
    Row(
        "POST /api/v1/charges",
        METERED,
        "metadata",
        ("x", 1, [], {"a": {"b": {"c": {"d": {"e": {}}}}}}),
    ),
    Row("POST /api/v1/charges", METERED, "usage", ("x", 1, [], {"input_tokens": -1})),
    Row("POST /api/v1/charges", METERED, "balance_nanos", (1,)),
    Row("POST /api/v1/holds", METERED, "amount_nanos", BAD_AMOUNTS),
    Row("POST /api/v1/holds", METERED, "ttl_s", (*BAD_AMOUNTS[:9], 0, 86_401)),
    Row("POST /api/v1/holds", METERED, "customer_external_id", (1, [], "x" * 300)),
    Row("POST /api/v1/quotes", {"model": "local-echo", "prompt_tokens": 1}, "model", BAD_TEXTS),
    Row(
        "POST /api/v1/customers", {"external_id": "e"}, "external_id", (1, [], "", "x" * 2_000)
    ),
    Row(
        "POST /api/v1/customers",
        {"external_id": "e", "email": "a@example.com"},
        "email",
        ("nobody", 1, [], "a@b@c", "x" * 400 + "@example.com", "a\n@example.com"),
    ),
    Row(
        "POST /api/v1/customers/{customer_id}/topup",
        {"credit_amount_cents": 2_500, **PAGES},
        "credit_amount_cents",
        (*BAD_AMOUNTS[:9], 0),
    ),
    Row(
        "POST /api/v1/customers/{customer_id}/topup",
        {"credit_amount_cents": 2_500, **PAGES},
        "success_url",
        BAD_URLS,
    ),
    Row(
        "POST /api/v1/customers/{customer_id}/topup",
        {"credit_amount_cents": 2_500, **PAGES},
        "cancel_url",
        BAD_URLS,
    ),
    Row(
        "POST /billing/topup",
        {"amount": "small"},
        "amount",
        (*BAD_TEXTS, "huge"),
        "INVALID_TOPUP_TIER",
    ),
    Row(
        "POST /billing/checkout",
        {"plan": "guru"},
        "plan",
        (*BAD_TEXTS, "free"),
        "INVALID_PLAN",
    ),
    Row("POST /api-keys", {"name": "x"}, "name", (1, True, [], {}, "x" * 5_00)),
    Row("POST /api-keys", {"name": "x"}, "budget_credits", (-1, "1", True, [], 10**12)),
    Row("GET /ledger", {}, "limit", ("0", "-1", "x", "1e3", "1.5", "9" * 30)),
    Row("GET /ledger", {}, "cursor", ("x", "../../x", "%00")),
    Row("GET /usage/days", {}, "start_date", ("2026-13-01", "x", "2026-02-30")),
)


@pytest.fixture
def carried(house: House, _session_wire: Wire) -> Wire:
    """Return the wire that carries what this house reads and writes."""
    return _session_wire


@pytest.fixture(scope="module")
def clerk(house: House) -> dict[str, str]:
    """Return the credential of an admin, who is nobody else."""
    uid = f"u{uuid.uuid4().hex}"
    first_touch(uid, now=now())
    make_admin(uid, reason="a test", now=now())
    return house.signer.headers(uid)


def send(
    house: House,
    route: Route,
    body: object,
    clerk: Mapping[str, str] | None = None,
    query: Mapping[str, object] | None = None,
) -> TestResponse:
    """Ask a route as somebody whom it knows, about what there is."""
    known = {name: values[0] for name, values in house.known(route).items()}
    path: dict[str, Any] = {name: known.get(name, "x") for name in names_of(route)}
    key = {"Idempotency-Key": uuid.uuid4().hex}
    shown: dict[str, Any] = {"body": body, "query": query, "headers": key}
    if Credential.ADMIN in route.credentials:
        shown["credential"] = clerk
    return house.ask(route.name, **shown, **path)


def names_of(route: Route) -> list[str]:
    """Return the variables of a route's path."""
    return [part[1:-1] for part in route.path.split("/") if part.startswith("{")]


def code_of(route: Route) -> str:
    """Return what a route's dialect calls a request that is wrong."""
    return "INVALID_REQUEST" if route.door is DoorName.HUB else "VALIDATION_ERROR"


def check(answer: TestResponse, status: int, code: str, what: object) -> None:
    """Demand exactly this refusal, and its id."""
    body: Any = answer.get_json()
    found = body.get("code") or body.get("error", {}).get("code")
    assert (answer.status_code, found) == (status, code), (what, answer.text)
    header = answer.headers.get("X-Request-Id") or answer.headers["X-ModelRelay-Request-Id"]
    assert header
    assert body.get("request_id", header) == header


def writes_of(wire: Wire) -> int:
    """Return how many documents were written since the last look."""
    return sum(rpc.writes for rpc in wire.rpcs)


TAKES_BODY = [
    route
    for route in ROUTES
    if route.method in {"POST", "PUT"} and route.door.value != "webhook"
]


@pytest.mark.parametrize("route", TAKES_BODY, ids=lambda route: route.name)
def test_what_is_no_json_object_is_refused(
    house: House,
    carried: Wire,
    clerk: dict[str, str],
    route: Route,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By every route, in its own dialect, before anything is written; and never logged."""
    send(house, route, b"[]", clerk)  # when a key was last used is written once
    carried.reset()
    for name, body in BODIES.items():
        check(send(house, route, body, clerk), 400, code_of(route), name)
    too_large = send(house, route, b" " * (route.body_bytes_max + 1), clerk)
    is_hub = route.door is DoorName.HUB
    check(too_large, 400 if is_hub else 413, code_of(route) if is_hub else "BODY_TOO_LARGE", "")
    assert writes_of(carried) == 0
    # A request's id may have four such figures by chance; eight, nobody has seen.
    said = capsys.readouterr().out.replace(" ", "")
    assert CARD.replace(" ", "")[:8] not in said
    figures.count(BAD_INPUTS, len(BODIES) + 1)


@pytest.mark.parametrize("row", FIELDS, ids=lambda row: f"{row.route} {row.field}")
def test_a_wrong_field_is_refused(house: House, carried: Wire, row: Row) -> None:
    """With the code of its dialect, and nothing is written."""
    route = next(route for route in ROUTES if route.name == row.route)
    known = {name: values[0] for name, values in house.known(route).items()}
    send(house, route, b"[]" if route.method != "GET" else None)
    carried.reset()
    wrong = []
    for value in row.bad:
        filled = {
            name: good.format(**known) if isinstance(good, str) else good
            for name, good in row.good.items()
        }
        if route.method == "GET":
            answer = send(house, route, None, query={row.field: value})
        else:
            body = json.dumps({**filled, row.field: value}).encode()
            answer = send(house, route, body)
        found: Any = answer.get_json()
        if (answer.status_code, found.get("code")) != (400, row.code or code_of(route)):
            wrong.append((str(value)[:60], answer.status_code, answer.text[:200]))
    assert wrong == []
    assert writes_of(carried) == 0
    figures.count(BAD_INPUTS, len(row.bad))


@pytest.mark.parametrize(
    "route", [it for it in TAKES_BODY if not it.holds_prompt], ids=lambda route: route.name
)
def test_a_card_number_is_refused(
    house: House,
    carried: Wire,
    clerk: dict[str, str],
    route: Route,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By every route, in every field that it describes and in any other; and never logged."""
    send(house, route, b"[]", clerk)
    wrong = []
    carried.reset()
    for field in (*described(route), "surprise"):
        answer = send(house, route, json.dumps({field: CARD}).encode(), clerk)
        found: Any = answer.get_json()
        told = (answer.status_code, found.get("code"), CARD[:9] in answer.text)
        if told != (400, code_of(route), False) or "card number" not in found["message"]:
            wrong.append((field, told, found))
        figures.count(BAD_INPUTS)
    assert wrong == []
    assert writes_of(carried) == 0
    assert CARD[:9] not in capsys.readouterr().out


@pytest.mark.parametrize(
    "route", [it for it in TAKES_BODY if it.holds_prompt], ids=lambda route: route.name
)
def test_a_prompt_may_speak_of_cards(
    house: House, route: Route, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is passed on as it is, and nothing of it stays with us; not in a log either."""
    said = [{"role": "user", "content": f"Is {CARD} a card?"}]
    words = "input" if route.path.endswith("responses") else "messages"

    answer = send(house, route, {"model": "local-echo", words: said})

    assert "card number" not in answer.text
    assert CARD[:9] not in capsys.readouterr().out


def described(route: Route) -> list[str]:
    """Return the fields of the body that a route is published with."""
    operation = description()["paths"][route.path][route.method.lower()]
    if "requestBody" not in operation:
        return []
    content = resolved(operation["requestBody"])["content"]
    schema = resolved(content["application/json"]["schema"])
    return sorted(schema.get("properties", {}))

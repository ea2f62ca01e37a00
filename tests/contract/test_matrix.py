"""Who may do what to whose: every route by everybody, on one's own, another's and nothing.

Generated from the table of routes. What is expected stands in `ADMITS` and in the hand-written
`POLICY` of `tests.runtime.test_authorization`: one line for each policy, one word for each
route; a route without its word has no test and fails. Whoever is refused is told the same
whatever it names, so permission comes before existence (AIP-193).
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.routes import Credential, DoorName, Route
from tests import figures
from tests.contract.house import House
from tests.contract.street import Shown, Street, everybody, ids_of, secret, unknown
from tests.contract.test_isolation import NAMING
from tests.runtime.test_authorization import POLICY

pytestmark = pytest.mark.firestore

EVERYBODY = {"", "user", "admin", "api_key", "secret_key", "customer_token"}
ADMITS = {
    "firebase": {"user", "admin"},
    "owner": {"user", "admin"},
    "admin": {"admin"},
    "api_key": {"api_key"},
    "secret_key": {"secret_key"},
    "customer_token": {"customer_token"},
    "signature": set[str](),
    "nobody": EVERYBODY,
}
"""The policy: who is admitted by each word. Everybody else is told 401."""
FORBIDDEN = {"admin": {"user"}}
"""Who is known, and told 403: it is no admin, which is no secret."""
UNSIGNED = 400
"""What anybody is told at the webhook whose body nobody has signed."""
ABSENT_STATUSES = {400, 404}
"""What whoever is admitted is told of what is not its own; 400 where it is in the body."""
REFUSED = {401, 403, 404, 405, 500, 503}
HUB_NAMES = {"key_id": "api_key_id", "customer_id": "hub_customer_id"}
"""What a variable is called in a street where the hub means something else by it."""
HUB_BODIES: dict[str, dict[str, object]] = {
    "adjust": {"reason": "x", "amount_nanos": 1},
    "grant": {"reason": "x", "kind": "promo", "credits": 1},
    "freeze": {"reason": "x"},
    "thaw": {"reason": "x"},
    "shadow": {"reason": "x", "is_on": True},
    "refund": {"reason": "x", "payment": "pi_nobodys"},
    "plan": {"reason": "x", "plan": "guru"},
    "retry": {"reason": "x"},
}
NOTHING_THERE = {
    "POST /admin/customers/{customer_id}/refund": "this customer has paid nothing",
    "POST /admin/webhooks/{event_id}/retry": "no event came",
    "GET /anchors/{date}": "no day was anchored yet",
    "POST /billing/portal": "nobody here has ever paid",
    "GET /account/balance": "the developer's own account is not opened",
    "POST /account/topup": "the same",
    "GET /llm/usage": "the same",
}
"""Where one's own answers 404, too, and why."""

CELLS = "T9 cells of the authorisation matrix"
Told = tuple[int, str]


@pytest.fixture(scope="module")
def street(house: House) -> Street:
    """Return the house with a neighbour, and credentials that ended."""
    return Street.built(house)


@pytest.fixture(scope="module")
def callers(street: Street) -> dict[str, Shown]:
    """Return everybody who may come."""
    return everybody(street)


def short(route: Route) -> str:
    """Return a route's name without what all of its door have in common."""
    return f"{route.method} {route.path.removeprefix('/api/v1')}"


def variables(route: Route) -> list[str]:
    """Return the variables of a route's path."""
    return re.findall(r"\{(\w+)\}", route.path)


def names_something(route: Route) -> bool:
    """Return whether a caller says whose: in the path, the body or a header."""
    return bool(variables(route)) or short(route) in NAMING


def send(
    street: Street,
    route: Route,
    shown: Shown,
    ids: Mapping[str, str],
    *,
    added: Mapping[str, object] | None = None,
    replaced: Mapping[str, object] | None = None,
    query: Mapping[str, object] | None = None,
) -> TestResponse:
    """Ask a route about these ids, with a body that says all it has to, and what is added."""
    headers, body = {"Idempotency-Key": uuid.uuid4().hex}, None
    path: dict[str, Any] = {name: ids[named(route, name)] for name in variables(route)}
    if short(route) in NAMING:
        body, more = NAMING[short(route)][0](ids)
        headers |= more
    elif route.method in {"POST", "PUT"}:
        body = HUB_BODIES.get(route.path.rpartition("/")[2], {})
    if added:
        body = {**(body or {}), **added}
    return street.house.ask(
        route.name,
        body=body if replaced is None else dict(replaced),
        query=query,
        credential=shown.headers or {"X-Nothing": "shown"},
        headers=headers,
        **path,
    )


def named(route: Route, variable: str) -> str:
    """Return what a variable of a route is called in a street."""
    is_hub = route.door is DoorName.HUB
    return HUB_NAMES.get(variable, variable) if is_hub else variable


def told(answer: TestResponse) -> Told:
    """Return all that an answer tells, but which request it is of."""
    text = answer.text
    for header in ("X-Request-Id", "X-ModelRelay-Request-Id"):
        if header in answer.headers:
            text = text.replace(answer.headers[header], "")
    return answer.status_code, f"{sorted(answer.headers.keys())} {text}"


def expected(route: Route, kind: str) -> int:
    """Return the status that such a caller meets at the door; 200 where it is let in."""
    words = POLICY[route.name].split()
    if words == ["signature"]:
        return UNSIGNED
    if any(kind in ADMITS[word] for word in words):
        return 200
    return 403 if any(kind in FORBIDDEN.get(word, ()) for word in words) else 401


def test_every_route_has_its_word_in_the_policy() -> None:
    """Nobody adds a route without saying who may call it."""
    assert {route.name for route in ROUTES} == POLICY.keys()
    assert {word for words in POLICY.values() for word in words.split()} == ADMITS.keys()
    assert ADMITS.keys() == {str(kind) for kind in Credential}


def check_refusals(
    street: Street, callers: dict[str, Shown], route: Route, *, one_in: int
) -> None:
    """Demand that nobody who is refused learns anything; one in so many names nothing, too."""
    by_header: dict[tuple[str, ...], set[Told]] = {}
    cells = 0
    for number, (name, shown) in enumerate(callers.items()):
        wanted = expected(route, shown.kind)
        if wanted == 200:
            continue
        whose = [street.own]
        if names_something(route) and (number + ROUTES.index(route)) % one_in == 0:
            whose.append({**street.own, **unknown(), "own": street.own["own"]})
        answers = {told(send(street, route, shown, ids)) for ids in whose}
        cells += len(whose)
        assert {status for status, _ in answers} == {wanted}, name
        by_header.setdefault((*sorted(shown.headers), str(wanted)), set()).update(answers)
    for headers, found in by_header.items():
        # App Check is said to be what failed; who has it may know which of the two it was.
        assert len(found) == 1 or "X-Firebase-AppCheck" in headers, (headers, found)
    figures.count(CELLS, cells)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_who_is_refused_is_told_the_same_whatever_it_names(
    street: Street, callers: dict[str, Shown], route: Route
) -> None:
    """Somebody else's and what is not there look alike, and why one is refused is not said."""
    check_refusals(street, callers, route, one_in=4)


@pytest.mark.soak
@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_in_any_order_who_is_refused_is_told_the_same(
    street: Street, callers: dict[str, Shown], route: Route, turn: int
) -> None:
    """All of them about nothing too, thrice: no caller leaves a door open behind it."""
    names = sorted(callers, key=lambda name: hashlib.sha256(f"{turn}{name}".encode()).digest())

    check_refusals(street, {name: callers[name] for name in names}, route, one_in=1)


def may_name_others(route: Route, shown: Shown) -> bool:
    """Return whether this caller could name what is another tenant's.

    Admins may see all. At the gateway only a back end says who its customer is.
    """
    if Credential.ADMIN in route.credentials:
        return False
    if route.function == "gateway":
        return shown.kind == "secret_key"
    return names_something(route)


def is_lost(route: Route, shown: Shown) -> bool:
    """Return whether this caller has nothing of the kind that the route is about."""
    is_about_own = "{project_id}" in route.path or route.door is DoorName.HUB
    is_admins = Credential.ADMIN in route.credentials
    return shown.owns_nothing and is_about_own and bool(variables(route)) and not is_admins


def send_own(
    street: Street, route: Route, shown: Shown, own: Mapping[str, str]
) -> TestResponse:
    """Ask about one's own; what would be gone afterwards is made for this."""
    is_lasting = shown.owns_nothing and route.path != "/me"
    if route.method != "DELETE" or is_lasting:
        return send(street, route, shown, own)
    fresh = street.house.neighbour()
    headers = {
        **dict.fromkeys(("user", "admin"), fresh.signer.headers(fresh.uid)),
        "secret_key": secret(fresh.secret_key),
    }[shown.kind]
    return send(street, route, Shown(headers, shown.kind), ids_of(fresh))


def admitted(callers: dict[str, Shown], route: Route) -> Iterator[tuple[str, Shown]]:
    """Yield who is let in at a route's door."""
    for name, shown in callers.items():
        if expected(route, shown.kind) == 200:
            yield name, shown


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_who_is_admitted_reaches_its_own_and_nothing_else(
    street: Street, callers: dict[str, Shown], route: Route
) -> None:
    """Another tenant's answers as what never existed, byte for byte but the request's id."""
    cells = 0
    for name, shown in admitted(callers, route):
        own, theirs = street.own, street.theirs
        if shown.is_theirs:
            own, theirs = theirs, {**own, "tier_code": "elsewhere"}
        if may_name_others(route, shown):
            absent = {**own, **{kind: it for kind, it in unknown().items() if kind in own}}
            there = told(send(street, route, shown, {**theirs, "own": own["own"]}))
            nowhere = told(send(street, route, shown, {**absent, "own": own["own"]}))
            assert there[0] in ABSENT_STATUSES, (name, there)
            assert there == nowhere, name
            cells += 2
        answer = send_own(street, route, shown, own)
        if is_lost(route, shown) or short(route) in NOTHING_THERE:
            assert answer.status_code == 404, (name, answer.text)
        elif route.path != "/me/export" or not shown.owns_nothing:
            # Of who was never here there is nothing to export, and of who was, what there is.
            assert answer.status_code not in REFUSED, (name, answer.text)
        cells += 1
    figures.count(CELLS, cells)

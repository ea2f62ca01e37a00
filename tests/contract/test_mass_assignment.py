"""What a request must not set it cannot set, whatever field of ours it names; nor by saying it
twice, or in another place than its own.

The fields are those of the documents that we keep, taken from their types, so that a new one is
offered to every route by itself.
"""

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbase.accounts import domain as accounts
from creditbase.catalog.domain import tiers
from creditbase.ledger.domain import grants, wallet
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.routes import Credential, Route
from tests import figures
from tests.contract.eavesdropper import Eavesdropper, listening
from tests.contract.house import House
from tests.contract.street import Shown, Street, _clerk
from tests.contract.test_bad_inputs import TAKES_BODY, code_of, described
from tests.contract.test_matrix import send

pytestmark = pytest.mark.firestore

FIGURE = "T10 fields that a request may not set"
TEMPTING: dict[str, object] = {
    "role": "admin",
    "plan": "pro-of-a-thief",
    "status": "active-of-a-thief",
}
MARK = "of-a-thief"
NANOS = 7_313_131_313
KEPT = sorted(
    {
        each.name
        for module in (accounts, wallet, grants, tiers)
        for kind in vars(module).values()
        if dataclasses.is_dataclass(kind) and isinstance(kind, type)
        for each in dataclasses.fields(kind)
    }
    | {"balance", "credits", "is_admin", "admin", "owner_uid", "customer_claims", "stripe_id"}
)
"""The fields of what is kept of projects, customers, users, keys, wallets, grants and tiers."""
ALONE = sorted(
    {
        each.name
        for kind in (accounts.User, accounts.Customer)
        for each in dataclasses.fields(kind)
    }
    | {"balance", "available_nanos", "remaining_nanos", "plan", "frozen", "owner_uid", "admin"}
    | {"owners", "markup_bps", "secret_key_ids", "digest", "prefix", "key_id", "archived_at"}
)
"""Those that are offered one at a time: of who somebody is, and what it has."""
LENIENT = {
    *("POST /billing/checkout", "POST /billing/topup", "POST /billing/portal"),
    *("POST /billing/redeem", "POST /billing/sync-balance", "POST /api-keys"),
}
"""Seed routes, which pass over what they do not know: it must be without any effect."""
UNOPENED = {"POST /api/v1/account/topup"}
"""Where there is nothing to be paid in to, whatever is sent: 404."""
WRITABLE = [route for route in TAKES_BODY if not route.holds_prompt]


@pytest.fixture(scope="module")
def street(house: House) -> Street:
    """Return the house with a neighbour."""
    return Street.built(house)


@pytest.fixture(scope="module")
def clerk(house: House) -> str:
    """Return an admin who is nobody else."""
    return _clerk(house)


@pytest.fixture
def heard() -> Iterator[Eavesdropper]:
    """Return who hears what is written."""
    with listening() as eavesdropper:
        yield eavesdropper


def tempting(name: str) -> object:
    """Return a value that somebody would like to have there."""
    return TEMPTING.get(name, NANOS if name.endswith(("_nanos", "_cents")) else MARK)


def together(foreign: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield all of them, in bodies that are small enough to be read."""
    pairs = list(foreign.items())
    yield from (dict(pairs[start : start + 50]) for start in range(0, len(pairs), 50))


def ask(street: Street, route: Route, clerk: str, **more: Any) -> TestResponse:
    """Ask a route with a body that is good but for what is added to it."""
    house = street.house
    uid = clerk if Credential.ADMIN in route.credentials else house.uid
    headers = house.headers_for(route)
    if "X-Firebase-AppCheck" in headers:
        headers = house.signer.headers(uid)
    return send(street, route, Shown(headers, ""), street.own, **more)


@pytest.mark.parametrize("route", WRITABLE, ids=lambda route: route.name)
def test_what_a_request_must_not_set_it_cannot_set(
    street: Street, clerk: str, heard: Eavesdropper, route: Route
) -> None:
    """One at a time, and all together: refused and nothing written, or without any effect."""
    foreign = {name: tempting(name) for name in KEPT if name not in described(route)}
    offers = [{name: foreign[name]} for name in ALONE if name in foreign]
    if route.name in LENIENT:
        offers = []
    ask(street, route, clerk, added={"a": 1})  # when a key was last used is written once
    wrong: list[object] = []
    for offer in [*offers, *together(foreign)]:
        heard.forget()
        answer = ask(street, route, clerk, added=offer)
        body: Any = answer.get_json()
        is_refused = (answer.status_code, body.get("code")) == (400, code_of(route))
        if not is_refused and route.name not in LENIENT | UNOPENED:
            wrong.append((sorted(offer)[:3], answer.status_code, answer.text[:300]))
        if answer.status_code >= 400:
            wrong += [(path, "was written") for path, _ in heard.writes]
        wrong += [
            (path, name, value)
            for path, name, value in heard.leaves()
            if name in offer and value == offer[name]
        ]
        wrong += [sent for sent in heard.to_stripe if MARK in sent or str(NANOS) in sent]
        figures.count(FIGURE, len(offer))
    assert wrong == []


@pytest.mark.parametrize("route", WRITABLE, ids=lambda route: route.name)
def test_what_belongs_into_the_body_counts_nowhere_else(
    street: Street, clerk: str, heard: Eavesdropper, route: Route
) -> None:
    """A field in the query is none: a proxy in front may have looked at the body alone."""
    polluted = {name: tempting(name) for name in (*described(route), *ALONE)}
    bare = ask(street, route, clerk, replaced={"surprise": 1})
    heard.forget()

    answer = ask(street, route, clerk, replaced={"surprise": 1}, query=polluted)

    assert answer.status_code == bare.status_code
    assert MARK not in answer.text
    assert [leaf for leaf in heard.leaves() if leaf[2] in {MARK, NANOS}] == []


@pytest.mark.parametrize(
    "route", [it for it in ROUTES if it.method == "GET"], ids=lambda route: route.name
)
def test_a_name_that_is_said_twice_is_refused(street: Street, clerk: str, route: Route) -> None:
    """Of two values one reader takes the first and another the last: nobody checks both."""
    answer = ask(street, route, clerk, query={"customer_id": (uuid.uuid4(), uuid.uuid4())})

    body: Any = answer.get_json()
    assert (answer.status_code, body["code"]) == (400, code_of(route))

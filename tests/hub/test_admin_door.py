"""Who may use `/admin`: generated from the table of routes, so that no new row is forgotten."""

import re
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

import main
from creditbase.accounts.store import user_path
from creditbase.admin.roles import make_admin
from creditbase.hub.admin_door import admin_of
from creditbase.hub.door import HUB
from creditbase.hub.limits import ADMIN_PER_MINUTE, limit_for
from creditbase.kernel.errors import Forbidden
from creditbase.ledger.use_cases import lanes
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.clock import real_now
from creditbase.runtime.firestore import Update, commit, get_all
from creditbase.runtime.http import Call
from creditbase.runtime.identity import Caller, CallerKind
from creditbase.runtime.limits import RateLimit
from creditbase.runtime.routes import Credential, DoorName, RateClass, Route
from tests.hub.conftest import a_user
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of

ADMIN_ROUTES = [route for route in ROUTES if Credential.ADMIN in route.credentials]


def set_role(uid: str, role: str) -> None:
    """Write a user's role, as an operator does."""
    (found,) = get_all([user_path(uid)])
    assert found.version is not None
    commit([Update(found.path, {("role",): role}, found.version)])


def ask(route: Route, headers: dict[str, str], *, body: object = None) -> TestResponse:
    """Ask a route of the function that is deployed for it."""
    client: FlaskClient = client_of(getattr(main, route.function))
    path = re.sub(r"\{\w+\}", str(uuid4()), route.path)
    return client.open(path, method=route.method, headers=headers, json=body)


def a_caller(kind: CallerKind, route: Route = ADMIN_ROUTES[0]) -> Call:
    """Return a call by a caller that was recognised in a way."""
    return Call(
        route=route,
        caller=Caller(kind=kind, project_id="p", uid="ada"),
        now=real_now(),
        request_id="r",
        body={},
        path={},
        headers=Headers(),
    )


def test_everything_below_admin_is_for_admins_and_nothing_else_is() -> None:
    """A row of the table that forgot it would be open to every user."""
    below = [route for route in ROUTES if route.path.startswith("/admin/")]

    assert below == ADMIN_ROUTES
    assert all(route.door is DoorName.HUB for route in below)
    assert all(route.rate_class is RateClass.ADMIN for route in below)


@pytest.mark.firestore
@pytest.mark.parametrize("route", ADMIN_ROUTES, ids=lambda route: route.name)
def test_an_admin_route_is_for_admins_of_this_very_moment(route: Route, signer: Signer) -> None:
    """401 without either token, 403 without the role, and 403 right after it was taken away."""
    lanes.cache_clear()
    uid = a_user()
    signed_in = signer.headers(uid)
    has_body = route.method != "GET"
    half = [{name: value} for name, value in signed_in.items()]

    unproven = [ask(route, headers) for headers in ({}, *half)]
    never = ask(route, signer.headers("nobody-has-come-so-far"))
    before = ask(route, signed_in)
    make_admin(uid, reason="a test", now=real_now())
    as_admin = ask(route, signed_in, body={} if has_body else None)
    set_role(uid, "user")
    after = ask(route, signed_in)

    assert [answer.status_code for answer in unproven] == [401, 401, 401]
    for refused in (never, before, after):
        body = refused.get_json()
        assert (refused.status_code, body["code"]) == (403, "ADMIN_REQUIRED")
    assert as_admin.status_code not in {401, 403, 500}


@pytest.mark.firestore
def test_who_may_not_is_not_told_what_is_wrong_with_the_request(signer: Signer) -> None:
    """The role comes before the body, and before anything is looked up."""
    client = client_of(main.admin_customers)
    headers = {**signer.headers(a_user()), "Content-Type": "application/json"}

    answer = client.get("/admin/customers?query=a&query=b", headers=headers)

    assert answer.status_code == 403


def test_the_admin_is_named_and_nobody_else_passes_for_one() -> None:
    """An operation that is mounted on a row without the role refuses by itself."""
    assert admin_of(a_caller(CallerKind.ADMIN)) == "ada"
    for kind in set(CallerKind) - {CallerKind.ADMIN}:
        with pytest.raises(Forbidden):
            admin_of(a_caller(kind))


def test_admins_have_a_rate_of_their_own() -> None:
    """Whatever plan they are on: a support desk is no free user."""
    caller = Caller(kind=CallerKind.ADMIN, project_id="p", uid="ada")

    assert HUB.limit_for is limit_for
    assert limit_for(caller, RateClass.ADMIN) == RateLimit(ADMIN_PER_MINUTE)

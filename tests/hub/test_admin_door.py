"""Who may use `/admin`: generated from the table of routes, so that no new row is forgotten."""

import re
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

import main
from creditbase.accounts.store import find_customer, find_project, find_user, user_path
from creditbase.accounts.tokens import Minting, SigningKeys
from creditbase.accounts.use_cases import create_api_key, create_secret_key, ensure_project
from creditbase.admin.roles import make_admin, remove_admin
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
from tests.runtime.signing import Signer, signed_with_the_public_key, unsigned
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


def wrong_credentials(signer: Signer, uid: str) -> dict[str, dict[str, str]]:
    """Return what does not prove an admin, though every word of it is the admin's own."""
    good = signer.headers(uid)
    app, past_s = {"X-Firebase-AppCheck": good["X-Firebase-AppCheck"]}, int(time.time()) - 60
    forged = Signer(signer.project)
    project_id = ensure_project("hub", now=real_now()).project_id
    api_key = create_api_key(uid, name="k", random_bytes=uuid4().bytes * 2, now=real_now())
    secret_key = create_secret_key(
        project_id, name="k", random_bytes=uuid4().bytes * 2, now=real_now()
    )
    project = find_project(project_id)
    user = find_user(uid)
    assert project is not None
    assert user is not None
    customer = find_customer(user.customer)
    assert customer is not None
    minting = Minting(token_id=str(uuid4()), key_id="k", ttl=timedelta(hours=1), now=real_now())
    token = SigningKeys({"a": "s" * 32}).mint(project, customer, minting).text

    def shown(id_token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {id_token}", **app}

    return {
        "nothing": {},
        "no App Check": {"Authorization": good["Authorization"]},
        "no user": app,
        "no scheme": {**good, "Authorization": good["Authorization"].removeprefix("Bearer ")},
        "nonsense": shown("nonsense"),
        "expired": shown(signer.id_token(uid, exp=past_s)),
        "another project's": shown(signer.id_token(uid, aud="another")),
        "forged": shown(forged.id_token(uid)),
        "unsigned": shown(unsigned(signer.id_claims(uid))),
        "confused": shown(signed_with_the_public_key(signer, signer.id_claims(uid))),
        "App Check nonsense": {**good, "X-Firebase-AppCheck": "nonsense"},
        "App Check expired": {**good, "X-Firebase-AppCheck": signer.app_token(exp=past_s)},
        "App Check forged": {**good, "X-Firebase-AppCheck": forged.app_token()},
        "App Check as user": shown(signer.app_token()),
        "user as App Check": {**good, "X-Firebase-AppCheck": signer.id_token(uid)},
        "API key": {"X-Api-Key": api_key.secret, **app},
        "API key as user": shown(api_key.secret),
        "secret key": {"X-ModelRelay-Api-Key": secret_key.secret, **app},
        "secret key as user": shown(secret_key.secret),
        "customer token": shown(token),
    }


@pytest.mark.firestore
def test_nothing_but_an_admins_own_two_tokens_opens_any_admin_route(signer: Signer) -> None:
    """Every row of the table, with everything else that could be shown: 401.

    Each from an address of its own, or the last ones would be locked out.
    """
    lanes.cache_clear()
    uid = a_user()
    make_admin(uid, reason="a test", now=real_now())
    clients = {it.function: client_of(getattr(main, it.function)) for it in ADMIN_ROUTES}
    opened = []
    for number, (name, headers) in enumerate(wrong_credentials(signer, uid).items()):
        for place, route in enumerate(ADMIN_ROUTES):
            path = re.sub(r"\{\w+\}", str(uuid4()), route.path)
            answer = clients[route.function].open(
                path,
                method=route.method,
                headers={**headers, "Idempotency-Key": "k"},
                json={} if route.method != "GET" else None,
                environ_base={"REMOTE_ADDR": f"10.1.{number}.{place}"},
            )
            if answer.status_code != 401:
                opened.append((name, route.name, answer.status_code))

    assert opened == []


@pytest.mark.firestore
def test_the_role_ends_with_the_command_that_takes_it(signer: Signer) -> None:
    """The very next request is refused, with the same tokens that were good before it."""
    lanes.cache_clear()
    uid = a_user()
    make_admin(uid, reason="in support", now=real_now())
    signed_in = signer.headers(uid)
    route = next(it for it in ADMIN_ROUTES if it.path == "/admin/audit")
    before = ask(route, signed_in)

    remove_admin(uid, reason="has left", now=real_now())

    assert (before.status_code, ask(route, signed_in).status_code) == (200, 403)


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

"""Every route of the relay, asked about what is somebody else's, or with what holds no more.

Generated from the table of routes: the answer is that to what never existed, in status, body
and headers, so nobody finds out by asking who else is here.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbase.accounts.use_cases import create_secret_key, revoke_secret_key
from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.kernel.ids import (
    SECRET_KEY_PREFIX,
    credential,
    hold_public_id,
    operation_entry_id,
)
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.clock import now, real_now
from creditbase.runtime.routes import Credential, DoorName, Route
from creditbase.subscriptions.relay_projects import archive_project
from tests.contract.house import SITE, House, Json, bearer, of

pytestmark = pytest.mark.firestore

RELAY = tuple(route for route in ROUTES if route.door is DoorName.RELAY)
PAGES = {"success_url": f"{SITE}/ok", "cancel_url": f"{SITE}/no"}
TOP_UP = {"credit_amount_cents": 2500, **PAGES}
CHAT = {"model": "local-echo", "messages": [{"role": "user", "content": "Hi"}]}
INPUT = {"model": "local-echo", "input": [{"role": "user", "content": "Hi"}]}
TIER = {
    "tier_code": "mine",
    "display_name": "Mine",
    "spend_limit_cents": 1,
    "models": [{"model_id": "local-echo"}],
}
HOOK = {"endpoint_url": "https://hooks.example.com/in", "events": ["customer.created"]}
CUSTOMER_HEADER = "X-ModelRelay-Customer-Id"

Ids = Mapping[str, str]
Ask = tuple[Json | None, dict[str, str]]
"""A body, and headers that name somebody."""


def _by_name_or_id(**more: object) -> tuple[Callable[[Ids], Ask], ...]:
    return (
        lambda ids: ({"customer_id": ids["customer_id"], **more}, {}),
        lambda ids: ({"customer_external_id": ids["external_id"], **more}, {}),
    )


def _by_header(body: Json) -> tuple[Callable[[Ids], Ask], ...]:
    return (
        lambda ids: (body, {CUSTOMER_HEADER: ids["customer_id"]}),
        lambda ids: (body, {CUSTOMER_HEADER: ids["external_id"]}),
    )


def _just(body: Json | None) -> tuple[Callable[[Ids], Ask], ...]:
    return (lambda _: (body, {}),)


NAMING: dict[str, tuple[Callable[[Ids], Ask], ...]] = {
    "POST /auth/customer-token": (
        *_by_name_or_id(tier_code="free"),
        lambda ids: ({"customer_id": ids["own"], "tier_code": ids["tier_code"]}, {}),
    ),
    "POST /customers/claim": (
        lambda ids: ({"email": ids["email"], "provider": "github", "subject": "s"}, {}),
    ),
    "POST /customers/{customer_id}/subscribe": (
        lambda ids: ({"tier_id": ids["tier_id"], **PAGES}, {}),
    ),
    "POST /customers/{customer_id}/topup": _just(TOP_UP),
    "PUT /customers/{customer_id}/auto-topup": _just({"enabled": False}),
    "POST /charges": _by_name_or_id(amount_nanos=1),
    "POST /holds": _by_name_or_id(amount_nanos=1),
    "POST /holds/{hold_id}/capture": _just({"amount_nanos": 0}),
    "POST /holds/{hold_id}/void": _just({}),
    "POST /holds/{hold_id}/extend": _just({"expires_at": "2100-01-01T00:00:00Z"}),
    "POST /quotes": _by_name_or_id(model="local-echo", prompt_tokens=1),
    "POST /customers/me/checkout": (
        lambda ids: ({"tier_code": ids["tier_code"], **PAGES}, {}),
    ),
    "POST /customers/me/change-tier": (lambda ids: ({"tier_code": ids["tier_code"]}, {}),),
    "POST /tiers/{tier_id}/checkout": _just(PAGES),
    "POST /projects/{project_id}/tiers": _just(TIER),
    "PUT /projects/{project_id}/tiers/{tier_id}": _just(TIER),
    "PUT /projects/{project_id}": _just({"name": "Mine"}),
    "POST /projects/{project_id}/customers": _just(
        {"external_id": "x", "email": "x@example.com"}
    ),
    "POST /projects/{project_id}/keys": _just({"name": "x"}),
    "POST /projects/{project_id}/webhooks": _just(HOOK),
    "PUT /projects/{project_id}/webhooks/{webhook_id}": _just({"enabled": False}),
    "POST /projects/{project_id}/webhooks/{webhook_id}/test": _just(
        {"event_type": "customer.created"}
    ),
    "POST /responses": _by_header(INPUT),
    "POST /chat/completions": _by_header(CHAT),
}
"""What is sent to routes that take a body or name somebody in a header."""

NAMING_NOTHING = {
    *("GET /customers", "POST /customers", "PUT /customers", "GET /tiers"),
    *("GET /projects", "POST /projects", "GET /llm/usage"),
    *("GET /account/balance", "POST /account/topup"),
    *("GET /customers/me", "GET /customers/me/subscription", "GET /customers/me/usage"),
    *("GET /customers/me/balance", "GET /customers/me/balance/history"),
    *("POST /customers/me/topup", "GET /customers/me/auto-topup"),
    "PUT /customers/me/auto-topup",
}
"""Routes where a caller can name nothing but its own, or makes something new."""


@dataclass
class Street:
    """Two projects, what is in each, and what holds no more."""

    house: House
    own: dict[str, str]
    theirs: dict[str, str]
    void: dict[str, dict[str, str]]
    """Credentials that were good once, by what became of them."""


@pytest.fixture(scope="module")
def street(house: House) -> Street:
    """Return the house with a neighbour, and credentials that ended."""
    rival = house.neighbour()
    rival.ask(
        "POST /api/v1/projects/{project_id}/tiers",
        body={**TIER, "tier_code": "theirs"},
        project_id=rival.project_id,
    )
    shared_tiers.cache_clear()
    theirs = {**_ids(rival), "tier_code": "theirs"}
    own = {**_ids(house), "tier_code": "free"}
    return Street(house, own, theirs, _void(house))


def _ids(house: House) -> dict[str, str]:
    """Return one existing thing of each kind of a project."""
    person = house.person("payg")
    hold = house.ask(
        "POST /api/v1/holds",
        body={"customer_id": person.customer_id, "amount_nanos": 0},
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )
    owned: dict[str, Any] = {"project_id": house.project_id}
    hook = house.ask("POST /api/v1/projects/{project_id}/webhooks", body=HOOK, **owned)
    key = house.ask("POST /api/v1/projects/{project_id}/keys", body={"name": "x"}, **owned)
    return {
        **owned,
        "customer_id": person.customer_id,
        "own": house.person().customer_id,
        "external_id": person.external_id,
        "email": f"{person.external_id}@example.com",
        "tier_id": house.tier_ids["pro"],
        "hold_id": of(hold)["hold"]["id"],
        "webhook_id": of(hook)["webhook"]["id"],
        "key_id": of(key)["key"]["id"],
    }


def _void(house: House) -> dict[str, dict[str, str]]:
    """Return credentials of a deleted customer, an archived project and a revoked key."""
    leaving = house.person("free")
    gone = house.ask("DELETE /api/v1/customers/{customer_id}", customer_id=leaving.customer_id)
    assert gone.status_code == 204, gone.text
    shut = house.neighbour()
    shut_token = shut.person("free").token
    archive_project(shut.project_id, shut.uid, now=now())
    issued = create_secret_key(
        house.project_id, name="2", random_bytes=uuid.uuid4().bytes * 2, now=real_now()
    )
    bare_token = replace(house, secret_key=issued.secret).person("free").token
    revoke_secret_key(house.project_id, issued.key.key_id)
    return {
        "deleted customer": bearer(leaving.token),
        "archived project, token": bearer(shut_token),
        "archived project, key": _key(shut.secret_key),
        "revoked key, token": bearer(bare_token),
        "revoked key": _key(issued.secret),
    }


def _key(secret: str) -> dict[str, str]:
    return {"X-ModelRelay-Api-Key": secret}


def _unknown() -> dict[str, str]:
    """Return names of each kind, of the same shape, that nobody has."""
    name = f"user_{uuid.uuid4().hex[:12]}"
    kinds = ("project_id", "customer_id", "tier_id", "webhook_id")
    return {
        **{kind: str(uuid.uuid4()) for kind in kinds},
        "external_id": name,
        "email": f"{name}@example.com",
        "tier_code": "nobodys",
        "hold_id": hold_public_id(str(uuid.uuid4()), operation_entry_id(name)),
        "key_id": f"key_{uuid.uuid4().hex[:24]}",
    }


def _variables(route: Route) -> list[str]:
    return re.findall(r"\{(\w+)\}", route.path)


def _short(route: Route) -> str:
    return f"{route.method} {route.path.removeprefix('/api/v1')}"


def _told(answer: TestResponse) -> tuple[int, Json, list[str]]:
    """Return all that an answer tells, but which request it is of."""
    body: Any = answer.get_json(silent=True) or {}
    text = answer.text.replace(answer.headers["X-ModelRelay-Request-Id"], "")
    assert isinstance(body, dict)
    return answer.status_code, {"text": text}, sorted(answer.headers.keys())


class _Noting(dict[str, str]):
    """Ids that note which of them were asked for."""

    def __init__(self, ids: Ids) -> None:
        super().__init__(ids)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)


def _asks(route: Route) -> tuple[Callable[[Ids], Ask], ...]:
    return NAMING.get(_short(route), _just(None))


def _send(house: House, route: Route, asks: Callable[[Ids], Ask], ids: Ids) -> TestResponse:
    body, headers = asks(ids)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    return house.ask(route.name, body=body, headers={**key, **headers}, **_path(route, ids))


def _path(route: Route, ids: Ids) -> dict[str, Any]:
    return {name: ids[name] for name in _variables(route)}


def test_every_route_is_swept() -> None:
    """A new one names something, or says here that it does not."""
    for route in RELAY:
        names_something = bool(_variables(route)) or _short(route) in NAMING
        assert names_something != (_short(route) in NAMING_NOTHING), route.name


@pytest.mark.parametrize(
    "route", [it for it in RELAY if _short(it) not in NAMING_NOTHING], ids=_short
)
def test_what_is_somebody_elses_is_as_if_it_were_not_there(
    street: Street, route: Route
) -> None:
    """One name at a time, the others being the caller's own; and all of them."""
    for asks in _asks(route):
        noting = _Noting(street.own)
        asks(noting)
        _path(route, noting)
        names = sorted(noting.asked - {"own"})
        assert names
        swapped = [{name} for name in names] + ([set(names)] if len(names) > 1 else [])
        for those in swapped:
            there, nowhere = (
                _send(
                    street.house,
                    route,
                    asks,
                    {**street.own, **{name: source[name] for name in those}},
                )
                for source in (street.theirs, _unknown())
            )
            assert there.status_code in {400, 404}, (those, there.text)
            assert _told(there) == _told(nowhere), those


@pytest.mark.parametrize("route", RELAY, ids=_short)
def test_what_holds_no_more_is_as_if_it_had_never_held(street: Street, route: Route) -> None:
    """A revoked key, a deleted customer, an archived project: 401, and nothing of why."""
    body, _ = _asks(route)[0](street.own)
    never = {
        "Authorization": bearer(_spoilt(street.void["deleted customer"]["Authorization"][7:])),
        "X-ModelRelay-Api-Key": _key(credential(SECRET_KEY_PREFIX, bytes(32))),
    }

    def ask(shown: Mapping[str, str]) -> tuple[int, Json, list[str]]:
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        path = _path(route, street.own)
        return _told(
            street.house.ask(route.name, body=body, credential=shown, headers=headers, **path)
        )

    refused = {name: ask(shown) for name, shown in never.items()}
    assert {status for status, _, _ in refused.values()} == {401}
    for what, shown in street.void.items():
        (header,) = shown
        assert ask(shown) == refused[header], what


def _spoilt(token: str) -> str:
    """Return a token whose signature nobody made."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{signature[::-1]}"


@pytest.mark.parametrize(
    "route",
    [it for it in RELAY if Credential.OWNER in it.credentials and _variables(it)],
    ids=_short,
)
def test_a_user_who_owns_nothing_finds_nothing(street: Street, route: Route) -> None:
    """Signed in to the same app: somebody else's project looks like none."""
    user = street.house.signer.headers(f"u{uuid.uuid4().hex}")
    asks = _asks(route)[0]
    told = []
    for project_id in (street.own["project_id"], str(uuid.uuid4())):
        ids = {**street.own, "project_id": project_id}
        body, _ = asks(ids)
        answer = street.house.ask(route.name, body=body, credential=user, **_path(route, ids))
        told.append(_told(answer))

    assert told[0][0] == 404
    assert told[0] == told[1]

"""Every route of the relay, asked about what is somebody else's, or with what holds no more.

Generated from the table of routes: the answer is that to what never existed, in status, body
and headers, so nobody finds out by asking who else is here.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.routes import DoorName, Route
from tests.contract.house import SITE, House, Json
from tests.contract.street import HOOK, TIER, Street, unknown

pytestmark = pytest.mark.firestore

RELAY = tuple(route for route in ROUTES if route.door is DoorName.RELAY)
PAGES = {"success_url": f"{SITE}/ok", "cancel_url": f"{SITE}/no"}
TOP_UP = {"credit_amount_cents": 2500, **PAGES}
CHAT = {"model": "local-echo", "messages": [{"role": "user", "content": "Hi"}]}
INPUT = {"model": "local-echo", "input": [{"role": "user", "content": "Hi"}]}
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
    "GET /customers/me/ledger",
    *("POST /customers/me/topup", "GET /customers/me/auto-topup"),
    "PUT /customers/me/auto-topup",
}
"""Routes where a caller can name nothing but its own, or makes something new."""


@pytest.fixture(scope="module")
def street(house: House) -> Street:
    """Return the house with a neighbour, and credentials that ended."""
    return Street.built(house)


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
                for source in (street.theirs, unknown())
            )
            assert there.status_code in {400, 404}, (those, there.text)
            assert _told(there) == _told(nowhere), those

"""The one table of who may call what, and that everything else agrees with it, each way."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import main
from creditbase.runtime.authorization import ROUTES, routes_of
from creditbase.runtime.routes import Credential, DoorName, RateClass, Route, match_path
from creditbase.runtime.settings import REGION

ROOT = Path(__file__).parents[2]

POLICY = {
    "GET /usage/me": "api_key firebase",
    "GET /usage/days": "api_key firebase",
    "GET /ledger": "api_key firebase",
    "GET /ledger/{entry_id}": "api_key firebase",
    "GET /ledger/export": "api_key firebase",
    "GET /anchors": "nobody",
    "GET /anchors/{date}": "nobody",
    "GET /models": "api_key firebase",
    "GET /plans": "firebase",
    "POST /billing/checkout": "firebase",
    "POST /billing/topup": "firebase",
    "POST /billing/portal": "firebase",
    "POST /billing/redeem": "firebase",
    "POST /billing/sync-balance": "api_key firebase",
    "POST /billing/webhook": "signature",
    "POST /api-keys": "firebase",
    "GET /api-keys": "firebase",
    "DELETE /api-keys/{key_id}": "firebase",
    "DELETE /me": "firebase",
    "GET /me/export": "firebase",
    "GET /admin/customers": "admin",
    "GET /admin/customers/{customer_id}": "admin",
    "GET /admin/customers/{customer_id}/export": "admin",
    "GET /admin/customers/{customer_id}/ledger": "admin",
    "GET /admin/customers/{customer_id}/ledger/{entry_id}/explain": "admin",
    "POST /admin/customers/{customer_id}/adjust": "admin",
    "POST /admin/customers/{customer_id}/grant": "admin",
    "POST /admin/customers/{customer_id}/freeze": "admin",
    "POST /admin/customers/{customer_id}/thaw": "admin",
    "POST /admin/customers/{customer_id}/shadow": "admin",
    "GET /admin/customers/{customer_id}/shadow": "admin",
    "GET /admin/customers/shadow": "admin",
    "POST /admin/customers/shadow": "admin",
    "POST /admin/customers/{customer_id}/refund": "admin",
    "POST /admin/customers/{customer_id}/plan": "admin",
    "POST /admin/customers/{customer_id}/erase": "admin",
    "POST /admin/vouchers": "admin",
    "POST /admin/vouchers/disable": "admin",
    "GET /admin/audit": "admin",
    "GET /admin/usage": "admin",
    "GET /admin/model-economics": "admin",
    "GET /admin/customer-economics": "admin",
    "GET /admin/export": "admin",
    "GET /admin/payments": "admin",
    "GET /admin/webhooks": "admin",
    "GET /admin/webhooks/deliveries": "admin",
    "POST /admin/webhooks/{event_id}/retry": "admin",
    "GET /admin/health": "admin",
    "POST /api/v1/charges": "secret_key",
    "POST /api/v1/holds": "secret_key",
    "GET /api/v1/holds/{hold_id}": "secret_key",
    "POST /api/v1/holds/{hold_id}/capture": "secret_key",
    "POST /api/v1/holds/{hold_id}/void": "secret_key",
    "POST /api/v1/holds/{hold_id}/extend": "secret_key",
    "POST /api/v1/quotes": "customer_token secret_key",
    "POST /api/v1/responses": "api_key customer_token firebase secret_key",
    "POST /api/v1/chat/completions": "api_key customer_token firebase secret_key",
    "GET /api/v1/projects/{project_id}/webhooks": "owner",
    "POST /api/v1/projects/{project_id}/webhooks": "owner",
    "GET /api/v1/projects/{project_id}/webhooks/{webhook_id}": "owner",
    "PUT /api/v1/projects/{project_id}/webhooks/{webhook_id}": "owner",
    "DELETE /api/v1/projects/{project_id}/webhooks/{webhook_id}": "owner",
    "GET /api/v1/projects/{project_id}/webhooks/{webhook_id}/events": "owner",
    "POST /api/v1/projects/{project_id}/webhooks/{webhook_id}/test": "owner",
    "GET /api/v1/projects": "owner",
    "POST /api/v1/projects": "owner",
    "GET /api/v1/projects/{project_id}": "owner",
    "PUT /api/v1/projects/{project_id}": "owner",
    "DELETE /api/v1/projects/{project_id}": "owner",
    "GET /api/v1/projects/{project_id}/customers": "owner",
    "POST /api/v1/projects/{project_id}/customers": "owner",
    "DELETE /api/v1/projects/{project_id}/customers/{customer_id}": "owner",
    "GET /api/v1/projects/{project_id}/keys": "owner",
    "POST /api/v1/projects/{project_id}/keys": "owner",
    "DELETE /api/v1/projects/{project_id}/keys/{key_id}": "owner",
    "POST /api/v1/auth/customer-token": "secret_key",
    "GET /api/v1/tiers": "customer_token secret_key",
    "GET /api/v1/tiers/{tier_id}": "customer_token secret_key",
    "POST /api/v1/tiers/{tier_id}/checkout": "secret_key",
    "GET /api/v1/projects/{project_id}/tiers": "owner secret_key",
    "POST /api/v1/projects/{project_id}/tiers": "owner",
    "GET /api/v1/projects/{project_id}/tiers/{tier_id}": "owner secret_key",
    "PUT /api/v1/projects/{project_id}/tiers/{tier_id}": "owner",
    "DELETE /api/v1/projects/{project_id}/tiers/{tier_id}": "owner",
    "GET /api/v1/customers": "secret_key",
    "POST /api/v1/customers": "secret_key",
    "PUT /api/v1/customers": "secret_key",
    "POST /api/v1/customers/claim": "secret_key",
    "GET /api/v1/customers/by-external-id/{external_id}": "secret_key",
    "GET /api/v1/customers/{customer_id}": "secret_key",
    "DELETE /api/v1/customers/{customer_id}": "secret_key",
    "GET /api/v1/customers/{customer_id}/export": "secret_key",
    "POST /api/v1/customers/{customer_id}/subscribe": "secret_key",
    "GET /api/v1/customers/{customer_id}/subscription": "secret_key",
    "DELETE /api/v1/customers/{customer_id}/subscription": "secret_key",
    "GET /api/v1/customers/{customer_id}/balance": "secret_key",
    "GET /api/v1/customers/{customer_id}/balance/history": "secret_key",
    "GET /api/v1/customers/{customer_id}/ledger": "secret_key",
    "POST /api/v1/customers/{customer_id}/topup": "secret_key",
    "GET /api/v1/customers/{customer_id}/auto-topup": "secret_key",
    "PUT /api/v1/customers/{customer_id}/auto-topup": "secret_key",
    "GET /api/v1/account/balance": "secret_key",
    "POST /api/v1/account/topup": "secret_key",
    "GET /api/v1/llm/usage": "secret_key",
    "GET /api/v1/customers/me": "customer_token",
    "GET /api/v1/customers/me/subscription": "customer_token",
    "GET /api/v1/customers/me/usage": "customer_token",
    "GET /api/v1/customers/me/balance": "customer_token",
    "GET /api/v1/customers/me/balance/history": "customer_token",
    "GET /api/v1/customers/me/ledger": "customer_token",
    "POST /api/v1/customers/me/topup": "customer_token",
    "GET /api/v1/customers/me/auto-topup": "customer_token",
    "PUT /api/v1/customers/me/auto-topup": "customer_token",
    "POST /api/v1/customers/me/checkout": "customer_token",
    "POST /api/v1/customers/me/change-tier": "customer_token",
}
"""Written by hand, so that no edit of the table passes unseen."""

SHARED = {
    "ledger": "/ledger",
    "anchors": "/anchors",
    "admin_customers": "/admin/customers",
    "admin_vouchers": "/admin/vouchers",
    "admin_webhooks": "/admin/webhooks",
    "api_keys": "/api-keys",
    "me": "/me",
    "meter": "/api/v1",
    "customers": "/api/v1/customers",
    "customers_me": "/api/v1/customers/me",
    "projects": "/api/v1/projects",
    "project_webhooks": "/api/v1/projects",
    "tiers": "/api/v1",
    "account": "/api/v1",
    "gateway": "/api/v1",
}
"""What the paths of a function begin with, where it has several."""


def rewrites() -> list[dict[str, Any]]:
    """Return Hosting's rewrites."""
    found: list[dict[str, Any]] = json.loads((ROOT / "firebase.json").read_text())["hosting"][
        "rewrites"
    ]
    return found


def sends(rewrite: dict[str, Any], path: str) -> bool:
    """Return whether a rewrite takes this path; `**` is any number of segments."""
    pattern = re.escape(rewrite["source"]).replace(r"/\*\*", r"(/.*)?").replace(r"\*", "[^/]*")
    return re.fullmatch(pattern, path) is not None


def test_the_table_is_the_policy() -> None:
    """Who may call what is decided here and nowhere else."""
    table = {route.name: " ".join(sorted(route.credentials)) for route in ROUTES}

    assert table == POLICY


def test_no_route_is_listed_twice() -> None:
    """Two rows for one route would be two answers to one question."""
    assert len({route.name for route in ROUTES}) == len(ROUTES)


def test_a_name_that_is_not_exported_is_missing() -> None:
    """The framework then says which names there are."""
    with pytest.raises(AttributeError):
        _ = main.no_such_function


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_hosting_sends_every_route_to_its_function(route: Route) -> None:
    """The first rewrite that fits wins, so it must be the right one."""
    path = re.sub(r"\{\w+\}", "abc", route.path)

    first = next(rewrite for rewrite in rewrites() if sends(rewrite, path))

    assert first["function"] == {"functionId": route.function, "region": REGION}


def test_what_is_for_everybody_is_the_anchors_alone() -> None:
    """Roots are for anyone to note down; they are limited by address, and only read."""
    public = [r for r in ROUTES if r.credentials <= {Credential.NOBODY}]

    assert [r.name for r in public] == ["GET /anchors", "GET /anchors/{date}"]
    assert public == [r for r in ROUTES if r.rate_class is RateClass.PUBLIC]


def test_what_takes_no_credential_is_the_webhook_alone() -> None:
    """Everything else proves its caller before it looks at the request."""
    open_routes = [r for r in ROUTES if r.credentials <= {Credential.SIGNATURE}]

    assert [route.door for route in open_routes] == [DoorName.WEBHOOK]
    assert [r.name for r in ROUTES if r.rate_class is RateClass.NONE] == [open_routes[0].name]


def test_every_body_is_bounded() -> None:
    """No route may be sent a body that no valid request could have."""
    assert all(0 < route.body_bytes_max <= 4 * 1024 * 1024 for route in ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_finds_itself_whole_and_from_its_function(route: Route) -> None:
    """Through Hosting, and at the function's own address."""
    routes = routes_of(route.function)
    whole = re.sub(r"\{\w+\}", "abc", route.path)
    shared = SHARED.get(route.function, route.path)

    for path in (whole, whole.removeprefix(shared) or "/"):
        match = match_path(routes, path)
        assert match is not None
        assert match.row(route.method) is route


def test_variables_of_a_path_are_not_empty() -> None:
    """`/api-keys//` names no key."""
    assert match_path(routes_of("meter"), "/api/v1/holds//void") is None

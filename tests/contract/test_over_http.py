"""Every published route, asked with a plain HTTP client through Hosting, as a stranger would.

Each answer is held to `docs/openapi.yaml`: status, headers, fields, types, formats and closed
enumerations. The walk is over when no route is left that nobody asked.
"""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from creditbase.runtime.authorization import ROUTES
from dev.client import Customer
from tests.contract.walk import Json, Walk, walk

__all__ = ["walk"]
pytestmark = pytest.mark.stack

SITE = "https://app.example.com"
PAGES = {"success_url": f"{SITE}/ok?session={{CHECKOUT_SESSION_ID}}", "cancel_url": SITE}
MESSAGES = [{"role": "user", "content": "Say hello."}]
INPUT = [
    {"type": "message", "role": "user", "content": [{"type": "text", "text": "Say hello."}]}
]


def left_of(walk: Walk, *, is_hub: bool) -> set[str]:
    """Return the routes of a dialect that were not asked; admins have a walk of their own."""
    names = {
        route.name
        for route in ROUTES
        if route.path.startswith("/api/v1") != is_hub and not route.path.startswith("/admin/")
    }
    return names - walk.asked


def test_the_whole_relay_api_is_as_published(walk: Walk) -> None:
    """Projects, tiers, customers, tokens, wallets, metering, model calls, webhooks."""
    project_id = walk.env["RELAY_PROJECT_ID"]
    key, owner = walk.key(), walk.owner()
    tiers = walk.ask("GET /api/v1/tiers", 200, key)["tiers"]
    tier_ids = {tier["tier_code"]: tier["id"] for tier in tiers}

    people = [_customer(walk) for _ in range(3)]
    limited, paygo, shopper = (person["customer"]["id"] for person in people)
    tokens = [_token(walk, limited, "free"), _token(walk, paygo, "payg")]
    _customers(walk, limited)
    _metering(walk, paygo, tokens[0])
    _selling(walk, tier_ids, shopper, tokens[0])
    _wallets(walk, paygo, tokens[1])
    _model_calls(walk, tokens[0])
    _tiers(walk, project_id, tier_ids["free"], owner)
    _projects(walk, project_id, owner)
    _webhooks(walk, project_id, owner)
    walk.ask("GET /api/v1/customers/me/ledger", 200, tokens[0])
    for suffix in ("ledger", "export"):
        walk.ask(f"GET /api/v1/customers/{{customer_id}}/{suffix}", 200, key, customer_id=paygo)
    walk.ask("DELETE /api/v1/customers/{customer_id}", 204, key, customer_id=shopper)
    gone = walk.ask("GET /api/v1/customers/{customer_id}", 404, key, customer_id=shopper)

    assert gone["error"] == gone["code"] == "NOT_FOUND"
    assert not left_of(walk, is_hub=False)


def _customer(walk: Walk) -> Json:
    name = f"user_{secrets.token_hex(6)}"
    asked = {"external_id": name, "email": f"{name}@example.com", "metadata": {"plan": "a"}}
    made = walk.ask("POST /api/v1/customers", 201, walk.key(), asked)["customer"]
    walk.ask("PUT /api/v1/customers", 200, walk.key(), asked)
    walk.ask("POST /api/v1/customers", 409, walk.key(), asked)
    found: Json = made
    return found


def _token(walk: Walk, customer_id: str, tier_code: str) -> dict[str, str]:
    asked = {"customer_id": customer_id, "tier_code": tier_code}
    minted = walk.ask("POST /api/v1/auth/customer-token", 200, walk.key(), asked)
    return {"Authorization": f"Bearer {minted['token']}"}


def _customers(walk: Walk, customer_id: str) -> None:
    key = walk.key()
    walk.ask("GET /api/v1/customers", 200, key)
    shown = walk.ask("GET /api/v1/customers/{customer_id}", 200, key, customer_id=customer_id)
    profile = shown["customer"]["customer"]
    walk.ask(
        "GET /api/v1/customers/by-external-id/{external_id}",
        200,
        key,
        external_id=profile["external_id"],
    )
    claim = {"email": profile["email"], "provider": "github", "subject": profile["external_id"]}
    walk.ask("POST /api/v1/customers/claim", 200, key, claim)
    route = "GET /api/v1/customers/{customer_id}/subscription"
    walk.ask(route, 200, key, customer_id=customer_id)


def _metering(walk: Walk, customer_id: str, token: dict[str, str]) -> None:
    who = {"customer_id": customer_id}
    walk.ask("POST /api/v1/charges", 201, walk.key(), {**who, "amount_nanos": 0})
    walk.ask("POST /api/v1/charges", 402, walk.key(), {**who, "amount_nanos": 10})
    held = walk.ask("POST /api/v1/holds", 201, walk.key(), {**who, "amount_nanos": 0})
    hold_id = held["hold"]["id"]
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = "/api/v1/holds/{hold_id}"
    walk.ask(f"POST {path}/extend", 200, walk.key(), {"expires_at": later}, hold_id=hold_id)
    walk.ask(f"GET {path}", 200, walk.key(), hold_id=hold_id)
    walk.ask(f"POST {path}/capture", 200, walk.key(), {"amount_nanos": 0}, hold_id=hold_id)
    walk.ask(f"POST {path}/void", 409, walk.key(), {}, hold_id=hold_id)
    asked = {"model": "local-echo", "prompt_tokens": 100}
    walk.ask("POST /api/v1/quotes", 200, token, asked)


def _selling(
    walk: Walk, tier_ids: dict[str, str], customer_id: str, token: dict[str, str]
) -> None:
    me = "/api/v1/customers/me"
    walk.ask(f"GET {me}", 200, token)
    walk.ask(f"GET {me}/usage", 200, token)
    walk.ask(f"GET {me}/subscription", 200, token)
    walk.ask(f"POST {me}/change-tier", 200, token, {"tier_code": "free_plus"})
    walk.ask(f"POST {me}/change-tier", 402, token, {"tier_code": "pro"})
    walk.ask(f"POST {me}/change-tier", 409, token, {"tier_code": "enterprise"})
    walk.ask(f"POST {me}/checkout", 200, token, {"tier_code": "pro", **PAGES})
    one, tier = "/api/v1/customers/{customer_id}", "/api/v1/tiers/{tier_id}"
    asked = {"tier_id": tier_ids["pro"], **PAGES}
    walk.ask(f"POST {one}/subscribe", 201, walk.key(), asked, customer_id=customer_id)
    walk.ask(f"DELETE {one}/subscription", 404, walk.key(), customer_id=customer_id)
    walk.ask(f"POST {tier}/checkout", 200, walk.key(), PAGES, tier_id=tier_ids["pro"])
    walk.ask(f"GET {tier}", 200, token, tier_id=tier_ids["free"])


def _wallets(walk: Walk, customer_id: str, token: dict[str, str]) -> None:
    top_up = {"credit_amount_cents": 2500, **PAGES}
    off = {"enabled": False}
    me, one = "/api/v1/customers/me", "/api/v1/customers/{customer_id}"
    walk.ask(f"GET {me}/balance", 200, token)
    walk.ask(f"GET {me}/balance/history", 200, token)
    walk.ask(f"POST {me}/topup", 201, token, top_up)
    walk.ask(f"PUT {me}/auto-topup", 200, token, off)
    walk.ask(f"GET {me}/auto-topup", 200, token)
    key = walk.key()
    walk.ask(f"GET {one}/balance", 200, key, customer_id=customer_id)
    walk.ask(f"GET {one}/balance/history", 200, key, customer_id=customer_id)
    walk.ask(f"POST {one}/topup", 201, key, top_up, customer_id=customer_id)
    walk.ask(f"PUT {one}/auto-topup", 200, key, off, customer_id=customer_id)
    walk.ask(f"GET {one}/auto-topup", 200, key, customer_id=customer_id)
    walk.ask("GET /api/v1/account/balance", 200, key)
    walk.ask("POST /api/v1/account/topup", 201, key, top_up)
    walk.ask("GET /api/v1/llm/usage", 200, key)


def _model_calls(walk: Walk, token: dict[str, str]) -> None:
    chat = {"model": "local-echo", "messages": MESSAGES, "max_tokens": 20}
    walk.ask("POST /api/v1/chat/completions", 200, token, chat)
    walk.ask("POST /api/v1/responses", 200, token, {"input": INPUT, "max_output_tokens": 20})


def _tiers(walk: Walk, project_id: str, tier_id: str, owner: dict[str, str]) -> None:
    all_of, one = (
        "/api/v1/projects/{project_id}/tiers",
        "/api/v1/projects/{project_id}/tiers/{tier_id}",
    )
    project = {"project_id": project_id.upper()}
    walk.ask(f"GET {all_of}", 200, walk.key(), **project)
    walk.ask(f"GET {one}", 200, owner, tier_id=tier_id, **project)
    asked = {
        "tier_code": f"t{secrets.token_hex(6)}",
        "display_name": "Trial balloon",
        "spend_limit_cents": 100,
        "models": [{"model_id": "local-echo"}],
    }
    made = walk.ask(f"POST {all_of}", 201, owner, asked, **project)["tier"]
    changed = {
        "tier_code": made["tier_code"],
        "display_name": "Bigger",
        "spend_limit_cents": 200,
    }
    walk.ask(f"PUT {one}", 200, owner, changed, tier_id=made["id"], **project)
    walk.ask(f"DELETE {one}", 204, owner, tier_id=made["id"], **project)


def _projects(walk: Walk, project_id: str, owner: dict[str, str]) -> None:
    one = "/api/v1/projects/{project_id}"
    walk.ask("GET /api/v1/projects", 200, owner)
    walk.ask(f"GET {one}", 200, owner, project_id=project_id)
    made = walk.ask("POST /api/v1/projects", 201, owner, {"name": "Second shop"})
    second = made["project"]["id"]
    walk.ask(f"PUT {one}", 200, owner, {"name": "Second"}, project_id=second)
    name = f"user_{secrets.token_hex(6)}"
    profile = {"external_id": name, "email": f"{name}@example.com"}
    customer = walk.ask(f"POST {one}/customers", 201, owner, profile, project_id=second)
    walk.ask(f"GET {one}/customers", 200, owner, project_id=second)
    walk.ask(
        f"DELETE {one}/customers/{{customer_id}}",
        204,
        owner,
        project_id=second,
        customer_id=customer["customer"]["customer"]["id"],
    )
    key = walk.ask(f"POST {one}/keys", 201, owner, {"name": "server"}, project_id=second)
    walk.ask(f"GET {one}/keys", 200, owner, project_id=second)
    key_id = key["key"]["id"]
    walk.ask(f"DELETE {one}/keys/{{key_id}}", 204, owner, project_id=second, key_id=key_id)
    walk.ask(f"DELETE {one}", 204, owner, project_id=second)
    walk.ask(f"GET {one}", 404, owner, project_id=second)


def _webhooks(walk: Walk, project_id: str, owner: dict[str, str]) -> None:
    all_of = "/api/v1/projects/{project_id}/webhooks"
    one = f"{all_of}/{{webhook_id}}"
    asked = {"endpoint_url": "https://hooks.example.com/in", "events": ["customer.created"]}
    made = walk.ask(f"POST {all_of}", 201, owner, asked, project_id=project_id)["webhook"]
    named = {"project_id": project_id, "webhook_id": made["id"]}
    walk.ask(f"GET {all_of}", 200, owner, project_id=project_id)
    walk.ask(f"GET {one}", 200, owner, **named)
    walk.ask(f"PUT {one}", 200, owner, {"enabled": False, "rotate_secret": True}, **named)
    walk.ask(f"GET {one}/events", 200, owner, **named)
    walk.ask(f"POST {one}/test", 502, owner, {"event_type": "customer.created"}, **named)
    walk.ask(f"DELETE {one}", 204, owner, **named)


def test_the_whole_hub_is_as_published(walk: Walk) -> None:
    """Usage, plans, checkout, top-ups, portal, vouchers, keys; and a webhook that is forged."""
    email = f"eve-{secrets.token_hex(4)}@example.com"
    eve = Customer.sign_up(walk.env, email, secrets.token_urlsafe(9))
    user = eve.headers

    walk.ask("GET /usage/me", 200, user)
    walk.ask("GET /usage/days", 200, user)
    (entry,) = walk.ask("GET /ledger", 200, user)["entries"]
    walk.ask("GET /ledger/{entry_id}", 200, user, entry_id=entry["id"])
    walk.ask("GET /models", 200, user)
    walk.ask("GET /plans", 200, user)
    walk.ask("POST /billing/portal", 404, user, {})
    walk.ask("POST /billing/checkout", 200, user, {"plan": "guru"})
    walk.ask("POST /billing/topup", 200, user, {"amount": "small"})
    walk.ask("POST /billing/portal", 200, user, {})
    walk.ask("POST /billing/redeem", 404, user, {"code": "NOBODY-HAS-THIS-ONE"})
    walk.ask("POST /billing/sync-balance", 200, user, {})
    key = walk.ask("POST /api-keys", 201, user, {"name": "laptop"})
    walk.ask("GET /api-keys", 200, user)
    walk.ask("GET /usage/me", 200, {"X-Api-Key": key["key"]})
    walk.ask("DELETE /api-keys/{key_id}", 200, user, key_id=key["id"])
    walk.ask("GET /usage/me", 401, {"X-Api-Key": key["key"]})
    walk.ask("POST /billing/webhook", 400, {"Stripe-Signature": "t=1,v1=00"}, {"id": "evt_1"})
    walk.ask("GET /ledger/export", 200, user)
    walk.ask("GET /anchors", 200, {})
    walk.ask("GET /anchors/{date}", 404, {}, date="2001-01-01")
    walk.ask("GET /me/export", 200, user)
    walk.ask("DELETE /me", 200, user)

    assert not left_of(walk, is_hub=True)

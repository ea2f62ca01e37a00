"""Webhooks and quotes over the running stack: what is promised beyond the shape of answers."""

import secrets

import pytest

from tests.contract.walk import Json, Walk, walk
from tests.receiver import receiving
from tests.scenarios.test_running_stack import run_job

__all__ = ["walk"]
pytestmark = pytest.mark.stack

WEBHOOKS = "/api/v1/projects/{project_id}/webhooks"


def test_an_event_arrives_signed_at_a_developers_own_server(walk: Walk) -> None:
    """Made by a request, handed on and sent by the job, verified by the library."""
    owned = {"project_id": walk.env["RELAY_PROJECT_ID"]}
    owner, name = walk.owner(), f"user_{secrets.token_hex(6)}"
    with receiving() as server:
        asked = {"endpoint_url": server.url, "events": ["customer.created"]}
        hook: Json = walk.ask(f"POST {WEBHOOKS}", 201, owner, asked, **owned)["webhook"]
        named = {**owned, "webhook_id": hook["id"]}
        try:
            profile = {"external_id": name, "email": f"{name}@example.com"}
            made = walk.ask("POST /api/v1/customers", 201, walk.key(), profile)
            assert run_job(walk.env, "deliver_webhooks").status_code == 200
            log = walk.ask(f"GET {WEBHOOKS}/{{webhook_id}}/events", 200, owner, **named)
        finally:
            walk.ask(f"DELETE {WEBHOOKS}/{{webhook_id}}", 204, owner, **named)

    told = {taken.headers["webhook-id"]: taken for taken in server.taken}
    mine = [event for event in log["events"] if event["payload"]["data"]["external_id"] == name]
    (record,) = mine
    assert (record["status"], record["response_status"]) == ("delivered", 200)
    heard = told[record["event_id"]].verified(hook["signing_secret"])
    assert heard == record["payload"]
    assert heard["type"] == "customer.created"
    customer = made["customer"]["customer"]
    assert heard["data"] == {
        "customer_id": customer["id"],
        "external_id": name,
        "email": profile["email"],
        "metadata": {},
    }


def test_a_quote_is_what_the_charge_then_costs(walk: Walk) -> None:
    """To the nano, and it has written nothing: what was available still is."""
    name = f"user_{secrets.token_hex(6)}"
    profile = {"external_id": name, "email": f"{name}@example.com"}
    made = walk.ask("POST /api/v1/customers", 201, walk.key(), profile)["customer"]
    who = {"customer_id": made["customer"]["id"]}
    walk.ask("POST /api/v1/auth/customer-token", 200, walk.key(), {**who, "tier_code": "free"})
    usage = {"input_tokens": 1_234, "output_tokens": 567}
    quoted, again = (
        walk.ask(
            "POST /api/v1/quotes",
            200,
            walk.key(),
            {**who, "model": "local-echo", "usage_max": usage},
        )
        for _ in range(2)
    )

    charged = walk.ask(
        "POST /api/v1/charges", 201, walk.key(), {**who, "model": "local-echo", "usage": usage}
    )

    assert quoted == again
    quote, charge = quoted["quote"], charged["charge"]
    assert quote["is_affordable"]
    assert quote["amount_nanos"] == quote["affordable_nanos"] == charge["amount_nanos"] > 0
    assert charge["captured_nanos"] == charge["amount_nanos"]
    assert quote["draws"] == charge["draws"]
    left = "included_remaining_nanos"
    assert quoted["balance"][left] - charged["balance"][left] == charge["amount_nanos"]

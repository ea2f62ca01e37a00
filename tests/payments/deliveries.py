"""What a test of the webhook does: deliver an event, look into the inbox and the ledger."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from creditbase.runtime.firestore import get_all, query
from tests.ledger.wallets import LiveWallet
from tests.payments.shop import Resource, Signed

SMALL_NANOS = 5_000_000_000
FREE_NANOS = 500_000_000


def deliver(client: FlaskClient, sent: Signed) -> int:
    """Send an event as Stripe does and return the status."""
    answer = client.post(
        "/billing/webhook", data=sent.raw, headers={"Stripe-Signature": sent.signature}
    )
    if answer.status_code == 200:
        assert answer.json == {"received": True}
    return answer.status_code


def inbox(event_id: str) -> dict[str, Any]:
    """Return what the inbox says of an event."""
    fields = get_all([f"stripe_events/{event_id}"])[0].fields
    assert fields is not None
    return fields


def said_by(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines of the log since the last look."""
    lines = capsys.readouterr().out.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def stored_events() -> set[str]:
    """Return every event of the inbox."""
    return {snapshot.path for snapshot in query("stripe_events", limit=10_000)}


def topups(wallet: LiveWallet) -> list[int]:
    """Return the amounts of the raw top-up entries, in order."""
    return [
        entry["amount_nanos"]
        for entry in wallet.entries()
        if entry["entry_id"].startswith("topup:")
    ]


EVENT: Resource = {
    "id": "evt_1",
    "object": "event",
    "type": "checkout.session.completed",
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"id": "cs_1", "object": "checkout.session"}},
}


def changed(**fields: Any) -> str:
    """Return an event's text with some fields changed."""
    return json.dumps({**EVENT, **fields})

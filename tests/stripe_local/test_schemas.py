"""Net B itself: it must tell a field that is null from one that is not there."""

import copy
import json
from typing import Any

import pytest
import stripe

from dev import stripe_schema
from stripe_local.wire.parameter_types import API_VERSION
from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import subscriber
from tests.stripe_local.schemas import (
    SCHEMA,
    disagreements,
    disagreements_in_transcript,
)


@pytest.fixture
def invoice(local: Local) -> dict[str, Any]:
    """Return an invoice as it was told."""
    ada = subscriber(local)
    ada.check_out()
    told: dict[str, Any] = json.loads(str(ada.invoices()[0]))
    return told


def test_an_honest_object_agrees(invoice: dict[str, Any]) -> None:
    """What follows is about one change each."""
    assert disagreements(invoice) == []
    assert disagreements({"object": "list", "data": [invoice, invoice]}) == []


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("amount_paid_off_stripe", None, "is not of type"),
        ("amount_due", None, "is not of type"),
        ("amount_due", "2000", "is not of type"),
        ("status", "owed", "is not one of"),
        ("colour", "red", "Additional properties"),
        ("lines.data.0.pricing.unit_amount_decimal", "1e3", "does not match"),
        ("status_transitions.paid_at", "yesterday", "is not of type"),
    ],
)
def test_a_dishonest_field_is_found(
    invoice: dict[str, Any], path: str, value: object, said: str
) -> None:
    """Null where it should be absent, another type, an invented value or name."""
    *way, field = path.split(".")
    changed: Any = invoice
    for step in way:
        changed = changed[int(step) if step.isdigit() else step]
    changed[field] = value

    [flaw] = disagreements(invoice)

    assert said in flaw
    assert "." not in path or flaw.startswith(f"invoice.{path}")


def test_a_field_that_is_left_out_is_found(invoice: dict[str, Any]) -> None:
    """The product may read it without asking whether it is there."""
    del invoice["starting_balance"]
    del invoice["lines"]["data"][0]["discounts"]

    assert sorted(disagreements(invoice)) == [
        'invoice.lines.data.0: "discounts" is a required property',
        'invoice: "starting_balance" is a required property',
    ]


def test_the_closest_of_several_possibilities_is_said(
    local: Local, invoice: dict[str, Any]
) -> None:
    """An expanded customer with a wrong field is still a customer, and no string."""
    customer = json.loads(str(local.client.v1.customers.retrieve(invoice["customer"])))
    customer["created"] = None

    [flaw] = disagreements({**invoice, "customer": customer})

    assert flaw == 'invoice.customer.created: null is not of type "number"'


def test_events_and_what_is_in_them_are_read(local: Local, invoice: dict[str, Any]) -> None:
    """Payloads of webhooks too; but not what an error says."""
    event = json.loads(str(local.client.v1.events.list({"type": "invoice.paid"}).data[0]))
    wrong = copy.deepcopy(event)
    del wrong["request"]["idempotency_key"]
    wrong["data"]["object"]["total"] = None
    said = [
        {"kind": "webhook", "about": "invoice.paid", "status": None, "body": wrong},
        {"kind": "answer", "about": "GET /x", "status": 404, "body": {"error": {}}},
        {"kind": "answer", "about": "GET /y", "status": 200, "body": {"object": "unicorn"}},
    ]

    assert disagreements(event) == []
    assert disagreements_in_transcript(said) == [
        'invoice.paid: event.request: "idempotency_key" is a required property',
        'invoice.paid: invoice.total: null is not of type "number"',
        "GET /y: 'unicorn' is not among the objects of the schema",
    ]


def test_the_schema_is_of_our_version_of_the_api() -> None:
    """Another release of stripe-node may speak another version: generate it again."""
    assert stripe.api_version == API_VERSION == "2026-10-28.endive"
    assert "stripe@23.1.0" in json.loads(SCHEMA.read_text())["$comment"]


@pytest.mark.soak
def test_the_schema_is_what_is_generated_from_the_pinned_package() -> None:
    """Nobody has mended the file by hand until it agreed."""
    assert stripe_schema.generate() == SCHEMA.read_bytes()

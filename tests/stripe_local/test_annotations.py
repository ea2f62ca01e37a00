"""The checker itself: it passes what is right, and sees every kind of wrong field."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from stripe_local.wire.annotations import flaws_in_answer, flaws_in_event, flaws_in_transcript
from tests.stripe_local.conftest import Local

Json = dict[str, Any]


def seed(change: Callable[[Json], Any]) -> Callable[[Json], Json]:
    """Return a function that spoils a copy."""

    def spoil(sound: Json) -> Json:
        spoilt = copy.deepcopy(sound)
        change(spoilt)
        return spoilt

    return spoil


FAULTS = {
    "a field of an older version": (
        seed(lambda body: body.update(payment_method="card")),
        "answer.payment_method: Session has no such field",
    ),
    "a missing field": (seed(lambda body: body.pop("mode")), "answer.mode: missing"),
    "null where it may not be": (seed(lambda body: body.update(livemode=None)), "livemode"),
    "a value outside the enum": (
        seed(lambda body: body.update(ui_mode="hosted")),
        "answer.ui_mode: 'hosted' is none of",
    ),
    "a string for a number": (seed(lambda body: body.update(created="1")), "answer.created"),
    "a bool for a number": (seed(lambda body: body.update(created=True)), "answer.created"),
    "a wrong field in a hash": (
        seed(lambda body: body["automatic_tax"].update(rate=1)),
        "answer.automatic_tax.rate: AutomaticTax has no such field",
    ),
    "a wrong field in a row": (
        seed(lambda body: body["line_items"]["data"][0].update(plan="p")),
        "answer.line_items.data[0].plan: LineItem has no such field",
    ),
    "a wrong field two objects down": (
        seed(lambda body: body["line_items"]["data"][0]["price"].update(unit_amount_decimal=2)),
        "answer.line_items.data[0].price.unit_amount_decimal: 2 is no decimal",
    ),
    "an array for a hash": (seed(lambda body: body.update(metadata=[])), "answer.metadata"),
    "an object nobody knows": (seed(lambda body: body.update(object="order")), "'order'"),
}


@pytest.fixture
def session(local: Local) -> Json:
    """Return a session as JSON, with its line items."""
    made = local.sell(metadata={"uid": "u1"}, expand=["line_items"])
    body: Json = json.loads(str(made))
    return body


def test_what_the_stand_in_says_passes(session: Json) -> None:
    """Else the faults below would prove nothing."""
    assert flaws_in_answer(200, session) == []


@pytest.mark.parametrize(("spoil", "said"), FAULTS.values(), ids=FAULTS)
def test_a_seeded_fault_is_seen(
    session: Json, spoil: Callable[[Json], Json], said: str
) -> None:
    """A check that cannot fail keeps nothing honest."""
    flaws = flaws_in_answer(200, spoil(session))

    assert len(flaws) >= 1
    assert said in flaws[0]


def test_faults_in_events_errors_and_lists_are_seen(local: Local, session: Json) -> None:
    """Payloads and refusals are read by the product as much as answers are."""
    local.client.v1.customers.create({"email": "ada@example.com"})
    event: Json = json.loads(str(local.client.v1.events.list().data[0]))
    assert flaws_in_event(event) == []

    assert "event.type" in flaws_in_event({**event, "type": "customer.made"})[0]
    spoilt = {**event, "data": {"object": {**event["data"]["object"], "plan": 1}}}
    assert "event.data.object.plan" in flaws_in_event(spoilt)[0]
    upcoming = {**event, "type": "invoice.upcoming"}
    assert "an upcoming invoice has none" in flaws_in_event(upcoming)[0]
    assert flaws_in_answer(400, {"error": {"message": "no type"}}) != []
    assert flaws_in_answer(404, {"detail": "not Stripe's envelope"}) != []
    assert flaws_in_answer(400, {"error": {"type": "validation_error"}}) != []
    rows = {"object": "list", "data": [session], "has_more": False, "url": "/v1/x"}
    assert flaws_in_answer(200, rows) == []
    assert flaws_in_answer(200, {**rows, "total_count": 1}) != []


def test_the_transcript_of_a_server_can_be_checked_whole(local: Local) -> None:
    """The whole suite does so after its last test, against the server that it used."""
    local.sell()
    local.client.v1.customers.list()

    said = local.sim("GET", "/transcript?limit=1000")["utterances"]
    number = said[-2]["number"]

    assert local.sim("GET", f"/transcript?after={number}")["utterances"] == said[-1:]
    assert (
        local.sim("GET", f"/transcript?after={number - 1}&limit=1")["utterances"] == said[-2:-1]
    )
    assert {"POST /v1/checkout/sessions", "GET /v1/customers"} <= {u["about"] for u in said}
    assert flaws_in_transcript(said[-2:]) == []
    said[-1]["body"]["data"] = [{"object": "customer", "id": 3}]
    assert flaws_in_transcript(said[-1:]) != []

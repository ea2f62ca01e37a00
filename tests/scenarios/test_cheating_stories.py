"""What somebody tries who wants credits that nobody has paid for, or somebody else's."""

import json
from typing import Any
from uuid import uuid4

import pytest
import requests

from creditbase.payments import webhook
from creditbase.runtime.firestore import get_all
from tests.payments.deliveries import deliver
from tests.payments.shop import Resource, signed, signed_event
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of
from tests.scenarios.life import FREE, Customer, Seen, Town, door, on_free
from tests.together import at_once

pytestmark = pytest.mark.firestore

TIMES = 8
ABSURD: tuple[Any, ...] = (
    -5,
    0,
    10**30,
    -(10**30),
    "-1",
    "1e309",
    "small ",
    ["small"],
    {},
    None,
)


@pytest.fixture
def bob(town: Town, signer: Signer, ada: Customer) -> Customer:
    """Return somebody else, who has a Stripe customer and has bought nothing."""
    assert ada, "was here first"
    bob = Customer.arrives(town, signer)
    bob.open_topup("small")
    return bob


def inbox_of(event: Resource) -> tuple[str, str]:
    """Return how an event of Stripe's ended, and why."""
    fields = get_all([f"stripe_events/{event['id']}"])[0].fields
    assert fields is not None
    return fields["status"], fields["reason"]


def test_one_event_delivered_to_two_processes_many_times_at_once(ada: Customer) -> None:
    """Paid once, given once, whoever handles it and however often at the same moment."""
    ada.shop.hold_deliveries()
    session_id = ada.open_topup("small")
    ada.shop.pay_unwatched(session_id)
    event = ada.shop.event("checkout.session.completed")
    sent = signed(json.dumps(event))

    def there(_: int) -> int:
        headers = {"Stripe-Signature": sent.signature}
        return requests.post(
            ada.town.webhook_url, data=sent.raw, headers=headers, timeout=60
        ).status_code

    def here(_: int) -> int:
        return deliver(client_of(webhook.billing_webhook), signed_event(event))

    statuses = at_once(2 * TIMES, lambda number: (there, here)[number % 2](number))
    ada.shop.release_deliveries()
    ada.town.settle()

    assert set(statuses) <= {200, 500}, "500: to be sent again"
    assert ada.granted("topup") == [5_000]
    assert ada.sees() == on_free(FREE, topups=5_000)


def test_what_metadata_says_at_stripe_names_no_other_owner(
    ada: Customer, bob: Customer
) -> None:
    """Changed in the Dashboard after the session was made: nobody is given what is unclear.

    A plan belongs to whoever's Stripe customer pays it, whatever its metadata says.
    """
    session_id = ada.open_topup("small")
    made = ada.shop.get(f"/checkout/sessions/{session_id}")["metadata"]
    stolen = {**made, "customer": bob.ref.customer_id, "project": bob.ref.project_id}
    ada.shop.change("checkout.session", session_id, metadata=stolen)
    ada.shop.pay_unwatched(session_id)
    ada.town.settle()
    (event,) = ada.shop.events("checkout.session.completed")

    assert inbox_of(event) == ("quarantined", "mismatch:metadata_customer")
    assert (ada.sees(), bob.sees()) == (on_free(FREE), on_free(FREE))

    ada.subscribe("guru")
    marks = {"metadata[customer]": bob.ref.customer_id, "metadata[plan]": "pro"}
    ada.change(**marks)
    ada.shop.post(f"/customers/{ada.stripe_id}", **marks)
    ada.live_past(ada.period_end())

    assert (ada.sees(), bob.sees()) == (Seen("guru", 10_000), on_free(FREE))


def test_another_projects_ids_at_stripe_reach_nobody_there(
    ada: Customer, bob: Customer
) -> None:
    """Metadata that points at another tenant's customer is not even looked up there."""
    session_id = ada.open_topup("small")
    made = ada.shop.get(f"/checkout/sessions/{session_id}")["metadata"]
    elsewhere = {**made, "project": str(uuid4()), "customer": bob.ref.customer_id}
    ada.shop.change("checkout.session", session_id, metadata=elsewhere)
    ada.shop.pay_unwatched(session_id)
    ada.shop.buy_elsewhere(**elsewhere)
    ada.town.settle()

    stands = {inbox_of(event) for event in ada.shop.events("checkout.session.completed")}
    assert stands == {
        ("quarantined", "mismatch:metadata_customer"),
        ("quarantined", "no_record"),
    }
    assert (ada.sees(), bob.sees()) == (on_free(FREE), on_free(FREE))


def test_a_session_that_another_stripe_customer_completes(ada: Customer, bob: Customer) -> None:
    """Whose page it was and who is said to have paid it differ: a person has to look."""
    session_id = ada.open_topup("large")
    ada.shop.change("checkout.session", session_id, customer=bob.stripe_id)
    ada.shop.pay_unwatched(session_id)
    ada.town.settle()
    (event,) = ada.shop.events("checkout.session.completed")

    assert inbox_of(event) == ("quarantined", "mismatch:customer")
    assert (ada.sees(), bob.sees()) == (on_free(FREE), on_free(FREE))


def test_a_customer_that_is_deleted_at_stripe_while_it_buys(ada: Customer) -> None:
    """The plan ends with it, what was bought stays, and the next purchase works as ever."""
    ada.top_up("small")
    ada.subscribe("guru")
    page = ada.open_topup("medium")
    before = ada.stripe_id

    ada.shop.delete(f"/customers/{before}")
    ada.town.settle()
    ada.live_for(days=40)

    assert ada.sees().plan == "free"
    assert ada.sees().topups == 5_000
    assert ada.shop.get(f"/checkout/sessions/{page}")["status"] == "expired"
    ada.top_up("medium")
    assert ada.stripe_id != before
    assert ada.sees().topups == 32_500


@pytest.mark.parametrize(
    ("path", "name"),
    [("/billing/topup", "amount"), ("/billing/checkout", "plan"), ("/billing/redeem", "code")],
)
def test_absurd_values_are_refused_and_make_nothing(
    ada: Customer, path: str, name: str
) -> None:
    """Negative, huge, not a number, another type: 400, no session, no credit."""
    sessions = ada.shop.count("checkout.session")
    statuses = []
    for value in ABSURD[:4] if name == "code" else ABSURD:
        answer = door(path).post(path, json={name: value}, headers=ada.signer.headers(ada.uid))
        statuses.append((value, answer.status_code))

    assert {status for _, status in statuses} == {400}, statuses
    assert ada.shop.count("checkout.session") == sessions
    assert ada.sees() == on_free(FREE)

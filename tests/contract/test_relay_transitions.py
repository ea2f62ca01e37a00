"""`change-tier` on the wire: the page's tables of transitions and of errors, row by row.

Source: relay-billing.txt, "Customer Self-Service Tier Changes"; relay-api.md 3 and 6.
"""

import pytest

from tests.contract.house import SITE, House, Person, of

pytestmark = pytest.mark.firestore

CHANGE = "POST /api/v1/customers/me/change-tier"
CHECKOUT = "POST /api/v1/customers/me/checkout"
PAGES = {"success_url": f"{SITE}/ok", "cancel_url": SITE}


def buyer(house: House, tier_code: str) -> Person:
    """Return a person who has bought a tier on Stripe's page."""
    person = house.person("free")
    body = {"tier_code": tier_code, **PAGES}
    house.pays(of(house.ask(CHECKOUT, body=body, token=person.token))["session_id"])
    return person


def told(house: House, person: Person, tier_code: str) -> tuple[str, str, str]:
    """Return the action of a change, and the tier and status that are shown then."""
    answer = house.ask(CHANGE, body={"tier_code": tier_code}, token=person.token)
    assert answer.status_code == 200, of(answer)
    shown = of(answer)["subscription"]
    return of(answer)["action"], shown["tier_code"], shown["subscription_status"]


class TestTransitions:
    """The four rows, and the four actions."""

    def test_paid_to_paid_stripe_updates_with_proration(self, house: House) -> None:
        """At once in both directions."""
        person = buyer(house, "pro")

        assert told(house, person, "business") == ("upgraded", "business", "active")
        assert told(house, person, "pro") == ("downgraded", "pro", "active")

    def test_paid_to_free_cancels_at_the_periods_end_and_stays_paid_until_then(
        self, house: House
    ) -> None:
        """Shown is what is paid for."""
        person = buyer(house, "pro")

        assert told(house, person, "free") == ("scheduled_cancellation", "pro", "active")
        assert told(house, person, "pro") == ("changed", "pro", "active")

    def test_free_to_paid_pays_by_what_is_on_file(self, house: House) -> None:
        """The card of an earlier subscription."""
        person = buyer(house, "pro")
        route = "GET /api/v1/customers/{customer_id}/subscription"
        shown = of(house.ask(route, customer_id=person.customer_id))["subscription"]
        house.shop.order_cancel(shown["billing_subscription_id"])
        house.tell()
        assert told(house, person, "free")[0] == "changed"

        assert told(house, person, "business") == ("upgraded", "business", "active")

    def test_free_to_free_is_changed_locally(self, house: House) -> None:
        """No Stripe customer is made for it."""
        person = house.person("free")

        assert told(house, person, "free_plus") == ("changed", "free_plus", "active")


PAYGO = "paygo subscriptions do not support tier changes"


@pytest.mark.parametrize(
    ("start", "wish", "refusal"),
    [
        ("free", "free", (400, "VALIDATION_ERROR", "already on this tier")),
        ("payg", "free", (400, "VALIDATION_ERROR", PAYGO)),
        ("free", "pro", (402, "PAYMENT_REQUIRED", "no payment method on file")),
        ("free", "nosuch", (404, "NOT_FOUND", "tier not found")),
        ("free", "enterprise", (409, "CONFLICT", "tier has no billing pricing configured")),
        ("enterprise", "free", (409, "CONFLICT", "billing provider mismatch")),
    ],
)
def test_each_error_has_its_status_and_the_words_of_the_page(
    house: House, start: str, wish: str, refusal: tuple[int, str, str]
) -> None:
    """Flat, so that every SDK reads it."""
    person = house.person(start)

    answer = house.ask(CHANGE, body={"tier_code": wish}, token=person.token)

    body = of(answer)
    assert (answer.status_code, body["code"], body["message"]) == refusal
    assert body["error"] == body["code"]

"""What the tests of subscriptions share: a price, a customer with a card, and time."""

from dataclasses import dataclass
from typing import Any

import stripe

from tests.stripe_local.conftest import GOOD_CARD, Local

DAY_S = 86_400
HOUR_S = 3_600


@dataclass
class Subscriber:
    """A customer of a local Stripe, and what a test does with the subscription."""

    local: Local
    customer_id: str
    price_id: str

    def check_out(self, card: str = GOOD_CARD, **subscription_terms: Any) -> Any:
        """Subscribe through Checkout, and return the session, complete."""
        session = self.session(**subscription_terms)
        answer = self.local.pay(session.id, card)
        assert answer.status_code == 200, answer.text
        return self.local.client.v1.checkout.sessions.retrieve(session.id)

    def session(self, **subscription_terms: Any) -> stripe.checkout.Session:
        """Make a Checkout session for the subscription."""
        return self.local.sell(
            mode="subscription",
            customer=self.customer_id,
            line_items=[{"price": self.price_id, "quantity": 1}],
            subscription_data=subscription_terms,
        )

    def subscription(self) -> stripe.Subscription:
        """Return the subscription as it is, also when it has ended."""
        found = self.local.client.v1.subscriptions.list(
            {"customer": self.customer_id, "status": "all"}
        )
        return found.data[0]

    def invoices(self) -> list[stripe.Invoice]:
        """Return the invoices, newest first."""
        return self.local.client.v1.invoices.list({"customer": self.customer_id}).data

    def take_card(self, alias: str) -> None:
        """Let another test card pay from now on."""
        subscription = self.subscription()
        method = self.local.client.v1.payment_methods.attach(
            alias, {"customer": self.customer_id}
        )
        self.local.client.v1.subscriptions.update(
            subscription.id, {"default_payment_method": method.id}
        )

    def change(self, price_id: str, **params: Any) -> stripe.Subscription:
        """Put the subscription on another price."""
        subscription = self.subscription()
        item = {"id": subscription["items"]["data"][0]["id"], "price": price_id}
        wish: Any = {"items": [item], **params}
        return self.local.client.v1.subscriptions.update(subscription.id, wish)

    def plan(self) -> str:
        """Return the price that the subscription is on."""
        found: str = self.subscription()["items"]["data"][0]["price"]["id"]
        return found

    def period(self) -> tuple[int, int]:
        """Return the period of the subscription's item."""
        item = self.subscription()["items"]["data"][0]
        return item["current_period_start"], item["current_period_end"]

    def now(self) -> int:
        """Return the time that Stripe lives in."""
        now_s: int = self.local.sim("GET", "/state")["now"]
        return now_s

    def live_until(self, to_s: int) -> None:
        """Let time pass until a moment."""
        self.local.sim("POST", "/clock", {"to": to_s})

    def live(self, seconds: int) -> None:
        """Let so much time pass."""
        self.local.sim("POST", "/clock", {"by_s": seconds})

    def renew(self) -> None:
        """Let the period end, and its invoice be collected."""
        self.live_until(self.period()[1] + HOUR_S + 60)


def monthly(local: Local, amount: int = 2_000, **changes: Any) -> str:
    """Make a monthly price with its product, and return its id."""
    params: Any = {
        "currency": "usd",
        "unit_amount": amount,
        "recurring": {"interval": "month"},
        "product_data": {"name": f"Plan for {amount}"},
        **changes,
    }
    return local.client.v1.prices.create(params).id


def subscriber(local: Local, **customer: Any) -> Subscriber:
    """Make a customer who is about to subscribe to a monthly price of 20 dollars."""
    params: Any = {"email": "ada@example.com", **customer}
    made = local.client.v1.customers.create(params)
    return Subscriber(local, made.id, monthly(local))


def subscriber_in_mid_month(local: Local) -> Subscriber:
    """Make a subscriber of a plan for 20 dollars, in the middle of a month."""
    made = subscriber(local)
    made.check_out()
    start_s, end_s = made.period()
    made.live_until((start_s + end_s) // 2)
    return made


def since(local: Local, after: int) -> list[str]:
    """Return the types of the events after so many, oldest first."""
    return local.event_types()[after:]


def count_events(local: Local) -> int:
    """Return how many events there are."""
    return len(local.event_types())

"""What can happen at Stripe alone: cards are charged, time passes, somebody refunds."""

import json
from urllib.parse import urlencode

from stripe_local import checkout
from stripe_local.api import answer
from stripe_local.billing import reversals, scheduling
from stripe_local.events import BY_ITSELF
from stripe_local.world import World
from tests.payments.automaton import request_of
from tests.payments.shop import Resource

DAY_S = 86_400
HOUR_S = 3_600
MINUTE_S = 60
HEADERS = {"Authorization": "Bearer sk_test_life"}


class Till:
    """What can happen to one account, without anybody asking our product."""

    def __init__(self, world: World) -> None:
        self._world = world

    def post(self, path: str, **form: object) -> Resource:
        """Change something by the API."""
        return self._ask("POST", path, urlencode(form))

    def pay(self, number: int = 1, *, card: str = "4242424242424242") -> None:
        """Pay the session of that number."""
        session_id = self._session(number)["id"]
        self.post(f"/payment_pages/{session_id}/confirm", **{"card[number]": card})

    def pay_later(self, number: int = 1) -> None:
        """Complete a session whose payment is still under way."""
        checkout.pay_later(self._world.account, self._session(number))

    def settle(self, number: int = 1, *, is_paid: bool) -> None:
        """Let a payment that was under way arrive or fail."""
        checkout.settle(self._world.account, self._session(number), is_paid=is_paid)

    def expire(self, number: int) -> None:
        """End a session unpaid."""
        self.post(f"/checkout/sessions/{self._session(number)['id']}/expire")

    def refund(self, **form: object) -> None:
        """Give back money of the newest payment, or a part of it."""
        self.post("/refunds", payment_intent=self.newest("payment_intent")["id"], **form)

    def fail_refund(self) -> None:
        """Let the newest refund fail after all."""
        reversals.fail_refund(self._world.account, self.newest("refund")["id"])

    def dispute(self) -> None:
        """Dispute the newest charge, whole."""
        charge = self.newest("charge")
        reversals.open_dispute(self._world.account, charge, reason="fraudulent", amount=None)

    def decide_dispute(self, *, is_won: bool) -> None:
        """Let the bank decide."""
        reversals.close_dispute(self._world.account, self.newest("dispute"), is_won=is_won)

    def subscribe(self, price_cents: int, card: str = "pm_card_visa", **form: object) -> None:
        """Begin a subscription in the Dashboard, paid by a new card, if by any."""
        customer = self.newest("customer")["id"]
        terms = {"customer": customer, "items[0][price]": self._price(price_cents), **form}
        if card:
            attached = self.post(f"/payment_methods/{card}/attach", customer=customer)
            terms["default_payment_method"] = attached["id"]
        self.post("/subscriptions", **terms)

    def resume(self) -> None:
        """Let a paused subscription go on, from now, and pay its invoice."""
        self.post(f"/subscriptions/{self.newest('subscription')['id']}/resume")
        self.post(f"/invoices/{self.newest('invoice')['id']}/pay")

    def change(self, **form: object) -> None:
        """Change the newest subscription."""
        self.post(f"/subscriptions/{self.newest('subscription')['id']}", **form)

    def upgrade(self, price_cents: int) -> None:
        """Put the newest subscription on a dearer price now, prorated and billed."""
        item = self.newest("subscription")["items"]["data"][0]["id"]
        row = {"items[0][id]": item, "items[0][price]": self._price(price_cents)}
        self.change(proration_behavior="always_invoice", **row)

    def downgrade(self, price_cents: int) -> None:
        """Put the newest subscription on a cheaper price now, in the Dashboard."""
        self.upgrade(price_cents)

    def plan_change(self, price_cents: int) -> None:
        """Put the newest subscription on another price from its next period."""
        account, one = self._world.account, self.newest("subscription")
        price = account.store.at_address("price", self._price(price_cents))
        end_s = one["items"]["data"][0]["current_period_end"]
        scheduling.plan_price(account, one, price, end_s + 28 * DAY_S, BY_ITSELF)

    def take_card(self, alias: str) -> None:
        """Let another test card pay the newest subscription from now on."""
        one = self.newest("subscription")
        card = self.post(f"/payment_methods/{alias}/attach", customer=one["customer"])["id"]
        self.change(default_payment_method=card)

    def cancel(self) -> None:
        """End the newest subscription at once."""
        self._ask("DELETE", f"/subscriptions/{self.newest('subscription')['id']}", "")

    def live(self, seconds: int) -> None:
        """Let so much time pass."""
        self._world.travel(self._world.clock.now_s() + seconds)

    def renew(self, more_s: int = HOUR_S + 60) -> None:
        """Let the period end, and some time more pass."""
        item = self.newest("subscription")["items"]["data"][0]
        self._world.travel(item["current_period_end"] + more_s)

    def _session(self, number: int) -> Resource:
        return self._world.account.store.newest_first("checkout.session")[-number]

    def newest(self, kind: str) -> Resource:
        """Return the newest object of a kind."""
        return self._world.account.store.newest_first(kind)[0]

    def _price(self, price_cents: int) -> str:
        prices = self._world.account.store.newest_first("price")
        found = (price["id"] for price in prices if price["unit_amount"] == price_cents)
        return str(next(found))

    def _ask(self, method: str, path: str, form: str) -> Resource:
        given = answer(self._world, request_of(method, f"/v1{path}", HEADERS, form))
        told: Resource = json.loads(given.body)
        assert given.status == 200, told
        return told

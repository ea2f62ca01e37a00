"""Fifteen lives at Stripe, and which of their events are told in every order.

A life is a purchase or two, as our product starts them, and then steps that happen at Stripe
alone: a card is charged, time passes, somebody refunds. Together they meet every handler.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from creditbase.accounts.domain import CustomerRef
from creditbase.catalog.use_cases import load_catalog
from creditbase.payments.selling import ensure_price
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.use_cases import start_topup
from stripe_local import checkout
from stripe_local.api import answer
from stripe_local.billing import reversals, scheduling
from stripe_local.events import BY_ITSELF
from stripe_local.world import World
from tests.payments.automaton import Automaton, Moment, request_of
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


Step = Callable[[Till], None]


@dataclass(frozen=True)
class Life:
    """What is bought, what happens then, and the events of it that are told.

    `told` counts the events of each type that are told, oldest first: all the others of Stripe
    are known to be ignored, and six make 720 orders.
    """

    name: str
    buys: tuple[str, ...]
    steps: tuple[Step, ...]
    told: tuple[str, ...]

    def begin(self, ref: CustomerRef, *, now: datetime) -> None:
        """Let our product start what is bought, and put every plan on sale."""
        catalog = load_catalog(ref.project_id)
        for code in self.buys:
            if code in catalog.packs:
                start_topup(ref, code, now=now)
            else:
                start_checkout(ref, code, now=now)
        if any(code in catalog.plans for code in self.buys):
            for code in ("guru", "pro"):
                ensure_price(catalog, catalog.plans[code])

    def take_step(self, automaton: Automaton, number: int) -> None:
        """Let the step of that number happen at Stripe."""
        step = self.steps[number]

        def act(world: World) -> None:
            till = Till(world)
            till.live(MINUTE_S)
            step(till)

        automaton.do(number, act)

    def events(self, moment: Moment) -> dict[str, Resource]:
        """Return the events to be told so far, by their names: a type and a number."""
        return self.events_of(moment.world)

    def events_of(self, world: World) -> dict[str, Resource]:
        """Return the events to be told of a world."""
        counts: Counter[str] = Counter()
        found = {}
        for event in world.account.store.newest_first("event")[::-1]:
            counts[event["type"]] += 1
            name = f"{event['type']} {counts[event['type']]}"
            if name in self.told or event["type"] in self.told:
                found[name] = event
        return found


def happen(*steps: Step) -> tuple[Step, ...]:
    """Return steps, one after the other."""
    return steps


def both(first: Step, second: Step) -> Step:
    """Return two things as one step: whatever they tell is told after both."""

    def step(till: Till) -> None:
        first(till)
        second(till)

    return step


CREATED = "customer.subscription.created"
UPDATED = "customer.subscription.updated"
DELETED = "customer.subscription.deleted"
COMPLETED = "checkout.session.completed"
GOOD = "pm_card_visa"
DECLINED = "pm_card_chargeCustomerFail"

PAUSING = {"trial_settings[end_behavior][missing_payment_method]": "pause"}

LIVES = (
    Life(
        "a top-up, refunded in two parts",
        ("small",),
        happen(
            lambda till: till.pay(),
            lambda till: till.refund(amount=200),
            lambda till: till.refund(amount=100),
        ),
        ("customer.created", COMPLETED, "payment_intent.succeeded", "charge.refunded"),
    ),
    Life(
        "delayed payments: one arrives, one fails, a third is never made",
        ("small", "small", "small"),
        happen(
            both(lambda till: till.pay_later(1), lambda till: till.pay_later(2)),
            lambda till: till.settle(1, is_paid=True),
            both(lambda till: till.settle(2, is_paid=False), lambda till: till.expire(3)),
        ),
        (
            COMPLETED,
            "checkout.session.async_payment_succeeded",
            "checkout.session.async_payment_failed",
            "checkout.session.expired",
            "payment_intent.payment_failed",
        ),
    ),
    Life(
        "a refund that fails later, after another that did not",
        ("small",),
        happen(
            lambda till: till.pay(),
            both(lambda till: till.refund(amount=100), lambda till: till.refund(amount=300)),
            lambda till: till.fail_refund(),
        ),
        ("customer.created", COMPLETED, "charge.refunded", "refund.failed"),
    ),
    Life(
        "a dispute that is won",
        ("small",),
        happen(
            lambda till: till.pay(),
            lambda till: till.dispute(),
            lambda till: till.decide_dispute(is_won=True),
        ),
        (
            COMPLETED,
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.funds_reinstated",
            "charge.dispute.closed",
        ),
    ),
    Life(
        "a plan that is bought",
        ("guru",),
        happen(lambda till: till.pay()),
        (
            "customer.created",
            "payment_intent.succeeded",
            CREATED,
            "invoice.created",
            "invoice.paid",
            COMPLETED,
        ),
    ),
    Life(
        "a renewal",
        ("guru",),
        happen(
            lambda till: till.pay(),
            lambda till: till.renew(300),
            lambda till: till.live(HOUR_S),
        ),
        (COMPLETED, CREATED, "invoice.paid", UPDATED, "invoice.created 2"),
    ),
    Life(
        "an upgrade within the period, refunded in part",
        ("guru",),
        happen(
            lambda till: till.pay(),
            both(lambda till: till.live(10 * DAY_S), lambda till: till.upgrade(5_000)),
            lambda till: till.refund(amount=500),
        ),
        (CREATED, "invoice.paid", UPDATED, "invoice.created 2", "charge.refunded"),
    ),
    Life(
        "a downgrade that waits for the end of the period",
        ("pro",),
        happen(
            lambda till: till.pay(),
            lambda till: till.plan_change(1_000),
            lambda till: till.renew(),
        ),
        (CREATED, "invoice.paid", UPDATED),
    ),
    Life(
        "a downgrade that is planned, and still to come",
        ("pro",),
        happen(lambda till: till.pay(), lambda till: till.plan_change(1_000)),
        (COMPLETED, CREATED, "invoice.paid", UPDATED, "subscription_schedule.created"),
    ),
    Life(
        "cancelled, and come back before the period ends",
        ("guru",),
        happen(
            lambda till: till.pay(),
            lambda till: till.cancel(),
            lambda till: till.subscribe(1_000),
        ),
        (COMPLETED, CREATED, "invoice.paid", DELETED),
    ),
    Life(
        "a renewal that fails, and is paid by another card",
        ("guru",),
        happen(
            both(lambda till: till.pay(), lambda till: till.take_card(DECLINED)),
            lambda till: till.renew(),
            both(lambda till: till.take_card(GOOD), lambda till: till.live(4 * DAY_S)),
        ),
        (CREATED, "invoice.paid", "invoice.payment_failed", f"{UPDATED} 3", f"{UPDATED} 5"),
    ),
    Life(
        "a renewal that fails for good",
        ("guru",),
        happen(
            both(lambda till: till.pay(), lambda till: till.take_card(DECLINED)),
            lambda till: till.renew(),
            lambda till: till.live(20 * DAY_S),
        ),
        (CREATED, "invoice.paid", f"{UPDATED} 3", "invoice.payment_failed 1", DELETED),
    ),
    Life(
        "a trial that becomes a paid plan",
        ("guru",),
        happen(
            lambda till: till.subscribe(1_000, trial_period_days=7),
            lambda till: till.live(5 * DAY_S),
            lambda till: till.live(3 * DAY_S),
        ),
        (
            CREATED,
            "invoice.paid",
            "customer.subscription.trial_will_end",
            UPDATED,
            "checkout.session.expired",
        ),
    ),
    Life(
        "two live subscriptions, of which the dearer stays",
        ("guru",),
        happen(lambda till: till.pay(), lambda till: till.subscribe(5_000)),
        (CREATED, "invoice.paid", DELETED, "charge.refunded"),
    ),
    Life(
        "a trial without a card, which pauses and goes on with one",
        ("guru",),
        happen(
            lambda till: till.subscribe(1_000, card="", trial_period_days=7, **PAUSING),
            lambda till: till.live(8 * DAY_S),
            both(lambda till: till.take_card(GOOD), lambda till: till.resume()),
        ),
        (
            CREATED,
            "invoice.paid",
            "customer.subscription.trial_will_end",
            "customer.subscription.paused",
            "customer.subscription.resumed",
        ),
    ),
)

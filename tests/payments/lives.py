"""Seventeen lives at Stripe, and which of their events are told in every order.

A life is a purchase or two, as our product starts them, and then steps that happen at Stripe
alone: a card is charged, time passes, somebody refunds. Together they meet every handler.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.catalog.use_cases import load_catalog
from creditbase.payments.selling import ensure_price
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.use_cases import start_topup
from stripe_local.world import World
from tests.payments.automaton import Automaton, Moment
from tests.payments.shop import Resource
from tests.payments.till import DAY_S, HOUR_S, MINUTE_S, Till

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
        "up, down in the Dashboard, and up again within one period",
        ("guru",),
        happen(
            lambda till: till.pay(),
            both(lambda till: till.live(10 * DAY_S), lambda till: till.upgrade(5_000)),
            both(lambda till: till.live(5 * DAY_S), lambda till: till.downgrade(1_000)),
            both(lambda till: till.live(5 * DAY_S), lambda till: till.upgrade(5_000)),
        ),
        (CREATED, "invoice.paid"),
    ),
    Life(
        "a plan whose refund fails when it was left",
        ("guru",),
        happen(
            lambda till: till.pay(),
            lambda till: till.refund(amount=600),
            lambda till: till.cancel(),
            lambda till: till.fail_refund(),
        ),
        (CREATED, "invoice.paid", "charge.refunded", DELETED, "refund.failed"),
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

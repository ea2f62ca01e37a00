"""A random walk through everything that a customer, a bank and a shop's owner may do.

The local Stripe is asked without a socket in between, by the product's own client; its events
are told late, shuffled and twice. Only a seed decides: the same walk is walked again by it.
"""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from uuid import uuid4

from creditbase.accounts.domain import CustomerRef
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import Conflict, PaymentRequired, Unavailable
from creditbase.ledger.paths import WalletRef
from creditbase.payments import portal, subscribing, use_cases
from creditbase.payments.domain import Event
from creditbase.payments.selling import ensure_price
from creditbase.payments.store import load_account
from creditbase.subscriptions.use_cases import first_touch
from stripe_local import checkout
from stripe_local.billing import changing, collecting, reversals, standing
from stripe_local.billing.item_changes import ItemChange, Manner
from stripe_local.billing.subscription_shape import items_of, period_of
from stripe_local.cards import Card
from stripe_local.clock import Clock
from stripe_local.events import BY_ITSELF
from stripe_local.pages import portal_page
from stripe_local.resources.payment_methods import attach_to, known_card
from stripe_local.wire.errors import ApiError
from stripe_local.wire.resource import Resource
from stripe_local.world import Settings, World
from tests.ledger.wallets import LiveWallet

DAY_S = 86_400
GOOD_CARD, BAD_CARD = "4242424242424242", "4000000000000341"


class StillClock(Clock):
    """A clock that stands still until somebody moves it: many things in one second."""

    def __init__(self, at_s: int) -> None:
        super().__init__()
        self._at_s = at_s

    def now_s(self) -> int:
        """Return the second at which it stands."""
        return self._at_s

    def move_to(self, at_s: int) -> None:
        """Move it."""
        self._at_s = at_s


def new_world(begins_at: datetime) -> World:
    """Return a Stripe that nobody serves: what it is asked, it is asked directly."""
    clock = StillClock(int(begins_at.timestamp()))
    return World(Settings(), public_url="http://127.0.0.1:9", clock=clock)


@dataclass
class Walk:
    """One customer's walk. `is_owner_free`: the Dashboard changes plans at once, too."""

    world: World
    seed: int
    is_owner_free: bool
    ref: CustomerRef = field(init=False)
    random: Random = field(init=False)
    steps: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    holds: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - a walk is no secret
        self.ref = first_touch(f"u{uuid4().hex}", now=self.now)

    # ---- walking ---------------------------------------------------------------------------

    def walk(self, step_count: int) -> None:
        """Take that many steps, telling most of what happens soon; at last tell everything."""
        for _ in range(step_count):
            step = self.random.choice(self.possible())
            self.steps.append(step.__name__)
            try:
                step()
            except (ApiError, Conflict, PaymentRequired) as refusal:
                self.steps.append(f"  refused: {refusal}")
            self.tell(share=self.random.choice((0.0, 0.3, 0.6, 1.0)))
        self.tell(share=1.0)

    def possible(self) -> list[Callable[[], None]]:
        """Return the steps that may be tried now; what is likely is there more than once."""
        found = [self.spend, self.hold, self.capture, self.top_up, self.pass_hours]
        found += [self.refund, self.fail_refund, self.dispute, self.decide]
        if self.live() is None:
            return [*found, *[self.subscribe] * 6]
        found += [self.spend, self.subscribe, self.pass_days, *[self.pass_the_end] * 2]
        found += [*[self.change_plan] * 3, self.cancel, self.undo, self.cancel_now]
        found += [self.take_card, self.pay_bill, self.refund]
        return [*found, self.set_plan, self.set_plan] if self.is_owner_free else found

    # ---- the customer ----------------------------------------------------------------------

    def subscribe(self) -> None:
        """Buy a plan; where one is running that is refused."""
        plan = self.random.choice(("guru", "pro"))
        session = subscribing.start_checkout(self.ref, plan, now=self.now)
        self._pay(session.session_id)

    def top_up(self) -> None:
        """Buy a pack."""
        tier = self.random.choice(("small", "medium"))
        self._pay(use_cases.start_topup(self.ref, tier, now=self.now).session.session_id)

    def change_plan(self) -> None:
        """Choose one of the plans in the portal: up at once, down at the period's end."""
        self._press("change", price=self._price(self.random.choice(("guru", "pro"))))

    def cancel(self) -> None:
        """Cancel in the portal, at the end of the period."""
        self._press("cancel")

    def undo(self) -> None:
        """Take the cancellation back."""
        self._press("renew")

    def take_card(self) -> None:
        """Give another card, which may be one that never pays."""
        customer = self._customer()
        number = self.random.choice((GOOD_CARD, GOOD_CARD, BAD_CARD))
        method = known_card(self.world.account, Card(number), email=None)
        attach_to(self.world.account, method, customer, BY_ITSELF)
        for one in self._own("subscription"):
            one["default_payment_method"] = method["id"]

    def spend(self) -> None:
        """Use a part of what there is, or all."""
        left = self._available()
        self._wallet().charge(uuid4().hex, self.random.choice((left, left // 2, left // 7)))

    def hold(self) -> None:
        """Set a part of what there is aside."""
        key, nanos = uuid4().hex, self._available() // 3
        self._wallet().hold(key, nanos, ttl_s=3_600)
        self.holds.append((key, nanos))

    def capture(self) -> None:
        """Use what was set aside, or half of it, or more than it."""
        if self.holds:
            key, nanos = self.holds.pop()
            self._wallet().capture(key, self.random.choice((nanos, nanos // 2, nanos * 2)))

    # ---- time ------------------------------------------------------------------------------

    def pass_hours(self) -> None:
        """Let some hours pass."""
        self.world.travel(self._now_s() + self.random.randrange(1, 20) * 3_601)

    def pass_days(self) -> None:
        """Let some days pass."""
        self.world.travel(self._now_s() + self.random.randrange(1, 12) * DAY_S)

    def pass_the_end(self) -> None:
        """Live until a moment around the end of the period."""
        live = self.live()
        if live is None:
            return self.pass_days()
        around_s = self.random.choice((-DAY_S, -1, 0, 1, 300, 3_900, 3 * 3_600))
        to_s = period_of(live)[1] + around_s
        if to_s > self._now_s():
            self.world.travel(to_s)
        return None

    # ---- the shop's owner, and the bank ------------------------------------------------------

    def cancel_now(self) -> None:
        """End the subscription at once."""
        live = self.live()
        assert live is not None
        standing.end(self.world.account, live, BY_ITSELF)

    def set_plan(self) -> None:
        """Change the plan at once, up or down, billed in one of Stripe's three ways."""
        live = self.live()
        assert live is not None
        price_id = self._price(self.random.choice(("guru", "pro")))
        price = self.world.account.store.at_address("price", price_id)
        wanted = [ItemChange(items_of(live)[0], price, 1)]
        manner = self.random.choice((Manner("always_invoice"), Manner(), Manner("none")))
        changing.change_items(self.world.account, live, wanted, manner, BY_ITSELF)

    def pay_bill(self) -> None:
        """Let an open bill be paid."""
        bills = [bill for bill in self._own("invoice") if bill["status"] == "open"]
        if bills:
            self.take_card()
            collecting.pay(self.world.account, self.random.choice(bills), BY_ITSELF)

    def refund(self) -> None:
        """Give a payment back, whole or in part."""
        charges = [one for one in self._own("charge") if one["paid"] and not one["disputed"]]
        charges = [one for one in charges if not one["refunded"]]
        if charges:
            charge = self.random.choice(charges)
            left = charge["amount_captured"] - charge["amount_refunded"]
            cents = self.random.choice((left, left // 2 or 1, left // 3 or 1))
            given: Resource = {"metadata": {}, "reason": None}
            reversals.refund(self.world.account, charge, cents, given, BY_ITSELF)

    def fail_refund(self) -> None:
        """Let a refund come back from the bank."""
        made = [one for one in self._own("refund") if one["status"] == "succeeded"]
        if made:
            reversals.fail_refund(self.world.account, self.random.choice(made)["id"])

    def dispute(self) -> None:
        """Let the bank take a payment back until it has decided."""
        charges = [one for one in self._own("charge") if one["paid"] and not one["disputed"]]
        if charges:
            reversals.open_dispute(self.world.account, self.random.choice(charges))

    def decide(self) -> None:
        """Let the bank decide."""
        found = self.world.account.store.newest_first("dispute")
        undecided = [one for one in found if one["status"] == "needs_response"]
        if undecided:
            is_won = self.random.random() < 0.5
            reversals.close_dispute(self.world.account, undecided[0], is_won=is_won)

    # ---- telling ---------------------------------------------------------------------------

    def tell(self, *, share: float) -> None:
        """Tell a share of what was not told, and some of what was, in any order, until done."""
        while True:
            events = self.world.account.store.newest_first("event")
            events = [one for one in events if one["type"] in use_cases.HANDLERS]
            news = [one for one in events if one["id"] not in self.told]
            chosen = [one for one in news if self.random.random() < share]
            olds = self.random.sample(events, min(1, len(events)))
            for event in self.random.sample(chosen + olds, len(chosen) + len(olds)):
                self._tell(event)
            if share < 1 or not news:
                return

    def _tell(self, event: Resource) -> None:
        held = event["data"]["object"]
        with contextlib.suppress(Unavailable):  # told before what it needs: told again later
            use_cases.act_on(
                Event(
                    event_id=event["id"],
                    type=event["type"],
                    is_live=False,
                    account="",
                    api_version=event["api_version"],
                    object_id=held["id"],
                    object_type=held["object"],
                    payload=json.dumps(event),
                ),
                now=self.now,
            )
            self.told.add(event["id"])

    # ---- looking ---------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """Return the instant of the walk."""
        return datetime.fromtimestamp(self._now_s(), UTC)

    def live(self) -> Resource | None:
        """Return the newest subscription that has not ended."""
        found = [one for one in self._own("subscription") if one["status"] not in ENDED]
        return found[0] if found else None

    def _own(self, what: str) -> list[Resource]:
        return self.world.account.store.newest_first(what)

    def _now_s(self) -> int:
        return self.world.clock.now_s()

    def _wallet(self) -> LiveWallet:
        return LiveWallet(WalletRef(self.ref.project_id, self.ref.customer_id), self.now)

    def _available(self) -> int:
        wallet = self._wallet()
        wallet.warm()
        state = wallet.state()
        return max(0, wallet.available() - int(state["receivable_nanos"]))

    def _customer(self) -> Resource:
        customer_id = load_account(self.ref).customer.stripe_customer_id
        return self.world.account.store.at_address("customer", customer_id)

    def _pay(self, session_id: str) -> None:
        session = self.world.account.store.at_address("checkout.session", session_id)
        card = Card(GOOD_CARD)
        checkout.pay(
            self.world.account, session, card, typed_email="ada@example.com", cause=BY_ITSELF
        )

    def _press(self, action: str, **fields: str) -> None:
        live = self.live()
        assert live is not None
        url = portal.open_portal(self.ref, visit=uuid4().hex)
        form = {"action": action, "subscription": live["id"], **fields}
        portal_page._submit(self.world, url.rpartition("/")[2], form)

    def _price(self, plan: str) -> str:
        catalog = load_catalog(self.ref.project_id)
        return ensure_price(catalog, catalog.plan(plan))


ENDED = standing.ENDED

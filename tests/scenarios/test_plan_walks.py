"""Plans up and down, away and back, thousands of times: decisions alone, no store, no socket.

Promise P24: for every sequence, no more credits than were paid for. The local Stripe bills in
this process; what it bills is decided upon by the product's own decisions, in memory.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
import stripe

from creditbase.ledger.domain.commands import Charge, Command, FixedAmount
from creditbase.ledger.domain.decide import Decision, decide
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.invariants import breach
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.payments import mirroring, stripe_billing
from creditbase.payments.stripe_billing import KnownPrice
from creditbase.subscriptions.domain.mirror import Record
from creditbase.subscriptions.domain.standing import decide_standing
from creditbase.subscriptions.domain.terms import free_terms
from creditbase.subscriptions.domain.trials import Trial, decide_trial
from stripe_local.api import ApiRequest, answer
from stripe_local.billing import changing, collecting, scheduling, standing
from stripe_local.billing.item_changes import ItemChange, Manner
from stripe_local.billing.periods import boundary
from stripe_local.billing.subscription_shape import items_of, period_of
from stripe_local.events import BY_ITSELF
from stripe_local.wire.errors import ApiError
from stripe_local.wire.resource import Resource
from stripe_local.world import World
from tests.payments.doorstep import ask_directly
from tests.scenarios.bounds import CENTS, CREDIT_NANOS, CREDITS, check_bounds
from tests.scenarios.conftest import forget
from tests.scenarios.walking import DAY_S, new_world
from tests.subscriptions.pictures import FREE, PLANS

PROJECT = "shop"
BEGINS = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
HEADERS = {"authorization": "Bearer sk_test_walks"}


@dataclass
class PlanWalk:
    """One customer, whose wallet and records are kept in memory."""

    seed: int
    is_owner_free: bool
    world: World = field(default_factory=lambda: new_world(BEGINS))
    known: dict[str, Record] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    prices: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    trial: Trial | None = None

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - a walk is no secret
        opened = open_wallet("p/c", owner_uid="ada", terms=free_terms(FREE), now=self.now)
        self.wallet: Wallet = opened.wallet
        self.entries |= {entry.entry_id: entry for entry in opened.entries}
        self.customer = self.post("/v1/customers")["id"]
        for plan, cents in CENTS.items():
            form = {"currency": "usd", "unit_amount": cents, "recurring[interval]": "month"}
            form |= {"product_data[name]": plan, "metadata[plan]": plan}
            made = self.post("/v1/prices", **form, **{"metadata[project]": PROJECT})
            self.prices[made["id"]] = plan

    def post(self, path: str, **form: object) -> Resource:
        """Ask the local Stripe to change something."""
        raw = urlencode(form).encode()
        given = answer(self.world, ApiRequest("POST", path, "", raw, HEADERS))
        assert given.status in {200, 402}, given.body
        made: Resource = json.loads(given.body)
        return made

    def walk(self, step_count: int) -> None:
        """Take that many steps; look at what became of it after most of them."""
        for _ in range(step_count):
            step = self.random.choice(self.possible())
            self.steps.append(step.__name__)
            with contextlib.suppress(ApiError):
                step()
            if self.random.random() < 0.5:
                self.look()
        self.look()

    def possible(self) -> list[Any]:
        """Return the steps that may be tried now."""
        if self.live() is None:
            return [self.subscribe, self.subscribe, self.pass_time]
        found = [self.change, self.change, self.change, self.spend, self.pass_time]
        found += [self.pass_the_end, self.cancel, self.undo, self.end, self.take_card]
        if self.is_owner_free:
            found += [self.pay_bill, self.set_plan, self.set_plan]
        return found

    # ---- what may happen -----------------------------------------------------------------

    def subscribe(self) -> None:
        """Subscribe, with a card that pays; now and then with a trial. Takes a second."""
        self.world.travel(self.world.clock.now_s() + 1)
        self.take_card("pm_card_visa")
        form = {"customer": self.customer, "items[0][price]": self._price()["id"]}
        trial = {"trial_period_days": 7} if self.random.random() < 0.3 else {}
        self.post("/v1/subscriptions", **form, **trial)

    def take_card(self, card: str = "") -> None:
        """Give a card, which may be one that never pays."""
        card = card or self.random.choice(("pm_card_visa", "pm_card_chargeCustomerFail"))
        method = self.post(f"/v1/payment_methods/{card}/attach", customer=self.customer)["id"]
        setting = {"invoice_settings[default_payment_method]": method}
        self.post(f"/v1/customers/{self.customer}", **setting)

    def change(self) -> None:
        """Change the plan as the portal does: up at once or not at all, down at the end."""
        live, price = self._live(), self._price()
        item, account = items_of(live)[0], self.world.account
        scheduling.release(account, live, BY_ITSELF)
        if price["unit_amount"] > item["price"]["unit_amount"]:
            manner = Manner("always_invoice", "error_if_incomplete")
            wanted = [ItemChange(item, price, 1)]
            changing.change_items(account, live, wanted, manner, BY_ITSELF)
        elif price["unit_amount"] < item["price"]["unit_amount"]:
            end_s = boundary(period_of(live)[1], price["recurring"], 1)
            scheduling.plan_price(account, live, price, end_s, BY_ITSELF)

    def set_plan(self) -> None:
        """Change the plan at once in the Dashboard, billed in one of Stripe's ways."""
        wanted = [ItemChange(items_of(self._live())[0], self._price(), 1)]
        manner = self.random.choice((Manner("always_invoice"), Manner(), Manner("none")))
        changing.change_items(self.world.account, self._live(), wanted, manner, BY_ITSELF)

    def cancel(self) -> None:
        """Cancel at the end of the period."""
        wish = {"cancel_at_period_end": True}
        changing.set_cancellation(self.world.account, self._live(), wish, BY_ITSELF)

    def undo(self) -> None:
        """Take the cancellation back."""
        wish = {"cancel_at_period_end": False}
        changing.set_cancellation(self.world.account, self._live(), wish, BY_ITSELF)

    def end(self) -> None:
        """End the subscription at once."""
        standing.end(self.world.account, self._live(), BY_ITSELF)

    def pay_bill(self) -> None:
        """Let every open bill be paid, by a good card."""
        self.take_card("pm_card_visa")
        for bill in self.world.account.store.newest_first("invoice"):
            if bill["status"] == "open":
                collecting.pay(self.world.account, bill, BY_ITSELF)

    def spend(self) -> None:
        """Use all that there is, or a part of it."""
        left = sum(grant.remaining_nanos for grant in self.wallet.live_grants(self.now))
        nanos = self.random.choice((left, left // 3))
        name = f"op:{len(self.entries)}"
        charge = Charge(name, name, FixedAmount(nanos))
        self.run(WalletRef("p", "c"), charge, now=self.now)

    def pass_time(self) -> None:
        """Let hours or days pass."""
        self.world.travel(self.world.clock.now_s() + self.random.choice((3_700, 9 * DAY_S)))

    def pass_the_end(self) -> None:
        """Live until shortly before or after the end of the period."""
        around_s = self.random.choice((-DAY_S, -1, 0, 1, 3_900, 3 * 3_600))
        to_s = period_of(self._live())[1] + around_s
        self.world.travel(max(to_s, self.world.clock.now_s()))

    # ---- the product's decisions -----------------------------------------------------------

    def look(self) -> None:
        """Do what each event of Stripe leads to: decide anew, and tell the wallet."""
        store = self.world.account.store
        seen = [
            # What a schedule would say is for show only.
            stripe_billing.read_subscription(PROJECT, {**one, "schedule": None})
            for one in store.newest_first("subscription")
        ]
        known = {
            price_id: KnownPrice(PROJECT, plan, CENTS[plan])
            for price_id, plan in self.prices.items()
        }
        with patch.object(stripe_billing, "load_price", known.__getitem__):
            bills = [
                stripe_billing._invoice(PROJECT, one) for one in store.newest_first("invoice")
            ]
        trials = decide_trial("c", self.trial, seen, {}, {})
        self.trial = trials.trial
        found = decide_standing(
            "c", seen, bills, self.known, PLANS, refused=trials.refused, now=self.now
        )
        self.known |= {record.subscription_id: record for record in found.records}
        with patch.object(mirroring, "run", self.run):
            mirroring.tell_wallet(WalletRef("p", "c"), found, now=self.now)
        for subscription_id in trials.refused:
            refused = store.at_address("subscription", subscription_id)
            standing.end(self.world.account, refused, BY_ITSELF)

    def run(self, _ref: WalletRef, command: Command, *, now: datetime) -> Decision:
        """Decide a command, and keep what it made."""
        decision = decide(self.wallet, self.entries, command, now=now)
        assert not breach(self.wallet, decision.wallet, decision.entries)
        self.entries |= {entry.entry_id: entry for entry in decision.entries}
        self.wallet = decision.wallet
        return decision

    # ---- looking ---------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """Return the instant of the walk."""
        return datetime.fromtimestamp(self.world.clock.now_s(), UTC)

    def live(self) -> Resource | None:
        """Return the subscription that has not ended."""
        found = self.world.account.store.newest_first("subscription")
        return next((one for one in found if one["status"] not in standing.ENDED), None)

    def _live(self) -> Resource:
        found = self.live()
        assert found is not None
        return found

    def _price(self) -> Resource:
        price_id = self.random.choice(list(self.prices))
        return self.world.account.store.at_address("price", price_id)


def walk_and_check(seeds: range, *, is_owner_free: bool, step_count: int) -> None:
    """Walk often, and hold each end against what Stripe says was paid."""
    for seed in seeds:
        walk = PlanWalk(seed, is_owner_free)
        walk.walk(step_count)
        entries = [asdict(entry) for entry in walk.entries.values()]
        try:
            check_bounds(walk.world, entries, is_owner_free=is_owner_free)
            check_due(walk)
        except AssertionError as problem:
            problem.add_note(f"walk {seed}: {', '.join(walk.steps)}")
            raise


def check_due(walk: PlanWalk) -> None:
    """Hold that whoever paid for the month has it, and who is on guru has no more than guru."""
    left = [one for one in walk.wallet.live_grants(walk.now) if one.kind == "plan"]
    if walk.wallet.terms.plan_code == "guru":
        assert sum(one.remaining_nanos for one in left) <= CREDITS["guru"] * CREDIT_NANOS
    live = walk.live()
    if live is None or live["status"] != "active":
        return
    start_s = period_of(live)[0]
    paid = [
        line
        for bill in walk.world.account.store.newest_first("invoice")
        for line in bill["lines"]["data"]
        if bill["status"] == "paid"
        and bill["parent"]["subscription_details"]["subscription"] == live["id"]
        and line["period"]["start"] == start_s
        and not line["parent"]["subscription_item_details"]["proration"]
    ]
    assert not paid or f"cycle:{live['id']}:{start_s}" in walk.entries


@pytest.mark.parametrize("is_owner_free", [False, True], ids=["portal", "dashboard"])
def test_no_walk_through_the_plans_wins_credits(*, is_owner_free: bool) -> None:
    """Up and down, away and back, around each period's end, with cards that do not pay."""
    walk_and_check(range(40), is_owner_free=is_owner_free, step_count=12)


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlanWalk]:
    """Return somebody on guru, whose Stripe the product's own client asks."""
    walk = PlanWalk(1, is_owner_free=True)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_local")
    monkeypatch.setenv("STRIPE_API_BASE", walk.world.public_url)
    monkeypatch.setattr(stripe.RequestsClient, "request", ask_directly(walk.world))
    forget()
    walk.take_card("pm_card_visa")
    form = {"customer": walk.customer, "items[0][price]": next(iter(walk.prices))}
    walk.post("/v1/subscriptions", **form)
    yield walk
    forget()


def flip(walk: PlanWalk, count: int, manner: Manner) -> None:
    """Change the plan up and down again, so many times."""
    guru, pro = (walk.world.account.store.at_address("price", name) for name in walk.prices)
    for price in (pro, guru) * count:
        wanted = [ItemChange(items_of(walk._live())[0], price, 1)]
        changing.change_items(walk.world.account, walk._live(), wanted, manner, BY_ITSELF)


def test_every_bill_of_the_running_month_is_looked_at(
    busy: PlanWalk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More changes of plan than fit on a page: the first bills count as long as the month."""
    monkeypatch.setattr(stripe_billing, "LIST_MAX", 5)
    flip(busy, 6, Manner("always_invoice"))

    found = stripe_billing.list_invoices(PROJECT, busy.customer, back_to=BEGINS)
    later = stripe_billing.list_invoices(PROJECT, busy.customer, back_to=BEGINS + timedelta(1))

    assert len({bill.invoice_id for bill in found}) == len(found) == 13
    assert later == found[:5]


def test_every_line_of_a_bill_is_looked_at(
    busy: PlanWalk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bill shows ten lines by itself: the month's own may come after a dozen changes."""
    monkeypatch.setattr(stripe_billing, "LIST_MAX", 5)
    flip(busy, 6, Manner("create_prorations"))
    busy.world.travel(period_of(busy._live())[1])

    bill, _ = stripe_billing.list_invoices(PROJECT, busy.customer, back_to=BEGINS)

    assert len(bill.lines) == 25
    assert [line.amount_cents for line in bill.lines if not line.is_proration] == [1_000]


@pytest.mark.soak
@pytest.mark.parametrize("is_owner_free", [False, True], ids=["portal", "dashboard"])
@pytest.mark.parametrize("first_seed", range(1_000, 6_000, 200))
def test_no_walk_of_thousands_wins_credits(first_seed: int, *, is_owner_free: bool) -> None:
    """The same, farther, and very often."""
    seeds = range(first_seed, first_seed + 200)
    walk_and_check(seeds, is_owner_free=is_owner_free, step_count=30)

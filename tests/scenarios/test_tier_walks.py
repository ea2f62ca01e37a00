"""Tiers up and down, to and fro between months and years: decisions alone, no store, no socket.

An accountant who knows only what Stripe was paid, when what was used, and the limits of the
tiers holds every period to three rules: nothing was used beyond the dearest limit that was
paid for; what was used and the time that a tier was held were paid for; and nobody paid more
than for the dearest tier from when it was first bought.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
import stripe

from creditbase.accounts.domain import Customer
from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.ledger.domain.commands import Charge, Command, FixedAmount
from creditbase.ledger.domain.decide import Decision, decide
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.invariants import breach
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.payments import mirroring, stripe_billing, stripe_tiers
from creditbase.payments.tier_changing import first_live
from creditbase.payments.tier_moves import Action, Change, Modify, capped
from creditbase.payments.tier_reckoning import Usage, cap_of, gives_back, prorated_from
from creditbase.subscriptions.domain.mirror import Invoice, Record, Subscription
from creditbase.subscriptions.domain.tier_standing import decide_tier_standing, no_tier
from creditbase.subscriptions.domain.trials import decide_trial
from stripe_local.api import ApiRequest, answer
from stripe_local.billing.subscription_shape import period_of
from stripe_local.wire.resource import Resource
from stripe_local.world import World
from tests.catalog.tiers import a_paid_tier
from tests.payments.doorstep import ask_directly
from tests.scenarios.conftest import forget
from tests.scenarios.walking import DAY_S, new_world

PROJECT = "tenant"
CENT = 10_000_000
BEGINS = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
HEADERS = {"authorization": "Bearer sk_test_walks"}
SOLD = {
    "starter": (3_000, "month", 2_900),
    "mid": (12_000, "month", 4_000),
    "pro": (30_000, "month", 29_900),
    "endless": (90_000, "month", 0),
    "yearly": (30_000, "year", 2_900),
    "grand": (300_000, "year", 29_900),
}
"""Price, rhythm and limit (0: none) of each tier, in cents."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Use:
    """So much was used of a window's limit, at an instant."""

    at_s: int
    window: Span
    before: int
    after: int


@dataclass
class TierWalk:
    """One customer, whose wallet and records are kept in memory."""

    seed: int
    world: World = field(default_factory=lambda: new_world(BEGINS))
    known: dict[str, Record] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    on: list[tuple[int, str]] = field(default_factory=list)
    """Since when she is on which tier."""
    change: Change | None = None

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - a walk is no secret
        opened = open_wallet("p/c", owner_uid="", terms=no_tier(), now=self.now)
        self.wallet: Wallet = opened.wallet
        self.stripe_id = self.post("/v1/customers")["id"]
        card = self.post("/v1/payment_methods/pm_card_visa/attach", customer=self.stripe_id)
        setting = {"invoice_settings[default_payment_method]": card["id"]}
        self.post(f"/v1/customers/{self.stripe_id}", **setting)
        self.tiers = Tiers.of(PROJECT, [self._sold(code) for code in SOLD])
        self.customer = Customer(
            project_id=PROJECT,
            customer_id="c",
            external_id="e",
            created_at=self.now,
            updated_at=self.now,
        )
        self.begin()

    def _sold(self, code: str) -> Tier:
        cents, interval, limit_cents = SOLD[code]
        form = {"currency": "usd", "unit_amount": cents, "recurring[interval]": interval}
        form |= {"product_data[name]": code, "metadata[tier]": code}
        price = self.post("/v1/prices", **form, **{"metadata[project]": PROJECT})
        return a_paid_tier(
            tier_id=code,
            price_amount_cents=cents,
            price_interval=interval,
            spend_limit_cents=limit_cents,
            billing_price_ref=price["id"],
        )

    def post(self, path: str, **form: object) -> Resource:
        """Ask the local Stripe to change something."""
        raw = urlencode(form).encode()
        given = answer(self.world, ApiRequest("POST", path, "", raw, HEADERS))
        assert given.status == 200, given.body
        made: Resource = json.loads(given.body)
        return made

    # ---- what may happen -----------------------------------------------------------------

    def walk(self, step_count: int) -> None:
        """Take that many steps."""
        go: Callable[[], None] = self.go
        spend: Callable[[], None] = self.spend
        steps = [*[go] * 4, *[spend] * 4, self.pass_time, self.pass_the_end]
        for _ in range(step_count):
            self.random.choice(steps)()

    def begin(self) -> None:
        """Subscribe."""
        code = self.random.choice(("starter", "starter", "mid", "yearly"))
        tier = self.tiers.by_id(code)
        assert tier is not None
        form = {"customer": self.stripe_id, "items[0][price]": tier.billing_price_ref}
        self.post("/v1/subscriptions", **form)
        self.on.append((self.now_s, code))
        self.steps.append(f"begins on {code}")
        self.live_until(self.now_s + 1)

    def go(self, code: str = "") -> None:
        """Go over to another tier, as `change-tier` does, spending whenever it is possible."""
        seen, bills = self.shown()
        live = first_live(seen)
        assert live is not None
        others = [other for other in SOLD if other != live.plan_code]
        target = self.tiers.by_id(code or self.random.choice(others))
        assert target is not None
        cap_nanos = cap_of(live, target) if gives_back(live, target) else None
        move = Modify(
            subscription_id=live.subscription_id,
            item_id=live.item_id,
            tier_id=target.tier_id,
            price_id=target.billing_price_ref,
            cap_nanos=cap_nanos,
            prorated_from_s=None,
        )
        change = Change(
            number=len(self.on),
            tier_id=target.tier_id,
            asked_at=self.now,
            action=Action.CHANGED,
            move=move,
        )
        if cap_nanos is not None:
            self.change = change
            self.look()
        window = self.wallet.window
        usage = Usage(window.included_spent_nanos, window.span)
        from_at = prorated_from(live, target, bills, self.tiers, usage, now=self.now)
        self.spend()
        from_s = int(from_at.timestamp()) if from_at > self.now else 0
        change = change.reckoned(from_s)
        assert isinstance(change.move, Modify)
        assert stripe_tiers.carry_out(change.move, key=f"{self.seed} {len(self.on)}")
        self.on.append((self.now_s, target.tier_id))
        self.steps.append(f"{self.now:%d %H:%M:%S} on {target.tier_id} from {from_at:%d %H:%M}")
        self.change = None
        self.look()
        # No two changes in one second: for the accountant an instant has one tier.
        self.world.travel(self.now_s + 1)

    def spend(self, cents: int | None = None) -> None:
        """Use all that there is, or a part of it."""
        left = self.wallet.included_remaining_nanos(self.now)
        most = 50_000 * CENT if left is None else left
        nanos = self.random.choice((most, most // 3, most // 20))
        nanos = nanos if cents is None else cents * CENT
        self.run(Charge(f"op:{len(self.entries)}", "k", FixedAmount(nanos)), now=self.now)
        self.steps.append(f"{self.now:%d %H:%M:%S} spends {nanos // CENT}")

    def pass_time(self) -> None:
        """Let hours or days pass."""
        self.live_until(self.now_s + self.random.choice((3_700, 2 * DAY_S, 9 * DAY_S)))

    def pass_the_end(self) -> None:
        """Live until shortly before or after the end of the period, if that is near."""
        _, end_s = period_of(self.world.account.store.newest_first("subscription")[0])
        around_s = self.random.choice((-DAY_S, -1, 3_900))
        if self.now_s < end_s + around_s < self.now_s + 40 * DAY_S:
            self.live_until(end_s + around_s)

    def live_until(self, at_s: int) -> None:
        """Let time pass, and pay what comes due."""
        self.world.travel(at_s)
        self.look()

    # ---- the product's decisions -----------------------------------------------------------

    def shown(self) -> tuple[list[Subscription], list[Invoice]]:
        """Return what Stripe shows."""
        return (
            stripe_billing.list_subscriptions(PROJECT, self.stripe_id),
            stripe_billing.list_invoices(PROJECT, self.stripe_id, back_to=BEGINS),
        )

    def look(self) -> None:
        """Do what each event of Stripe leads to: decide anew, and tell the wallet."""
        seen, bills = self.shown()
        trials = decide_trial("c", None, seen, {}, {})
        standing = decide_tier_standing(
            self.customer, seen, bills, self.known, self.tiers, trials=trials, now=self.now
        )
        self.known |= {record.subscription_id: record for record in standing.records}
        terms = capped(standing.terms, self.change, seen, self.now)
        with patch.object(mirroring, "run", lambda _, command, now: self.run(command, now=now)):
            told = replace(standing, terms=terms)
            mirroring.tell_wallet(WalletRef("p", "c"), told, now=self.now)

    def run(self, command: Command, *, now: datetime) -> Decision:
        """Decide a command, and keep what it made."""
        decision = decide(self.wallet, self.entries, command, now=now)
        assert not breach(self.wallet, decision.wallet, decision.entries)
        self.entries |= {entry.entry_id: entry for entry in decision.entries}
        window = decision.wallet.window
        before = 0
        if window.span == self.wallet.window.span:
            before = self.wallet.window.included_spent_nanos
        if window.included_spent_nanos > before:
            span = (_s(window.span.start_at), _s(window.span.end_at))
            self.uses.append(Use(_s(now), span, before, window.included_spent_nanos))
        self.wallet = decision.wallet
        return decision

    @property
    def now_s(self) -> int:
        """Return the second of the walk."""
        return self.world.clock.now_s()

    @property
    def now(self) -> datetime:
        """Return the instant of the walk."""
        return datetime.fromtimestamp(self.now_s, UTC)


# ---- the accountant --------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """From one price of a period to the next: what it costs, and the usage that it allows."""

    cents: int
    price_cents: int
    floor: int
    top: int | None


def check_books(walk: TierWalk) -> None:
    """Hold every period against what Stripe was paid for it."""
    code_of = {tier.billing_price_ref: tier.tier_id for tier in walk.tiers.every.values()}
    lines = [
        line
        for bill in walk.world.account.store.newest_first("invoice")
        for line in bill["lines"]["data"]
        if bill["status"] == "paid"
    ]
    periods = {
        (line["period"]["start"], line["period"]["end"])
        for line in lines
        if not line["parent"]["subscription_item_details"]["proration"]
    }
    for period in sorted(periods):
        own = [line for line in lines if line["period"]["end"] == period[1]]
        codes = {code_of[line["pricing"]["price_details"]["price"]] for line in own}
        _check_period(walk, period, codes, sum(line["amount"] for line in own), len(own))


def _check_period(
    walk: TierWalk, period: Span, codes: set[str], paid_cents: int, line_count: int
) -> None:
    start_s, end_s = period
    # Another rhythm begins another period before this one is over.
    rhythm = SOLD[min(codes)][1]
    left = [
        since
        for (_, before), (since, code) in pairwise(walk.on)
        if since >= start_s and SOLD[before][1] == rhythm != SOLD[code][1]
    ]
    until_s = min(end_s, *left) if left else end_s
    held = [
        (max(since, start_s), min(until, until_s), code)
        for (since, code), (until, _) in pairwise([*walk.on, (walk.now_s, "")])
        if since < until_s and until > start_s
    ]
    uses = [use for use in walk.uses if start_s <= use.at_s <= until_s]
    uses = [use for use in uses if start_s <= use.window[0] and use.window[1] <= end_s]
    limits = [SOLD[code][2] for code in codes]
    if 0 not in limits:
        assert all(use.after <= max(limits) * CENT for use in uses), "more than any limit"
    least = most = Fraction()
    for step in _steps(codes):
        on = [(a, b) for a, b, code in held if SOLD[code][0] >= step.price_cents]
        time_s = sum(b - a for a, b in on)
        least += step.cents * max(Fraction(time_s), _used_s(step, uses))
        most += step.cents * (end_s - min((a for a, _ in on), default=end_s))
    whole_s = end_s - start_s
    # A cent and a second for each line: Stripe rounds, and instants are whole seconds.
    slack = Fraction(line_count * (1 + Fraction(90_000, whole_s)))
    assert least / whole_s - slack <= paid_cents, f"paid {paid_cents}, least {least / whole_s}"
    assert paid_cents <= most / whole_s + slack, f"paid {paid_cents}, most {most / whole_s}"


def _steps(codes: set[str]) -> Iterator[Step]:
    below, floor = 0, 0
    for code in sorted(codes, key=lambda code: SOLD[code][0]):
        cents, _, limit_cents = SOLD[code]
        yield Step(cents - below, cents, floor, limit_cents * CENT or None)
        below, floor = cents, limit_cents * CENT


def _used_s(step: Step, uses: list[Use]) -> Fraction:
    """Return the seconds of a step that its usage is worth: of what was left at each use."""
    worth = Fraction()
    endless: dict[Span, int] = {}
    for use in uses:
        rest_s = use.window[1] - use.at_s
        if step.top is None:
            if use.after > step.floor:
                endless.setdefault(use.window, rest_s)
            continue
        part = min(use.after, step.top) - max(use.before, step.floor)
        worth += Fraction(max(0, part) * rest_s, step.top - step.floor)
    return worth + sum(endless.values())


# ---- tests -----------------------------------------------------------------------------------


def _s(at: datetime) -> int:
    return int(at.timestamp())


@pytest.fixture
def walk_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return what makes walks whose Stripe the product's own client asks."""
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_local")
    forget()

    def made(seed: int) -> TierWalk:
        world = new_world(BEGINS)
        monkeypatch.setenv("STRIPE_API_BASE", world.public_url)
        monkeypatch.setattr(stripe.RequestsClient, "request", ask_directly(world))
        stripe_billing.load_marked_price.cache_clear()
        return TierWalk(seed, world)

    yield made
    forget()


def walk_and_check(walk: TierWalk, step_count: int) -> None:
    """Walk, and hold the end against the books."""
    walk.walk(step_count)
    try:
        check_books(walk)
    except AssertionError as problem:
        problem.add_note(f"walk {walk.seed}:\n  " + "\n  ".join(walk.steps))
        raise


def test_no_walk_through_the_tiers_wins_usage_or_costs_twice(walk_of: Any) -> None:
    """Up, spend, down and up again, by the month and by the year, at any time of a period."""
    for seed in range(3):
        walk_and_check(walk_of(seed), 14)


@pytest.mark.soak
@pytest.mark.parametrize("first_seed", range(1_000, 2_000, 25))
def test_no_walk_of_thousands_wins_usage_or_costs_twice(walk_of: Any, first_seed: int) -> None:
    """The same, farther, and very often."""
    for seed in range(first_seed, first_seed + 25):
        walk_and_check(walk_of(seed), 30)

"""Random programs for wallets: each step is given to the ledger and to the model alike."""

import copy
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from creditbase.kernel.errors import BillingError
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.commands import (
    CaptureHold,
    ChangeTerms,
    Command,
    CutMonthly,
    Deduct,
    ExtendHold,
    FixedAmount,
    GiveBack,
    GrantCredits,
    TakeBack,
    Tidy,
    UndoCut,
    VoidHold,
)
from creditbase.ledger.domain.decide import decide
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.grants import PAID_KINDS, GrantKind
from creditbase.ledger.domain.wallet import Terms
from tests.ledger.builders import (
    NOON,
    Story,
    a_charge,
    a_hold,
    a_story,
    counted_nanos,
    hold_id_of,
)
from tests.ledger.model import Model
from tests.ledger.purse import NEVER

KINDS: tuple[GrantKind, ...] = ("plan", "free", "topup", "promo", "voucher", "adjustment")
WAITS_S = (1, 7, 300, 900, 3_600, 50_000, 86_400, 15 * 86_400, 70 * 86_400)
MONTHLY_FREE = Terms("free", allocation_nanos=20)
TIERS = (
    Terms("pro", window="period"),
    Terms("tier", window="period", included="limited", limit_nanos=30),
    Terms("tier", window="period", included="limited", limit_nanos=10, draws_wallet=False),
    Terms("tier", window="period", included="unlimited"),
)

BUDGETS = (("", 0), ("small", 12), ("large", 45), ("", 0))
"""Credentials with what each may spend in a window; half of the commands come with none."""

ACTIONS = (
    *("charge", "hold", "hold", "hold", "capture", "capture", "void", "extend", "extend"),
    *("grant", "grant", "grant", "take_back", "take_back", "give_back", "cut", "undo_cut"),
    *("terms", "tidy", "again", "deduct"),
)


@dataclass(frozen=True)
class Step:
    """What happens next: how long after the last, which action, and its numbers."""

    wait: int
    action: str
    amount: int
    pick: int


STEPS = st.builds(
    Step,
    # an index of WAITS_S; below zero: to the next instant at which something is due
    wait=st.sampled_from([0] * 12 + [*range(len(WAITS_S)), -1, -1, -2]),
    action=st.sampled_from(ACTIONS),
    amount=st.integers(0, 40),
    pick=st.integers(0, 23),
)
PROGRAMS = st.lists(STEPS, min_size=15, max_size=40)
REFUNDED = (
    *("hold", "hold", "capture", "void", "take_back", "take_back", "give_back", "give_back"),
    *("cut", "undo_cut", "deduct"),
)
RETURNS = st.lists(
    st.builds(
        Step,
        wait=st.sampled_from([0] * 12 + [1, 2, 5, -1]),
        action=st.sampled_from((*REFUNDED, "grant", "charge")),
        amount=st.integers(0, 60),
        pick=st.integers(0, 23),
    ),
    min_size=5,
    max_size=20,
)
"""Money that goes back while work holds what it bought."""


@dataclass
class Twin:
    """The ledger and the model side by side, and what has been done to both."""

    story: Story = field(default_factory=lambda: a_story(MONTHLY_FREE))
    model: Model = field(default_factory=lambda: Model(NOON, allowance=20))
    holds: list[str] = field(default_factory=list)
    grants: list[tuple[str, GrantKind, datetime | None]] = field(default_factory=list)
    recalled: Counter[str] = field(default_factory=Counter)
    owed: Counter[str] = field(default_factory=Counter)
    periods: list[Window] = field(default_factory=list)
    done: list[tuple[Command, Entry]] = field(default_factory=list)
    number: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        # Time passes with what is written: a refusal leaves no trace, not even of that.
        self.written = copy.deepcopy(self.model)

    def take(self, step: Step) -> None:
        """Take one step on both sides; they must agree on the refusal, too."""
        self.number += 1
        self.story.now = self.next_instant(step)
        self.model = copy.deepcopy(self.written)
        self.model.play_until(self.story.now, turns_month=not self.goes_on_plan(step))
        if step.action == "again":
            self.repeat(step.pick)
            return
        asked = getattr(self, step.action)(step)
        if asked is None:
            return
        command, expected = asked
        refused, is_written = "", False
        try:
            decided = self.story.do(command)
            is_written = not decided.is_replay
            if decided.entry is not None and decided.entry.kind != "expire":
                self.done.append((command, decided.entry))
                if isinstance(command, TakeBack):
                    self.recalled.update(decided.entry.cause.get("recall", {}))
                    owed = -decided.entry.postings.get("receivable", 0)
                    self.owed[command.grant_id] += owed
                if isinstance(command, GiveBack):
                    self.recalled[command.grant_id] -= command.recalled_nanos
                    self.owed[command.grant_id] -= command.owed_nanos
        except BillingError as refusal:
            refused = type(refusal).__name__
        assert refused == expected, command
        self.seen[refused or step.action] += 1
        self.model.sweep()
        if is_written:
            self.written = copy.deepcopy(self.model)

    @staticmethod
    def goes_on_plan(step: Step) -> bool:
        """Return whether a step puts the customer on a plan."""
        return step.action == "terms" and step.pick >= 8

    def next_instant(self, step: Step) -> datetime:
        """Return when the step happens: later, or exactly when something else is due."""
        if step.wait < 0:
            later = [at for at in self.model.due() if self.story.now < at < NEVER]
            nudge = timedelta(microseconds=step.wait + 1)
            if later and min(later) + nudge > self.story.now:
                return min(later) + nudge
            return self.story.now + timedelta(seconds=1)
        return self.story.now + timedelta(seconds=WAITS_S[step.wait])

    def repeat(self, pick: int) -> None:
        """Give an old command again: nothing moves, and its entry is the answer."""
        if self.done:
            command, entry = self.done[pick % len(self.done)]
            before = self.story.wallet
            assert self.story.do(command).entry == entry
            assert self.story.wallet is before

    # ---- the actions: the command for the ledger, and what the model says of it ----

    def charge(self, step: Step) -> Any:
        """Charge an amount."""
        amount, budget = step.amount // 2, BUDGETS[step.pick % 4]
        said = self.model.charge(amount, *budget)
        return a_charge(amount, f"k{self.number}", budget=budget), said

    def hold(self, step: Step) -> Any:
        """Place a hold of five minutes, a quarter or a day."""
        key, ttl_s = f"k{self.number}", (300, 900, 86_400, 86_400)[step.pick % 4]
        amount, budget = step.amount // 3, BUDGETS[step.pick // 4 % 4]
        said = self.model.hold(hold_id_of(key), amount, timedelta(seconds=ttl_s), *budget)
        if not said:
            self.holds.append(hold_id_of(key))
        return a_hold(amount, key, ttl_s=ttl_s, budget=budget), said

    def capture(self, step: Step) -> Any:
        """Capture some hold that there is or was."""
        if not self.holds:
            return None
        hold_id = self.holds[-1 - step.pick % min(4, len(self.holds))]
        command = CaptureHold(hold_id, f"body {self.number}", FixedAmount(step.amount))
        return command, self.model.capture(hold_id, step.amount)

    def void(self, step: Step) -> Any:
        """Void some hold."""
        if not self.holds:
            return None
        hold_id = self.holds[-1 - step.pick % min(4, len(self.holds))]
        if self.model.ended.get(hold_id) == "captured late":
            return None
        return VoidHold(hold_id, "void"), self.model.void(hold_id)

    def extend(self, step: Step) -> Any:
        """Extend some hold, with usage so far."""
        if not self.holds:
            return None
        hold_id = self.holds[-1 - step.pick % min(4, len(self.holds))]
        until = self.story.now + timedelta(seconds=(0, 600, 7_200, 80_000)[step.pick % 4])
        said = self.model.extend(hold_id, until, step.amount)
        return ExtendHold(hold_id, until, FixedAmount(step.amount)), said

    def grant(self, step: Step) -> Any:
        """Give credits of some kind, which last for ever, a day, or until a common date."""
        kind = KINDS[step.pick % 6]
        until = (None, self.story.now + timedelta(days=1), NOON + timedelta(days=45))[
            step.amount % 3
        ]
        name = f"g{self.number}"
        self.grants.append((name, kind, until))
        self.model.add(name, kind, step.amount, until or NEVER)
        paid = step.amount * 5 // 7 if kind in PAID_KINDS else 0
        return GrantCredits(name, kind, step.amount, expires_at=until, paid_nanos=paid), ""

    def take_back(self, step: Step) -> Any:
        """Take back some of a grant."""
        if not self.grants:
            return None
        name, kind, _ = self.grants[step.pick % len(self.grants)]
        owes = kind == "topup" or (kind == "plan" and step.amount % 2 == 1)
        self.model.take_back(name, step.amount, owes=owes)
        return TakeBack(f"r{self.number}", name, step.amount, owes), ""

    def give_back(self, step: Step) -> Any:
        """Give back some of a grant that was bought."""
        bought = [row for row in self.grants if row[1] in ("topup", "plan")]
        if not bought:
            return None
        name, kind, until = bought[step.pick % len(bought)]
        called = min(step.amount, self.recalled[name])
        amount = 0 if called else step.amount
        owed = min(amount, self.owed[name] if kind == "plan" else 0)
        still_owed = self.owed[name] - owed
        self.model.give_back(
            name,
            kind,
            amount,
            until or NEVER,
            owed=owed,
            still_owed=still_owed,
            called=called,
        )
        command = GiveBack(
            f"r{self.number}",
            name,
            kind,
            amount,
            until,
            owed_nanos=owed,
            still_owed_nanos=still_owed,
            recalled_nanos=called,
        )
        return command, ""

    def deduct(self, step: Step) -> Any:
        """Take credits because an operator decided so; half of the time the rest is owed."""
        owes = step.pick % 2 == 1
        self.model.deduct(step.amount, owes=owes)
        return Deduct(f"adjust:{self.number}", step.amount, owes), ""

    def undo_cut(self, step: Step) -> Any:
        """Go up again: all but some of what was cut comes back."""
        self.model.undo_cut(step.pick, step.amount)
        return UndoCut(f"u{self.number}", step.pick, step.amount), ""

    def cut(self, step: Step) -> Any:
        """Leave some of what the month still has."""
        self.model.cut(step.amount)
        return CutMonthly(f"c{self.number}", step.amount), ""

    def terms(self, step: Step) -> Any:
        """Change to free, to a new period, or back to a period that is not over."""
        if not self.goes_on_plan(step):
            self.model.change(0, overage=True, period=None)
            return ChangeTerms(MONTHLY_FREE), ""
        terms = TIERS[step.amount % 4]
        now = self.story.now
        running = [period for period in self.periods if now < period.end_at]
        period = Window(now, now + timedelta(days=(1, 20, 30)[step.amount % 3]))
        if running and step.pick > 15:
            period = running[step.pick % len(running)]
        self.periods.append(period)
        limits = {"none": 0, "limited": terms.limit_nanos, "unlimited": None}
        self.model.change(
            limits[terms.included],
            overage=terms.draws_wallet,
            period=(period.start_at, period.end_at),
        )
        return ChangeTerms(terms, period), ""

    def tidy(self, step: Step) -> Any:
        """Let the ledger catch up, with or without settling."""
        return Tidy(settles=step.pick > 11), ""


def compare(twin: Twin) -> None:
    """Hold the ledger, with all time passed, against the model, pot by pot."""
    story, model = twin.story, twin.model
    seen = decide(story.wallet, {}, Tidy(), now=story.now)
    wallet, at = seen.wallet, story.now
    piles = Counter(
        (
            *(grant.kind, grant.expires_at or NEVER),
            *(grant.remaining_nanos + (grant.aside_nanos or 0), grant.held_nanos),
            *(grant.recalled_nanos, grant.forgone_nanos, grant.aside_nanos is not None),
            *(grant.pledged_nanos, grant.redeemed_nanos),
            *(grant.cutting_nanos, grant.cut_nanos),
        )
        for grant in wallet.grants.values()
    )
    assert piles == Counter(
        (
            *(p.kind, p.until, p.lying, p.pinned, p.called, p.lost, p.away),
            *(p.owing, p.redeemed, p.cutting, p.cut),
        )
        for p in model.piles.values()
    )
    assert wallet.receivable_nanos == model.debt
    assert wallet.held_nanos == sum(len(hold.tokens) for hold in model.holds.values())
    assert set(wallet.holds) == set(model.holds)
    assert wallet.available_nanos(at) == model.spendable()
    room = wallet.included_remaining_nanos(at)
    assert (float("inf") if room is None else room) == model.room()

    accounts = story.accounts()
    for entry in seen.entries:
        accounts.update(dict(entry.postings))
    assert accounts["consumed"] + accounts["shortfall"] == model.consumed
    assert -accounts["shortfall"] == model.unpaid
    counted = Counter(story.counted_nanos)
    for window in (*seen.closed_windows, *wallet.closing, wallet.window):
        counted[window.span.start_at] += counted_nanos(window)
    assert +counted == +model.spent
    for running in (*wallet.closing, wallet.window):
        start_at = running.span.start_at
        counters = {n: b.spent_nanos + b.held_nanos for n, b in running.budgets.items()}
        told = {n: nanos for (at, n), nanos in model.committed.items() if at == start_at and n}
        assert +Counter(counters) == +Counter(told)

    # and the postings alone rebuild every pot
    assert sum(accounts.values()) == 0
    pots = {name[6:]: nanos for name, nanos in accounts.items() if name.startswith("grant:")}
    assert +Counter(pots) == +Counter({k: g.remaining_nanos for k, g in wallet.grants.items()})
    assert min(pots.values(), default=0) >= 0
    assert accounts["held"] == wallet.held_nanos
    assert accounts["receivable"] == -wallet.receivable_nanos

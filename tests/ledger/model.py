"""A second ledger, written as differently as possible: nano by nano, instant by instant.

It shares no code and no idea with the product beyond the rules of DESIGN section 5: no
draws, no postings, no laziness. Time is played through event by event, and credits are
single tokens that move between piles. Slow, small, and easy to believe.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.ledger.purse import EVER, MONTHLY, NEVER, PAID, RANK, Purse


@dataclass
class Reserved:
    """A hold: where each of its tokens came from, in order."""

    tokens: list[str]
    begun: datetime
    until: datetime
    window: datetime
    used: int = 0
    payer: str = ""


@dataclass
class Model(Purse):
    """A wallet whose free window turns on the 10th at noon."""

    allowance: int = 0
    is_paid: bool = False
    limit: int | None = 0
    overage: bool = True
    window: datetime = EVER
    window_ends: datetime = NEVER
    holds: dict[str, Reserved] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    captured_at_expiry: Counter[str] = field(default_factory=Counter)
    consumed: int = 0
    unpaid: int = 0
    spent: Counter[datetime] = field(default_factory=Counter)
    limit_used: Counter[datetime] = field(default_factory=Counter)
    limit_pinned: Counter[datetime] = field(default_factory=Counter)
    committed: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    payers: dict[str, str] = field(default_factory=dict)
    months: set[datetime] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not self.is_paid:
            self.enter_month()

    def due(self) -> list[datetime]:
        """Return the instants at which something happens by itself."""
        due = [pile.until for pile in self.piles.values() if pile.lying]
        due += [hold.until for hold in self.holds.values()]
        return due if self.is_paid else [*due, self.window_ends]

    # ---- time ----

    def play_until(self, to: datetime, *, turns_month: bool = True) -> None:
        """Let everything happen that is due, in the order in which it is due.

        Who is about to be put on a plan enters no free month just before.
        """
        while True:
            due = [at for at in self.due() if turns_month or at > self.clock]
            self.clock = max(self.clock, min([to, *due]))
            for name, pile in self.piles.items():
                if pile.until <= self.clock:
                    self.write_off(name, pile)
            if turns_month:
                self.turn_month()
            for name in sorted(self.holds):
                hold = self.holds[name]
                if hold.until <= self.clock:
                    if hold.used > len(hold.tokens):
                        self.turn_month()
                    self.captured_at_expiry[name] = hold.used
                    self.end(name, hold.used, "expired")
            self.sweep()
            if self.clock >= to:
                return

    def turn_month(self) -> None:
        """Enter the month that is running, if another was."""
        if not self.is_paid and self.window_ends <= self.clock:
            self.enter_month()

    def enter_month(self) -> None:
        """Begin the month that is running, with its allowance if it was not given yet."""
        tenth = self.clock.replace(day=10, hour=12, minute=0, second=0, microsecond=0)
        before = (tenth - timedelta(days=27)).replace(day=10)
        self.window = tenth if tenth <= self.clock else before
        self.window_ends = (self.window + timedelta(days=40)).replace(day=10)
        if self.window not in self.months:
            self.months.add(self.window)
            self.add(f"month {self.window:%Y-%m}", "free", self.allowance, self.window_ends)

    def sweep(self) -> None:
        """Forget piles where nothing lies, nothing is pinned and nothing can come back."""
        self.piles = {
            name: pile
            for name, pile in self.piles.items()
            if pile.lying or pile.pinned or pile.cut or self.is_remembered(pile)
        }

    # ---- tokens ----

    def room(self) -> float:
        """Return how many tokens the window's limit still has."""
        if self.is_paid and self.clock >= self.window_ends:
            return 0
        if self.limit is None:
            return float("inf")
        taken = self.limit_used[self.window] + self.limit_pinned[self.window]
        return max(0, self.limit - taken)

    def spendable(self) -> int:
        """Return how many tokens of the piles may be taken: a debt keeps its share."""
        return max(
            0, sum(pile.lying for pile in self.piles.values() if not pile.away) - self.debt
        )

    def next_token(self) -> str | None:
        """Return where the next token comes from."""
        if self.room() > 0:
            return ""
        if not self.overage or not self.spendable():
            return None
        return self.first_lying()

    def first_lying(self) -> str:
        """Return the pile that burns first."""
        lying = [name for name, pile in self.piles.items() if pile.lying and not pile.away]
        return min(
            lying,
            key=lambda name: (
                RANK[self.piles[name].kind],
                self.piles[name].until,
                self.piles[name].kind in PAID,
                self.piles[name].made,
            ),
        )

    def take(self, token: str) -> None:
        """Take one token for good."""
        self.consumed += 1
        if token:
            self.piles[token].lying -= 1
        else:
            self.limit_used[self.window] += 1

    def affords(self, amount: int, payer: str = "", allowed: int = 0) -> bool:
        """Return whether so many tokens are there, and allowed to a payer with a budget.

        None are always allowed, also where work has overdrawn the budget.
        """
        if payer and amount and self.committed[self.window, payer] + amount > allowed:
            return False
        return self.room() + (self.spendable() if self.overage else 0) >= amount

    # ---- what may be asked ----

    def charge(self, amount: int, payer: str = "", allowed: int = 0) -> str:
        """Take tokens, all or none."""
        if not self.affords(amount, payer, allowed):
            return "PaymentRequired"
        for _ in range(amount):
            token = self.next_token()
            assert token is not None
            self.take(token)
        self.spent[self.window] += amount
        self.committed[self.window, payer] += amount
        return ""

    def hold(
        self, name: str, amount: int, ttl: timedelta, payer: str = "", allowed: int = 0
    ) -> str:
        """Pin tokens, all or none."""
        if not self.affords(amount, payer, allowed):
            return "PaymentRequired"
        tokens = []
        for _ in range(amount):
            token = self.next_token()
            assert token is not None
            if token:
                self.piles[token].lying -= 1
                self.piles[token].pinned += 1
            else:
                self.limit_pinned[self.window] += 1
            tokens.append(token)
        until = self.clock + ttl
        self.holds[name] = Reserved(tokens, self.clock, until, self.window, payer=payer)
        self.committed[self.window, payer] += amount
        self.payers[name] = payer
        return ""

    def end(self, name: str, amount: int, how: str) -> None:
        """Unpin all, keep the first as used, put the others back, take more if needed."""
        hold = self.holds.pop(name)
        self.ended[name] = how
        for place, token in enumerate(hold.tokens):
            is_used = place < amount
            self.consumed += is_used
            if token == "":
                self.limit_pinned[hold.window] -= 1
                self.limit_used[hold.window] += is_used
                continue
            pile = self.piles[token]
            pile.pinned -= 1
            if is_used:
                continue
            if pile.called:
                pile.called -= 1
                continue
            if pile.owing:
                pile.owing -= 1
                pile.redeemed += 1
                self.clear(f"of {name}", 1)
                continue
            if pile.until <= self.clock:
                self.written_off[token] += 1
                continue
            if pile.cutting:
                pile.cutting -= 1
                pile.cut += pile.kind in PAID
                continue
            if self.debt and pile.kind not in MONTHLY:
                self.debt -= 1
            else:
                pile.lying += 1
        for pile in self.piles.values():
            pile.settle()
        taken = min(amount, len(hold.tokens))
        taken += self.take_what_is_there(amount - taken)
        self.spent[hold.window] += taken
        self.committed[hold.window, hold.payer] += taken - len(hold.tokens)

    def deduct(self, amount: int, *, owes: bool) -> None:
        """Take so many tokens that lie there, whatever pays for work now; owe the others."""
        there = min(amount, self.spendable())
        for _ in range(there):
            self.piles[self.first_lying()].lying -= 1
        if owes:
            self.debt += amount - there

    def take_what_is_there(self, amount: int) -> int:
        """Take up to so many tokens, note how many were missing, return how many came."""
        for number in range(amount):
            token = self.next_token()
            if token is None:
                self.unpaid += amount - number
                return number
            self.take(token)
        return max(0, amount)

    def capture(self, name: str, amount: int) -> str:
        """End a hold, or take afterwards what its time-out had not."""
        if name in self.holds:
            self.end(name, amount, "captured")
            return ""
        if self.ended[name] != "expired":
            return "Conflict"
        self.ended[name] = "captured late"
        rest = max(0, amount - self.captured_at_expiry[name])
        taken = self.take_what_is_there(rest)
        self.spent[self.window] += taken
        self.committed[self.window, self.payers[name]] += taken
        return ""

    def void(self, name: str) -> str:
        """End a hold and take nothing."""
        if name in self.holds:
            self.end(name, 0, "voided")
            return ""
        return "" if self.ended[name] in {"expired", "voided"} else "Conflict"

    def extend(self, name: str, until: datetime, used: int) -> str:
        """Keep a hold for longer, within its day."""
        if name not in self.holds:
            return "Conflict"
        hold = self.holds[name]
        if until <= self.clock or until > hold.begun + timedelta(days=1):
            return "InvalidRequest"
        hold.until = max(hold.until, until)
        hold.used = max(hold.used, used)
        return ""

    def add(self, name: str, kind: str, amount: int, until: datetime = NEVER) -> None:
        """Put tokens there; top-ups and adjustments pay the debt first."""
        self.count += 1
        if kind in {"topup", "adjustment"}:
            paid = min(self.debt, amount)
            self.debt -= paid
            amount -= paid
        self.plans |= {name} if kind == "plan" else set()
        if until > self.clock:
            self.put(name, kind, amount, until)

    def change(
        self, limit: int | None, *, overage: bool, period: tuple[datetime, datetime] | None
    ) -> None:
        """Put the customer on other terms; another window ends the credits of the month."""
        self.limit, self.overage = limit, overage
        stays = (
            period[0] == self.window
            if period and self.is_paid
            else not (period or self.is_paid)
        )
        if not stays:
            self.over |= self.plans
            self.spare = self.unpaid_for = None
            for name, pile in self.piles.items():
                if pile.kind == "plan":
                    self.write_off(name, pile)
                    pile.until = min(pile.until, self.clock)
                if pile.kind == "free":
                    pile.away = period is not None
        if period:
            self.is_paid, (self.window, self.window_ends) = True, period
        elif not stays:
            self.is_paid = False
            self.enter_month()

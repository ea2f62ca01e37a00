"""Piles of tokens, and what goes back of them: the half of the model that is about refunds."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

RANK = {"plan": 10, "free": 10, "promo": 50, "voucher": 50, "adjustment": 50, "topup": 50}
EVER, NEVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
MONTHLY = {"plan", "free"}
PAID = {"plan", "topup"}


@dataclass
class Pile:
    """Tokens of one origin: how many lie there, and how many are pinned to holds.

    Of the pinned ones so many are `called`: wanted back, and gone as soon as they are free;
    so many more are `owing`: a debt, which they pay when they are free; so many more are
    `cutting`: gone when they are free, until the plan is a larger one again. Those that were
    called and used instead are `lost`, those that paid `redeemed`; `cut` ones are gone to a
    smaller plan. An `away` pile waits for the month to go on.
    """

    kind: str
    until: datetime
    made: int
    lying: int = 0
    pinned: int = 0
    called: int = 0
    lost: int = 0
    owing: int = 0
    redeemed: int = 0
    cutting: int = 0
    cut: int = 0
    away: bool = False

    @property
    def uncalled(self) -> int:
        """Return how many pinned ones nobody wants back."""
        return self.pinned - self.called - self.owing - self.cutting

    def settle(self) -> None:
        """Give up what is wanted of tokens that are not pinned any more."""
        while self.called > self.pinned:
            self.called -= 1
            self.lost += 1
        while self.called + self.owing > self.pinned:
            self.owing -= 1
        while self.uncalled < 0:
            self.cutting -= 1


@dataclass
class Purse:
    """All piles, what is owed, and what has become of them."""

    clock: datetime
    piles: dict[str, Pile] = field(default_factory=dict)
    debt: int = 0
    count: int = 0
    written_off: Counter[str] = field(default_factory=Counter)
    plans: set[str] = field(default_factory=set)
    over: set[str] = field(default_factory=set)
    spare: int | None = None
    unpaid_for: int | None = None

    def is_remembered(self, pile: Pile) -> bool:
        """Return whether undoing a refund has to know what became of it."""
        is_open = pile.kind in PAID or pile.until > self.clock
        return bool(pile.lost or pile.redeemed) and is_open

    def write_off(self, name: str, pile: Pile) -> None:
        """Let what nobody spent of a pile go."""
        self.written_off[name] += pile.lying + pile.cut
        pile.lying = pile.cut = 0

    def clear(self, name: str, amount: int) -> None:
        """Take a debt away that is none; what was paid of it comes back for good."""
        paid = min(self.debt, amount)
        self.debt -= paid
        if amount - paid:
            self.count += 1
            self.put(name, "adjustment", amount - paid, NEVER)

    def put(self, name: str, kind: str, amount: int, until: datetime) -> None:
        """Let tokens lie there: on a pile that is alike, where they were not bought."""
        for pile in self.piles.values():
            if kind not in PAID and (pile.kind, pile.until, pile.away) == (kind, until, False):
                pile.lying += amount
                return
        self.piles[name] = Pile(kind, until, self.count, amount)

    def take_back(self, name: str, amount: int, *, owes: bool) -> None:
        """Take what lies in one pile or was unspent; the rest is owed, or called back."""
        pile = self.piles.get(name) or Pile("", EVER, 0)
        there = min(amount, pile.lying) if not pile.away else 0
        pile.lying -= there
        cut = min(amount - there, pile.cut)
        pile.cut -= cut
        amount -= there + cut
        if pile.until <= self.clock:
            amount = max(0, amount - self.written_off[name])
        if owes:
            self.debt += amount
        for _ in range(amount):
            if pile.called + pile.owing < pile.pinned:
                if not owes:
                    pile.called += 1
                    there += 1
                elif pile.kind in MONTHLY:
                    pile.owing += 1
        pile.settle()
        if self.spare is not None and pile.kind == "plan":
            self.spare += there

    def monthly(self) -> list[Pile]:
        """Return the piles of the month, those that burn last first."""
        month = [
            pile
            for pile in self.piles.values()
            if pile.kind in MONTHLY and pile.until > self.clock and not pile.away
        ]
        order = sorted(month, key=lambda pile: (pile.until, pile.kind in PAID, pile.made))
        return order[::-1]

    def cut(self, most: int) -> None:
        """Leave so many of the month's tokens lying, and no more when holds have ended."""
        month = self.monthly()

        def most_there_can_be() -> int:
            return sum(pile.lying + pile.uncalled for pile in month)

        for pile in month:
            while pile.lying and sum(one.lying for one in month) > most:
                pile.lying -= 1
                pile.cut += pile.kind in PAID
        for pile in month:
            while pile.uncalled and most_there_can_be() > most:
                pile.cutting += 1
        self.spare, self.unpaid_for = max(0, most - most_there_can_be()), None

    def undo_cut(self, unpaid_for: int, floor: int) -> None:
        """Let what was cut lie there again, but for what nobody has paid for."""
        if self.spare is not None and self.unpaid_for == unpaid_for:
            return
        known = self.unpaid_for
        if self.spare is None or (known is not None and unpaid_for > known):
            self.cut(floor)
        self.unpaid_for = unpaid_for
        for pile in [pile for pile in self.monthly()[::-1] if pile.kind in PAID]:
            while pile.cutting and self.gone() > unpaid_for:
                pile.cutting -= 1
            while pile.cut and self.gone() > unpaid_for:
                pile.cut -= 1
                pile.lying += 1

    def gone(self) -> int:
        """Return how many bought tokens of the month a smaller plan has cut."""
        return sum(p.cut + p.cutting for p in self.monthly() if p.kind in PAID)

    def give_back(
        self,
        name: str,
        kind: str,
        amount: int,
        until: datetime,
        *,
        owed: int,
        still_owed: int,
        called: int,
    ) -> None:
        """Pay the debt, and put the rest back to its pile, which may have to be made again.

        Of those called back the lost ones stay lost, and the others are not called any more.
        """
        self.count += 1
        pile = self.piles.setdefault(name, Pile(kind, until, self.count))
        if name in self.over:
            pile.until = min(pile.until, self.clock)
        forgotten = 0
        for _ in range(called):
            forgotten += 1
            if pile.lost:
                pile.lost -= 1
            elif pile.called:
                pile.called -= 1
            else:
                amount += 1
                forgotten -= 1
        if pile.kind in MONTHLY:
            redeemed = min(owed, max(0, pile.redeemed - still_owed))
            pile.redeemed -= redeemed
            pile.owing = min(pile.owing, max(0, still_owed - pile.redeemed))
            self.clear(f"of {self.count}", owed - redeemed)
            amount -= owed - redeemed
        else:
            paid = min(self.debt, amount)
            self.debt -= paid
            amount -= paid
        if self.spare is not None:
            self.spare = max(0, self.spare - forgotten)
        if pile.until > self.clock:
            self.come_back(pile, amount)

    def come_back(self, pile: Pile, amount: int) -> None:
        """Let tokens lie there again that a smaller plan would have left."""
        for _ in range(amount):
            if pile.kind != "plan" or self.spare is None:
                pile.lying += 1
            elif self.spare:
                self.spare -= 1
                pile.lying += 1
            elif self.unpaid_for is not None and self.gone() >= self.unpaid_for:
                pile.lying += 1
            else:
                pile.cut += 1

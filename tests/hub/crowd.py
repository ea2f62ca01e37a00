"""Very many charges, decided as every charge is, and written as far as a roll-up reads them.

Each is decided in process by the ledger's own decision; what would cost a round trip each, the
commit of an entry, is left out: wallets and closed days are written, and the entries are added
up as they are decided. So the sum is the ledger's, and owes nothing to the counters.
"""

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from creditbase.ledger import store
from creditbase.ledger.domain.commands import ChangeTerms, Charge, FixedAmount, GrantCredits
from creditbase.ledger.domain.decide import Decision, decide
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import DayCount, Metered, Terms, Wallet
from creditbase.ledger.encoding import write_closed_day
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.used import USED_AT, used_bucket
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Create, Put, Write

CREDIT = 1_000_000
WRITES_MAX = 20
TRIES_MAX = 20
PLANS = ("free", "guru", "pro")
PROVIDERS = ("acme", "globex", "initech")
Sums = Counter[tuple[str, str, str, str]]


@dataclass
class Member:
    """A customer of the crowd: its wallet as the last decision left it."""

    ref: WalletRef
    wallet: Wallet
    closed: list[DayCount] = field(default_factory=list)
    is_written: bool = True

    def take(self, decision: Decision) -> tuple[Entry, ...]:
        """Go on from a decision; return its entries."""
        self.wallet = decision.wallet
        self.closed += decision.closed_days
        self.is_written = False
        return decision.entries


@dataclass
class Crowd:
    """Customers who call models, and what their entries come to."""

    project_id: str
    model_count: int
    members: list[Member] = field(default_factory=list)
    sums: Sums = field(default_factory=Counter)
    active: dict[str, set[int]] = field(default_factory=dict)
    by_customer: Sums = field(default_factory=Counter)
    charges: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(11))  # noqa: S311 - a story, not a secret

    def join(self, count: int, *, at: datetime) -> None:
        """Let customers come, on several plans, with packs that were bought at a discount."""
        for number in range(count):
            ref = WalletRef(self.project_id, str(uuid5(UUID(self.project_id), str(number))))
            terms = Terms(PLANS[number % 3], allocation_nanos=10 * CREDIT)
            opened = open_wallet(ref.wallet_id, owner_uid="", terms=terms, now=at)
            member = Member(ref, opened.wallet)
            worth = 10**6 * CREDIT
            pack = GrantCredits(
                "topup:a", "topup", worth, paid_nanos=worth * (5 + number % 5) // 9
            )
            member.take(decide(member.wallet, {}, pack, now=at))
            self.members.append(member)

    def call(self, number: int, *, at: datetime) -> None:
        """Let a customer pay for a call."""
        chance = self.chance
        model = int(chance.random() ** 2 * self.model_count)
        metered = Metered(
            f"model-{model}",
            PROVIDERS[(model + (chance.random() < 0.1)) % 3],
            chance.randrange(900_000),
            {"input_tokens": chance.randrange(4_000), "output_tokens": chance.randrange(900)},
        )
        self.charges += 1
        charge = Charge(
            f"op:{self.charges}", "d", FixedAmount(chance.randrange(10**6), metered)
        )
        member = self.members[number]
        for entry in member.take(decide(member.wallet, {}, charge, now=at)):
            if entry.kind == "charge":
                self._add(number, entry)

    def change_plan(self, number: int, *, at: datetime) -> None:
        """Put a customer on another plan of the same window."""
        member = self.members[number]
        terms = Terms("team", allocation_nanos=10 * CREDIT, revision=1)
        member.take(decide(member.wallet, {}, ChangeTerms(terms), now=at))

    def _add(self, number: int, entry: Entry) -> None:
        date, metered = f"{entry.at:%Y-%m-%d}", entry.metered
        counted = {
            "requests": 1,
            "amount": entry.captured_nanos,
            "cost": metered.cost_nanos,
            "received": entry.received_nanos,
            "input": metered.quantities["input_tokens"],
            "output": metered.quantities["output_tokens"],
        }
        member = self.members[number].ref.customer_id
        for name, count in counted.items():
            self.sums[date, metered.model, metered.provider, name] += count
            self.by_customer[date[:7], member, "", name] += count
        self.active.setdefault(date, set()).add(number)

    def live(self, day: datetime, calls: int) -> None:
        """Let a day pass: so many calls by whoever; the last customers come rarely."""
        for number in range(calls):
            who = int(self.chance.random() ** 1.5 * len(self.members))
            self.call(who, at=day + timedelta(seconds=number * 80_000 // calls))

    def write(self) -> None:
        """Write what has changed: wallets, and the days that were closed."""
        writes: list[Write] = []
        for member in self.members:
            if not member.is_written:
                writes += _writes(member)
                member.closed, member.is_written = [], True
        for start in range(0, len(writes), WRITES_MAX):
            _commit(writes[start : start + WRITES_MAX])

    def total(self, name: str, dates: Sequence[str]) -> int:
        """Return the entries' sum of a counter over some days."""
        days = set(dates)
        return sum(
            n for (date, _, _, what), n in self.sums.items() if what == name and date in days
        )


def _commit(writes: Sequence[Write]) -> None:
    """Write what may be written twice; a store that is busy may take its time."""
    for _ in range(TRIES_MAX):
        with suppress(firestore.Ambiguous):
            firestore.commit(writes)
            return
    raise AssertionError("the store does not answer")


def _writes(member: Member) -> list[Write]:
    ref, wallet = member.ref, member.wallet
    opened = store.writes_to_open(ref, Decision(wallet))[0]
    assert isinstance(opened, Create)
    return [
        Put(ref.wallet, {**opened.fields, USED_AT: used_bucket(wallet.at)}),
        *(Put(ref.day(day.date), write_closed_day(day)) for day in member.closed),
    ]

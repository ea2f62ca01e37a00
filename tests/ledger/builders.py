"""Wallets for pure tests: a story tells commands in order, and checks every step it takes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from creditbase.kernel.ids import hold_public_id, operation_entry_id, sha256_hex
from creditbase.kernel.windows import Window
from creditbase.ledger.changes import STATE, changes_between
from creditbase.ledger.domain.commands import (
    NOTHING_PINNED,
    Budget,
    CaptureHold,
    ChangeTerms,
    Charge,
    Command,
    Cost,
    ExtendHold,
    FixedAmount,
    GiveBack,
    GrantCredits,
    MeteredUsage,
    PlaceHold,
    Priced,
    TakeBack,
    Tidy,
    VoidHold,
)
from creditbase.ledger.domain.decide import Decision, decide
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.grants import GrantKind
from creditbase.ledger.domain.invariants import breach
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import (
    NOTHING_METERED,
    DayCount,
    Draw,
    Hold,
    Metered,
    Tallies,
    Terms,
    Wallet,
    WindowCount,
)
from creditbase.ledger.encoding import read_wallet, write_tally, write_wallet
from creditbase.runtime.firestore import DELETE_FIELD

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CUSTOMER = "00000000-0000-4000-8000-0000000000c1"
WALLET_ID = f"project/{CUSTOMER}"
SALT = "5a" * 32

BARE = Terms(plan_code="none")
"""Free windows, and no credits with them."""
FREE = Terms(plan_code="free", allocation_nanos=500)
PERIOD = Window(NOON, datetime(2026, 4, 10, 12, tzinfo=UTC))


def tier(limit_nanos: int = 100, **terms: Any) -> Terms:
    """Return a tier of the relay: a limit for each paid period."""
    return Terms(
        **{
            "plan_code": "tier",
            "window": "period",
            "included": "limited",
            "limit_nanos": limit_nanos,
            **terms,
        }
    )


def summed(tallies: Tallies) -> Counter[str]:
    """Return the sums of all counters."""
    sums: Counter[str] = Counter()
    for tally in tallies.values():
        sums.update(write_tally(tally))
    return sums


def hold_id_of(key: str) -> str:
    """Return the public id of the hold that was placed under that key."""
    return hold_public_id(CUSTOMER, operation_entry_id(key))


@dataclass(frozen=True)
class FlatRate:
    """A rate that prices every token alike, and says so in the receipt."""

    nanos_per_token: int = 1
    nanos_by_plan: Mapping[str, int] = field(default_factory=dict)

    def price(
        self,
        plan_code: str,
        model: str,
        quantities: Mapping[str, int],
        *,
        at: datetime,
        pinned: Mapping[str, object] = NOTHING_PINNED,
    ) -> Priced:
        """Return the price of all tokens, on the plan or as it was pinned."""
        del at
        nanos = pinned.get("nanos_per_token", self.nanos_by_plan.get(plan_code))
        nanos = self.nanos_per_token if nanos is None else nanos
        assert isinstance(nanos, int)
        tokens = {name: n for name, n in quantities.items() if name.endswith("_tokens")}
        prices = dict.fromkeys(tokens, nanos * 1_000_000)
        receipt = {"markup_bps": 0, "nanos_per_million": prices}
        count = sum(tokens.values())
        metered = Metered(model, "acme", count, dict(quantities), receipt)
        return Priced(count * nanos, metered, {"nanos_per_token": nanos})


@dataclass
class Story:
    """A wallet that lives through commands. Every step is held against the invariants."""

    wallet: Wallet
    now: datetime = NOON
    entries: dict[str, Entry] = field(default_factory=dict)
    closed_windows: list[datetime] = field(default_factory=list)
    counted_nanos: Counter[datetime] = field(default_factory=Counter)
    closed_days: list[str] = field(default_factory=list)
    keys: int = 0

    def do(self, command: Command) -> Decision:
        """Decide the command now, as the write path would, and make it true."""
        known = {entry_id: self.entries.get(entry_id) for entry_id in command.guards()}
        decided = decide(self.wallet, known, command, now=self.now)
        if decided.is_replay:
            assert decided.wallet is self.wallet
            assert not decided.entries
            return decided
        assert breach(self.wallet, decided.wallet, decided.entries) == ""
        assert applied(self.wallet, decided.wallet) == write_wallet(decided.wallet)
        assert read_wallet(WALLET_ID, write_wallet(decided.wallet)) == decided.wallet
        for entry in decided.entries:
            assert entry.entry_id not in self.entries, "the commit would fail for ever"
            self.entries[entry.entry_id] = entry
        for window in decided.closed_windows:
            assert window.span.start_at not in self.closed_windows, "written twice"
            self.closed_windows.append(window.span.start_at)
            self.counted_nanos[window.span.start_at] += counted_nanos(window)
        for day in decided.closed_days:
            assert day.date not in self.closed_days, "written twice"
            self.closed_days.append(day.date)
        self._check_rows(decided)
        self._check_days(decided)
        self.wallet = decided.wallet
        return decided

    def _check_rows(self, decided: Decision) -> None:
        """Hold that whoever reads the rows alone, or the days alone, learns the same."""
        row, shown = self.wallet.rows, self.wallet.rowed_nanos
        for entry in decided.entries:
            if entry.row:
                row, shown = row + 1, entry.figures.balance_nanos
                assert entry.row == row
            assert entry.figures.balance_nanos == shown
        assert (decided.wallet.rows, decided.wallet.rowed_nanos) == (row, shown)
        assert decided.wallet.balance_nanos(decided.wallet.at) == shown
        for window in (decided.wallet.window, *decided.wallet.closing):
            assert summed(window.days) == summed(window.tallies)

    def _check_days(self, decided: Decision) -> None:
        """Hold that what the days have more is what the entries took, in credits and money."""
        counted: Counter[tuple[str, str]] = Counter()
        for day in (*decided.closed_days, decided.wallet.today):
            known = self.wallet.today if day.date == self.wallet.today.date else DayCount("")
            for sign, cells in ((1, day.cells), (-1, known.cells)):
                for tally in cells.values():
                    counted[day.date, "amount"] += sign * tally.amount_nanos
                    counted[day.date, "received"] += sign * tally.received_nanos
        told: Counter[tuple[str, str]] = Counter()
        for entry in decided.entries:
            if entry.kind in {"charge", "capture", "expire", "late"}:
                told[f"{entry.at:%Y-%m-%d}", "amount"] += entry.captured_nanos
                told[f"{entry.at:%Y-%m-%d}", "received"] += entry.received_nanos
        assert all(counted[name] == told[name] for name in counted | told)

    def entry(self, command: Command) -> Entry:
        """Decide the command and return the entry that answers it."""
        entry = self.do(command).entry
        assert entry is not None
        return entry

    def wait(self, span: timedelta) -> "Story":
        """Let time pass; nobody looks at the wallet meanwhile."""
        self.now += span
        return self

    def next_key(self) -> str:
        """Return an idempotency key that was not used yet."""
        self.keys += 1
        return f"key-{self.keys}"

    # ---- commands ----

    def charge(self, amount_nanos: int, metered: Metered = NOTHING_METERED) -> Entry:
        """Charge an amount under a new key."""
        return self.entry(a_charge(amount_nanos, self.next_key(), metered=metered))

    def hold(self, amount_nanos: int, *, ttl_s: int = 900, model: str = "") -> str:
        """Place a hold under a new key and return its id."""
        key = self.next_key()
        self.do(a_hold(amount_nanos, key, ttl_s=ttl_s, model=model))
        return hold_id_of(key)

    def capture(self, hold_id: str, cost: int | Cost, *, key: str = "") -> Entry:
        """Capture an amount, or usage."""
        return self.entry(a_capture(hold_id, cost, key=key))

    def void(self, hold_id: str) -> Entry:
        """Void a hold."""
        return self.entry(VoidHold(hold_id, "void"))

    def extend(self, hold_id: str, until: datetime, accrued: Cost | None = None) -> Hold:
        """Extend a hold, maybe with what has been used so far."""
        hold = self.do(ExtendHold(hold_id, until, accrued)).hold
        assert hold is not None
        return hold

    def grant(self, grant_id: str, amount_nanos: int, kind: GrantKind, **terms: Any) -> Entry:
        """Give credits."""
        return self.entry(GrantCredits(grant_id, kind, amount_nanos, **terms))

    def take_back(
        self, grant_id: str, amount_nanos: int, *, owes_rest: bool = True, n: int = 1
    ) -> Entry:
        """Take credits back for the n-th refund of a grant's payment."""
        return self.entry(TakeBack(f"refund:{grant_id}:{n}", grant_id, amount_nanos, owes_rest))

    def give_back(
        self, grant_id: str, amount_nanos: int, kind: GrantKind, *, n: int = 2, **terms: Any
    ) -> Entry:
        """Undo a part of a refund."""
        return self.entry(
            GiveBack(f"refund:{grant_id}:{n}", grant_id, kind, amount_nanos, **terms)
        )

    def terms(self, terms: Terms, window: Window | None = None) -> Decision:
        """Put the customer on other terms."""
        return self.do(ChangeTerms(terms, window))

    def tidy(self) -> Decision:
        """Let the wallet catch up with time."""
        return self.do(Tidy())

    # ---- what became of it ----

    @property
    def available_nanos(self) -> int:
        """Return what grants would pay now."""
        return self.wallet.available_nanos(self.now)

    def left(self) -> dict[str, int]:
        """Return what remains of each grant, held parts and what was set aside left out."""
        return {
            key: grant.remaining_nanos
            for key, grant in self.wallet.grants.items()
            if grant.aside_nanos is None
        }

    def accounts(self) -> Counter[str]:
        """Return the sum of all postings, by account."""
        sums: Counter[str] = Counter()
        for entry in self.entries.values():
            sums.update(dict(entry.postings))
        return sums

    def written(self, kind: str) -> list[Entry]:
        """Return the entries of a kind, oldest first."""
        return [entry for entry in self.entries.values() if entry.kind == kind]


def a_story(
    terms: Terms = BARE, *, now: datetime = NOON, period: Window | None = None, **grants: int
) -> Story:
    """Return the story of a new wallet, with top-ups by name (`a=100`)."""
    if terms.window == "period" and period is None:
        period = PERIOD
    opened = open_wallet(
        WALLET_ID, owner_uid="uid", terms=terms, now=now, salt=SALT, period=period
    )
    story = Story(opened.wallet, now)
    story.entries = {entry.entry_id: entry for entry in opened.entries}
    for name, amount_nanos in grants.items():
        story.grant(name, amount_nanos, "topup")
    return story


def a_charge(
    amount_nanos: int,
    key: str,
    *,
    body: str = "",
    metered: Metered = NOTHING_METERED,
    budget: tuple[str, int] = ("", 0),
) -> Charge:
    """Return a charge whose digest tells its body."""
    digest = sha256_hex(f"charges/{amount_nanos}/{body}")
    cost = FixedAmount(amount_nanos, metered)
    return Charge(operation_entry_id(key), digest, cost, budget=_budget(budget))


def a_hold(
    amount_nanos: int,
    key: str,
    *,
    ttl_s: int = 900,
    model: str = "",
    body: str = "",
    budget: tuple[str, int] = ("", 0),
) -> PlaceHold:
    """Return a hold whose digest tells its body."""
    return PlaceHold(
        operation_entry_id(key),
        hold_id_of(key),
        sha256_hex(f"holds/{amount_nanos}/{body}"),
        FixedAmount(amount_nanos, Metered(model, "acme") if model else NOTHING_METERED),
        ttl_s,
        budget=_budget(budget),
    )


def _budget(named: tuple[str, int]) -> Budget | None:
    return Budget(*named) if named[0] else None


def a_capture(hold_id: str, cost: int | Cost, *, key: str = "") -> CaptureHold:
    """Return a capture whose digest tells its body."""
    cost = FixedAmount(cost) if isinstance(cost, int) else cost
    key_digest = sha256_hex(key) if key else ""
    return CaptureHold(hold_id, sha256_hex(f"capture/{cost!r}"), cost, key_digest)


def counted_nanos(window: WindowCount) -> int:
    """Return what was counted in a window, over all models."""
    return sum(tally.amount_nanos for tally in window.tallies.values())


def usage(tokens: int, *, nanos_per_token: int = 1) -> MeteredUsage:
    """Return the usage of so many tokens, at a flat rate."""
    return MeteredUsage({"input_tokens": tokens}, FlatRate(nanos_per_token))


def requests(story: Story) -> dict[str, tuple[int, int]]:
    """Return requests and amount by model in the running window."""
    tallies = story.wallet.window.tallies
    return {model: (tally.requests, tally.amount_nanos) for model, tally in tallies.items()}


def turn_of(story: Story) -> datetime:
    """Return the instant at which the running window ends."""
    return story.wallet.window.span.end_at


def drawn(draws: tuple[Draw, ...]) -> list[tuple[str, int]]:
    """Return the draws as pairs of source and amount."""
    return [(draw.source, draw.amount_nanos) for draw in draws]


def applied(old: Wallet, new: Wallet) -> dict[str, Any]:
    """Return the old wallet's document after the update that leads to the new one."""
    document = {STATE: write_wallet(old)}
    for path, value in changes_between(old, new).items():
        place: dict[str, Any] = document
        for name in path[:-1]:
            place = place.setdefault(name, {})
        if value is DELETE_FIELD:
            del place[path[-1]]
        else:
            place[path[-1]] = value
    return document[STATE]

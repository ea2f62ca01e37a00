"""A real month told again: the same calls and payments, decided anew at other prices or plans.

What was granted for money or by a plan is granted as the other catalog has it; calls are priced
and decided by the ledger's own decision on a wallet that begins as the real one did. Told at
the prices that held, it is the month as it was, to the nano.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from command_line.simulation.ledgers import Ledger
from command_line.simulation.sheet import GRANT, Sheet
from creditbase.catalog.domain import Catalog
from creditbase.catalog.domain.tiers import Tiers
from creditbase.kernel.errors import BillingError, Forbidden, NotFound, PaymentRequired
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.commands import (
    HOLD_TTL_S_MAX,
    CaptureHold,
    ChangeTerms,
    Charge,
    Command,
    Cost,
    FixedAmount,
    GiveBack,
    GrantCredits,
    MeteredUsage,
    PlaceHold,
    TakeBack,
    Tidy,
    VoidHold,
)
from creditbase.ledger.domain.decide import Decision, decide
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.grants import PRIORITY_OF, Grant
from creditbase.ledger.domain.invariants import breach
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.shadow import SHADOW
from creditbase.ledger.domain.wallet import INCLUDED, Draw, IncludedRule, Metered, Terms, Wallet
from creditbase.metering.domain import CatalogRate, is_tier_id

LONG = timedelta(days=62)
LAST = timedelta(microseconds=1)
FREE = "free"


class _NothingKnown(dict[str, Entry | None]):
    """Entries that were looked for, every one of them in vain: nothing is told twice here."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, _: str) -> None:
        return None


NOTHING_KNOWN = _NothingKnown()


@dataclass(frozen=True, slots=True)
class Change:
    """From what was sold to what would be."""

    before: Catalog
    after: Catalog
    tiers: Tiers | None = None
    """The project's own, for their markups."""

    def amounts(self, entry: Entry) -> tuple[int, int]:
        """Return the credits of a grant and the money for it, as they would be, rounded down.

        A part of a month's credits, or of its price, stays the same part.
        """
        cause, amount = entry.cause, entry.amount_nanos
        paid = int(cause.get("paid_nanos", 0))
        kind = cause.get("grant_kind")
        if kind in {"plan", "free"}:
            code = FREE if kind == "free" else cause.get("plan", "")
            old, new = self.before.plans.get(code), self.after.plans.get(code)
        elif kind == "topup":
            code = cause.get("tier", "")
            was, will = self.before.packs.get(code), self.after.packs.get(code)
            if was is None or will is None:
                return amount, paid
            return (
                _scaled(amount, was.credits, will.credits),
                _scaled(paid, was.price_cents, will.price_cents),
            )
        else:
            return amount, paid
        if old is None or new is None:
            return amount, paid
        return (
            _scaled(amount, old.credits, new.credits),
            _scaled(paid, old.price_cents, new.price_cents),
        )


def _scaled(amount: int, old: int, new: int) -> int:
    return amount if old in {0, new} else amount * new // old


@dataclass(slots=True)
class Opening:
    """What a wallet had when the month began, from the entries before it."""

    balances: Counter[str] = field(default_factory=Counter)
    grants: dict[str, Entry] = field(default_factory=dict)
    holds: dict[str, tuple[Draw, ...]] = field(default_factory=dict)
    receivable_nanos: int = 0

    def read(self, entry: Entry) -> None:
        """Take an entry in."""
        for account, nanos in entry.postings.items():
            if account.startswith(GRANT):
                self.balances[account.removeprefix(GRANT)] += nanos
        if entry.kind == "grant":
            self.grants[entry.entry_id] = entry
        elif entry.kind == "hold":
            self.holds[entry.hold_id] = entry.draws
        elif entry.hold_id:
            self.holds.pop(entry.hold_id, None)
        self.receivable_nanos = entry.figures.receivable_nanos

    def kept(self) -> dict[str, Grant]:
        """Return the grants; what open holds keep is in them, for their ends are told."""
        for draw in (draw for draws in self.holds.values() for draw in draws):
            if draw.source != INCLUDED:
                self.balances[draw.source] += draw.amount_nanos
        return {
            grant_id: _grant(self.grants[grant_id], nanos)
            for grant_id, nanos in self.balances.items()
            if nanos > 0
        }


def _grant(entry: Entry, nanos: int) -> Grant:
    kind = entry.cause["grant_kind"]
    return Grant(
        grant_id=entry.entry_id,
        kind=kind,
        priority=PRIORITY_OF[kind],
        created_at=entry.at,
        expires_at=entry.expires_at,
        granted_nanos=max(entry.amount_nanos, nanos),
        remaining_nanos=nanos,
        paid_nanos=entry.cause.get("paid_nanos", 0),
    )


@dataclass(slots=True)
class Retelling:
    """One customer's month, told again."""

    ledger: Ledger
    month: Window
    change: Change
    was: Sheet
    again: Sheet
    wallet: Wallet = field(init=False)
    rate: CatalogRate = field(init=False)
    opening: Opening = field(default_factory=Opening)
    revision: int = 0
    refused: set[str] = field(default_factory=set)
    """Holds that were not placed this time."""
    has_limit: bool = False
    """Whether a tier's limit covered something: it is told without limits."""
    untold: int = 0
    """Entries that could not be told again: what they are about is not there any more."""

    def tell(self) -> bool:
        """Tell the month, both ways; return whether there was anything to tell."""
        before = [it for it in self.ledger.entries if it.at < self.month.start_at]
        entries = [it for it in self.ledger.entries if self.month.holds(it.at)]
        for entry in before:
            self.opening.read(entry)
        held = sum(draw.amount_nanos for draws in self.opening.holds.values() for draw in draws)
        carried = sum(self.opening.balances.values())
        if not entries and not carried and not held:
            return False
        self.rate = CatalogRate(self.change.after, self.change.tiers)
        self.wallet = self._opened(entries)
        for sheet in (self.was, self.again):
            sheet.begin("all", self.ledger.customer_id)
            sheet.see(self.month.start_at)
        self.was.carry(carried)
        self.again.carry(carried + held)
        self.was.read(entries)
        for entry in entries:
            self._tell(entry)
        self._run(Tidy(), self.month.end_at - LAST)
        return True

    def _opened(self, entries: Sequence[Entry]) -> Wallet:
        draws = [draw for entry in entries for draw in entry.draws]
        self.has_limit = any(draw.source == INCLUDED for draw in draws)
        span = Window(self.month.start_at - LONG, self.month.end_at + LONG)
        included: IncludedRule = "unlimited" if self.has_limit else "none"
        terms = Terms("", window="period", included=included, origin="told")
        opened = open_wallet(
            self.ledger.customer_id,
            owner_uid="",
            terms=terms,
            now=self.month.start_at,
            period=span,
        )
        return replace(
            opened.wallet,
            grants=self.opening.kept(),
            receivable_nanos=self.opening.receivable_nanos,
        )

    # ---- one entry -------------------------------------------------------------------------

    def _tell(self, entry: Entry) -> None:
        if entry.kind == "grant":
            self._grant(entry)
        elif entry.kind in {"charge", "hold"}:
            self._spend(entry)
        elif entry.kind in {"capture", "void", "expire", "late"}:
            self._end(entry)
        else:
            self._correct(entry)

    def _grant(self, entry: Entry) -> None:
        amount_nanos, paid_nanos = self.change.amounts(entry)
        self.opening.grants[entry.entry_id] = entry
        self.was.take_in(entry.at, int(entry.cause.get("paid_nanos", 0)))
        self.again.take_in(entry.at, paid_nanos)
        command = GrantCredits(
            entry.entry_id,
            entry.cause["grant_kind"],
            amount_nanos,
            expires_at=entry.expires_at,
            paid_nanos=paid_nanos,
        )
        self._run(command, entry.at)

    def _spend(self, entry: Entry) -> None:
        self._take_plan(entry)
        # A wallet in shadow mode held what it had, and noted the rest.
        undrawn_nanos = entry.cause.get(SHADOW, {}).get("undrawn_nanos", 0)
        cost = self._cost(entry, entry.amount_nanos + undrawn_nanos)
        digest = entry.request_digest
        command: Command = (
            Charge(entry.entry_id, digest, cost)
            if entry.kind == "charge"
            else PlaceHold(entry.entry_id, entry.hold_id, digest, cost, HOLD_TTL_S_MAX)
        )
        try:
            self._run(command, entry.at)
        except PaymentRequired:
            self.again.refuse(entry.at)
            self.refused.add(entry.hold_id)
        except (Forbidden, NotFound):
            self.again.keep_out(entry.at)
            self.refused.add(entry.hold_id)

    def _end(self, entry: Entry) -> None:
        if entry.hold_id in self.refused - {""}:
            return
        if entry.kind == "late":
            self._place(entry, 0)
        elif entry.hold_id not in self.wallet.holds:
            self._place(entry, self._held_before(entry))
        at = entry.at
        if entry.kind == "void" or (entry.kind == "expire" and not entry.captured_nanos):
            self._run(VoidHold(entry.hold_id, ""), at)
            return
        self._take_plan(entry)
        used_nanos = entry.captured_nanos + entry.shortfall_nanos
        try:
            self._run(CaptureHold(entry.hold_id, "", self._cost(entry, used_nanos)), at)
        except (Forbidden, NotFound):
            self.again.keep_out(at)
            self._run(VoidHold(entry.hold_id, ""), at)

    def _held_before(self, entry: Entry) -> int:
        draws = self.opening.holds.get(entry.hold_id, ())
        held = sum(draw.amount_nanos for draw in draws)
        return min(held, self.wallet.available_nanos(entry.at))

    def _place(self, entry: Entry, amount_nanos: int) -> None:
        """Hold again what was held when the month began, or nothing for a late capture."""
        name = f"{entry.entry_id}:held"
        cost = FixedAmount(amount_nanos, Metered(entry.metered.model, entry.metered.provider))
        self._run(PlaceHold(name, entry.hold_id, "", cost, HOLD_TTL_S_MAX), entry.at)

    def _cost(self, entry: Entry, amount_nanos: int) -> Cost:
        """Return the usage to be priced anew, or the amount where none was metered."""
        metered = entry.metered
        if metered.model and metered.pricing:
            return MeteredUsage(metered.quantities, self.rate, metered.model)
        return FixedAmount(amount_nanos, metered)

    def _take_plan(self, entry: Entry) -> None:
        """Put the wallet on the plan by which the call was priced."""
        plan = entry.metered.pricing.get("plan", "")
        if not isinstance(plan, str) or plan in {"", self.wallet.terms.plan_code}:
            return
        tiers = self.change.tiers
        if is_tier_id(plan) and (tiers is None or tiers.by_id(plan) is None):
            return
        self.revision += 1
        terms = replace(self.wallet.terms, plan_code=plan, revision=self.revision)
        self._run(ChangeTerms(terms, self.wallet.window.span), entry.at)

    def _correct(self, entry: Entry) -> None:
        """Take or give what a refund, a change of plan or an operator did, if it is there."""
        self._run(Tidy(), entry.at)
        is_lapse = entry.kind == "lapse"
        owed_nanos = -entry.postings.get("receivable", 0)
        for account, nanos in entry.postings.items():
            if not account.startswith(GRANT):
                continue
            grant_id = account.removeprefix(GRANT)
            grant = self.wallet.grants.get(grant_id)
            name = f"{entry.entry_id}:{grant_id}"
            command: Command
            if nanos < 0:
                left = 0 if grant is None else grant.remaining_nanos
                taken = left if is_lapse else min(left, -nanos) + max(0, owed_nanos)
                if not taken:
                    self.untold += not is_lapse
                    continue
                command = TakeBack(name, grant_id, taken, owes_rest=owed_nanos > 0)
            else:
                known = self.opening.grants.get(grant_id)
                if known is None:
                    self.untold += 1
                    continue
                command = GiveBack(
                    name, grant_id, known.cause["grant_kind"], nanos, known.expires_at
                )
            try:
                self._run(command, entry.at, is_lapse=is_lapse)
            except BillingError:
                self.untold += 1

    def _run(self, command: Command, at: datetime, *, is_lapse: bool = False) -> Decision:
        decision = decide(self.wallet, NOTHING_KNOWN, command, now=at)
        broken = breach(self.wallet, decision.wallet, decision.entries)
        assert not broken, broken
        self.wallet = decision.wallet
        entries = decision.entries
        if is_lapse:
            entries = tuple(replace(it, postings=_as_lapse(it.postings)) for it in entries)
        self.again.read(entries)
        return decision


def _as_lapse(postings: Mapping[str, int]) -> dict[str, int]:
    return {("expired" if name == "refunded" else name): n for name, n in postings.items()}

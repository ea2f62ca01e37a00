"""What is counted of a simulation: from ledger entries and bills alone, in whole nanos."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from creditbase.kernel.money import nanos_from_cents
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.entries import Entry

GRANT = "grant:"


@dataclass(slots=True)
class Figures:
    """What happened in a month, or altogether. Money is nano-dollars."""

    revenue_nanos: int = 0
    """What was paid: bills of plans and tiers, and packs."""
    cost_nanos: int = 0
    """What providers are owed for the calls."""
    granted_nanos: int = 0
    used_nanos: int = 0
    """What customers were charged, from credits and from limits of tiers."""
    included_nanos: int = 0
    """How much of it limits of tiers covered."""
    expired_nanos: int = 0
    refunded_nanos: int = 0
    """Credits that were taken back, less those that were given back."""
    shortfall_nanos: int = 0
    """Used, and paid by nothing."""
    outstanding_nanos: int = 0
    """Credits that customers have at the end."""
    requests: int = 0
    refused: int = 0
    """Calls that were refused for want of credits, or beyond a limit."""
    outside: int = 0
    """Calls of a model that the tier does not have."""
    customers: int = 0
    """Who was there at any time."""
    customers_at_limit: int = 0
    """How many of them were refused at least once."""
    payers: int = 0
    """How many of them paid anything."""

    @property
    def margin_nanos(self) -> int:
        """Return what was paid less what providers are owed."""
        return self.revenue_nanos - self.cost_nanos

    def shown(self) -> dict[str, int]:
        """Return every figure by its name."""
        return {**asdict(self), "margin_nanos": self.margin_nanos}


SUMS = tuple(
    it.name
    for it in fields(Figures)
    if it.name not in {"outstanding_nanos", "customers", "customers_at_limit", "payers"}
)


@dataclass(slots=True)
class _Crowd:
    there: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    paid: set[str] = field(default_factory=set)


class Sheet:
    """The figures by month and by segment, while customers live one after another."""

    def __init__(self, months: Sequence[Window]) -> None:
        self.months = list(months)
        self._edges = [it.start_at for it in months]
        self._by_month = [Figures() for _ in months]
        self._by_segment: dict[str, Figures] = {}
        self._crowds = [_Crowd() for _ in months]
        self._segment_crowds: dict[str, _Crowd] = {}
        self._carried_nanos = 0
        self._moved_nanos = [0 for _ in months]
        self.segment, self.who = "", ""

    def begin(self, segment: str, who: str) -> None:
        """Say about whom it is from now on."""
        self.segment, self.who = segment, who
        self._by_segment.setdefault(segment, Figures())
        self._segment_crowds.setdefault(segment, _Crowd())

    def see(self, at: datetime) -> None:
        """Note that the customer is there."""
        for crowd in self._crowds_at(at):
            crowd.there.add(self.who)

    def read(self, entries: Iterable[Entry]) -> None:
        """Count ledger entries."""
        for entry in entries:
            month = self._month(entry.at)
            for figures in self._figures_at(entry.at):
                figures.cost_nanos += entry.metered.cost_nanos if _is_use(entry) else 0
                figures.granted_nanos -= entry.postings.get("granted", 0)
                figures.used_nanos += entry.postings.get("consumed", 0)
                figures.included_nanos -= entry.postings.get("included", 0)
                figures.expired_nanos += entry.postings.get("expired", 0)
                figures.refunded_nanos += entry.postings.get("refunded", 0)
                figures.shortfall_nanos -= entry.postings.get("shortfall", 0)
                figures.requests += _is_use(entry)
            moved = sum(n for to, n in entry.postings.items() if to.startswith(GRANT))
            self._moved_nanos[month] += moved
            self._by_segment[self.segment].outstanding_nanos += moved

    def earn(self, at: datetime, cents: int) -> None:
        """Count money that came in."""
        self.take_in(at, nanos_from_cents(cents))

    def take_in(self, at: datetime, nanos: int) -> None:
        """Count money that came in, in nanos."""
        if not nanos:
            return
        for figures in self._figures_at(at):
            figures.revenue_nanos += nanos
        for crowd in self._crowds_at(at):
            crowd.paid.add(self.who)

    def carry(self, nanos: int) -> None:
        """Count what the customer had before the first month."""
        self._carried_nanos += nanos
        self._by_segment[self.segment].outstanding_nanos += nanos

    def refuse(self, at: datetime) -> None:
        """Count a call that was refused for want of credits."""
        for figures in self._figures_at(at):
            figures.refused += 1
        for crowd in self._crowds_at(at):
            crowd.refused.add(self.who)

    def keep_out(self, at: datetime) -> None:
        """Count a call of a model that the tier does not have."""
        for figures in self._figures_at(at):
            figures.outside += 1

    def close(self) -> dict[str, Any]:
        """Return everything: the months, the segments, and the whole."""
        outstanding = self._carried_nanos
        for figures, moved, crowd in zip(
            self._by_month, self._moved_nanos, self._crowds, strict=True
        ):
            outstanding += moved
            figures.outstanding_nanos = outstanding
            _count(figures, crowd)
        for name, figures in self._by_segment.items():
            _count(figures, self._segment_crowds[name])
        whole = Figures(
            **{it: sum(getattr(month, it) for month in self._by_month) for it in SUMS}
        )
        whole.outstanding_nanos = outstanding
        _count(whole, _joined(self._crowds))
        return {
            "months": [
                {"month": month.start_at.strftime("%Y-%m"), **figures.shown()}
                for month, figures in zip(self.months, self._by_month, strict=True)
            ],
            "segments": [
                {"segment": name, **figures.shown()}
                for name, figures in self._by_segment.items()
            ],
            "totals": whole.shown(),
        }

    def _month(self, at: datetime) -> int:
        return max(0, bisect_right(self._edges, at) - 1)

    def _figures_at(self, at: datetime) -> tuple[Figures, Figures]:
        return self._by_month[self._month(at)], self._by_segment[self.segment]

    def _crowds_at(self, at: datetime) -> tuple[_Crowd, _Crowd]:
        return self._crowds[self._month(at)], self._segment_crowds[self.segment]


def _is_use(entry: Entry) -> bool:
    is_accrued = entry.kind == "expire" and entry.captured_nanos > 0
    return is_accrued or entry.kind in {"charge", "capture", "late"}


def _count(figures: Figures, crowd: _Crowd) -> None:
    figures.customers = len(crowd.there)
    figures.customers_at_limit = len(crowd.refused)
    figures.payers = len(crowd.paid)


def _joined(crowds: Iterable[_Crowd]) -> _Crowd:
    whole = _Crowd()
    for crowd in crowds:
        whole.there |= crowd.there
        whole.refused |= crowd.refused
        whole.paid |= crowd.paid
    return whole

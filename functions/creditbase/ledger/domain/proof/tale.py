"""The tale of a wallet: what its entries say up to one of them, and no more than is needed.

It is what a proof carries from entry to entry, so a long ledger is read as a stream. What is
over is handed out and forgotten, so the tale stays about as large as a wallet; kept between
two proofs, the next goes on where the last one ended.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.shadow import ComparedByModel
from creditbase.ledger.domain.wallet import Draw, Tally

Documents = Mapping[str, Mapping[str, Any]]
"""Raw documents by their ids."""

Key = tuple[str, str]
"""What the use of a day is told apart by in entries: model and provider."""


@dataclass(slots=True)
class HoldTold:
    """An open hold, as its entry says."""

    amount_nanos: int
    draws: tuple[Draw, ...]
    created_at: datetime
    expires_at: datetime
    window_start_at: datetime
    model: str
    provider: str
    budget: str


@dataclass(slots=True)
class GrantTold:
    """A grant, as entries say. `is_exact` is false where they do not say how it was given.

    `ends_at` is None for never, or where nobody `knows_end`. `late_nanos` is the most that can
    have come back too late.
    """

    kind: str
    created_at: datetime
    ends_at: datetime | None
    granted_nanos: int = 0
    paid_nanos: int = 0
    is_exact: bool = True
    knows_end: bool = True
    recalled_nanos: int = 0
    redeemed_nanos: int = 0
    cut_nanos: int = 0
    lapsed_nanos: int = 0
    late_nanos: int = 0
    returned_by: str = ""


@dataclass(slots=True)
class WindowTold:
    """What was used in a window. Of `days` the key is a date, of `models` a model."""

    models: dict[str, Tally] = field(default_factory=dict)
    days: dict[str, Tally] = field(default_factory=dict)
    spent_nanos: int = 0
    budgets: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class DayTold:
    """What was used on a day, by model and provider."""

    date: str
    cells: dict[Key, Tally] = field(default_factory=dict)
    compared: ComparedByModel = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        """Return whether it leaves a document behind."""
        return bool(self.cells or self.compared)


@dataclass(slots=True)
class Tale:
    """All that entries have said so far.

    `loose_nanos` were drawn on a limit beyond a hold: the entry does not say in which window.
    `closed` are days that are over, to be held against their documents. `salt` is the wallet's,
    which is not kept with the rest.
    """

    wallet_id: str
    seq: int = 0
    head: str = ""
    at: datetime | None = None
    rows: int = 0
    rowed_nanos: int = 0
    pots: Counter[str] = field(default_factory=Counter)
    holds: dict[str, HoldTold] = field(default_factory=dict)
    grants: dict[str, GrantTold] = field(default_factory=dict)
    windows: dict[datetime, WindowTold] = field(default_factory=dict)
    loose_nanos: int = 0
    day: DayTold = field(default_factory=lambda: DayTold(""))
    closed: list[DayTold] = field(default_factory=list)
    days_closed: int = 0
    periods_closed: int = 0
    free_number: int = -1
    used_at: datetime | None = None
    is_sealed: bool = False
    salt: str = field(default="", repr=False)
    figures: dict[str, Any] = field(default_factory=dict)

    def window(self, start_at: datetime) -> WindowTold:
        """Return what was told of a window, from now on something."""
        return self.windows.setdefault(start_at, WindowTold())

    def pinned(self) -> Counter[str]:
        """Return what open holds pin, by source."""
        sums: Counter[str] = Counter()
        for hold in self.holds.values():
            for draw in hold.draws:
                sums[draw.source] += draw.amount_nanos
        return sums

    def live_nanos(self, at: datetime) -> int | None:
        """Return what is left in grants whose time is not over; None where nobody can say."""
        live_nanos = 0
        for account, nanos in self.pots.items():
            if not account.startswith("grant:") or not nanos:
                continue
            known = self.grants[account.removeprefix("grant:")]
            if not known.knows_end:
                return None
            if known.ends_at is None or at < known.ends_at:
                live_nanos += nanos
        return live_nanos

    def take_closed(self) -> list[DayTold]:
        """Return the days that are over since somebody last asked."""
        taken, self.closed = self.closed, []
        return taken

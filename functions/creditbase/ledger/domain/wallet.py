"""A wallet and its parts, as immutable values.

Words: DESIGN section 1. All amounts are nanos, all instants aware UTC.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Literal

from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.kernel.records import changed, dataclass
from creditbase.kernel.windows import Window, free_window, window_number
from creditbase.ledger.domain.cells import Cell
from creditbase.ledger.domain.grants import Grant
from creditbase.ledger.domain.notes import Cut, Level, LevelName
from creditbase.ledger.domain.shadow import ComparedByModel

INCLUDED = "included"
"""The source of a draw on a tier's spend limit, where a grant's id stands otherwise."""
DELETED = "customer_deleted"
"""Why the wallet of a deleted customer is frozen: for its id there is nobody any more."""
BY_OPERATOR = "operator"
"""Why a wallet is frozen that an operator has frozen; the audit says what for."""
UNSPECIFIED_MODEL = "unspecified"
OTHER_MODELS = "other"
MODELS_MAX = 200
COUNT_MAX = AMOUNT_NANOS_MAX
"""Where counters of units stop."""


@dataclass(frozen=True, slots=True)
class Draw:
    """An amount taken from one source: a grant's id, or `INCLUDED`."""

    source: str
    kind: str
    amount_nanos: int


@dataclass(frozen=True)
class Metered:
    """What was metered, for counters and receipts; the amount itself is the command's.

    `quantities` are exclusive pools in units; `pricing` names versions and lines, so that
    the amount can be recomputed.
    """

    model: str = ""
    provider: str = ""
    cost_nanos: int = 0
    quantities: Mapping[str, int] = field(default_factory=dict)
    pricing: Mapping[str, object] = field(default_factory=dict)

    def quantity(self, *names: str) -> int:
        """Return the sum of the named pools."""
        return sum(self.quantities.get(name, 0) for name in names)

    def minus(self, counted: "Metered") -> "Metered":
        """Return what of this has not been counted yet, so that nothing counts twice."""
        before = {"requests": 1, **counted.quantities}
        rest = {
            name: max(0, quantity - before.get(name, 0))
            for name, quantity in {"requests": 1, **self.quantities}.items()
        }
        return changed(
            self, quantities=rest, cost_nanos=max(0, self.cost_nanos - counted.cost_nanos)
        )


NOTHING_METERED = Metered()


INPUTS = frozenset(
    {"input_tokens", "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens"}
    | {"audio_input_tokens", "cached_audio_tokens", "image_input_tokens"}
    | {"cached_image_tokens", "video_input_tokens"}
)
OUTPUTS = frozenset(
    {"output_tokens", "reasoning_tokens", "audio_output_tokens"}
    | {"image_output_tokens", "video_output_tokens"}
)
"""Pools of a call that are counted together: what the model read, and what it wrote."""


@dataclass(frozen=True)
class Tally:
    """Counters of one model over a day or a window.

    `received_nanos` is what was paid in money for the credits of the amount: of a day only.
    """

    requests: int = 0
    amount_nanos: int = 0
    cost_nanos: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    images: int = 0
    received_nanos: int = 0

    @property
    def tokens(self) -> int:
        """Return all tokens, read and written."""
        return min(COUNT_MAX, self.input_tokens + self.output_tokens)

    @classmethod
    def of(cls, metered: Metered, amount_nanos: int) -> "Tally":
        """Return the counters of one request."""
        counts, inputs, outputs = metered.quantities, 0, 0
        for name, count in counts.items():
            if name in INPUTS:
                inputs += count
            elif name in OUTPUTS:
                outputs += count
        requests, images = counts.get("requests", 1), counts.get("images", 0)
        return cls(requests, amount_nanos, metered.cost_nanos, inputs, outputs, images)

    def joined(self, other: "Tally") -> "Tally":
        """Return the counters of both.

        What is only counted stops at what a reader takes exactly: absurd quantities must not
        block the wallet. The amount is money, bounded elsewhere and never cut.
        """
        return Tally(
            requests=min(COUNT_MAX, self.requests + other.requests),
            amount_nanos=self.amount_nanos + other.amount_nanos,
            cost_nanos=min(COUNT_MAX, self.cost_nanos + other.cost_nanos),
            input_tokens=min(COUNT_MAX, self.input_tokens + other.input_tokens),
            output_tokens=min(COUNT_MAX, self.output_tokens + other.output_tokens),
            images=min(COUNT_MAX, self.images + other.images),
            received_nanos=self.received_nanos + other.received_nanos,
        )


Tallies = Mapping[str, Tally]
NO_TALLIES: Tallies = {}
NO_USE = Tally()


def tallied(tallies: Tallies, model: str, used: Tally) -> Tallies:
    """Return the counters by model with one more request; past 200 models they are `other`."""
    model = model or UNSPECIFIED_MODEL
    if model not in tallies and len(tallies) >= MODELS_MAX:
        model = OTHER_MODELS
    return {**tallies, model: tallies.get(model, NO_USE).joined(used)}


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits reserved before work starts, pinned to what it drew on and its window."""

    hold_id: str
    amount_nanos: int
    draws: tuple[Draw, ...]
    created_at: datetime
    expires_at: datetime
    window_start_at: datetime
    metered: Metered = NOTHING_METERED
    accrued_nanos: int = 0
    budget: str = ""
    """The counter of its window that it is held on; none where its caller has no budget."""


@dataclass(frozen=True, slots=True)
class BudgetCount:
    """What a credential with a budget has spent in a window, and what it holds."""

    spent_nanos: int = 0
    held_nanos: int = 0


@dataclass(frozen=True)
class WindowCount:
    """A billing window with what was used in it. `number` is None for a paid period.

    `told_percent` is how much of its limit the developer was told to be used up.
    """

    span: Window
    number: int | None = None
    tallies: Tallies = field(default_factory=dict)
    included_spent_nanos: int = 0
    included_held_nanos: int = 0
    budgets: Mapping[str, BudgetCount] = field(default_factory=dict)
    told_percent: int = 0
    days: Tallies = field(default_factory=dict)
    """The same as `tallies`, by UTC day instead of by model."""

    def plus(self, model: str, used: Tally, at: datetime) -> "WindowCount":
        """Return the window with one more request counted, by model and by day.

        Work that ends after its window counts on the window's last day.
        """
        last_at = min(at, self.span.end_at - timedelta(microseconds=1))
        date = last_at.date().isoformat()
        day = self.days.get(date, NO_USE).joined(used)
        tallies = tallied(self.tallies, model, used)
        return changed(self, tallies=tallies, days={**self.days, date: day})

    @property
    def is_used(self) -> bool:
        """Return whether anything was counted in it."""
        return bool(self.tallies) or self.included_spent_nanos > 0


OTHER_CELLS = Cell(OTHER_MODELS)
"""What all use beyond 200 cells of a day is counted as."""


@dataclass(frozen=True)
class DayCount:
    """What was used on one UTC day, `YYYY-MM-DD`."""

    date: str
    cells: Mapping[Cell, Tally] = field(default_factory=dict)
    compared: ComparedByModel = field(default_factory=dict)

    @property
    def tallies(self) -> Tallies:
        """Return the counters by model."""
        found: dict[str, Tally] = {}
        for cell, tally in self.cells.items():
            known = found.get(cell.model)
            found[cell.model] = tally if known is None else known.joined(tally)
        return found

    def plus(self, cell: Cell, used: Tally) -> "DayCount":
        """Return the day with one more request counted."""
        if cell not in self.cells and len(self.cells) >= MODELS_MAX:
            cell = OTHER_CELLS
        tally = self.cells.get(cell, NO_USE).joined(used)
        return changed(self, cells={**self.cells, cell: tally})


IncludedRule = Literal["none", "limited", "unlimited"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What the customer's plan means to the ledger.

    A plan of the hub allocates a grant per window; a subscription tier of the relay sets a
    limit per window (`included`), and `draws_wallet` says whether grants may cover what
    exceeds it. `window` is how windows turn: `free` by the calendar of the account,
    `period` by Stripe's periods, told by a command. A period of several months has a window
    for each of them, which turn by themselves: from `months_from_at` until `months_until_at`.
    """

    plan_code: str
    window: Literal["free", "period"] = "free"
    allocation_nanos: int = 0
    included: IncludedRule = "none"
    limit_nanos: int = 0
    draws_wallet: bool = True
    subscription_status: str = "none"
    cancel_at_period_end: bool = False
    payment_issue: bool = False
    revision: int = 0
    """Counts changes of the mirror behind the terms; older terms never replace newer ones."""
    months_from_at: datetime | None = None
    months_until_at: datetime | None = None
    grace_s: int = 0
    """How long the rest of a period's limit outlives it, while its successor is being paid."""
    origin: str = ""
    """What the periods belong to, opaque. Empty where nobody said: any may go on with them."""
    next_plan_code: str = ""
    """The plan that is to follow, for who wants to know; empty where this one goes on."""
    next_plan_at: datetime | None = None
    cap_nanos: int | None = None
    """The most of a window's limit that may be used until `cap_until_at`, if there is one."""
    cap_until_at: datetime | None = None

    def goes_on_with(self, after: "Terms") -> bool:
        """Return whether a period of these terms may be the same one under the later terms.

        Two subscriptions that began in the same second have periods that look alike.
        """
        return not self.origin or not after.origin or self.origin == after.origin

    def limit_at(self, at: datetime) -> int | None:
        """Return the most that a window may use of its limit; None where there is none."""
        limit_nanos = None if self.included == "unlimited" else self.limit_nanos
        if self.cap_nanos is None or self.cap_until_at is None or at >= self.cap_until_at:
            return limit_nanos
        return self.cap_nanos if limit_nanos is None else min(limit_nanos, self.cap_nanos)

    def month_at(self, at: datetime) -> Window | None:
        """Return the month of a longer period that an instant is in, or the nearest of it.

        None where a period is one window.
        """
        begins_at, ends_at = self.months_from_at, self.months_until_at
        if begins_at is None or ends_at is None:
            return None
        within = max(begins_at, min(at, ends_at - timedelta(microseconds=1)))
        month = free_window(begins_at, window_number(begins_at, within))
        return Window(month.start_at, min(month.end_at, ends_at))


@dataclass(frozen=True, slots=True)
class Published:
    """When the balance was last published; settled where nothing has changed since."""

    at: datetime
    is_settled: bool = False


@dataclass(frozen=True)
class Wallet:
    """All hot state of one customer: what every decision reads and writes, whole.

    `at` never goes back; `seq` counts entries without gaps; `head` is the hash of the
    newest one; `commits` counts commits, so that writers see each other. `rows` counts the
    entries that moved the balance, and `rowed_nanos` is the balance after the newest. Plan
    credits of entries up to `plans_over_seq` are over, whatever their own time says. `salt`
    is what the seals of its entries are made with, and nobody's but ours. In shadow mode,
    `shadow_since` when, it refuses nobody.
    """

    wallet_id: str
    owner_uid: str
    created_at: datetime
    at: datetime
    terms: Terms
    window: WindowCount
    today: DayCount
    published: Published
    seq: int = 0
    head: str = ""
    commits: int = 0
    grants: Mapping[str, Grant] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)
    closing: tuple[WindowCount, ...] = ()
    receivable_nanos: int = 0
    free_number: int = -1
    frozen: str = ""
    parked: str = ""
    rows: int = 0
    rowed_nanos: int = 0
    plans_over_seq: int = 0
    cut: Cut | None = None
    levels: Mapping[LevelName, Level] = field(default_factory=dict)
    salt: str = field(default="", repr=False)
    shadow_since: datetime | None = None

    def live_grants(self, at: datetime) -> list[Grant]:
        """Return the grants that may be drawn on, in burn order."""
        live = [g for g in self.grants.values() if g.remaining_nanos > 0 and g.is_live(at)]
        return sorted(live, key=Grant.burn_order)

    def live_nanos(self, at: datetime) -> int:
        """Return what is left in live grants, open holds already taken off."""
        return sum([g.remaining_nanos for g in self.grants.values() if g.is_live(at)])

    def available_nanos(self, at: datetime) -> int:
        """Return what a new draw on grants may take; a receivable is set aside first."""
        return max(0, self.live_nanos(at) - self.receivable_nanos)

    def balance_nanos(self, at: datetime) -> int:
        """Return what is in the wallet: what is available, and what holds keep of grants."""
        return self.available_nanos(at) + self.pinned_nanos

    @property
    def pinned_nanos(self) -> int:
        """Return what holds keep of grants."""
        return sum([grant.held_nanos for grant in self.grants.values()])

    @property
    def held_nanos(self) -> int:
        """Return the sum of all open holds."""
        return sum([hold.amount_nanos for hold in self.holds.values()])

    @property
    def limit_ends_at(self) -> datetime:
        """Return when the running window's limit is over, if nothing follows it."""
        return self.window.span.end_at + timedelta(seconds=self.terms.grace_s)

    def is_capped(self, at: datetime) -> bool:
        """Return whether a cap keeps a part of the limit that was paid for from being used."""
        if self.terms.cap_nanos is None:
            return False
        free = changed(self, terms=changed(self.terms, cap_nanos=None))
        return free.included_remaining_nanos(at) != self.included_remaining_nanos(at)

    def included_remaining_nanos(self, at: datetime) -> int | None:
        """Return what is left of the window's limit; None where there is no limit to it.

        A paid period that has ended without a successor has no limit left, but for its
        grace: an unpaid window's limit is 0, on unlimited tiers too (DESIGN section 5, table).
        """
        if self.terms.window == "period" and at >= self.limit_ends_at:
            return 0
        if self.terms.included == "none":
            return 0
        limit_nanos = self.terms.limit_at(at)
        if limit_nanos is None:
            return None
        used = self.window.included_spent_nanos + self.window.included_held_nanos
        return max(0, limit_nanos - used)

"""Commands: what may be asked of a wallet. Each knows the entries that guard it."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Protocol

from creditbase.kernel.ids import (
    expiry_entry_id,
    hold_guard_ids,
    late_expiry_entry_id,
)
from creditbase.kernel.records import dataclass
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.grants import GrantKind
from creditbase.ledger.domain.notes import LevelName
from creditbase.ledger.domain.shadow import SwitchShadow, TheirCount
from creditbase.ledger.domain.wallet import NOTHING_METERED, Metered, Terms

HOLD_TTL_S_MAX = 86_400
"""A hold may live a day, extensions included."""


NOTHING_PINNED: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Priced:
    """What usage costs, with what a receipt needs to recompute it.

    `pinned` is what a hold keeps of it, so that its capture is priced as it was.
    """

    amount_nanos: int
    metered: Metered
    pinned: Mapping[str, object] = field(default_factory=dict)


class Rate(Protocol):
    """Prices by an immutable book and markups; pure, so a decision may call it."""

    def price(
        self,
        plan_code: str,
        model: str,
        quantities: Mapping[str, int],
        *,
        at: datetime,
        pinned: Mapping[str, object] = NOTHING_PINNED,
    ) -> Priced:
        """Return the price on a plan at an instant, or as a hold has pinned it.

        Refuses with a `BillingError` what it cannot price, and what the plan does not allow.
        """


@dataclass(frozen=True, slots=True)
class FixedAmount:
    """An amount that the caller worked out, and what for where it knows."""

    amount_nanos: int
    metered: Metered = NOTHING_METERED


@dataclass(frozen=True, slots=True)
class MeteredUsage:
    """Quantities priced in the decision: of a model, or of the one that the hold is for."""

    quantities: Mapping[str, int]
    rate: Rate
    model: str = ""


Cost = FixedAmount | MeteredUsage


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that one credential may spend and hold in a window of its wallet."""

    credential_id: str
    limit_nanos: int


@dataclass(frozen=True, slots=True)
class Charge:
    """Take what something costs at once: a hold and its capture in one.

    `is_told` says whether the developer wants to hear of it; `theirs` is what another counter
    says of it, which only a wallet in shadow mode notes.
    """

    entry_id: str
    request_digest: str
    cost: Cost
    metadata: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget | None = None
    is_told: bool = False
    theirs: TheirCount | None = None

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this command."""
        return (self.entry_id,)


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Reserve the most that something can cost until it is captured, voided or expires.

    With `output_at_least` a hold that the customer cannot afford is placed for fewer output
    tokens, as many as the customer can afford, and refused below that number. `accrued` is
    what counts as used from the start: what the expiry captures where nobody says more.
    """

    entry_id: str
    hold_id: str
    request_digest: str
    cost: Cost
    ttl_s: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget | None = None
    output_at_least: int | None = None
    accrued: Cost | None = None

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this command."""
        return (self.entry_id,)


@dataclass(frozen=True, slots=True)
class CaptureHold:
    """End a hold and take what the work really cost, which may be more than was held."""

    hold_id: str
    request_digest: str
    cost: Cost
    key_digest: str = ""
    is_told: bool = False
    theirs: TheirCount | None = None

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this command."""
        return hold_guard_ids(self.hold_id)


@dataclass(frozen=True, slots=True)
class VoidHold:
    """End a hold and take nothing."""

    hold_id: str
    request_digest: str
    key_digest: str = ""

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this command."""
        return hold_guard_ids(self.hold_id)


@dataclass(frozen=True, slots=True)
class ExtendHold:
    """Move a hold's expiry, and say what has been used so far. Both only ever grow."""

    hold_id: str
    expires_at: datetime
    accrued: Cost | None = None

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this command."""
        return hold_guard_ids(self.hold_id)


@dataclass(frozen=True, slots=True)
class GrantCredits:
    """Give credits, once per cause: the entry id is built from it.

    `low_nanos`, where given, is the height of the balance to remind below from now on.
    `revision`, where given, is that of the terms that it was decided with: once the wallet has
    been told newer ones it is let go, because whoever told those has decided what is owed.
    `paid_nanos` is the money that all of it was bought for; 0 where it is given.
    """

    entry_id: str
    kind: GrantKind
    amount_nanos: int
    priority: int | None = None
    expires_at: datetime | None = None
    cause: Mapping[str, Any] = field(default_factory=dict)
    low_nanos: int | None = None
    revision: int | None = None
    paid_nanos: int = 0

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this command."""
        return (self.entry_id,)


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Take credits back for money that went back.

    What the grant no longer has is owed (`owes_rest`, top-ups and disputes), or let go. Let go
    is only what was used: what open holds keep is recalled, to go when they end; of a plan what
    they keep is owed until then. Nobody owes what was cut, or lapsed unspent: `lapsed_nanos` of
    it were set off before, and `returned_nanos` lapsed when earlier steps were undone.
    """

    entry_id: str
    grant_id: str
    amount_nanos: int
    owes_rest: bool
    cause: Mapping[str, Any] = field(default_factory=dict)
    lapsed_nanos: int = 0
    returned_nanos: int = 0

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this command."""
        lapses = (expiry_entry_id(self.grant_id), late_expiry_entry_id(self.grant_id))
        return (self.entry_id, *lapses)


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Undo a part of a `TakeBack`: the refund failed, or the dispute was won.

    Repays what is owed first; the rest returns as credits of the grant's kind. Credits that
    belong to a window repay only `owed_nanos` of the amount: what had been made a debt, of
    which `still_owed_nanos` stays one. What somebody paid of that debt meanwhile returns to
    them. `recalled_nanos` more had been recalled from open holds: what of it was used instead
    is let be, what is still recalled is no longer, what was taken by now comes back.
    `cut_nanos` had been cut anyway.
    """

    entry_id: str
    grant_id: str
    kind: GrantKind
    amount_nanos: int
    expires_at: datetime | None = None
    cause: Mapping[str, Any] = field(default_factory=dict)
    owed_nanos: int = 0
    still_owed_nanos: int = 0
    recalled_nanos: int = 0
    cut_nanos: int = 0

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this, and what became of the grant."""
        return (self.entry_id, self.grant_id, expiry_entry_id(self.grant_id))


@dataclass(frozen=True, slots=True)
class Deduct:
    """Take credits because somebody decided so: what is available, in burn order.

    What is not there is owed where `owes_rest` says so, else it is let be: the balance is
    never below zero. Open holds keep theirs.
    """

    entry_id: str
    amount_nanos: int
    owes_rest: bool = False
    cause: Mapping[str, Any] = field(default_factory=dict)

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this command."""
        return (self.entry_id,)


@dataclass(frozen=True, slots=True)
class ChangeTerms:
    """Put the customer on a plan. `window` None means the running free window.

    A new window writes off what the old window's grants still had; the same window keeps
    it, unless `ends_monthly`. The new grant is a command of its own. Terms of an older
    revision than the wallet's are let go: they were decided before, and came late.
    """

    terms: Terms
    window: Window | None = None
    ends_monthly: bool = False

    def guards(self) -> tuple[str, ...]:
        """Return nothing: the terms are absolute, so repeating is harmless."""
        return ()


@dataclass(frozen=True, slots=True)
class Adopt:
    """Give a wallet that a back end made the user it is for.

    The terms are those to begin with: a plan that it is on already stays.
    """

    owner_uid: str
    terms: Terms

    def guards(self) -> tuple[str, ...]:
        """Return nothing: who owns it already, owns it."""
        return ()


@dataclass(frozen=True, slots=True)
class CutMonthly:
    """Leave at most so many monthly credits free to draw; what is above is taken back.

    For a plan that became a smaller one within its window. Open holds keep theirs, and
    what would make it too many again is taken when it comes back from them. `revision` as
    for a grant.
    """

    entry_id: str
    most_nanos: int
    cause: Mapping[str, Any] = field(default_factory=dict)
    revision: int | None = None

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this command."""
        return (self.entry_id,)


@dataclass(frozen=True, slots=True)
class UndoCut:
    """Give back what smaller plans cut: the plan is a larger one again, in the same window.

    All but `over_nanos`, the credits of the window that nobody has paid for by now. A smaller
    plan that came and went unseen is made up for: it had `floor_nanos`. `revision` as for a
    grant.
    """

    entry_id: str
    over_nanos: int
    floor_nanos: int
    cause: Mapping[str, Any] = field(default_factory=dict)
    revision: int | None = None

    def guards(self) -> tuple[str, ...]:
        """Return the entries whose existence decides this command."""
        return (self.entry_id,)


@dataclass(frozen=True, slots=True)
class Freeze:
    """Stop spending, with a reason; an empty reason thaws. What is deleted is nobody's."""

    reason: str

    def guards(self) -> tuple[str, ...]:
        """Return nothing: absolute, so repeating is harmless."""
        return ()


@dataclass(frozen=True, slots=True)
class SetLevel:
    """Tell when the balance falls below a height; 0 tells no more.

    A balance that is below it already has just fallen, as far as this level is concerned.
    """

    level: LevelName
    below_nanos: int

    def guards(self) -> tuple[str, ...]:
        """Return nothing: absolute, so repeating is harmless."""
        return ()


@dataclass(frozen=True, slots=True)
class Tidy:
    """Let time pass, and publish. What the jobs and `sync-balance` ask for."""

    settles: bool = False

    def guards(self) -> tuple[str, ...]:
        """Return nothing: repeating is harmless."""
        return ()


Command = (
    Charge
    | PlaceHold
    | CaptureHold
    | VoidHold
    | ExtendHold
    | GrantCredits
    | TakeBack
    | GiveBack
    | Deduct
    | ChangeTerms
    | Adopt
    | CutMonthly
    | UndoCut
    | Freeze
    | SetLevel
    | SwitchShadow
    | Tidy
)

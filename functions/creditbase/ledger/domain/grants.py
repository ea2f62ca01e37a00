"""Grants: parcels of credits, each with its kind, its place in the burn order, and its end."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal

from creditbase.kernel.instants import FAR_FUTURE
from creditbase.kernel.money import share_floor
from creditbase.kernel.records import dataclass

GrantKind = Literal["plan", "free", "topup", "promo", "voucher", "adjustment"]
MONTHLY_KINDS = frozenset({"plan", "free"})
"""Grants that belong to a window, and do not outlive it."""
PAID_KINDS = frozenset({"plan", "topup"})
"""Grants bought with money: never merged, and burned after free ones of the same expiry."""

PRIORITY_OF: Mapping[GrantKind, int] = {
    "plan": 10,
    "free": 10,
    "promo": 50,
    "voucher": 50,
    "adjustment": 50,
    "topup": 50,
}
"""Default priorities; the lower number burns first, so plan credits before top-ups."""


@dataclass(frozen=True)
class Grant:
    """A parcel of credits. `remaining_nanos` is free to draw, `held_nanos` pinned by holds.

    `returned_by` is the entry that brought it back after it had gone, if one did.
    Some of what is held is called for (ADR 0014), in this order. `recalled_nanos` were taken
    back already: they go when they come back from their holds. `pledged_nanos` were made a
    debt: they pay it when they come back. `cutting_nanos` are too many for a smaller plan.
    What became of them: `forgone_nanos` were to go, and were used instead; `redeemed_nanos`
    paid their debt; `cut_nanos` have gone to a smaller plan. `late_nanos` came back when the
    grant was over. `aside_nanos` are the credits of a free window that was left for a plan:
    written off, until somebody comes back to that window. None where nobody has left it.
    """

    grant_id: str
    kind: GrantKind
    priority: int
    created_at: datetime
    expires_at: datetime | None
    granted_nanos: int
    remaining_nanos: int
    held_nanos: int = 0
    returned_by: str | None = None
    recalled_nanos: int = 0
    forgone_nanos: int = 0
    pledged_nanos: int = 0
    redeemed_nanos: int = 0
    cutting_nanos: int = 0
    cut_nanos: int = 0
    late_nanos: int = 0
    aside_nanos: int | None = None
    paid_nanos: int = 0
    """What was paid for all of it, in money; 0 where it was given."""

    def received_nanos(self, amount_nanos: int) -> int:
        """Return what was paid for so much of it, rounded down."""
        if not self.paid_nanos:
            return 0
        return share_floor(self.paid_nanos, part=amount_nanos, whole=self.granted_nanos)

    def has_ended(self, at: datetime) -> bool:
        """Return whether it has expired. The expiry itself is outside its life."""
        return self.expires_at is not None and at >= self.expires_at

    def is_live(self, at: datetime) -> bool:
        """Return whether it may be drawn on: neither expired nor set aside."""
        return self.aside_nanos is None and not self.has_ended(at)

    def is_kept(self, at: datetime) -> bool:
        """Return whether the wallet still has to know of it.

        Of what was bought also for what was called for and did not simply go: undoing a refund
        must give back neither what was used nor what paid a debt, however late it comes.
        """
        if self.remaining_nanos or self.held_nanos or self.cut_nanos:
            return True
        if self.forgone_nanos or self.redeemed_nanos:
            return self.is_paid or not self.has_ended(at)
        return bool(self.aside_nanos) and not self.has_ended(at)

    @property
    def callable_nanos(self) -> int:
        """Return how much of what is held could still be called for by money that went back."""
        return self.held_nanos - self.recalled_nanos - self.pledged_nanos

    @property
    def uncut_nanos(self) -> int:
        """Return how much of what is held could still be too many for a smaller plan."""
        return self.callable_nanos - self.cutting_nanos

    def settled(self) -> "Grant":
        """Return the grant with no more called for than is held: the rest was used."""
        recalled = min(self.recalled_nanos, self.held_nanos)
        pledged = min(self.pledged_nanos, self.held_nanos - recalled)
        return replace(
            self,
            recalled_nanos=recalled,
            forgone_nanos=self.forgone_nanos + self.recalled_nanos - recalled,
            pledged_nanos=pledged,
            cutting_nanos=min(self.cutting_nanos, self.held_nanos - recalled - pledged),
        )

    @property
    def is_paid(self) -> bool:
        """Return whether money bought it."""
        return self.kind in PAID_KINDS

    def burn_order(self) -> tuple[int, datetime, bool, datetime, str]:
        """Return the sort key of spending: priority, expiry, free first, oldest, id."""
        return (
            self.priority,
            self.expires_at or FAR_FUTURE,
            self.is_paid,
            self.created_at,
            self.grant_id,
        )

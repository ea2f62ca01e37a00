"""The balance: what a customer is shown, worked out from a wallet at an instant.

Source: DESIGN section 4, "The published balance"; hub-api 5.1 for the meaning of figures.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta

from creditbase.kernel.records import dataclass
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.draft import Draft
from creditbase.ledger.domain.grants import MONTHLY_KINDS
from creditbase.ledger.domain.passing import pass_time
from creditbase.ledger.domain.wallet import Tallies, Terms, Wallet

RECHECK_AFTER = timedelta(seconds=60)
"""How long a published balance may be served while it is not known to be settled."""


@dataclass(frozen=True, slots=True)
class ModelUse:
    """What one model took in the window."""

    amount_nanos: int
    requests: int


@dataclass(frozen=True, slots=True)
class DayUse:
    """What was used on one UTC day of the window."""

    requests: int = 0
    tokens: int = 0
    images: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """Figures of one customer. Remaining figures leave out what open holds keep.

    `topup_nanos` is all that does not end with the window, less what is owed; it may be
    negative. `balance_nanos` is what is in the wallet, and `pinned_nanos` what holds keep of
    it. `included_remaining_nanos` is None where a tier has no limit. `frozen` is a reason.
    """

    owner_uid: str
    terms: Terms
    window: Window
    monthly_remaining_nanos: int
    topup_nanos: int
    held_nanos: int
    receivable_nanos: int
    available_nanos: int
    included_remaining_nanos: int | None
    models: Mapping[str, ModelUse]
    seq: int
    published_at: datetime
    valid_until: datetime
    recheck_at: datetime | None
    is_settled: bool
    balance_nanos: int = 0
    pinned_nanos: int = 0
    frozen: str = ""
    days: Mapping[str, DayUse] = field(default_factory=dict)

    @property
    def used_nanos(self) -> int:
        """Return what was used in the window."""
        return sum(use.amount_nanos for use in self.models.values())

    @property
    def requests(self) -> int:
        """Return the requests of the window."""
        return sum(use.requests for use in self.models.values())

    @property
    def is_over(self) -> bool:
        """Return whether a paid period has ended, grace and all, and nothing follows it."""
        ended_at = self.window.end_at + timedelta(seconds=self.terms.grace_s)
        return self.terms.window == "period" and self.published_at >= ended_at

    def is_fresh(self, now: datetime) -> bool:
        """Return whether it may still be served: young or settled, and of this window."""
        is_young = now < self.published_at + RECHECK_AFTER
        return (self.is_settled or is_young) and now < self.valid_until


def balance_of(wallet: Wallet, *, now: datetime, is_settled: bool = False) -> Balance:
    """Return the figures as they are at `now`, time passed but nothing written."""
    draft = Draft(wallet, max(now, wallet.at))
    pass_time(draft)
    wallet, at = draft.wallet, draft.at
    live = [grant for grant in wallet.grants.values() if grant.is_live(at)]
    monthly = sum(g.remaining_nanos for g in live if g.kind in MONTHLY_KINDS)
    ends = [g.expires_at for g in live if g.expires_at is not None]
    ends += [hold.expires_at for hold in wallet.holds.values()]
    # The end of a paid period without a successor is past: only a command changes it then.
    turns = (wallet.window.span.end_at, wallet.limit_ends_at, wallet.terms.cap_until_at)
    ends += [turn_at for turn_at in turns if turn_at is not None and turn_at > at]
    valid_until = min(ends, default=at + RECHECK_AFTER)
    is_idle = is_settled and not _changes_by_itself(wallet, at)
    return Balance(
        owner_uid=wallet.owner_uid,
        terms=wallet.terms,
        window=wallet.window.span,
        monthly_remaining_nanos=monthly,
        topup_nanos=wallet.live_nanos(at) - monthly - wallet.receivable_nanos,
        held_nanos=wallet.held_nanos,
        receivable_nanos=wallet.receivable_nanos,
        available_nanos=wallet.available_nanos(at),
        included_remaining_nanos=wallet.included_remaining_nanos(at),
        balance_nanos=wallet.balance_nanos(at),
        pinned_nanos=wallet.balance_nanos(at) - wallet.available_nanos(at),
        frozen=wallet.frozen,
        models=_models(wallet.window.tallies),
        days={
            date: DayUse(tally.requests, tally.tokens, tally.images)
            for date, tally in wallet.window.days.items()
        },
        seq=wallet.seq,
        published_at=at,
        valid_until=valid_until,
        recheck_at=None if is_idle else (valid_until if is_settled else at + RECHECK_AFTER),
        is_settled=is_settled,
    )


def _changes_by_itself(wallet: Wallet, at: datetime) -> bool:
    """Return whether time alone will change what a paying or active customer sees.

    An idle free wallet only turns its window; it is not written for that (DESIGN 5).
    """
    return (
        bool(wallet.holds)
        or (wallet.terms.window == "period" and at < wallet.window.span.end_at)
        or any(g.kind != "free" and g.expires_at is not None for g in wallet.grants.values())
    )


def _models(tallies: Tallies) -> dict[str, ModelUse]:
    return {name: ModelUse(t.amount_nanos, t.requests) for name, t in tallies.items()}

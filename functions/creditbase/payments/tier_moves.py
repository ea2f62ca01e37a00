"""Changes of tier, decided: what has to happen at Stripe, or that nothing may. Pure.

Source: relay-billing.txt, "Customer Self-Service Tier Changes"; relay-api.md 6; ADR-0017.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from creditbase.accounts.domain import TierSubscription
from creditbase.catalog.domain.tiers import Tier
from creditbase.kernel.errors import Conflict, InvalidRequest, PaymentRefused
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.wallet import Terms
from creditbase.subscriptions.domain.mirror import (
    ENTITLING,
    MONTHS_A_YEAR,
    Subscription,
)

REPEATS_WITHIN = timedelta(seconds=60)
"""How long the same wish is the same request: SDKs repeat what they got no answer to."""
NOTHING_ON_FILE = "no payment method on file"
CAPPED_FOR = timedelta(seconds=120)
"""How long a change of which nothing is known may still be made by who repeated it in time."""

ANSWERED_WITHIN = timedelta(seconds=30)
"""How long Stripe may take for a change, with much to spare: a request gives it 3.5 s."""


class Action(StrEnum):
    """What a change of tier comes to, as the customer is told."""

    UPGRADED = "upgraded"
    DOWNGRADED = "downgraded"
    LEAVES = "scheduled_cancellation"
    CHANGED = "changed"


# ---- what is to be done ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A subscription that is paid by what is on file."""

    project_id: str
    customer_id: str
    stripe_customer_id: str
    tier_id: str
    price_id: str
    method_id: str
    trial_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Modify:
    """Another price for a subscription, from now on."""

    subscription_id: str
    item_id: str
    tier_id: str
    price_id: str
    prorated_from_s: int | None = 0
    """From when on the difference is prorated; 0: from now; None: not known before the wallet
    has taken the cap."""
    cap_nanos: int | None = None
    """The most of the limit that may be used until it is done; None where it gives no money
    back, or has no limit afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """The end of a subscription with its period, and the tier that follows it, if any."""

    subscription_id: str
    next_tier_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """The end of a subscription, taken back."""

    subscription_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Another tier that nobody bills; nothing happens at Stripe."""

    tier_id: str


Move = Begin | Modify | Leave | Stay | Put
MOVES: Mapping[str, type[Move]] = {
    kind.__name__: kind for kind in (Begin, Modify, Leave, Stay, Put)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A customer's newest change of tier: asked for, and what came of it."""

    number: int
    tier_id: str
    """The tier that was asked for."""
    asked_at: datetime
    action: Action
    move: Move
    is_void: bool = False
    """Whether nothing came of it, so that the same wish is a new one."""
    result: TierSubscription | None = None
    """What it led to, once it is known."""

    def answers(self, tier_id: str, held: TierSubscription | None, now: datetime) -> bool:
        """Return whether a wish of now is this one, repeated: nothing has come between."""
        is_young = now < self.asked_at + REPEATS_WITHIN
        stands = self.result is None or _place_of(self.result) == _place_of(held)
        return self.tier_id == tier_id and is_young and stands and not self.is_void

    def is_under_way(self, seen: Iterable[Subscription], now: datetime) -> bool:
        """Return whether it may still be made: it caps its wallet until Stripe shows it."""
        move = self.move
        if self.is_void or not isinstance(move, Modify) or now >= self.cap_until_at:
            return False
        if move.cap_nanos is None or self.result is not None:
            return False
        billed = [one for one in seen if one.subscription_id == move.subscription_id]
        return any(one.is_live and one.price_id != move.price_id for one in billed)

    def may_be_asked(self, at: datetime) -> bool:
        """Return whether Stripe's answer comes while what may be used is surely capped."""
        is_capped = isinstance(self.move, Modify) and self.move.cap_nanos is not None
        return not is_capped or at + ANSWERED_WITHIN <= self.cap_until_at

    @property
    def is_to_be_reckoned(self) -> bool:
        """Return whether it is not known yet from when it is prorated."""
        return isinstance(self.move, Modify) and self.move.prorated_from_s is None

    @property
    def cap_until_at(self) -> datetime:
        """Return when its cap is over by itself."""
        return self.asked_at + CAPPED_FOR

    def reckoned(self, prorated_from_s: int) -> "Change":
        """Return the change with the instant from which it is prorated."""
        assert isinstance(self.move, Modify)
        return replace(self, move=replace(self.move, prorated_from_s=prorated_from_s))

    def ended(self, result: TierSubscription | None) -> "Change":
        """Return the change with what came of it; None: nothing did."""
        return replace(self, result=result, is_void=result is None)


def _place_of(held: TierSubscription | None) -> object:
    return held and (held.tier_id, held.billing_subscription_id, held.is_active)


def change_fields(change: Change) -> dict[str, Any]:
    """Return what is kept of a change."""
    return {
        **asdict(change),
        "action": str(change.action),
        "move": {"kind": type(change.move).__name__, **asdict(change.move)},
    }


def change_from(kept: Mapping[str, Any]) -> Change:
    """Return the change that was kept."""
    move = dict(kept["move"])
    kind = MOVES[move.pop("kind")]
    result = kept["result"]
    return Change(
        **{
            **kept,
            "action": Action(kept["action"]),
            "move": kind(**move),
            "result": TierSubscription(**result) if result else None,
        }
    )


# ---- decisions -------------------------------------------------------------------------------


class Way(StrEnum):
    """How a wish is to be met."""

    BEGIN = "begin"
    MODIFY = "modify"
    LEAVE = "leave"
    STAY = "stay"
    PUT = "put"


def choose_way(
    target: Tier, *, current: Tier | None, live: Subscription | None, is_held: bool
) -> Way:
    """Return how a customer gets to a tier.

    `live` is what Stripe bills, `current` the tier of that, or of what nobody bills; `is_held`
    says whether the customer has any.

    Raises:
        InvalidRequest: it is on that tier already, or one of the two is paid as one goes.
        Conflict: Stripe cannot sell the tier, or somebody else bills the present one.
        PaymentRefused: the running period is not paid, or there is nothing to pay by.
    """
    on_target = is_held and current is not None and current.tier_id == target.tier_id
    if on_target and (live is None or not live.cancel_at_period_end):
        raise InvalidRequest("already on this tier", field="tier_code")
    if target.is_paygo or (is_held and current is not None and current.is_paygo):
        raise InvalidRequest(
            "paygo subscriptions do not support tier changes", field="tier_code"
        )
    if live is None and is_held and current is not None and _is_billed_elsewhere(current):
        raise Conflict("billing provider mismatch")
    if target.is_free:
        return Way.LEAVE if live is not None else Way.PUT
    if not target.billing_price_ref:
        raise Conflict("tier has no billing pricing configured")
    if target.billing_provider != "stripe":
        raise Conflict("billing provider mismatch")
    if live is None:
        return Way.BEGIN
    if on_target:
        return Way.STAY
    if live.status not in ENTITLING:
        raise PaymentRefused("the current period is not paid")
    if _is_paid_at_once(live, target) and not live.has_method:
        raise PaymentRefused(NOTHING_ON_FILE)
    return Way.MODIFY


def _is_paid_at_once(live: Subscription, target: Tier) -> bool:
    """Return whether a change costs something now, whatever comes back of the old price."""
    return live.status != "trialing" and (target.price_amount_cents or 0) > live.price_cents


def _is_billed_elsewhere(tier: Tier) -> bool:
    return tier.is_paid and tier.billing_provider != "stripe"


def action_of(way: Way, *, before_cents: int, target: Tier) -> Action:
    """Return what the customer is told of a change. `before_cents` is what was paid a year."""
    if way is Way.LEAVE:
        return Action.LEAVES
    if way in {Way.PUT, Way.STAY}:
        return Action.CHANGED
    after_cents = yearly_cents(target)
    if before_cents == after_cents:
        return Action.CHANGED
    return Action.UPGRADED if after_cents > before_cents else Action.DOWNGRADED


def yearly_cents(tier: Tier) -> int:
    """Return what a tier costs in a year, so that prices by month and year compare."""
    if not tier.is_paid:
        return 0
    times = 1 if tier.price_interval == "year" else MONTHS_A_YEAR
    return (tier.price_amount_cents or 0) * times


def capped(
    terms: Terms, change: Change | None, seen: Sequence[Subscription], now: datetime
) -> Terms:
    """Return the terms with the cap of a change that is under way, if there is one."""
    if change is None or not change.is_under_way(seen, now):
        return terms
    assert isinstance(change.move, Modify)
    return replace(terms, cap_nanos=change.move.cap_nanos, cap_until_at=change.cap_until_at)

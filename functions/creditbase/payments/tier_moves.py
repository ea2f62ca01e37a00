"""Changes of tier, decided: what has to happen at Stripe, or that nothing may. Pure.

Source: relay-billing.txt, "Customer Self-Service Tier Changes"; relay-api.md 6; ADR-0017.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from creditbase.accounts.domain import TierSubscription
from creditbase.catalog.domain.tiers import Tier
from creditbase.kernel.errors import Conflict, InvalidRequest, PaymentRefused
from creditbase.kernel.windows import Window
from creditbase.subscriptions.domain.mirror import ENTITLING, Invoice, Subscription

REPEATS_WITHIN = timedelta(seconds=60)
"""How long the same wish is the same request: SDKs repeat what they got no answer to."""
MONTHS_A_YEAR = 12
LONGEST_MONTH = timedelta(days=31)


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
    prorated_from_s: int = 0
    """From when on the difference is given back; 0: from now."""


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
        PaymentRefused: the running period is not paid.
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
    return Way.MODIFY


def _is_billed_elsewhere(tier: Tier) -> bool:
    return tier.is_paid and tier.billing_provider != "stripe"


def action_of(way: Way, *, current: Tier | None, target: Tier) -> Action:
    """Return what the customer is told of a change."""
    if way is Way.LEAVE:
        return Action.LEAVES
    if way in {Way.PUT, Way.STAY}:
        return Action.CHANGED
    before, after = yearly_cents(current), yearly_cents(target)
    if before == after:
        return Action.CHANGED
    return Action.UPGRADED if after > before else Action.DOWNGRADED


def yearly_cents(tier: Tier | None) -> int:
    """Return what a tier costs in a year, so that prices by month and year compare."""
    if tier is None or not tier.is_paid:
        return 0
    times = 1 if tier.price_interval == "year" else MONTHS_A_YEAR
    return (tier.price_amount_cents or 0) * times


def prorated_from(
    *,
    used_nanos: int,
    before: Tier,
    after: Tier,
    begun_at: datetime,
    window: Window,
    now: datetime,
    is_anew: bool = False,
) -> datetime:
    """Return from when on Stripe gives the difference of two prices back.

    From now, by time; but what was used of the difference in the limits is not given back,
    or up, spend, and down again would be usage that nobody paid for. `begun_at` is since when
    the dearer tier was paid for. Where a period begins anew its limit does, too: then nothing
    that was used is given back.
    """
    if after.is_unlimited and not is_anew:
        return now
    stays_nanos = 0 if is_anew else after.limit_nanos
    over_nanos = max(0, used_nanos - stays_nanos)
    if over_nanos == 0:
        return now
    if before.is_unlimited:
        return max(now, window.end_at)
    room_nanos = before.limit_nanos - stays_nanos
    if room_nanos <= 0:
        return now
    left_nanos = max(0, room_nanos - over_nanos)
    span_s = (window.end_at - max(begun_at, window.start_at)) // timedelta(seconds=1)
    back = timedelta(seconds=span_s * left_nanos // room_nanos)
    return max(now, window.end_at - back)


def begins_anew(period: Window, after: Tier) -> bool:
    """Return whether Stripe begins another period now: the next price has another rhythm."""
    is_yearly = period.end_at - period.start_at > LONGEST_MONTH
    return is_yearly != (after.price_interval == "year")


def paid_since(tier_id: str, period: Window, bills: Iterable[Invoice]) -> datetime:
    """Return since when a tier was paid for in a period."""
    starts = [
        line.start_at
        for bill in bills
        for line in bill.lines
        if bill.is_paid
        and line.plan_code == tier_id
        and line.amount_cents > 0
        and line.end_at == period.end_at
    ]
    return max(starts, default=period.start_at)

"""What has to happen at Stripe for a subscription to come to another plan, decided. Pure.

A dearer plan begins at once, and the rest of the period is paid for; a cheaper one begins with
the next period, as the portal has it. Whoever is to have no plan keeps the paid one until its
period is over, or loses it at once: what was paid is given back by a refund of its own.
"""

from typing import Literal

from creditbase.catalog.domain import Plan
from creditbase.kernel.errors import InvalidRequest, PaymentRefused
from creditbase.kernel.records import dataclass
from creditbase.subscriptions.domain.mirror import ENTITLING, MONTHS_A_YEAR, Subscription

When = Literal["", "now", "period_end"]
"""When a change takes effect; empty: as its price says."""
Kind = Literal["change", "change_later", "leave", "end", "stay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMove:
    """What is asked of Stripe about one subscription."""

    kind: Kind
    subscription_id: str
    item_id: str = ""
    price_id: str = ""
    """The price to come to; empty where it stays what it is, or nothing follows."""
    price_before_id: str = ""
    schedule_id: str = ""
    """What manages the subscription now: it lets go first."""
    is_ending: bool = False
    """Whether it was to end with its period: that is taken back where another plan follows."""


def decide_move(live: Subscription, target: Plan, when: When, *, price_id: str) -> PlanMove:
    """Return how a subscription comes to a plan that is sold; `price_id` is what it is sold by.

    Raises:
        InvalidRequest: it is there already, or the plan cannot begin then.
        PaymentRefused: the running period is not paid, or there is nothing to pay by.
    """
    is_planned = bool(live.cancel_at_period_end or live.schedule_id)
    if live.plan_code == target.code:
        if not is_planned:
            raise InvalidRequest("The customer is on this plan already", field="plan")
        return _move("stay", live)
    if live.status not in ENTITLING:
        raise PaymentRefused("the running period is not paid", reason="PAYMENT_REFUSED")
    is_dearer = target.price_cents * MONTHS_A_YEAR >= live.yearly_cents
    is_trial = live.status == "trialing"
    begins = when or ("now" if is_dearer or is_trial else "period_end")
    if begins == "now":
        if not is_dearer and not is_trial:
            raise InvalidRequest("A cheaper plan begins with the next period", field="when")
        if not is_trial and not live.has_method:
            raise PaymentRefused("there is nothing to pay by", reason="PAYMENT_REFUSED")
        return _move("change", live, price_id)
    if is_trial:
        raise InvalidRequest("In a trial another plan begins at once", field="when")
    if live.next_plan_code == target.code and not live.cancel_at_period_end:
        raise InvalidRequest("The customer comes to this plan already", field="plan")
    return _move("change_later", live, price_id)


def decide_end(live: Subscription, when: When) -> PlanMove:
    """Return how a subscription ends: with its period, unless it is to be at once.

    Raises:
        InvalidRequest: it ends with its period already.
    """
    if when == "now":
        return _move("end", live)
    if live.cancel_at_period_end:
        raise InvalidRequest("The subscription ends with its period already", field="plan")
    return _move("leave", live)


def _move(kind: Kind, live: Subscription, price_id: str = "") -> PlanMove:
    return PlanMove(
        kind=kind,
        subscription_id=live.subscription_id,
        item_id=live.item_id,
        price_id=price_id,
        price_before_id=live.price_id,
        schedule_id=live.schedule_id,
        is_ending=live.cancel_at_period_end,
    )

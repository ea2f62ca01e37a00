"""What a catalog's plan means to the ledger. Pure."""

from creditbase.catalog.domain import Plan
from creditbase.ledger.domain.wallet import Terms
from creditbase.subscriptions.domain.mirror import Subscription

FREE_PLAN = "free"
"""The plan that everybody is on who has no other."""


def free_terms(plan: Plan, *, subscription_status: str = "none") -> Terms:
    """Return the terms of the free plan: its credits each month since account creation."""
    return Terms(
        plan.code,
        window="free",
        allocation_nanos=plan.amount_nanos,
        subscription_status=subscription_status,
    )


def paid_terms(plan: Plan, one: Subscription, *, payment_issue: bool) -> Terms:
    """Return the terms of a plan that Stripe bills: its windows are Stripe's periods."""
    return Terms(
        plan.code,
        window="period",
        allocation_nanos=plan.amount_nanos,
        subscription_status=one.status,
        cancel_at_period_end=one.cancel_at_period_end,
        next_plan_code=one.next_plan_code,
        next_plan_at=one.next_plan_at,
        payment_issue=payment_issue,
        origin=one.subscription_id,
    )

"""Telling a project's developer that a customer's subscription is another one now."""

from datetime import datetime

from creditbase.accounts.domain import Customer, TierSubscription
from creditbase.kernel.instants import write_seconds
from creditbase.runtime.events import Event, create_event
from creditbase.runtime.firestore import Create


def tell_subscription_changed(
    customer: Customer,
    held: TierSubscription,
    tier_code: str,
    *,
    revision: int,
    now: datetime,
) -> Create:
    """Return the write that tells of a change, for its commit.

    `revision` counts the changes of the customer's standing, so each is told once.
    """
    told = {
        "id": held.subscription_id,
        "tier_id": held.tier_id,
        "tier_code": tier_code,
        "subscription_status": held.status,
        "cancel_at_period_end": held.cancel_at_period_end,
    }
    period = {
        "current_period_start": held.current_period_start,
        "current_period_end": held.current_period_end,
    }
    told |= {name: write_seconds(at) for name, at in period.items() if at is not None}
    event = Event(
        project_id=customer.project_id,
        event_type="billing.subscription_changed",
        cause=f"subscription/{customer.customer_id}/{revision}",
        data={
            "customer_id": customer.customer_id,
            "customer_external_id": customer.external_id,
            "subscription": told,
        },
    )
    return create_event(event, now=now)

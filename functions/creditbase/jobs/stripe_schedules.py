"""The scheduled functions that speak with Stripe. They alone of the jobs may know its key."""

from datetime import datetime

from creditbase.jobs import inbox
from creditbase.jobs.scheduled import scheduled
from creditbase.runtime.settings import STRIPE_SECRET_KEY


@scheduled("every 5 minutes", secrets=[STRIPE_SECRET_KEY.name])
def drain_inbox(now: datetime) -> None:
    """Handle again the events of Stripe that were stored and not finished."""
    inbox.drain_inbox(now)

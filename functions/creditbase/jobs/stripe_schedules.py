"""The scheduled functions that speak with Stripe. They alone of the jobs may know its key."""

from datetime import datetime

from creditbase.jobs import crossings, erasing, inbox, reconcile
from creditbase.jobs.scheduled import scheduled
from creditbase.jobs.use_cases import Report
from creditbase.runtime.settings import STRIPE_SECRET_KEY


@scheduled("every 1 minutes", secrets=[STRIPE_SECRET_KEY.name])
def answer_crossings(now: datetime) -> Report:
    """Remind customers of a low balance, and let wallets top themselves up."""
    return crossings.answer_crossings(now)


@scheduled("every 5 minutes", secrets=[STRIPE_SECRET_KEY.name])
def drain_inbox(now: datetime) -> Report:
    """Handle again the events of Stripe that were stored and not finished."""
    return inbox.drain_inbox(now)


@scheduled("every 1 hours", secrets=[STRIPE_SECRET_KEY.name], timeout_s=540)
def reconcile_stripe(now: datetime) -> Report:
    """Compare with Stripe, and repair what never reached us."""
    return reconcile.reconcile_stripe(now)


@scheduled("every 5 minutes", secrets=[STRIPE_SECRET_KEY.name])
def erase_customers(now: datetime) -> Report:
    """Go on with erasures that were begun and not finished."""
    return erasing.erase_customers(now)

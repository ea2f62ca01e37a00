"""The scheduled functions that know nothing of Stripe: when each job runs."""

from datetime import datetime

from creditbase.jobs import use_cases
from creditbase.jobs.scheduled import scheduled
from creditbase.jobs.use_cases import Report


@scheduled("every 1 minutes")
def sync_balances(now: datetime) -> Report:
    """Publish again the balances that may have become stale."""
    return use_cases.sync_balances(now)


@scheduled("every 5 minutes")
def expire_holds(now: datetime) -> Report:
    """End the holds whose time is over."""
    return use_cases.expire_holds(now)


@scheduled("every 15 minutes")
def reset_cycles(now: datetime) -> Report:
    """Turn the free windows that are over."""
    return use_cases.reset_cycles(now)

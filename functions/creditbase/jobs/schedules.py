"""The scheduled functions that know nothing of Stripe: when each job runs."""

from datetime import datetime

from creditbase.jobs import use_cases
from creditbase.jobs.scheduled import scheduled


@scheduled("every 1 minutes")
def sync_balances(now: datetime) -> None:
    """Publish again the balances that may have become stale."""
    use_cases.sync_balances(now)


@scheduled("every 5 minutes")
def expire_holds(now: datetime) -> None:
    """End the holds whose time is over."""
    use_cases.expire_holds(now)


@scheduled("every 15 minutes")
def reset_cycles(now: datetime) -> None:
    """Turn the free windows that are over."""
    use_cases.reset_cycles(now)

"""The scheduled functions: when each job runs, and with what."""

from firebase_functions import scheduler_fn

from creditbase.jobs import use_cases
from creditbase.runtime import log
from creditbase.runtime.clock import now
from creditbase.runtime.settings import REGION

MEMORY_MB = 512
TIMEOUT_S = 300


@scheduler_fn.on_schedule(
    schedule="every 1 minutes",
    region=REGION,
    cpu=1,
    memory=MEMORY_MB,
    timeout_sec=TIMEOUT_S,
    max_instances=1,
)
def sync_balances(event: scheduler_fn.ScheduledEvent) -> None:
    """Publish again the balances that may have become stale."""
    del event
    log.configure()
    use_cases.sync_balances(now())


@scheduler_fn.on_schedule(
    schedule="every 5 minutes",
    region=REGION,
    cpu=1,
    memory=MEMORY_MB,
    timeout_sec=TIMEOUT_S,
    max_instances=1,
)
def expire_holds(event: scheduler_fn.ScheduledEvent) -> None:
    """End the holds whose time is over."""
    del event
    log.configure()
    use_cases.expire_holds(now())


@scheduler_fn.on_schedule(
    schedule="every 15 minutes",
    region=REGION,
    cpu=1,
    memory=MEMORY_MB,
    timeout_sec=TIMEOUT_S,
    max_instances=1,
)
def reset_cycles(event: scheduler_fn.ScheduledEvent) -> None:
    """Turn the free windows that are over."""
    del event
    log.configure()
    use_cases.reset_cycles(now())

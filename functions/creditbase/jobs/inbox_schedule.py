"""When `drain_inbox` runs. It alone of the jobs may know the key of Stripe."""

from firebase_functions import scheduler_fn

from creditbase.jobs import inbox
from creditbase.jobs.schedules import MEMORY_MB, TIMEOUT_S
from creditbase.runtime import log
from creditbase.runtime.clock import now
from creditbase.runtime.settings import REGION, STRIPE_SECRET_KEY


@scheduler_fn.on_schedule(
    schedule="every 5 minutes",
    region=REGION,
    cpu=1,
    memory=MEMORY_MB,
    timeout_sec=TIMEOUT_S,
    max_instances=1,
    secrets=[STRIPE_SECRET_KEY.name],
)
def drain_inbox(event: scheduler_fn.ScheduledEvent) -> None:
    """Handle again the events of Stripe that were stored and not finished."""
    del event
    log.configure()
    inbox.drain_inbox(now())

"""When `deliver_webhooks` runs: a developer wants to hear of things soon."""

from datetime import datetime

from creditbase.jobs import deliveries
from creditbase.jobs.scheduled import scheduled


@scheduled("every 1 minutes")
def deliver_webhooks(now: datetime) -> None:
    """Hand new events on to the projects' webhooks, and send what is due."""
    deliveries.deliver_webhooks(now)

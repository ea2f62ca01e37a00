"""When `deliver_webhooks` runs: a developer wants to hear of things soon."""

from datetime import datetime

from creditbase.jobs import deliveries
from creditbase.jobs.scheduled import scheduled
from creditbase.jobs.use_cases import Report


@scheduled("every 1 minutes")
def deliver_webhooks(now: datetime) -> Report:
    """Hand new events on to the projects' webhooks, and send what is due."""
    return deliveries.deliver_webhooks(now)

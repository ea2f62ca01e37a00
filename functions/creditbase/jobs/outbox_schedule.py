"""When `deliver_outbox` runs. It alone of the jobs may know the server that sends mail."""

from datetime import datetime

from creditbase.jobs import outbox
from creditbase.jobs.scheduled import scheduled
from creditbase.jobs.use_cases import Report
from creditbase.runtime.settings import SMTP_URL


@scheduled("every 5 minutes", secrets=[SMTP_URL.name])
def deliver_outbox(now: datetime) -> Report:
    """Send the mails that wait, or notice that nobody does."""
    return outbox.deliver_outbox(now)

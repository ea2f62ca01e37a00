"""The scheduled function of the anchors."""

from datetime import datetime

from creditbase.jobs import anchors
from creditbase.jobs.scheduled import scheduled
from creditbase.jobs.use_cases import Report


@scheduled("every 15 minutes", timeout_s=540)
def anchor_ledger(now: datetime) -> Report:
    """Make the day's anchor, or go on with it; once it is there, one read."""
    return anchors.anchor_ledger(now)

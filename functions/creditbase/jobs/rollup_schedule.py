"""The scheduled function of the roll-up: apart, for it alone loads what analytics needs."""

from datetime import datetime

from creditbase.jobs import rollup
from creditbase.jobs.scheduled import scheduled
from creditbase.jobs.use_cases import Report


@scheduled("every 15 minutes", timeout_s=540)
def roll_up_usage(now: datetime) -> Report:
    """Bring the platform's days up to now."""
    return rollup.roll_up_usage(now)

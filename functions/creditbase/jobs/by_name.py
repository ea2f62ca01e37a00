"""Every job by its name, as the command line runs them."""

from collections.abc import Callable
from datetime import datetime

from creditbase.jobs import use_cases
from creditbase.jobs.inbox import drain_inbox
from creditbase.jobs.outbox import deliver_outbox
from creditbase.jobs.use_cases import Report

JOBS: dict[str, Callable[[datetime], Report]] = {
    **use_cases.JOBS,
    "deliver-outbox": deliver_outbox,
    "drain-inbox": drain_inbox,
}


def run_job(name: str, *, now: datetime) -> Report:
    """Run a job by its name, bounded as always."""
    return JOBS[name](now)

"""The job `roll_up_usage`: platform days from the wallets that were used, every quarter hour.

Once a day it says which models and customers were sold below cost.
"""

import logging
import time
from datetime import datetime, timedelta

from creditbase.admin.analytics import find_losses
from creditbase.admin.rollup import roll_up
from creditbase.admin.rollup_store import Progress, load_progress
from creditbase.jobs.use_cases import Report
from creditbase.runtime.log import alert

log = logging.getLogger(__name__)

JOB = "roll_up_usage"
WALLETS_PER_RUN_MAX = 500_000
RUN_S_MAX = 480
"""After so many seconds no step is begun: the function ends at 540."""


def roll_up_usage(now: datetime, *, limit: int = WALLETS_PER_RUN_MAX) -> Report:
    """Bring the platform's days up to now, or as far as one run may go."""
    before = load_progress()
    swept = roll_up(now, until_s=time.monotonic() + RUN_S_MAX, limit=limit)
    report = Report(JOB, done=swept.wallets, failed=0, is_complete=swept.is_published)
    log.info("job done", extra=report.facts())
    if swept.is_published and _is_first_of_day(before, swept.progress):
        _tell_losses(swept.progress)
    return report


def _is_first_of_day(before: Progress, after: Progress) -> bool:
    assert after.as_of is not None
    return before.as_of is not None and before.as_of.date() < after.as_of.date()


def _tell_losses(progress: Progress) -> None:
    """Say what was sold below cost on the day that has just ended."""
    assert progress.as_of is not None
    date = (progress.as_of.date() - timedelta(days=1)).isoformat()
    for loss in find_losses(progress, date):
        facts = {"project": loss.project_id, "date": date}
        if loss.models:
            alert(
                "model_below_cost", "models were sold below cost", models=loss.models, **facts
            )
        if loss.customers:
            alert(
                "customer_below_cost",
                "customers cost more than they pay",
                customers=loss.customers,
                **facts,
            )

"""The job `roll_up_usage`: platform days from the wallets that were used, every quarter hour.

Once a day it says which models and customers were sold below cost.
"""

import logging
import time
from datetime import datetime, timedelta

from creditbase.admin.losses import take_untold
from creditbase.admin.rollup import roll_up
from creditbase.admin.rollup_progress import Progress, load_progress
from creditbase.jobs.use_cases import Report
from creditbase.runtime.firestore import Ambiguous, Lost
from creditbase.runtime.log import alert

log = logging.getLogger(__name__)

JOB = "roll_up_usage"
WALLETS_PER_RUN_MAX = 500_000
RUN_S_MAX = 480
"""After so many seconds no step is begun: the function ends at 540."""
NAMED_MAX = 20


def roll_up_usage(now: datetime, *, limit: int = WALLETS_PER_RUN_MAX) -> Report:
    """Bring the platform's days up to now, or as far as one run may go."""
    before = load_progress()
    swept = roll_up(now, until_s=time.monotonic() + RUN_S_MAX, limit=limit)
    progress = swept.progress
    report = Report(
        JOB, done=swept.wallets, failed=len(progress.lost), is_complete=swept.is_published
    )
    log.info("job done", extra=report.facts())
    if swept.is_published:
        _tell_lost(before, progress)
        _tell_losses(progress, now=now)
    return report


def _tell_lost(before: Progress, after: Progress) -> None:
    """Say which wallets could not be counted, when they are others than before."""
    if after.lost and after.lost != before.lost:
        alert(
            "usage_not_counted",
            "wallets could not be counted",
            wallets=after.lost[:NAMED_MAX],
            wallets_count=len(after.lost),
        )


def _tell_losses(progress: Progress, *, now: datetime) -> None:
    """Say what was sold below cost on the day that has ended last."""
    assert progress.as_of is not None
    date = (progress.as_of.date() - timedelta(days=1)).isoformat()
    try:
        found = take_untold(progress, date, now=now)
    except (Lost, Ambiguous):
        return  # another run is at it, or the next one will be
    for losses in found:
        facts = {"project": losses.project_id, "date": date}
        if losses.models:
            alert(
                "model_below_cost",
                "models were sold below cost",
                models=[it.name for it in losses.models],
                **facts,
            )
        if losses.customers:
            alert(
                "customer_below_cost",
                "customers cost more than they pay",
                customers=[it.name for it in losses.customers],
                **facts,
            )

"""Erasures that were begun and cut off, or wait until a project was told: gone on with."""

import logging
from datetime import datetime
from functools import partial

from creditbase.admin.erasing import try_again
from creditbase.admin.erasure_store import find_due_erasures
from creditbase.jobs.sparing import try_one
from creditbase.jobs.use_cases import Report

ERASURES_PER_RUN_MAX = 20

log = logging.getLogger(__name__)


def erase_customers(now: datetime) -> Report:
    """Go on with every erasure that is due, each for itself."""
    found = find_due_erasures(now, limit=ERASURES_PER_RUN_MAX)
    done = failed = 0
    for erasure in found:
        is_over = try_one(
            partial(try_again, erasure, now=now),
            otherwise=None,
            job="erase_customers",
            customer=erasure.customer_id,
        )
        done += is_over is True
        failed += is_over is None
    report = Report("erase_customers", done, failed, len(found) < ERASURES_PER_RUN_MAX)
    log.info("job done", extra=report.facts())
    return report

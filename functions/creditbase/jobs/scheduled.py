"""What all scheduled functions share: one place, one instance, one way to begin."""

import functools
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from firebase_functions import scheduler_fn

from creditbase.admin.runs_store import Run, keep_run
from creditbase.jobs.use_cases import Report
from creditbase.runtime import log
from creditbase.runtime.clock import now
from creditbase.runtime.settings import REGION

MEMORY_MB = 512
TIMEOUT_S = 300

Job = Callable[[datetime], Report]


def scheduled(
    schedule: str, *, secrets: Sequence[str] = (), timeout_s: int = TIMEOUT_S
) -> Callable[[Job], Any]:
    """Return what makes a scheduled function of a job; it is given the instant of its run."""

    def deploy(job: Job) -> Any:
        @scheduler_fn.on_schedule(
            schedule=schedule,
            region=REGION,
            cpu=1,
            memory=MEMORY_MB,
            timeout_sec=timeout_s,
            max_instances=1,
            secrets=list(secrets),
        )
        @functools.wraps(job)
        def run(event: scheduler_fn.ScheduledEvent) -> None:
            del event
            log.configure()
            at = now()
            keep_report(job(at), at)

        return run

    return deploy


def keep_report(report: Report, at: datetime) -> None:
    """Keep what a run did, where operators see it."""
    run = Run(
        job=report.job,
        at=at,
        done=report.done,
        failed=report.failed,
        is_complete=report.is_complete,
        facts=report.facts(),
    )
    keep_run(run, is_smooth=report.is_smooth)

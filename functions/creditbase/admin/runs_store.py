"""What the last run of each job did: `job_runs/{name}`, and `{name}:trouble`.

Nobody else spells this path. The second is of the last run that was not smooth, so that it can
still be seen after the smooth ones that followed.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import Ambiguous, Lost, Put, Snapshot, commit, get_all

log = logging.getLogger(__name__)

TROUBLE = ":trouble"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of a job: when it was, and what it reported."""

    job: str
    at: datetime
    done: int
    failed: int
    is_complete: bool
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Runs:
    """The last run of a job, and the last one that was not smooth; each if there was one."""

    job: str
    last: Run | None
    trouble: Run | None


def keep_run(run: Run, *, is_smooth: bool) -> None:
    """Keep what a run did, in place of the one before. A run never fails for it."""
    fields = {
        "job": run.job,
        "at": run.at,
        "done": run.done,
        "failed": run.failed,
        "is_complete": run.is_complete,
        "facts": dict(run.facts),
    }
    names = [run.job] if is_smooth else [run.job, run.job + TROUBLE]
    try:
        commit([Put(_path(name), fields) for name in names])
    except (Ambiguous, Lost):
        log.warning("what a job did is not written down", extra={"job": run.job})


def load_runs(jobs: list[str]) -> list[Runs]:
    """Return the runs of these jobs, in the order asked; one RPC."""
    found = get_all([_path(job + suffix) for suffix in ("", TROUBLE) for job in jobs])
    lasts, troubles = found[: len(jobs)], found[len(jobs) :]
    return [
        Runs(job, _run(last), _run(trouble))
        for job, last, trouble in zip(jobs, lasts, troubles, strict=True)
    ]


def _run(snapshot: Snapshot) -> Run | None:
    return None if snapshot.fields is None else Run(**snapshot.fields)


def _path(name: str) -> str:
    return f"job_runs/{name}"

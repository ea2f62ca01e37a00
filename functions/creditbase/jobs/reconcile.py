"""The job `reconcile_stripe`: our state held against Stripe's own lists, and repaired.

Whatever was never delivered, or told to nobody at all, is found in the lists of what there
is. A run passes over all of them, as far back as the last complete pass had seen, however long
ago that was; the first one thirty days, for so long Stripe keeps its events. Where it stops, or
is killed, the next goes on.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta

from creditbase.jobs.sparing import try_one
from creditbase.jobs.store import Progress, Sweep, load_progress, step_to
from creditbase.jobs.use_cases import Report
from creditbase.kernel.errors import NotFound
from creditbase.kernel.records import dataclass
from creditbase.payments.reconciling import (
    KINDS,
    LISTS,
    Candidate,
    Verdict,
    candidates_of,
    judge,
    list_page,
)
from creditbase.runtime.log import alert

log = logging.getLogger(__name__)

JOB = "reconcile_stripe"
CANDIDATES_PER_RUN_MAX = 5_000
RUN_S_MAX = 480
"""After so many seconds nothing else is begun: the function ends at 540."""
REACH = timedelta(days=30)
"""How far back the first pass looks, and how long Stripe keeps events."""
OVERLAP = timedelta(days=1)
"""How far a pass reaches behind the start of the last one."""
RECENT = timedelta(hours=1)
"""A pass that was begun so lately has seen enough."""
IN_FLIGHT = timedelta(minutes=10)
"""What was made so lately may still be on its way to us: no reason to call anybody."""
IDS_MAX = 100
"""How many ids of a kind are named; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(Report):
    """What differed from Stripe, by kind; repaired, unless it was only looked for."""

    differing: Mapping[str, tuple[str, ...]]
    unknown: tuple[str, ...]
    """Ids of what claims to be ours and cannot be: for a person."""
    unfinished: tuple[str, ...]
    """Ids of what could not be looked at; the next run does."""
    foreign: int
    """How much belongs to other applications on the account."""
    is_repaired: bool

    @property
    def is_smooth(self) -> bool:
        """Return whether nothing differed, and everything could be looked at."""
        return self.done == 0 and self.failed == 0

    def facts(self) -> dict[str, object]:
        """Return the report as plain values: counts of all, names of the first."""
        return {
            "job": self.job,
            "repaired": self.is_repaired,
            "complete": self.is_complete,
            "drift": {kind: len(ids) for kind, ids in self.differing.items()},
            "ids": {kind: ids[:IDS_MAX] for kind, ids in self.differing.items() if ids},
            "unknown": self.unknown[:IDS_MAX],
            "unfinished": self.unfinished[:IDS_MAX],
            "foreign": self.foreign,
        }


@dataclass
class _Run:
    """A run: what it found, and how much it may still do."""

    repairs: bool
    now: datetime
    left: int
    until_s: float
    differing: dict[str, list[str]] = field(default_factory=lambda: {k: [] for k in KINDS})
    unknown: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    foreign: int = 0
    is_alarming: bool = False
    """Whether something differs that was not made just now."""

    @property
    def is_spent(self) -> bool:
        """Return whether nothing else may be begun."""
        return self.left <= 0 or time.monotonic() >= self.until_s

    def look_at(self, candidate: Candidate) -> None:
        """Judge one candidate and keep the verdict. What fails stops nobody behind it."""
        self.left -= 1
        verdict: Verdict | None = try_one(
            lambda: judge(candidate, repairs=self.repairs, now=self.now),
            otherwise=None,
            job=JOB,
            kind=candidate.kind,
            stripe_object=candidate.object_id,
        )
        if verdict is None:
            self.unfinished.append(candidate.object_id)
        elif verdict == "differs":
            self.differing[candidate.kind].append(candidate.object_id)
            age_s = self.now.timestamp() - candidate.made_at_s
            self.is_alarming = self.is_alarming or age_s > IN_FLIGHT.total_seconds()
        elif verdict == "unknown":
            self.unknown.append(candidate.object_id)
        elif verdict == "foreign":
            self.foreign += 1


def reconcile_stripe(
    now: datetime,
    *,
    is_dry: bool = False,
    is_full: bool = False,
    limit: int = CANDIDATES_PER_RUN_MAX,
) -> Drift:
    """Compare with Stripe and repair; or only compare. `is_full` looks back all the way.

    Raises:
        Unavailable: Stripe or the store does not answer; what was done so far is kept.
    """
    run = _Run(not is_dry, now, limit, time.monotonic() + RUN_S_MAX)
    progress = load_progress(JOB)
    if is_dry or is_full:
        progress = replace(progress, sweep=_begin(progress, now, is_full=is_full))
    is_complete = _sweep(run, progress)
    differing = {kind: tuple(dict.fromkeys(ids)) for kind, ids in run.differing.items()}
    report = Drift(
        job=JOB,
        done=sum(len(ids) for ids in differing.values()),
        failed=len(run.unfinished),
        is_complete=is_complete,
        differing=differing,
        unknown=tuple(dict.fromkeys(run.unknown)),
        unfinished=tuple(dict.fromkeys(run.unfinished)),
        foreign=run.foreign,
        is_repaired=run.repairs,
    )
    log.info("job done", extra=report.facts())
    if run.repairs and (run.is_alarming or report.unknown or report.failed):
        alert("stripe_drift", "Stripe and the store differed", **report.facts())
    return report


def _sweep(run: _Run, progress: Progress) -> bool:
    """Go on with the pass that is under way, or begin one; return whether one is complete.

    A pass that was begun long ago is followed by one of our own: more has happened since.
    """
    while True:
        sweep = progress.sweep or _begin(progress, run.now)
        is_recent = run.now - sweep.begun_at < RECENT
        progress = replace(progress, sweep=sweep)
        while progress.sweep is not None:
            step = _step(run, progress.sweep)
            if step is None:
                return False
            ended = not step.list_name
            seen_at = progress.seen_at
            if ended and not step.has_failed:
                seen_at = step.begun_at
            progress = replace(progress, seen_at=seen_at, sweep=None if ended else step)
            if run.repairs:
                progress = step_to(JOB, progress, run.now)
        if is_recent:
            return True


def _begin(progress: Progress, now: datetime, *, is_full: bool = False) -> Sweep:
    first = next(iter(LISTS))
    return Sweep(begun_at=now, since_at=None if is_full else progress.seen_at, list_name=first)


def _step(run: _Run, sweep: Sweep) -> Sweep | None:
    """Look at one page and return where the next is; None where the run is over before."""
    since = run.now - REACH
    if sweep.since_at is not None and sweep.list_name != "undelivered":
        since = sweep.since_at - OVERLAP
    try:
        page = list_page(sweep.list_name, since=since, after_id=sweep.after_id)
    except NotFound:
        if not sweep.after_id:
            raise
        return replace(sweep, after_id="")  # what was last seen is gone: from the top again
    sifted = candidates_of(sweep.list_name, page.shown)
    failed_before = len(run.unfinished)
    for candidate in sifted.candidates:
        if run.is_spent:
            return None
        run.look_at(candidate)
    run.foreign += sifted.foreign
    run.unknown += sifted.unknown
    has_failed = sweep.has_failed or len(run.unfinished) > failed_before
    if page.after_id:
        return replace(sweep, after_id=page.after_id, has_failed=has_failed)
    lists = [*LISTS, ""]
    following = lists[lists.index(sweep.list_name) + 1]
    return replace(sweep, list_name=following, after_id="", has_failed=has_failed)

"""How far a job has come that needs more than one run: `jobs/{name}`.

Nobody else spells this path. Every step is conditioned on the one before it, so of two
instances one is first, and the other goes on from there.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import (
    Ambiguous,
    Create,
    Lost,
    Update,
    Version,
    Write,
    commit,
    get_all,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A pass over all lists that is under way: where it is, and from when on it looks."""

    begun_at: datetime
    since_at: datetime | None
    """As far as the pass before it had seen; None for the first."""
    list_name: str
    after_id: str = ""
    has_failed: bool = False
    """Whether something could not be looked at, so that the next one must look again."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come. `seen_at` is when the last complete pass began."""

    seen_at: datetime | None = None
    sweep: Sweep | None = None
    version: Version | None = None
    """None where nothing is written yet."""


def load_progress(job: str) -> Progress:
    """Return how far the job has come."""
    snapshot = get_all([_path(job)])[0]
    if snapshot.fields is None:
        return Progress()
    kept = snapshot.fields["sweep"]
    return Progress(
        snapshot.fields["seen_at"], None if kept is None else Sweep(**kept), snapshot.version
    )


def step_to(job: str, progress: Progress, now: datetime) -> Progress:
    """Keep how far the job has come; or return how far somebody else has brought it."""
    fields: dict[str, Any] = {
        "seen_at": progress.seen_at,
        "sweep": None if progress.sweep is None else asdict(progress.sweep),
        "updated_at": now,
    }
    write: Write = (
        Create(_path(job), fields)
        if progress.version is None
        else Update(
            _path(job), {(name,): value for name, value in fields.items()}, progress.version
        )
    )
    try:
        version = commit([write])
    except (Lost, Ambiguous):
        return load_progress(job)
    return Progress(progress.seen_at, progress.sweep, version)


def _path(job: str) -> str:
    return f"jobs/{job}"

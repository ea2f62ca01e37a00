"""How far `verify_ledger` has come: `jobs/verify_ledger`. ADR 0033.

Nobody else spells this path. Every step is conditioned on the one before it, so of two
instances one is first, and the other ends.
"""

from dataclasses import asdict, replace
from datetime import datetime

from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import (
    Create,
    Snapshot,
    Update,
    Version,
    Write,
    commit,
    get_all,
)

JOB = "jobs/verify_ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at the wallets that changed: since when, and how far it is."""

    as_of: datetime
    since: datetime
    shard: int = 0
    after_at: datetime | None = None
    after_path: str = ""
    has_failed: bool = False

    @property
    def after(self) -> tuple[datetime, str] | None:
        """Return where the next page begins; None at the beginning of a shard."""
        return None if self.after_at is None else (self.after_at, self.after_path)

    def in_next_shard(self) -> "Look":
        """Return the look at the beginning of the next shard."""
        return replace(self, shard=self.shard + 1, after_at=None, after_path="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A round of all wallets, each proved from its first entry: where it is."""

    begun_at: datetime
    project_id: str = ""
    customer_id: str = ""
    wallets: int = 0
    broken: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyProgress:
    """What was verified until when, and what is under way."""

    looked_at: datetime | None = None
    """Wallets that changed until then were looked at."""
    look: Look | None = None
    rounded_at: datetime | None = None
    """When the last complete round ended, with how many wallets, and how many broken."""
    rounded_wallets: int = 0
    rounded_broken: int = 0
    round_begun_at: datetime | None = None
    round: Round | None = None
    version: Version | None = None


def load_verify_progress() -> VerifyProgress:
    """Return how far the job has come; one read."""
    return verify_progress_of(get_all([JOB])[0])


def verify_progress_of(snapshot: Snapshot) -> VerifyProgress:
    """Return the progress of its document."""
    fields = snapshot.fields
    if fields is None:
        return VerifyProgress()
    look, turn = fields["look"], fields["round"]
    return VerifyProgress(
        **{
            **fields,
            "look": None if look is None else Look(**look),
            "round": None if turn is None else Round(**turn),
            "version": snapshot.version,
        }
    )


def commit_progress(old: VerifyProgress, new: VerifyProgress) -> VerifyProgress:
    """Commit how far the job is, on the condition that nobody else has gone on; return it.

    Raises:
        Lost: somebody has.
        Ambiguous: nobody knows.
    """
    fields = asdict(new)
    del fields["version"]
    write: Write = (
        Create(JOB, fields)
        if old.version is None
        else Update(JOB, {(name,): it for name, it in fields.items()}, old.version)
    )
    return replace(new, version=commit([write]))

"""How far `roll_up_usage` has come: what is published, and the sweep under way. ADR 0027.

One document says it, and every commit of the roll-up is conditioned on it; so whatever else a
step reads cannot change behind its back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, field, replace
from datetime import datetime
from typing import Any

from creditbase.admin.domain.kept import Published
from creditbase.kernel.records import dataclass
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Create, Snapshot, Update, Version, Write

JOB = "jobs/roll_up_usage"
LOST_NAMED_MAX = 200
"""So many wallets that cannot be counted are kept by name, to be looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep under way: its number, the instant it reads at, and how far it is.

    `as_of` is the product's clock at that instant, `read_at` the store's. `after_at` and
    `after_path` are where the last page of the shard ended. `lost` are wallets that could not
    be counted, the first of them by their paths. One that was `renewed` has gone on at a
    later instant, and is of none.
    """

    number: int
    as_of: datetime
    read_at: datetime
    since: datetime
    shard: int = 0
    after_at: datetime | None = None
    after_path: str = ""
    lost: tuple[str, ...] = ()
    lost_count: int = 0
    is_renewed: bool = False

    @property
    def after(self) -> tuple[datetime, str] | None:
        """Return where the next page begins; None at the beginning of a shard."""
        return None if self.after_at is None else (self.after_at, self.after_path)

    def past(self, place: tuple[datetime, str]) -> "Sweep":
        """Return the sweep behind a place of its shard."""
        return replace(self, after_at=place[0], after_path=place[1])

    def in_next_shard(self) -> "Sweep":
        """Return the sweep at the beginning of the next shard."""
        return replace(self, shard=self.shard + 1, after_at=None, after_path="")

    def without(self, lost: Collection[str]) -> "Sweep":
        """Return the sweep with wallets that it has to leave out."""
        more = sorted(set(lost) - set(self.lost))
        kept = (*self.lost, *more)[:LOST_NAMED_MAX]
        return replace(self, lost=kept, lost_count=self.lost_count + len(more))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the roll-up has come: what is published, and the sweep under way."""

    published: Published = field(default_factory=Published)
    as_of: datetime | None = None
    """The instant that published values are of; None before the first."""
    read_at: datetime | None = None
    is_exact: bool = True
    """Whether they are the ledger's sums at that instant, every wallet's."""
    lost: tuple[str, ...] = ()
    """Paths of wallets that could not be counted, the first of them."""
    since: datetime | None = None
    """From when on the next sweep is to look, where that is earlier than it would."""
    told: str = ""
    """The newest day whose losses were told."""
    sweep: Sweep | None = None
    version: Version | None = None
    seen_at: datetime | None = None
    """The store's own time when this was read."""


def load_progress(*, read_at: datetime | None = None) -> Progress:
    """Return how far the roll-up has come, now or at an earlier instant; one read."""
    return progress_of(firestore.get_all([JOB], read_at=read_at)[0])


def progress_of(snapshot: Snapshot) -> Progress:
    """Return the progress of its document."""
    fields = snapshot.fields
    if fields is None:
        return Progress(seen_at=snapshot.read_at)
    kept = fields["sweep"]
    return Progress(
        published=Published(fields["number"], tuple(fields["given_up"])),
        as_of=fields["as_of"],
        read_at=fields["read_at"],
        is_exact=fields["is_exact"],
        lost=tuple(fields["lost"]),
        since=fields["since"],
        told=fields["told"],
        sweep=None if kept is None else Sweep(**{**kept, "lost": tuple(kept["lost"])}),
        version=snapshot.version,
        seen_at=snapshot.read_at,
    )


def commit_step(old: Progress, new: Progress, writes: Sequence[Write] = ()) -> Progress:
    """Commit a step, on the condition that nobody else has taken one since; return it.

    Raises:
        Lost: somebody has.
        Ambiguous: nobody knows; read again.
    """
    fields: dict[str, Any] = {
        "number": new.published.number,
        "given_up": list(new.published.given_up),
        "as_of": new.as_of,
        "read_at": new.read_at,
        "is_exact": new.is_exact,
        "lost": list(new.lost),
        "since": new.since,
        "told": new.told,
        "sweep": _write_sweep(new.sweep),
    }
    step: Write = (
        Create(JOB, fields)
        if old.version is None
        else Update(JOB, {(name,): it for name, it in fields.items()}, old.version)
    )
    return replace(new, version=firestore.commit([step, *writes]))


def _write_sweep(sweep: Sweep | None) -> Mapping[str, Any] | None:
    return None if sweep is None else {**asdict(sweep), "lost": list(sweep.lost)}

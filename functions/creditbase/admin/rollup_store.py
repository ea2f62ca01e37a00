"""Where the roll-up keeps what it has found: its progress, marks, platform days, months.

All of it belongs to `roll_up_usage` alone, and every commit of that is conditioned on its
progress; so whatever else a step reads cannot change behind its back. ADR 0027.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from creditbase.admin.domain.kept import Kept, Published
from creditbase.admin.domain.rolling import NOTHING_MARKED, Cells, DayUse, total_of
from creditbase.ledger.domain.wallet import DayCount, Tally
from creditbase.ledger.encoding import (
    read_closed_day,
    write_closed_day,
    write_tally,
)
from creditbase.ledger.paths import WalletRef
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Create, Put, Snapshot, Update, Version, Write

JOB = "jobs/roll_up_usage"
PROJECTS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep under way: its number, the instant it reads at, and how far it is.

    `as_of` is the product's clock at that instant, `read_at` the store's. `after_at` and
    `after_path` are where the last page of the shard ended.
    """

    number: int
    as_of: datetime
    read_at: datetime
    since: datetime
    shard: int = 0
    after_at: datetime | None = None
    after_path: str = ""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the roll-up has come: what is published, and the sweep under way."""

    published: Published = field(default_factory=Published)
    as_of: datetime | None = None
    """The instant that published values are of; None before the first."""
    read_at: datetime | None = None
    sweep: Sweep | None = None
    version: Version | None = None
    seen_at: datetime | None = None
    """The store's own time when this was read."""


def load_progress() -> Progress:
    """Return how far the roll-up has come; one read."""
    return progress_of(firestore.get_all([JOB])[0])


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
        sweep=None if kept is None else Sweep(**kept),
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
        "sweep": None if new.sweep is None else asdict(new.sweep),
    }
    step: Write = (
        Create(JOB, fields)
        if old.version is None
        else Update(JOB, {(name,): it for name, it in fields.items()}, old.version)
    )
    return replace(new, version=firestore.commit([step, *writes]))


# ---- marks -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a customer's days have been counted. The ordinal is None before the first."""

    ref: WalletRef
    ordinal: int | None
    day: Kept[DayCount]


def mark_path(ref: WalletRef) -> str:
    """Return the path of a customer's mark."""
    return f"projects/{ref.project_id}/usage_marks/{ref.customer_id}"


def load_marks(refs: Sequence[WalletRef]) -> tuple[Progress, list[Mark]]:
    """Return the marks of customers, and the progress of the same instant; one RPC."""
    job, *found = firestore.get_all([JOB, *map(mark_path, refs)])
    return progress_of(job), [_mark(ref, it) for ref, it in zip(refs, found, strict=True)]


def _mark(ref: WalletRef, snapshot: Snapshot) -> Mark:
    fields = snapshot.fields
    if fields is None:
        return Mark(ref, None, Kept(NOTHING_MARKED, NOTHING_MARKED))
    now, before = read_closed_day(fields["now"]), read_closed_day(fields["before"])
    return Mark(ref, fields["ordinal"], Kept(now, before, fields["sweep"]))


def write_of_mark(mark: Mark) -> Put:
    """Return the write of a mark."""
    fields = {
        "ordinal": mark.ordinal,
        "sweep": mark.day.sweep,
        "now": write_closed_day(mark.day.now),
        "before": write_closed_day(mark.day.before),
    }
    return Put(mark_path(mark.ref), fields)


# ---- days of a project, months of a customer, how many customers have an ordinal -------------


@dataclass(frozen=True, slots=True, order=True)
class DayName:
    """A UTC day of a project."""

    project_id: str
    date: str

    @property
    def path(self) -> str:
        """Return the document's path."""
        return f"platform_days/{self.project_id}:{self.date}"


@dataclass(frozen=True, slots=True)
class MonthName:
    """A calendar month (UTC) of a customer."""

    ref: WalletRef
    month: str

    @property
    def path(self) -> str:
        """Return the document's path."""
        return (
            f"projects/{self.ref.project_id}/usage_months/{self.month}:{self.ref.customer_id}"
        )


def ordinals_path(project_id: str) -> str:
    """Return the path of the count of a project's customers that have an ordinal."""
    return f"platform_ordinals/{project_id}"


@dataclass(slots=True)
class Platform:
    """The documents that a step changes, as it found them and as they are to be."""

    days: dict[DayName, Kept[DayUse]]
    months: dict[MonthName, Kept[Tally]]
    ordinals: dict[str, int]

    def writes(self, changed: "Changed") -> list[Write]:
        """Return the writes of what was changed."""
        return [
            *(_write_day(name, self.days[name]) for name in sorted(changed.days)),
            *(_write_month(name, self.months[name]) for name in changed.months),
            *(
                Put(ordinals_path(project_id), {"count": self.ordinals[project_id]})
                for project_id in sorted(changed.projects)
            ),
        ]


@dataclass(slots=True)
class Changed:
    """What of the platform's documents a step has changed."""

    days: set[DayName]
    months: dict[MonthName, None]
    projects: set[str]


def load_platform(days: Sequence[DayName], months: Sequence[MonthName]) -> Platform:
    """Return the documents that a step changes; one RPC."""
    projects = sorted({name.project_id for name in days})
    paths = [name.path for name in days] + [name.path for name in months]
    found = firestore.get_all([*paths, *map(ordinals_path, projects)])
    counts = found[len(paths) :]
    return Platform(
        days={name: read_day(it) for name, it in zip(days, found, strict=False)},
        months={
            name: read_month(it) for name, it in zip(months, found[len(days) :], strict=False)
        },
        ordinals={
            project_id: 0 if it.fields is None else it.fields["count"]
            for project_id, it in zip(projects, counts, strict=True)
        },
    )


def load_days(
    project_id: str, dates: Sequence[str]
) -> tuple[Progress, dict[str, Kept[DayUse]]]:
    """Return the days of a project, with the progress of the same instant; one RPC."""
    names = [DayName(project_id, date) for date in dates]
    job, *found = firestore.get_all([JOB, *(name.path for name in names)])
    days = {it.date: read_day(day) for it, day in zip(names, found, strict=True) if day.exists}
    return progress_of(job), days


def read_day(snapshot: Snapshot) -> Kept[DayUse]:
    """Return a platform day; nothing was used where there is none."""
    if snapshot.fields is None:
        return Kept(DayUse(), DayUse())
    fields = snapshot.fields
    return Kept(_read_use(fields["now"]), _read_use(fields["before"]), fields["sweep"])


def _write_day(name: DayName, day: Kept[DayUse]) -> Put:
    fields = {
        "project_id": name.project_id,
        "date": name.date,
        "sweep": day.sweep,
        "now": _write_use(name.date, day.now),
        "before": _write_use(name.date, day.before),
    }
    return Put(name.path, fields)


def _write_use(date: str, use: DayUse) -> Mapping[str, Any]:
    cells = write_closed_day(DayCount(date, use.cells))["models"]
    return {"models": cells, "active": write_bitmap(use.active)}


def _read_use(fields: Mapping[str, Any]) -> DayUse:
    cells: Cells = read_closed_day({"date": "", "models": fields["models"]}).cells
    return DayUse(cells, read_bitmap(fields["active"]))


def write_bitmap(bits: int) -> bytes:
    """Return a set of ordinals as bytes: the lowest first, compressed."""
    return zlib.compress(bits.to_bytes((bits.bit_length() + 7) // 8, "little"), 1)


def read_bitmap(written: bytes) -> int:
    """Return the set of ordinals of those bytes."""
    return int.from_bytes(zlib.decompress(written), "little")


def read_month(snapshot: Snapshot) -> Kept[Tally]:
    """Return a customer's month; nothing was used where there is none."""
    if snapshot.fields is None:
        return Kept(Tally(), Tally())
    fields = snapshot.fields
    return Kept(Tally(**fields["now"]), Tally(**fields["before"]), fields["sweep"])


def _write_month(name: MonthName, month: Kept[Tally]) -> Put:
    fields = {
        "month": name.month,
        "customer_id": name.ref.customer_id,
        "margin_nanos": month.now.received_nanos - month.now.cost_nanos,
        "sweep": month.sweep,
        "now": write_tally(month.now),
        "before": write_tally(month.before),
    }
    return Put(name.path, fields)


def find_months(
    project_id: str, month: str, *, after: tuple[int, str] | None, limit: int
) -> list[Snapshot]:
    """Return customers' months of a project, those that lost the most money first."""
    place = None
    if after is not None:
        margin_nanos, customer_id = after
        ref = WalletRef(project_id, customer_id)
        place = (margin_nanos, MonthName(ref, month).path)
    return firestore.query(
        f"projects/{project_id}/usage_months",
        where=[("month", "==", month)],
        order_by="margin_nanos",
        limit=limit,
        after=place,
    )


def days_of_all(date: str) -> list[tuple[DayName, Kept[DayUse]]]:
    """Return a day of every project that was used on it; the first thousand."""
    found = firestore.query("platform_days", where=[("date", "==", date)], limit=PROJECTS_MAX)
    return [
        (DayName(it.fields["project_id"], date), read_day(it))
        for it in found
        if it.fields is not None
    ]


def month_sum(added: Mapping[str, Cells], month: str) -> Tally:
    """Return what of the added days belongs to a month."""
    total = Tally()
    for date, cells in added.items():
        if date.startswith(month):
            total = total.joined(total_of(cells))
    return total

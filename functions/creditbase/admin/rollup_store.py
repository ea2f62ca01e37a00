"""Where the roll-up keeps what it has found: marks, platform days, months. ADR 0027."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from creditbase.admin.domain.economics import loss_nanos
from creditbase.admin.domain.kept import Kept
from creditbase.admin.domain.rolling import NOTHING_MARKED, Cells, DayUse, total_of
from creditbase.admin.rollup_progress import JOB, Progress, progress_of
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.wallet import DayCount, Tally
from creditbase.ledger.encoding import read_closed_day, write_closed_day, write_tally
from creditbase.ledger.paths import WalletRef
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Put, Snapshot, Write

PROJECTS_MAX = 1_000


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
    """Return the marks of customers, and the progress of the same instant; one RPC.

    The marks are ours alone: one that cannot be read stops the roll-up.
    """
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
        "loss_nanos": loss_nanos(month.now),
        "sweep": month.sweep,
        "now": write_tally(month.now),
        "before": write_tally(month.before),
    }
    return Put(name.path, fields)


def find_months(
    project_id: str,
    month: str,
    *,
    after: tuple[int, str] | None,
    limit: int,
    read_at: datetime | None,
) -> list[Snapshot]:
    """Return customers' months of a project, those with the least margin first.

    They are as they were at an instant of the store's, so that no page misses what moves.
    """
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
        read_at=read_at,
    )


def count_months(project_id: str, month: str) -> int:
    """Return how many customers of a project have used anything in a month."""
    return firestore.count_documents(
        f"projects/{project_id}/usage_months", where=[("month", "==", month)]
    )


def find_losing_months(project_id: str, month: str, *, limit: int) -> list[Snapshot]:
    """Return customers' months of a project that are below cost, the largest loss first."""
    return firestore.query(
        f"projects/{project_id}/usage_months",
        where=[("month", "==", month), ("loss_nanos", ">", 0)],
        order_by="loss_nanos",
        is_newest_first=True,
        limit=limit,
    )


def projects_used_on(date: str) -> list[str]:
    """Return the projects in which a day was used; the first thousand."""
    found = firestore.query(
        "platform_days", where=[("date", "==", date)], limit=PROJECTS_MAX, only=["project_id"]
    )
    return [it.fields["project_id"] for it in found if it.fields is not None]


# ---- how many bytes --------------------------------------------------------------------------


def bytes_of(writes: Sequence[Write]) -> int:
    """Return about how many bytes documents take, as Firestore counts them."""
    return sum(_bytes(it.path) + _bytes(it.fields) for it in writes if isinstance(it, Put))


def _bytes(value: object) -> int:
    match value:
        case str():
            return len(value.encode()) + 1
        case bytes():
            return len(value)
        case Mapping():
            return sum(_bytes(key) + _bytes(part) for key, part in value.items())
        case _:
            return 8


def month_sum(added: Mapping[str, Cells], month: str) -> Tally:
    """Return what of the added days belongs to a month."""
    total = Tally()
    for date, cells in added.items():
        if date.startswith(month):
            total = total.joined(total_of(cells))
    return total

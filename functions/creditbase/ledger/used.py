"""Which wallets were used since an instant, and on which days: what the roll-up reads.

A commit that counts a request, or writes any entry, says in `used_at` in which quarter of an
hour that was. So the index of it is written at most once in a quarter of an hour by each
wallet, however much it spends, and is spread over shards. It may be asked as of an earlier
instant of the store's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from datetime import date, datetime, timedelta

from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.wallet import DayCount, Wallet
from creditbase.ledger.encoding import read_closed_day
from creditbase.ledger.paths import WalletRef, wallet_ref_of
from creditbase.runtime import firestore
from creditbase.runtime.firestore import Snapshot

USED_AT = "used_at"
BUCKET = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Used:
    """A wallet that was used, its running day, and where the next page of such begins.

    The day is None where it cannot be read: somebody wrote into it.
    """

    ref: WalletRef
    today: DayCount | None
    place: tuple[datetime, str]


def used_bucket(at: datetime) -> datetime:
    """Return when the quarter of an hour began that an instant is in."""
    return at - timedelta(
        minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond
    )


def is_used_since(old: Wallet, new: Wallet, closed: Sequence[DayCount]) -> bool:
    """Return whether a step counted anything, in the running day or in one that it closed."""
    days = [*closed, new.today]
    return any(day.cells and day.cells is not old.today.cells for day in days)


def find_used(
    *,
    shard: int,
    since: datetime,
    after: tuple[datetime, str] | None,
    limit: int,
    read_at: datetime,
) -> list[Used]:
    """Return wallets of a shard that were used since, as they were at an instant."""
    found = firestore.query(
        "wallets",
        where=[("shard", "==", shard), ("used_at", ">=", used_bucket(since))],
        order_by="used_at",
        limit=limit,
        is_group=True,
        only=["used_at", "state.today"],
        after=after,
        read_at=read_at,
    )
    return [_used(snapshot) for snapshot in found]


def find_moved(
    *, shard: int, since: datetime, after: tuple[datetime, str] | None, limit: int
) -> list[tuple[WalletRef, tuple[datetime, str]]]:
    """Return wallets of a shard that got an entry since, each with where the next page begins.

    Asked of the same index as `find_used`, so that it costs a wallet nothing more.
    """
    found = firestore.query(
        "wallets",
        where=[("shard", "==", shard), ("used_at", ">=", used_bucket(since))],
        order_by="used_at",
        limit=limit,
        is_group=True,
        only=["used_at"],
        after=after,
    )
    return [
        (wallet_ref_of(it.path), (it.fields[USED_AT], it.path))
        for it in found
        if it.fields is not None
    ]


def load_used(paths: Sequence[str], *, read_at: datetime) -> list[Used]:
    """Return wallets by their paths, those that are still there; one RPC."""
    found = firestore.get_all(paths, only=["used_at", "state.today"], read_at=read_at)
    return [_used(snapshot) for snapshot in found if snapshot.exists] if paths else []


def _used(snapshot: firestore.Snapshot) -> Used:
    fields = snapshot.fields
    assert fields is not None
    state = fields.get("state")
    today = _day_or_none(state.get("today") if isinstance(state, Mapping) else None)
    place = (fields[USED_AT], snapshot.path)
    return Used(wallet_ref_of(snapshot.path), today, place)


def _day_or_none(fields: object) -> DayCount | None:
    """Return the day of those fields; None where they are not what we write."""
    try:
        if not isinstance(fields, Mapping):
            return None
        day = read_closed_day(fields)
        date.fromisoformat(day.date)
        counts = [count for tally in day.cells.values() for count in astuple(tally)]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return day if all(type(count) is int and count >= 0 for count in counts) else None


Days = list[DayCount]


def load_days_named(
    wanted: Mapping[WalletRef, Sequence[str]], *, read_at: datetime
) -> dict[WalletRef, Days | None]:
    """Return those of the named days that are closed, of many wallets, by one RPC.

    None for a wallet of which a day cannot be read.
    """
    asked = [(ref, name) for ref, names in wanted.items() for name in names]
    found: dict[WalletRef, list[Snapshot]] = {ref: [] for ref in wanted}
    if asked:
        days = firestore.get_all([ref.day(name) for ref, name in asked], read_at=read_at)
        for (ref, _), snapshot in zip(asked, days, strict=True):
            found[ref].append(snapshot)
    return {ref: _days(snapshots) for ref, snapshots in found.items()}


def load_days_after(
    ref: WalletRef, after: str, *, limit: int, read_at: datetime
) -> Days | None:
    """Return the closed days of a wallet after one, the oldest first; one query.

    None where one of them cannot be read.
    """
    found = firestore.page_of(f"{ref.wallet}/usage", after=after, limit=limit, read_at=read_at)
    return _days(found)


def _days(found: Iterable[Snapshot]) -> Days | None:
    read = [_day_or_none(day.fields) for day in found if day.exists]
    days = [day for day in read if day is not None]
    return days if len(days) == len(read) else None

"""Which wallets were used since an instant, and on which days: what the roll-up reads.

A commit that counts a request says in `used_at` in which quarter of an hour that was. So the
index of it is written at most once in a quarter of an hour by each wallet, however much it
spends, and is spread over shards. It may be asked as of an earlier instant of the store's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from creditbase.ledger.domain.wallet import DayCount, Wallet
from creditbase.ledger.encoding import read_closed_day
from creditbase.ledger.paths import WalletRef, wallet_ref_of
from creditbase.runtime import firestore

USED_AT = "used_at"
BUCKET = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Used:
    """A wallet that was used, its running day, and where the next page of such begins."""

    ref: WalletRef
    today: DayCount
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


def _used(snapshot: firestore.Snapshot) -> Used:
    assert snapshot.fields is not None
    today = read_closed_day(snapshot.fields["state"]["today"])
    return Used(wallet_ref_of(snapshot.path), today, (snapshot.fields[USED_AT], snapshot.path))


def load_days_named(
    wanted: Mapping[WalletRef, Sequence[str]], *, read_at: datetime
) -> dict[WalletRef, list[DayCount]]:
    """Return those of the named days that are closed, of many wallets, by one RPC."""
    asked = [(ref, date) for ref, dates in wanted.items() for date in dates]
    days: dict[WalletRef, list[DayCount]] = {ref: [] for ref in wanted}
    if not asked:
        return days
    found = firestore.get_all([ref.day(date) for ref, date in asked], read_at=read_at)
    for (ref, _), snapshot in zip(asked, found, strict=True):
        if snapshot.fields is not None:
            days[ref].append(read_closed_day(snapshot.fields))
    return days


def load_days_after(
    ref: WalletRef, date: str, *, limit: int, read_at: datetime
) -> list[DayCount]:
    """Return the closed days of a wallet after a date, the oldest first; one query."""
    found = firestore.page_of(f"{ref.wallet}/usage", after=date, limit=limit, read_at=read_at)
    return [read_closed_day(day.fields) for day in found if day.fields is not None]

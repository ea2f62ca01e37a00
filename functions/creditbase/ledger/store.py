"""Loading wallets and their entries, and the writes that make a decision true."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from creditbase.kernel.errors import NotFound
from creditbase.kernel.records import dataclass
from creditbase.kernel.windows import Window
from creditbase.ledger.changes import STATE, changes_between
from creditbase.ledger.domain.announcing import announcements
from creditbase.ledger.domain.balance import Balance, balance_of
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.draft import Known
from creditbase.ledger.domain.entries import Entry, EntryKind
from creditbase.ledger.domain.notes import Crossing, Told
from creditbase.ledger.domain.wallet import DayCount, Terms, Wallet, WindowCount
from creditbase.ledger.encoding import (
    read_balance,
    read_closed_day,
    read_entry,
    read_wallet,
    read_window,
    write_balance,
    write_closed_day,
    write_closed_window,
    write_entry,
    write_wallet,
)
from creditbase.ledger.paths import WalletRef, wallet_ref_of
from creditbase.ledger.used import USED_AT, is_used_since, used_bucket
from creditbase.runtime import firestore
from creditbase.runtime.events import Event, create_event
from creditbase.runtime.firestore import Create, Put, Snapshot, Update, Version, Write
from creditbase.runtime.outbox import Parcel, create_parcel, parcel_from
from creditbase.runtime.settings import settings

PARKED = "parked"
"""The field of a wallet's document that says why it is parked; only of those that are."""
SHADOW_SINCE = "shadow_since"
"""The field of those that are in shadow mode: since when."""
PAGE = 100
"""Wallets that are read at once where all of a project are looked at."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A wallet with the version it was read at, and the entries that were looked for."""

    wallet: Wallet
    version: Version
    known: Known


def find_wallet(ref: WalletRef, entry_ids: Sequence[str] = ()) -> Loaded | None:
    """Return the wallet and those entries, of one instant, by one RPC; None if no wallet."""
    wallet, *entries = firestore.get_all([ref.wallet, *map(ref.entry, entry_ids)])
    if wallet.fields is None or wallet.version is None:
        return None
    found = {
        entry_id: None if snapshot.fields is None else read_entry(snapshot.fields)
        for entry_id, snapshot in zip(entry_ids, entries, strict=True)
    }
    return Loaded(read_wallet(ref.wallet_id, wallet.fields[STATE]), wallet.version, found)


def load_wallets(project_id: str, *, after: str = "") -> Iterator[Wallet]:
    """Yield all wallets of a project beyond a customer's, in pages of one read each."""
    while page := firestore.page_of(f"projects/{project_id}/wallets", after=after, limit=PAGE):
        after = page[-1].document_id
        for snapshot in page:
            assert snapshot.fields is not None
            yield read_wallet(wallet_ref_of(snapshot.path).wallet_id, snapshot.fields[STATE])


def find_balance(ref: WalletRef) -> Balance | None:
    """Return the published balance, or None where nothing was ever published."""
    return balance_from(firestore.get_all([ref.balance])[0])


def balance_from(snapshot: Snapshot) -> Balance | None:
    """Return the published balance that a snapshot holds, if any."""
    return None if snapshot.fields is None else read_balance(snapshot.fields)


def writes_to_open(ref: WalletRef, opened: Decision) -> list[Write]:
    """Return the writes of a new wallet with its first entries and its first balance."""
    wallet = opened.wallet
    return [
        Create(ref.wallet, {STATE: write_wallet(wallet), **_top_level(ref, wallet)}),
        *_entries(ref, opened.entries),
        publication(ref, wallet, is_settled=True),
    ]


def writes_for(
    ref: WalletRef, old: Wallet, new: Wallet, version: Version, decisions: Iterable[Decision]
) -> list[Write]:
    """Return the batch that makes the decisions true, or fails whole if the wallet moved."""
    changes = changes_between(old, new)
    before = _top_level(ref, old)
    for name, value in _top_level(ref, new).items():
        if before.get(name) != value:
            changes[(name,)] = value
    if old.shadow_since and not new.shadow_since:
        changes[(SHADOW_SINCE,)] = firestore.DELETE_FIELD
    decided = list(decisions)
    closed = [day for decision in decided for day in decision.closed_days]
    has_moved = any(decision.entries for decision in decided)
    if has_moved or is_used_since(old, new, closed):
        changes[(USED_AT,)] = used_bucket(new.at)
    writes: list[Write] = [Update(ref.wallet, changes, version)]
    for decision in decided:
        writes += _entries(ref, decision.entries)
        writes += [
            Create(ref.day(day.date), write_closed_day(day)) for day in decision.closed_days
        ]
        writes += [
            Put(ref.period(window), write_closed_window(window))
            for window in decision.closed_windows
        ]
        writes += [_crossing(ref, crossing) for crossing in decision.crossings]
        writes += [_event(ref, told, now=decision.wallet.at) for told in decision.told]
    if new.owner_uid and settings().announces:
        entries = [entry for decision in decided for entry in decision.entries]
        told_of_owner = announcements(old, new, entries, version)
        writes += [_event(ref, told, now=new.at) for told in told_of_owner]
    return writes


def publication(ref: WalletRef, wallet: Wallet, *, is_settled: bool) -> Put:
    """Return the write of the published balance, as of the wallet's own instant."""
    balance = balance_of(wallet, now=wallet.at, is_settled=is_settled)
    return Put(ref.balance, write_balance(balance, shard=ref.shard))


def _entries(ref: WalletRef, entries: Iterable[Entry]) -> list[Write]:
    return [Create(ref.entry(entry.entry_id), write_entry(entry)) for entry in entries]


def _crossing(ref: WalletRef, crossing: Crossing) -> Create:
    fields = {
        "project_id": ref.project_id,
        "customer_id": ref.customer_id,
        "level": crossing.level,
        "number": crossing.number,
        "below_nanos": crossing.below_nanos,
        "balance_nanos": crossing.balance_nanos,
    }
    path = ref.crossing(crossing.level, crossing.number)
    return create_parcel(path, fields, now=crossing.at)


def _event(ref: WalletRef, told: Told, *, now: datetime) -> Create:
    data = {"customer_id": ref.customer_id, **told.facts}
    cause = f"{ref.customer_id}/{told.cause}"
    event = Event(project_id=ref.project_id, event_type=told.event_type, cause=cause, data=data)
    return create_event(event, now=now)


def _top_level(ref: WalletRef, wallet: Wallet) -> dict[str, object]:
    """Return the indexed fields: when the jobs have something to do here, else None.

    An idle free wallet has nothing due: its window turns in whatever decision comes next.
    """
    window_due_at: datetime | None = None
    if wallet.terms.window == "free" and wallet.window.is_used:
        window_due_at = wallet.window.span.end_at
    return {
        "shard": ref.shard,
        "holds_due_at": min((h.expires_at for h in wallet.holds.values()), default=None),
        "window_due_at": window_due_at,
        # Left out of all others, so that finding the parked ones costs the rest no index.
        **({PARKED: wallet.parked} if wallet.parked else {}),
        **({SHADOW_SINCE: wallet.shadow_since} if wallet.shadow_since else {}),
    }


def find_due_wallets(field: str, *, shard: int, now: datetime, limit: int) -> list[WalletRef]:
    """Return wallets of a shard where `field` (a due time) has passed, oldest first."""
    assert field in {"holds_due_at", "window_due_at"}
    found = firestore.query(
        "wallets",
        where=[("shard", "==", shard), (field, "<=", now)],
        order_by=field,
        limit=limit,
        is_group=True,
        only=["shard"],
    )
    return [wallet_ref_of(snapshot.path) for snapshot in found]


def load_rows(ref: WalletRef, *, newest: int, limit: int) -> list[Entry]:
    """Return the entries that moved the balance, from the row of that number downwards."""
    found = firestore.query(
        f"{ref.wallet}/entries",
        where=[("row", "<=", newest)],
        order_by="row",
        is_newest_first=True,
        limit=limit,
    )
    return [read_entry(snapshot.fields) for snapshot in found if snapshot.fields is not None]


def find_entry(ref: WalletRef, entry_id: str) -> Entry | None:
    """Return the entry of that id, or None."""
    found = firestore.get_all([ref.entry(entry_id)])[0]
    return None if found.fields is None else read_entry(found.fields)


def load_entries(
    ref: WalletRef, lowest: int, highest: int, *, limit: int, kind: EntryKind | None = None
) -> list[Entry]:
    """Return entries between two numbers, both inside, the newest first; of one kind or all."""
    if kind is None:
        found = firestore.query(
            f"{ref.wallet}/entries",
            where=[("seq", ">=", lowest), ("seq", "<=", highest)],
            order_by="seq",
            is_newest_first=True,
            limit=limit,
        )
    else:
        found = firestore.query(
            f"{ref.wallet}/entries",
            where=[("kind", "==", kind), ("seq", ">=", lowest), ("seq", "<=", highest)],
            order_by="seq",
            is_newest_first=True,
            limit=limit,
        )
    return [read_entry(snapshot.fields) for snapshot in found if snapshot.fields is not None]


def load_instant(ref: WalletRef, seq: int) -> datetime:
    """Return when the entry of that number was decided; numbers have no gaps."""
    found = firestore.query(
        f"{ref.wallet}/entries", where=[("seq", "==", seq)], limit=1, only=["at"]
    )
    assert found[0].fields is not None
    at: datetime = found[0].fields["at"]
    return at


def load_days(ref: WalletRef, dates: Sequence[str]) -> tuple[Wallet | None, list[DayCount]]:
    """Return the wallet, and those of the days that are closed; of one instant, by one RPC."""
    wallet, *days = firestore.get_all([ref.wallet, *map(ref.day, dates)])
    closed = [read_closed_day(day.fields) for day in days if day.fields is not None]
    if wallet.fields is None:
        return None, closed
    return read_wallet(ref.wallet_id, wallet.fields[STATE]), closed


def load_left_window(ref: WalletRef, span: Window) -> tuple[Terms, WindowCount | None]:
    """Return the terms of a wallet, and a window that it has left, as it was counted.

    None where nothing was counted in it, or where it is the running one.

    Raises:
        NotFound: there is no such wallet.
    """
    found, kept = firestore.get_all([ref.wallet, ref.period(WindowCount(span))])
    if found.fields is None:
        raise NotFound("Customer not found")
    wallet = read_wallet(ref.wallet_id, found.fields[STATE])
    if wallet.window.span.start_at == span.start_at:
        return wallet.terms, None
    for left in wallet.closing:
        if left.span.start_at == span.start_at:
            return wallet.terms, left
    return wallet.terms, None if kept.fields is None else read_window(kept.fields)


def find_due_crossings(*, shard: int, now: datetime, limit: int) -> list[Parcel]:
    """Return crossings of a shard that want to be looked at, the longest due first."""
    found = firestore.query(
        "crossings",
        where=[("shard", "==", shard), ("due_at", "<=", now)],
        order_by="due_at",
        limit=limit,
    )
    return [parcel_from(snapshot) for snapshot in found]


def write_to_ask_again(parcel: Parcel, *, at: datetime) -> Create:
    """Return the write of the same crossing once more, to be looked at then, once."""
    names = ("project_id", "customer_id", "level", "number", "below_nanos", "balance_nanos")
    fields = {name: parcel.fields[name] for name in names}
    return create_parcel(f"{parcel.path}:{at:%Y-%m}", fields, now=at)


def find_due_balances(*, shard: int, now: datetime, limit: int) -> list[WalletRef]:
    """Return balances of a shard that want to be checked again, oldest first."""
    found = firestore.query(
        "balances",
        where=[("shard", "==", shard), ("recheck_at", "<=", now)],
        order_by="recheck_at",
        limit=limit,
        is_group=True,
        only=["shard"],
    )
    return [wallet_ref_of(snapshot.path) for snapshot in found]

"""Walking a wallet: all its entries as a stream, its days and windows, its state, its balance.

What is read is handed in, so the same walk proves a ledger in memory and one in the store. It
needs as much memory as a wallet and a page of entries, however long the ledger is.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from creditbase.kernel.ids import end_entry_id
from creditbase.kernel.instants import write_exact
from creditbase.ledger.domain.proof.entries import take_entry
from creditbase.ledger.domain.proof.published import check_published
from creditbase.ledger.domain.proof.reading import Broken
from creditbase.ledger.domain.proof.state import check_wallet
from creditbase.ledger.domain.proof.tale import Tale
from creditbase.ledger.domain.proof.windows import (
    check_closed_day,
    check_period,
    closed_starts,
    running_windows,
)

Raw = Mapping[str, Any]
UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What comes of it where somebody wrote what nobody would."""


class Reads(Protocol):
    """What a walk reads of a wallet, all as of one instant."""

    def entries(self, after: int) -> Sequence[tuple[str, Raw]]:
        """Return the next entries by number, with their documents' ids; none at the end."""

    def named(self, paths: Sequence[str]) -> dict[str, Raw | None]:
        """Return documents below the wallet by their paths, None for those not there."""

    def count(self, collection: str) -> int:
        """Return how many documents there are in a collection below the wallet."""


def walk_entries(tale: Tale, reads: Reads, *, most: int, watched: int = 0) -> Raw | None:
    """Go on with a wallet's entries to their end, or with about so many of them.

    Returns the figures of the entry of the watched number, where it came by.

    Raises:
        Broken: a line does not hold.
    """
    # Before the first entry there are no figures: a balance of then is judged by itself.
    figures = dict(tale.figures) if tale.seq and tale.seq == watched else None
    end = tale.seq + most
    while tale.seq < end:
        page = reads.entries(tale.seq)
        if not page:
            break
        ends = [
            f"entries/{end_entry_id(str(fields.get('hold_id')))}"
            for _, fields in page
            if fields.get("kind") == "late"
        ]
        found = reads.named(ends) if ends else {}
        earlier = {
            path.removeprefix("entries/"): fields
            for path, fields in found.items()
            if fields is not None
        }
        for entry_id, fields in page:
            take_entry(tale, entry_id, fields, earlier)
            if tale.seq == watched:
                figures = dict(tale.figures)
        _check_days(tale, reads)
    return figures


def finish(
    tale: Tale,
    reads: Reads,
    found: tuple[Raw | None, Raw | None],
    *,
    shard: int,
    expect_balance: Callable[[Raw], Raw],
    figures: Raw | None,
) -> None:
    """Hold the wallet and its balance against the tale of all its entries.

    What is over by now is then forgotten, so that the tale may be kept for the next walk.

    Raises:
        Broken: a line does not hold.
    """
    wallet, balance = found
    state = check_wallet(tale, wallet, shard=shard)
    _check_days(tale, reads)
    starts = closed_starts(tale, state)
    paths = {start_at: f"periods/{write_exact(start_at)}" for start_at in starts}
    periods = reads.named(list(paths.values())) if paths else {}
    for start_at, path in paths.items():
        check_period(tale, start_at, periods[path], state)
    closed = tale.periods_closed + len(starts)
    # Where a hold of an earlier window ended above its amount, the limit was that of another
    # window, which no entry names; it may have been used for nothing else.
    for collection, count, unnamed in (
        ("entries", tale.seq, 0),
        ("usage", tale.days_closed, 0),
        ("periods", closed, tale.loose_nanos),
    ):
        there = reads.count(collection)
        if not count <= there <= count + unnamed:
            raise Broken(collection, "the number of documents", count, there)
    try:
        expected = expect_balance(state.fields)
    except UNREADABLE as fault:
        raise Broken("", "state", "what makes a balance", repr(fault)) from fault
    check_published(balance, state, expected=expected, figures=figures, shard=shard)
    running = {window.instant("start_at") for window in running_windows(state)}
    tale.windows = {at: told for at, told in tale.windows.items() if at in running}
    grants = state.inner("grants").fields
    tale.grants = {key: told for key, told in tale.grants.items() if key in grants}
    tale.periods_closed = closed


def _check_days(tale: Tale, reads: Reads) -> None:
    days = tale.take_closed()
    paths = [f"usage/{day.date}" for day in days]
    found = reads.named(paths) if paths else {}
    for day, path in zip(days, paths, strict=True):
        check_closed_day(day, found[path])

"""The history of a wallet's balance, row by row, newest first.

A row is an entry that moved the balance, and knows its number: so a page is one query of
bounded size, wherever it begins, and what is written meanwhile only comes before it. What
time has done since the newest entry is shown as the rows that the next decision will write.
"""

from datetime import datetime

from creditbase.kernel.errors import NotFound
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.draft import Draft
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.passing import pass_time
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet, load_rows


@dataclass(frozen=True, slots=True)
class Row:
    """An entry that moved the balance, with what there was before it and after."""

    entry: Entry
    before_nanos: int

    @property
    def after_nanos(self) -> int:
        """Return the balance after it."""
        return self.entry.figures.balance_nanos


@dataclass(frozen=True, slots=True)
class History:
    """A page of rows, newest first, and the balance as it is now, of the same instant."""

    rows: tuple[Row, ...]
    balance_nanos: int
    frozen: str = ""
    """Why nobody may spend, if nobody may."""


def load_history(
    ref: WalletRef, *, limit: int, offset: int = 0, below: int | None = None, now: datetime
) -> History:
    """Return at most `limit` rows after the newest `offset`, or under the row `below`.

    Two RPCs, and at most `limit` + 2 documents.

    Raises:
        NotFound: there is no such wallet.
    """
    assert limit > 0
    assert offset >= 0
    loaded = find_wallet(ref)
    if loaded is None:
        raise NotFound("Customer not found")
    stored = loaded.wallet.rows
    draft = Draft(loaded.wallet, max(now, loaded.wallet.at))
    pass_time(draft)
    newest = draft.wallet.rows if below is None else min(draft.wallet.rows, below - 1)
    newest -= offset
    # One more than is shown: the balance before the last row is that after the one under it.
    oldest = max(1, newest - limit)
    entries = [entry for entry in draft.entries if oldest <= entry.row <= newest][::-1]
    if oldest <= min(stored, newest):
        top = min(stored, newest)
        entries += load_rows(ref, newest=top, limit=top - oldest + 1)
    after = [entry.figures.balance_nanos for entry in entries]
    rows = [
        Row(entry, before_nanos)
        for entry, before_nanos in zip(entries, [*after, 0][1:], strict=True)
    ]
    wallet = draft.wallet
    return History(tuple(rows[:limit]), wallet.balance_nanos(draft.at), wallet.frozen)

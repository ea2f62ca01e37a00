"""The entries of a wallet as a person reads them: newest first, page by page, or one by id.

Entries are numbered without gaps and time never goes back in a wallet, so a page is one
query of bounded size wherever it begins, and an instant is found by halving: no index of
instants is needed, whose end every charge would write to.
"""

from datetime import datetime

from creditbase.kernel.errors import NotFound
from creditbase.kernel.records import dataclass
from creditbase.ledger import store
from creditbase.ledger.domain.entries import Entry, EntryKind
from creditbase.ledger.paths import WalletRef


@dataclass(frozen=True, slots=True)
class Span:
    """Which entries are meant, by number: the lowest and the highest."""

    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first; `next_below` is where the next page begins, None at the end."""

    entries: tuple[Entry, ...]
    next_below: int | None


def find_span(
    ref: WalletRef, *, since: datetime | None = None, until: datetime | None = None
) -> Span:
    """Return the entries decided at or after `since` and before `until`.

    One read, and where an instant is given one for each halving: twenty for a million entries.

    Raises:
        NotFound: there is no such wallet.
    """
    loaded = store.find_wallet(ref)
    if loaded is None:
        raise NotFound("Customer not found")
    newest = loaded.wallet.seq
    return Span(
        lowest=1 if since is None else _first_at(ref, since, newest),
        highest=newest if until is None else _first_at(ref, until, newest) - 1,
    )


def load_page(ref: WalletRef, span: Span, *, limit: int, kind: EntryKind | None = None) -> Page:
    """Return at most `limit` of the entries, the newest first; one query."""
    assert limit > 0
    if span.lowest > span.highest:
        return Page((), None)
    found = store.load_entries(ref, span.lowest, span.highest, limit=limit + 1, kind=kind)
    shown = tuple(found[:limit])
    return Page(shown, shown[-1].seq if len(found) > limit else None)


def load_entry(ref: WalletRef, entry_id: str) -> Entry:
    """Return one entry; one read.

    Raises:
        NotFound: the wallet has no such entry.
    """
    found = store.find_entry(ref, entry_id)
    if found is None:
        raise NotFound("There is no such entry")
    return found


def _first_at(ref: WalletRef, at: datetime, newest: int) -> int:
    """Return the number of the first entry at or after an instant; one more where none is."""
    low, high = 1, newest + 1
    while low < high:
        middle = (low + high) // 2
        if store.load_instant(ref, middle) < at:
            low = middle + 1
        else:
            high = middle
    return low

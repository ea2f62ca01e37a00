"""Explaining a ledger: every entry computed again, by the very versions that it names."""

from collections.abc import Iterator

from creditbase.catalog.domain import NO_RATES, PriceList
from creditbase.catalog.domain.pins import Pin
from creditbase.catalog.use_cases import load_book, load_rates
from creditbase.kernel.errors import NotFound
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.pages import Span, load_page
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.metering.receipts import Difference, Explanation, explain_stored

PAGE = 200


def explain_entry(ref: WalletRef, entry_id: str) -> Explanation:
    """Return one entry computed again.

    Raises:
        NotFound: the wallet has no such entry, or a version that it names is gone.
        Unavailable: the store gave no answer in time.
    """
    loaded = find_wallet(ref, [entry_id])
    entry = None if loaded is None else loaded.known[entry_id]
    if loaded is None or entry is None:
        raise NotFound("There is no such entry")
    return _explained(ref, entry, loaded.wallet.salt)


def explain_ledger(ref: WalletRef) -> Iterator[Explanation]:
    """Yield every entry computed again, the newest first, held to the one before it.

    Raises:
        NotFound: there is no such wallet, or a version that an entry names is gone.
        Unavailable: the store gave no answer in time.
    """
    loaded = find_wallet(ref)
    if loaded is None:
        raise NotFound("Customer not found")
    span, after = Span(1, loaded.wallet.seq), None
    while True:
        page = load_page(ref, span, limit=PAGE)
        for entry in page.entries:
            found = _explained(ref, entry, loaded.wallet.salt)
            if after is not None:
                yield _chained(after, found)
            after = found
        if page.next_below is None:
            break
        span = Span(span.lowest, page.next_below - 1)
    if after is not None:
        yield _linked(after, prev="", seq=1)


def _explained(ref: WalletRef, entry: Entry, salt: str) -> Explanation:
    """Return an entry computed again, its seal with it where it has one."""
    found = explain_stored(entry, lambda pin: _prices(ref, pin))
    if not entry.seal:
        return found
    return found.with_differences([Difference("seal", entry.seal, entry.seal_by(salt))])


def _chained(found: Explanation, before: Explanation) -> Explanation:
    """Return an explanation that also says whether the entry follows the one before it."""
    return _linked(found, prev=before.entry.hash, seq=before.entry.seq + 1)


def _linked(found: Explanation, *, prev: str, seq: int) -> Explanation:
    links = (
        Difference("predecessor", found.entry.prev, prev),
        Difference("number", found.entry.seq, seq),
    )
    return found.with_differences(links)


def _prices(ref: WalletRef, pin: Pin) -> PriceList:
    """Return what a pin names; one of before it named the project means the wallet's own."""
    named = pin.rates if "/" in pin.rates else f"{ref.project_id}/{pin.rates}"
    rates = load_rates(named) if pin.rates else NO_RATES
    return PriceList(load_book(ref.project_id, pin.book_version), rates)

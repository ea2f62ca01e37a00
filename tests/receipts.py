"""Every entry that any test writes, computed again: what does not agree fails that test.

The ledger's own writer is listened to, so the whole suite's ledgers are explained without a
further read. Amounts, postings, draws and seals are held to the entry alone, and the unit
prices to the shipped book where the entry names that.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from creditbase.catalog.domain import PriceBook, PriceList
from creditbase.catalog.models import read_catalog
from creditbase.ledger import store
from creditbase.ledger.domain.entries import Entry
from creditbase.metering.receipts import explain
from creditbase.runtime.firestore import Fields

_disagreements: list[str] = []
_names = vars(store)
_write: Callable[[Entry], Fields] = _names["write_entry"]


def take_disagreements() -> list[str]:
    """Return what was found since the last time."""
    found = list(_disagreements)
    _disagreements.clear()
    return found


def listen() -> None:
    """Hold every entry from now on to what it comes to."""
    _names["write_entry"] = _explained


@cache
def shipped_book() -> PriceBook:
    """Return the book that is shipped."""
    catalog = read_catalog(Path(__file__).parents[1] / "catalog.json")
    return catalog.to_offer("p").book


def _explained(entry: Entry) -> Fields:
    pricing = entry.metered.pricing
    is_shipped = pricing.get("book_digest") == shipped_book().digest
    by_book = is_shipped and not pricing.get("rates_version")
    found = explain(entry, PriceList(shipped_book()) if by_book else None)
    _disagreements.extend(
        f"{entry.wallet_id} {entry.entry_id}: {it.what} is {it.said}, not {it.computed}"
        for it in found.differences
    )
    return _write(entry)

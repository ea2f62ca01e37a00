"""The price book as text: the one that this release brings, and those that were pushed.

Apart from the other borders of the catalog: whoever only sells loads no schemas of files.
"""

from functools import cache
from pathlib import Path

from creditbase.catalog.domain import PriceBook
from creditbase.catalog.domain.book import read_book
from creditbase.kernel.errors import InvalidRequest

BOOK_FILE = Path(__file__).with_name("book.json")
BOOK_DIGEST_FILE = Path(__file__).with_name("book.json.sha256")


class CatalogFault(InvalidRequest):
    """The catalog file cannot be taken; the message says where and why."""


def parse_book(text: str) -> PriceBook:
    """Return the price book that its text is.

    Raises:
        CatalogFault: it is no such text.
    """
    try:
        return read_book(text)
    except (KeyError, TypeError, ValueError) as fault:
        raise CatalogFault("this is no price book") from fault


@cache
def shipped_book() -> PriceBook:
    """Return the book that this release brings, read once by a process."""
    book = parse_book(shipped_text())
    assert book.digest == BOOK_DIGEST_FILE.read_text(encoding="ascii").strip()
    return book


def shipped_text() -> str:
    """Return the text of the book that this release brings."""
    return BOOK_FILE.read_text(encoding="utf-8")

"""What is done with the catalog: load it, cached in this process, and push a new one."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from creditbase.accounts.domain import PLATFORM_FEE_BPS
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog import store
from creditbase.catalog.domain import (
    NO_RATES,
    Catalog,
    CodeTaken,
    Markup,
    PriceBook,
    Push,
    Rates,
    decide_push,
)
from creditbase.catalog.per_project import PerProject
from creditbase.catalog.shipped import parse_book, shipped_book, shipped_text
from creditbase.kernel.errors import NotFound, Unavailable
from creditbase.runtime.commit import Attempt, commit_or_retry

if TYPE_CHECKING:
    from creditbase.catalog.models import CatalogFile

CACHE_TTL_S = 60
LOADS_MAX = 3
BOOKS_MAX = 16
"""Price books of before that one process keeps: a hold lives a day, so few are asked for."""


CatalogCache = PerProject[Catalog]


def load_catalog(project_id: str) -> Catalog:
    """Return what a project sells; at most `CACHE_TTL_S` old, and then without any read.

    Raises:
        NotFound: there is no such project, or no catalog was pushed to it or the hub.
        Unavailable: the store gave no answer in time.
    """
    return shared_cache().get(project_id)


@cache
def shared_cache() -> CatalogCache:
    """Return this process's cache."""
    return CatalogCache(read_catalog_now, ttl_s=CACHE_TTL_S, clock=time.monotonic)


def read_catalog_now(project_id: str) -> Catalog:
    """Return what a project sells, read from the store, all of one instant.

    A project without a price book of its own sells by the hub's.

    Raises:
        NotFound: there is no such project, or no catalog was pushed to it or the hub.
        Unavailable: the store gave no answer in time.
    """
    listing = store.load_listing(project_id)
    if listing.book_version is None and project_id != HUB_PROJECT_ID:
        return _borrowed(project_id, listing)
    for _ in range(LOADS_MAX):
        if listing.book_version is None:
            raise NotFound("This project has no catalog yet")
        shelf = store.load_shelf(project_id, expected=listing)
        if shelf.listing.project.version == listing.project.version:
            return _catalog_of(project_id, shelf)
        listing = shelf.listing
    raise Unavailable


def _borrowed(project_id: str, listing: store.Listing) -> Catalog:
    """Return the catalog of a project without a price book: the hub's prices, its own markup.

    It sells neither plans nor packs, but tiers. Rates of its own stand for the hub's.
    """
    hub = read_catalog_now(HUB_PROJECT_ID)
    return replace(
        hub,
        project_id=project_id,
        plans={},
        packs={},
        markup=listing.markup or Markup(PLATFORM_FEE_BPS),
        rates=_rates_of(project_id, listing) if listing.rates_version else hub.rates,
    )


@lru_cache(maxsize=BOOKS_MAX)
def load_book(project_id: str, version: str) -> PriceBook:
    """Return a price book that is or was used. It never changes, so it is read once.

    Raises:
        NotFound: neither the project nor the hub has such a version, or it is of a form that
            no release reads any more.
        Unavailable: the store gave no answer in time.
    """
    kept = store.find_book([project_id, HUB_PROJECT_ID], version)
    if kept is None:
        raise NotFound("There is no such price book")
    if not isinstance(kept["body"], str):
        raise NotFound(
            f"The price book {version} was pushed by a release before compiled books: "
            "push the catalog again"
        )
    book = parse_book(kept["body"])
    assert book.digest == kept["digest"], "a stored price book was changed"
    return book


@lru_cache(maxsize=BOOKS_MAX)
def load_rates(pin: str) -> Rates:
    """Return a project's own prices that were used before, by what an entry has pinned.

    Raises:
        NotFound: there are no such rates, or the pin does not say whose they are.
        Unavailable: the store gave no answer in time.
    """
    project_id, _, version = pin.rpartition("/")
    if not project_id:
        raise NotFound(f"The pin {version} names no project whose rates they are")
    kept = store.find_rates(project_id, version)
    if kept is None:
        raise NotFound("There are no such rates")
    # Only here: few projects have prices of their own, and the schema is slow to load.
    from creditbase.catalog.rates_models import parse_rates  # noqa: PLC0415 - see above

    rates = parse_rates(project_id, kept["body"])
    assert rates.digest == kept["digest"], "stored rates were changed"
    return rates


def _rates_of(project_id: str, listing: store.Listing) -> Rates:
    """Return the project's own prices; a version never changes, so it is read once."""
    return (
        load_rates(f"{project_id}/{listing.rates_version}")
        if listing.rates_version
        else NO_RATES
    )


def _catalog_of(project_id: str, shelf: store.Shelf) -> Catalog:
    listing = shelf.listing
    assert listing.book_version is not None
    assert listing.markup is not None
    is_shipped = listing.book_digest == shipped_book().digest
    return Catalog(
        project_id=project_id,
        currency=listing.currency,
        plans=shelf.plans,
        packs=listing.packs,
        book=shipped_book() if is_shipped else load_book(project_id, listing.book_version),
        markup=listing.markup,
        rates=_rates_of(project_id, listing),
    )


def compare_catalog(project_id: str, file: "CatalogFile", book_text: str = "") -> Push:
    """Return what pushing the file would change, and write nothing.

    Raises:
        NotFound: there is no such project.
        VersionTaken, PlanMissing, CodeTaken: the file cannot be pushed.
    """
    return _attempt(project_id, file, book_text).answer


def push_catalog(project_id: str, file: "CatalogFile", book_text: str = "") -> Push:
    """Make the file the project's catalog in one commit; the same file twice writes nothing.

    It sells by the price book of this release, unless the text of another is given.

    Raises:
        NotFound: there is no such project.
        VersionTaken, PlanMissing, CodeTaken: the file cannot be pushed; nothing was written.
    """
    return commit_or_retry(lambda: _attempt(project_id, file, book_text))


def _attempt(project_id: str, file: "CatalogFile", book_text: str) -> Attempt[Push]:
    offer = file.to_offer(project_id, book_text)
    version = offer.book.version
    listing = store.load_listing(project_id)
    # Its own book need not be read to know its digest: that is on the project, too.
    is_known = listing.book_version == version and listing.book_digest
    shelf = store.load_shelf(project_id, expected=listing, version="" if is_known else version)
    push = decide_push(store.current_of(shelf, offer), offer)
    for code in store.find_foreign_codes(project_id, push.plans):
        raise CodeTaken(code)
    text = offer.book_text or shipped_text() if push.is_new_book else ""
    writes = store.writes_for(project_id, listing, offer, push, text) if push.changes else []
    return Attempt(push, writes)


def set_markup(project_id: str, markup_bps: int) -> None:
    """Set what a project adds to the providers' cost where no rule says otherwise.

    Raises:
        NotFound: there is no such project.
    """
    change_markup(project_id, lambda known: replace(known, default_bps=markup_bps))


def change_markup(project_id: str, change: Callable[[Markup], Markup]) -> Markup:
    """Change a project's rules and return them; other processes see it in a minute.

    Raises:
        NotFound: there is no such project.
        BillingError: as `change` refuses.
    """

    def attempt() -> Attempt[Markup]:
        listing = store.load_listing(project_id)
        changed = change(listing.markup or Markup(PLATFORM_FEE_BPS))
        if listing.markup == changed:
            return Attempt(changed, ())
        return Attempt(changed, store.writes_for_markup(listing, changed))

    changed = commit_or_retry(attempt)
    shared_cache().forget(project_id)
    return changed

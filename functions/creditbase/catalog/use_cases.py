"""What is done with the catalog: load it, cached in this process, and push a new one."""

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog import store
from creditbase.catalog.domain import Catalog, CodeTaken, Markup, PriceBook, Push, decide_push
from creditbase.catalog.models import CatalogFile, parse_book
from creditbase.catalog.per_project import PerProject
from creditbase.kernel.errors import NotFound, Unavailable
from creditbase.runtime.commit import Attempt, commit_or_retry

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
        shelf = store.load_shelf(project_id, expected=listing, version=listing.book_version)
        if shelf.listing.project.version == listing.project.version:
            return _catalog_of(project_id, shelf)
        listing = shelf.listing
    raise Unavailable


def _borrowed(project_id: str, listing: store.Listing) -> Catalog:
    """Return the catalog of a project without a price book: the hub's prices, its own markup.

    It sells neither plans nor packs, but tiers.
    """
    hub = read_catalog_now(HUB_PROJECT_ID)
    markup = Markup(listing.markup_bps or 0)
    return replace(hub, project_id=project_id, plans={}, packs={}, markup=markup)


@lru_cache(maxsize=BOOKS_MAX)
def load_book(project_id: str, version: str) -> PriceBook:
    """Return a price book that was used before. It never changes, so it is read once.

    Raises:
        NotFound: neither the project nor the hub has such a version.
        Unavailable: the store gave no answer in time.
    """
    kept = store.find_book([project_id, HUB_PROJECT_ID], version)
    if kept is None:
        raise NotFound("There is no such price book")
    return _book_of(kept)


def _book_of(kept: Mapping[str, Any]) -> PriceBook:
    book = parse_book(kept["body"])
    assert book.digest == kept["digest"], "a stored price book was changed"
    return book


def _catalog_of(project_id: str, shelf: store.Shelf) -> Catalog:
    listing = shelf.listing
    assert shelf.book is not None
    assert listing.markup_bps is not None
    return Catalog(
        project_id=project_id,
        currency=listing.currency,
        plans=shelf.plans,
        packs=listing.packs,
        book=_book_of(shelf.book),
        markup=Markup(listing.markup_bps),
    )


def compare_catalog(project_id: str, file: CatalogFile) -> Push:
    """Return what pushing the file would change, and write nothing.

    Raises:
        NotFound: there is no such project.
        VersionTaken, PlanMissing, CodeTaken: the file cannot be pushed.
    """
    return _attempt(project_id, file).answer


def push_catalog(project_id: str, file: CatalogFile) -> Push:
    """Make the file the project's catalog in one commit; the same file twice writes nothing.

    Raises:
        NotFound: there is no such project.
        VersionTaken, PlanMissing, CodeTaken: the file cannot be pushed; nothing was written.
    """
    return commit_or_retry(lambda: _attempt(project_id, file))


def _attempt(project_id: str, file: CatalogFile) -> Attempt[Push]:
    offer = file.to_offer(project_id)
    listing = store.load_listing(project_id)
    shelf = store.load_shelf(project_id, expected=listing, version=offer.book.version)
    push = decide_push(store.current_of(shelf), offer)
    for code in store.find_foreign_codes(project_id, push.plans):
        raise CodeTaken(code)
    writes = store.writes_for(project_id, listing, offer, push) if push.changes else []
    return Attempt(push, writes)


def set_markup(project_id: str, markup_bps: int) -> None:
    """Set what a project adds to the providers' cost; other processes see it in a minute.

    Raises:
        NotFound: there is no such project.
    """

    def attempt() -> Attempt[None]:
        listing = store.load_listing(project_id)
        if listing.markup_bps == markup_bps:
            return Attempt(None, ())
        return Attempt(None, store.writes_for_markup(listing, markup_bps))

    commit_or_retry(attempt)
    shared_cache().forget(project_id)

"""What is done with a project's own prices: compare a file with them, and push it."""

from creditbase.catalog import store
from creditbase.catalog.domain.rates import JumpUnsigned, PriceList, RatesPush, decide_rates
from creditbase.catalog.rates_models import RatesFile
from creditbase.catalog.use_cases import load_rates, read_catalog_now, shared_cache
from creditbase.runtime.commit import Attempt, commit_or_retry

__all__ = ["JumpUnsigned", "compare_rates", "push_rates"]


def compare_rates(project_id: str, file: RatesFile) -> RatesPush:
    """Return what pushing the file would change, and write nothing.

    Raises:
        NotFound: there is no such project, or a negotiated model is none of the book.
        InvalidRequest: the version is taken, or a name is one of the book's.
    """
    return _attempt(project_id, file, is_signed=True).answer


def push_rates(project_id: str, file: RatesFile, *, is_signed: bool) -> RatesPush:
    """Make the file what the project prices by; other processes see it in a minute.

    Holds that are open are captured at the rates at which they were placed.

    Raises:
        NotFound, InvalidRequest: as `compare_rates`.
        JumpUnsigned: a price moves by more than a fifth, and nobody has signed for it.
    """
    push = commit_or_retry(lambda: _attempt(project_id, file, is_signed=is_signed))
    shared_cache().forget(project_id)
    return push


def _attempt(project_id: str, file: RatesFile, *, is_signed: bool) -> Attempt[RatesPush]:
    listing = store.load_listing(project_id)
    catalog = read_catalog_now(project_id)
    rates = file.to_domain(project_id)
    kept = store.find_rates(project_id, rates.version)
    known = (
        load_rates(f"{project_id}/{listing.rates_version}") if listing.rates_version else None
    )
    push = decide_rates(
        PriceList(catalog.book, known or catalog.rates),
        rates,
        kept_digest=None if kept is None else kept["digest"],
        is_chosen=listing.rates_version == rates.version,
    )
    if push.jumps and not is_signed:
        raise JumpUnsigned(push.jumps)
    if not push.changes:
        return Attempt(push, ())
    return Attempt(
        push, store.writes_for_rates(listing, rates, file.body(), is_new=kept is None)
    )

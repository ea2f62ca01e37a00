"""A hold is captured at what it was placed at: instant, variant, rates and margin."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from creditbase.catalog.domain import Catalog, Markup, PriceBook, Rates
from creditbase.metering.domain import CatalogRate, PricesMissing
from tests.catalog.test_rates import BOOK, MAY, the_rates

BEFORE = datetime(2026, 3, 10, 12, tzinfo=UTC)
USED = {"input_tokens": 1_000_000}


def a_rate(rates: Rates, book: PriceBook = BOOK, bps: int = 0) -> CatalogRate:
    """Return prices by the book and these rates."""
    return CatalogRate(Catalog("p", "usd", {}, {}, book, Markup(bps), rates))


@pytest.mark.parametrize(
    ("model", "cost_nanos"),
    [("gpt-5", 1_250_000_000), ("gpt-5@batch", 625_000_000), ("house", 5)],
)
def test_a_capture_is_priced_as_its_hold_was(model: str, cost_nanos: int) -> None:
    """Prices have turned since, the rates and the markup are others: nothing of it counts."""
    held = a_rate(the_rates(), bps=450).price("free", model, USED, at=BEFORE)
    newer = a_rate(the_rates(version="2026-06-01"))

    with pytest.raises(PricesMissing) as missing:
        newer.price("free", held.metered.model, USED, at=MAY, pinned=held.pinned)
    completed = newer.with_rates(the_rates())
    captured = completed.price("pro", held.metered.model, USED, at=MAY, pinned=held.pinned)

    assert missing.value.rates == "p/2026-04-01"
    assert captured == held
    assert held.metered.cost_nanos == cost_nanos
    assert held.metered.pricing["rates_digest"] == the_rates().digest


def test_a_book_of_before_is_asked_for_and_used() -> None:
    """A hold lives a day, and a release may come in it."""
    held = a_rate(the_rates()).price("free", "gpt-5", USED, at=BEFORE)
    newer = a_rate(the_rates(), replace(BOOK, version="2"))

    with pytest.raises(PricesMissing) as missing:
        newer.price("free", "gpt-5", USED, at=MAY, pinned=held.pinned)
    captured = newer.with_book(BOOK).price("free", "gpt-5", USED, at=MAY, pinned=held.pinned)

    assert missing.value.book_version == "1"
    assert captured == held

"""Metering, decided: what usage costs, and when a hold is bounded. Pure."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from creditbase.catalog.domain import (
    COUNTED_UNIT,
    NO_RATES,
    Catalog,
    Margin,
    ModelPrice,
    PriceBook,
    PriceList,
    Rates,
    Usage,
    price_call,
)
from creditbase.catalog.domain.pins import Pin, digests_of
from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.kernel.errors import Forbidden, InvalidRequest, NotFound, Unavailable
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.commands import NOTHING_PINNED, Priced
from creditbase.ledger.domain.wallet import Metered, Terms

BOUNDING_UNITS = ("input_tokens", "output_tokens")
"""Units that nearly every call has: a hold must say the most of each that has a price."""

UNPRICED_MODEL = "UNPRICED_MODEL"
"""The reason of a refusal that is about a model, and not about a hold or a customer."""
OUTSIDE_PLAN = "MODEL_OUTSIDE_PLAN"
"""The reason of a refusal that is about what the customer's plan allows."""


class PricesMissing(Unavailable):
    """The decision needs prices that its rate was not given; load them, and ask again."""

    def __init__(self, *, tier_id: str = "", book_version: str = "", rates: str = "") -> None:
        super().__init__()
        self.tier_id = tier_id
        self.book_version = book_version
        self.rates = rates


@dataclass(frozen=True, slots=True)
class CatalogRate:
    """Prices by one catalog as it was loaded; the ledger calls it inside its decision.

    Whether a plan is a tier is told by its code, which then is the tier's id. `books` and
    `rates` are those of before, by what holds have pinned, for holds that were placed at them.
    """

    catalog: Catalog
    tiers: Tiers | None = None
    books: Mapping[str, PriceBook] = field(default_factory=dict)
    rates: Mapping[str, Rates] = field(default_factory=dict)

    def price(
        self,
        plan_code: str,
        model: str,
        quantities: Mapping[str, int],
        *,
        at: datetime,
        pinned: Mapping[str, object] = NOTHING_PINNED,
    ) -> Priced:
        """Return the price with the versions and lines that a receipt needs.

        Raises:
            NotFound: neither rates nor book have the model. Unknown price, no call.
            Forbidden: the customer's tier does not have the model.
            InvalidRequest: a quantity in a unit that has no price.
            PricesMissing: the tier, or what the hold has pinned, was not loaded.
        """
        pin = Pin.read(pinned) if pinned else None
        if pin is None:
            prices, found = self.catalog.prices, self.catalog.prices.find(model, at)
        else:
            plan_code, at = pin.plan or plan_code, pin.at or at
            prices = self._pinned(pin)
            known = prices.model(model)
            found = None if known is None else known.at(at, pin.variant)
        if found is None:
            raise NotFound("This model has no price", reason=UNPRICED_MODEL)
        margin = self._margin(plan_code, found) if pin is None else pin.margin
        called = price_call(found, Usage(**{"requests": 0, **quantities}), margin)
        pin = Pin(plan_code, prices.book.version, prices.rates.pin, at, found.variant, margin)
        kept = pin.fields()
        metered = Metered(
            model=found.model_id,
            provider=found.provider,
            cost_nanos=called.cost_nanos,
            quantities=dict(quantities),
            pricing={
                **kept,
                **digests_of(prices),
                "nanos_per_million": {
                    line.unit: line.nanos_per_million for line in called.lines
                },
            },
        )
        return Priced(called.amount_nanos, metered, kept)

    def with_tiers(self, tiers: Tiers) -> "CatalogRate":
        """Return the rate with the tiers that were missing."""
        return replace(self, tiers=tiers)

    def with_book(self, book: PriceBook) -> "CatalogRate":
        """Return the rate with the book that was missing."""
        return replace(self, books={**self.books, book.version: book})

    def with_rates(self, rates: Rates) -> "CatalogRate":
        """Return the rate with the project's own prices that were missing."""
        return replace(self, rates={**self.rates, rates.pin: rates})

    def _pinned(self, pin: Pin) -> PriceList:
        current = self.catalog.prices
        is_current = current.book.version == pin.book_version
        book = current.book if is_current else self.books.get(pin.book_version)
        if book is None:
            raise PricesMissing(book_version=pin.book_version)
        known = {"": NO_RATES, current.rates.pin: current.rates, **self.rates}
        if pin.rates not in known:
            raise PricesMissing(rates=pin.rates)
        return PriceList(book, known[pin.rates])

    def _margin(self, plan_code: str, found: ModelPrice) -> Margin:
        """Return what is added to the cost on a plan, if the plan has the model."""
        markup = self.catalog.markup
        if not is_tier_id(plan_code):
            return markup.margin(
                provider=found.provider, model_id=found.model_id, plan_code=plan_code
            )
        tier = None if self.tiers is None else self.tiers.by_id(plan_code)
        if tier is None:
            raise PricesMissing(tier_id=plan_code)
        if tier.model(found.model_id) is None:
            raise Forbidden("This model is not part of the plan", reason=OUTSIDE_PLAN)
        return tier.margin_of(found, markup)


def terms_by(tier: Tier, terms: Terms) -> Terms:
    """Return terms with the limit that their tier has now; an unpaid window keeps none."""
    if tier.is_paygo or (terms.included, terms.limit_nanos) == ("limited", 0):
        return terms
    return replace(
        terms,
        included="unlimited" if tier.is_unlimited else "limited",
        limit_nanos=tier.limit_nanos,
        draws_wallet=tier.overage_enabled,
    )


@lru_cache(maxsize=4_096)
def is_tier_id(plan_code: str) -> bool:
    """Return whether the code of terms is a tier's id; a plan of the hub has a word."""
    try:
        return str(UUID(plan_code)) == plan_code
    except ValueError:
        return False


def check_bounded(catalog: Catalog, model: str, given: frozenset[str], *, at: datetime) -> None:
    """Refuse a hold whose usage leaves open what the model can cost.

    Raises:
        NotFound: the book does not have the model.
        InvalidRequest: a unit that the model charges for was not given at all.
    """
    found = catalog.prices.find(model, at)
    if found is None:
        raise NotFound("This model has no price")
    priced = found.nanos_per_million
    bounding = [unit for unit in BOUNDING_UNITS if unit in priced]
    # A model that reads and writes no text costs by what else it has a price for.
    for unit in bounding or [unit for unit in priced if unit != COUNTED_UNIT]:
        if unit not in given:
            raise InvalidRequest(f"Say the most {unit} can be", field=f"usage_max.{unit}")

"""Metering, decided: what usage costs, and when a hold is bounded. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from creditbase.catalog.domain import (
    COUNTED_UNIT,
    Catalog,
    Markup,
    PriceBook,
    Usage,
    price_usage,
)
from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.kernel.errors import Forbidden, InvalidRequest, NotFound, Unavailable
from creditbase.kernel.money import price_of
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

    def __init__(self, *, tier_id: str = "", book_version: str = "") -> None:
        super().__init__()
        self.tier_id = tier_id
        self.book_version = book_version


@dataclass(frozen=True, slots=True)
class CatalogRate:
    """Prices by one catalog as it was loaded; the ledger calls it inside its decision.

    Whether a plan is a tier is told by its code, which then is the tier's id. `books` are
    price books of before, by version, for holds that were placed at them.
    """

    catalog: Catalog
    tiers: Tiers | None = None
    books: Mapping[str, PriceBook] = field(default_factory=dict)

    def price(
        self,
        plan_code: str,
        model: str,
        quantities: Mapping[str, int],
        pinned: Mapping[str, object] = NOTHING_PINNED,
    ) -> Priced:
        """Return the price with the versions and lines that a receipt needs.

        Raises:
            NotFound: the book does not have the model. Unknown price, no call.
            Forbidden: the customer's tier does not have the model.
            InvalidRequest: a quantity in a unit that has no price.
            PricesMissing: the tier, or the book that the hold has pinned, was not loaded.
        """
        if pinned:
            book, markup = self._pinned(pinned)
            plan_code = str(pinned.get("plan", plan_code))
        else:
            book, markup = self.catalog.book, self._markup(plan_code, model)
        usage = Usage(**{"requests": 0, **quantities})
        try:
            priced = price_usage(book, model, usage, markup)
        except NotFound as refusal:
            raise NotFound(refusal.message, reason=UNPRICED_MODEL) from refusal
        kept = {
            "plan": plan_code,
            "book_version": priced.book_version,
            "markup_bps": priced.markup_bps,
        }
        metered = Metered(
            model=priced.model_id,
            provider=priced.provider,
            cost_nanos=priced.cost_nanos,
            quantities=dict(quantities),
            pricing={
                **kept,
                "book_digest": priced.book_digest,
                "nanos_per_million": {
                    line.unit: line.nanos_per_million for line in priced.lines
                },
            },
        )
        return Priced(priced.amount_nanos, metered, kept)

    def with_tiers(self, tiers: Tiers) -> "CatalogRate":
        """Return the rate with the tiers that were missing."""
        return replace(self, tiers=tiers)

    def with_book(self, book: PriceBook) -> "CatalogRate":
        """Return the rate with the book that was missing."""
        return replace(self, books={**self.books, book.version: book})

    def _pinned(self, pinned: Mapping[str, object]) -> tuple[PriceBook, Markup]:
        version, markup_bps = pinned["book_version"], pinned["markup_bps"]
        assert isinstance(version, str)
        assert isinstance(markup_bps, int)
        current = self.catalog.book
        book = current if current.version == version else self.books.get(version)
        if book is None:
            raise PricesMissing(book_version=version)
        return book, Markup(markup_bps)

    def _markup(self, plan_code: str, model: str) -> Markup:
        """Return what is added to the cost on a plan, if the plan has the model."""
        if not is_tier_id(plan_code):
            return self.catalog.markup
        tier = None if self.tiers is None else self.tiers.by_id(plan_code)
        if tier is None:
            raise PricesMissing(tier_id=plan_code)
        found = self.catalog.book.find(model)
        if found is None:
            return self.catalog.markup
        if tier.model(found.model_id) is None:
            raise Forbidden("This model is not part of the plan", reason=OUTSIDE_PLAN)
        return tier.markup_of(found.model_id, self.catalog.markup)


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


def is_tier_id(plan_code: str) -> bool:
    """Return whether the code of terms is a tier's id; a plan of the hub has a word."""
    try:
        return str(UUID(plan_code)) == plan_code
    except ValueError:
        return False


def explain(metered: Metered) -> int:
    """Return what a receipt comes to, computed again from its lines and markup alone."""
    prices, markup_bps = metered.pricing["nanos_per_million"], metered.pricing["markup_bps"]
    assert isinstance(prices, Mapping)
    assert isinstance(markup_bps, int)
    lines = [(metered.quantities[unit], nanos) for unit, nanos in prices.items()]
    return price_of(lines=lines, markup_bps=markup_bps)


def check_bounded(catalog: Catalog, model: str, given: frozenset[str]) -> None:
    """Refuse a hold whose usage leaves open what the model can cost.

    Raises:
        NotFound: the book does not have the model.
        InvalidRequest: a unit that the model charges for was not given at all.
    """
    found = catalog.book.find(model)
    if found is None:
        raise NotFound("This model has no price")
    priced = found.nanos_per_million
    bounding = [unit for unit in BOUNDING_UNITS if unit in priced]
    # A model that reads and writes no text costs by what else it has a price for.
    for unit in bounding or [unit for unit in priced if unit != COUNTED_UNIT]:
        if unit not in given:
            raise InvalidRequest(f"Say the most {unit} can be", field=f"usage_max.{unit}")

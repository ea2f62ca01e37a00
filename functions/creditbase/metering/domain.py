"""Metering, decided: what usage costs, and when a hold is bounded. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from creditbase.catalog.domain import COUNTED_UNIT, Catalog, Usage, price_usage
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.ledger.domain.commands import Priced
from creditbase.ledger.domain.wallet import Metered

BOUNDING_UNITS = ("input_tokens", "output_tokens")
"""Units that nearly every call has: a hold must say the most of each that has a price."""

UNPRICED_MODEL = "UNPRICED_MODEL"
"""The reason of a refusal that is about a model, and not about a hold or a customer."""


@dataclass(frozen=True, slots=True)
class CatalogRate:
    """Prices by one catalog as it was loaded; the ledger calls it inside its decision."""

    catalog: Catalog

    def price(self, model: str, quantities: Mapping[str, int]) -> Priced:
        """Return the price with the versions and lines that a receipt needs.

        Raises:
            NotFound: the book does not have the model. Unknown price, no call.
            InvalidRequest: a quantity in a unit that has no price.
        """
        usage = Usage(**{"requests": 0, **quantities})
        try:
            priced = price_usage(self.catalog.book, model, usage, self.catalog.markup)
        except NotFound as refusal:
            raise NotFound(refusal.message, reason=UNPRICED_MODEL) from refusal
        metered = Metered(
            model=priced.model_id,
            provider=priced.provider,
            cost_nanos=priced.cost_nanos,
            quantities=dict(quantities),
            pricing={
                "book_version": priced.book_version,
                "book_digest": priced.book_digest,
                "markup_bps": priced.markup_bps,
                "nanos_per_million": {
                    line.unit: line.nanos_per_million for line in priced.lines
                },
            },
        )
        return Priced(priced.amount_nanos, metered)


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

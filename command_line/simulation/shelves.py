"""What would be sold, read from files: a catalog, tiers, a project's own prices."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from command_line.simulation.selling import PlanSeller, Seller, TierSeller
from creditbase.catalog.domain import NO_RATES, Catalog
from creditbase.catalog.domain.tier_rules import new_tier
from creditbase.catalog.domain.tiers import Tiers
from creditbase.catalog.models import first_fault, no_twins, read_catalog
from creditbase.catalog.rates_models import read_rates
from creditbase.catalog.shipped import CatalogFault
from creditbase.catalog.tier_models import TierCreate
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.ids import tier_uuid
from creditbase.metering.domain import CatalogRate

PROJECT = "simulated"
MADE_AT = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sold:
    """What customers can have."""

    catalog: Catalog
    seller: Seller
    names: tuple[str, ...]
    """Plans, or tiers."""

    @property
    def packs(self) -> tuple[str, ...]:
        """Return the packs that can be bought."""
        return tuple(self.catalog.packs)


def read_sold(file: Path, tiers: Path | None = None, rates: Path | None = None) -> Sold:
    """Return what a catalog's file sells, or a file of tiers in its stead.

    Raises:
        CatalogFault: a file cannot be read, or is not sound.
    """
    offer = read_catalog(file).to_offer(PROJECT)
    catalog = Catalog(
        project_id=PROJECT,
        currency=offer.currency,
        plans=offer.plans,
        packs=offer.packs,
        book=offer.book,
        markup=offer.markup,
        rates=NO_RATES if rates is None else read_rates(rates).to_domain(PROJECT),
    )
    if tiers is None:
        return Sold(catalog, PlanSeller(CatalogRate(catalog)), tuple(catalog.plans))
    known = _read_tiers(tiers, catalog)
    rate = CatalogRate(catalog, known)
    names = tuple(tier.code for tier in known.every.values())
    return Sold(catalog, TierSeller(rate, known), names)


def _read_tiers(file: Path, catalog: Catalog) -> Tiers:
    """Return tiers as the product would make them of the same fields."""
    try:
        given = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=no_twins)
        rows = TypeAdapter(list[TierCreate]).validate_python(given)
        return Tiers.of(
            PROJECT,
            [
                new_tier(
                    tier_uuid(PROJECT, row.tier_code, 0),
                    PROJECT,
                    row.given(),
                    prices=catalog.prices,
                    now=MADE_AT,
                )
                for row in rows
            ],
        )
    except OSError as failure:
        raise CatalogFault(f"{file}: {failure.strerror}") from failure
    except ValidationError as fault:
        raise CatalogFault(f"{file}: {first_fault(fault)}") from fault
    except InvalidRequest as fault:
        raise CatalogFault(f"{file}: {fault.message}") from fault
    except ValueError as fault:
        raise CatalogFault(f"{file}: {fault}") from fault

"""The border of a project's own prices: the pushed file, and what is stored of it.

Strict like the catalog: no floats, no unknown fields or units, no zero by accident.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from creditbase.catalog.domain import LongContext, Model, Period, Rates, Table, digest_of
from creditbase.catalog.domain.prices import STANDARD
from creditbase.catalog.models import (
    Capability,
    Code,
    ModelName,
    Prices,
    Shown,
    Strict,
    Unit,
    Version,
    first_fault,
    no_twins,
    refuse_twice,
)
from creditbase.catalog.shipped import CatalogFault
from creditbase.kernel import instants
from creditbase.kernel.instants import EPOCH


def _an_instant(text: str) -> str:
    instants.read(text)
    return text


Instant = Annotated[str, AfterValidator(_an_instant)]
Variant = Annotated[str, Field(pattern=r"^([a-z][a-z0-9-]{0,31})?$")]


class LongContextRow(Strict):
    """Prices of a call whose prompt is longer than `above_input_tokens`."""

    above_input_tokens: Annotated[int, Field(gt=0)]
    nanos_per_million: Prices


class PeriodRow(Strict):
    """Prices from an instant on, in nanos for a million units."""

    starts_at: Instant | None = None
    """RFC 3339; left out: ever since."""
    nanos_per_million: Prices
    free_units: list[Unit] = Field(default_factory=list)
    """Units whose price is 0 on purpose."""
    long_context: list[LongContextRow] = Field(default_factory=list)
    """The shorter prompts first."""

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        tables = [self.nanos_per_million, *(it.nanos_per_million for it in self.long_context)]
        for table in tables:
            for unit, price_nanos in table.items():
                if (price_nanos == 0) != (unit in self.free_units):
                    raise ValueError(
                        f"{unit} costs {price_nanos};"
                        " a price is 0 exactly where free_units names the unit"
                    )
            if table.keys() != self.nanos_per_million.keys():
                raise ValueError("long_context prices other units than the model")
        if not set(self.free_units) <= set(self.nanos_per_million):
            raise ValueError("free_units names a unit without a price")
        for shorter, longer in pairwise(tables):
            if any(longer[unit] < shorter[unit] for unit in shorter):
                raise ValueError("long_context is cheaper than shorter prompts")
        lengths = [it.above_input_tokens for it in self.long_context]
        if lengths != sorted(set(lengths)):
            raise ValueError("long_context is not in the order of its lengths")
        return self

    def to_domain(self) -> Period:
        """Return the row as a value."""
        longer = [
            LongContext(it.above_input_tokens, dict(it.nanos_per_million))
            for it in self.long_context
        ]
        return Period(Table(dict(self.nanos_per_million), tuple(longer)), self.begins_at)

    @property
    def begins_at(self) -> datetime:
        """Return the instant from which on it holds."""
        return instants.read(self.starts_at) if self.starts_at else EPOCH


def _in_order(rows: list[PeriodRow]) -> list[PeriodRow]:
    begins = [row.begins_at for row in rows]
    if begins != sorted(set(begins)):
        raise ValueError("prices are not in the order of their starts_at")
    return rows


Periods = Annotated[list[PeriodRow], Field(min_length=1), AfterValidator(_in_order)]


class OwnModelRow(Strict):
    """A model that only this project has."""

    id: ModelName
    provider: Code
    display_name: Shown
    aliases: list[ModelName] = Field(default_factory=list)
    description: Annotated[str, Field(max_length=500)] = ""
    capabilities: list[Capability] = Field(default_factory=list)
    deprecated: bool = False
    context_window: Annotated[int, Field(gt=0)]
    max_output_tokens: Annotated[int, Field(ge=0)]
    image_tokens_max: Annotated[int, Field(ge=0)] = 0
    """The most tokens that one image of a prompt counts as; 0 where nobody says."""
    prices: Periods

    def to_domain(self) -> Model:
        """Return the row as a value."""
        return Model(
            model_id=self.id,
            provider=self.provider,
            display_name=self.display_name,
            context_window=self.context_window,
            max_output_tokens=self.max_output_tokens,
            image_tokens_max=self.image_tokens_max,
            description=self.description,
            capabilities=tuple(self.capabilities),
            deprecated=self.deprecated,
            periods={STANDARD: tuple(row.to_domain() for row in self.prices)},
        )


class NegotiatedRow(Strict):
    """What a model of the price book costs this project: all of its units, from then on."""

    model: ModelName
    variant: Variant = STANDARD
    prices: Periods


class RatesFile(Strict):
    """An immutable version of a project's own prices."""

    version: Version
    models: list[OwnModelRow] = Field(default_factory=list)
    negotiated: list[NegotiatedRow] = Field(default_factory=list)

    @model_validator(mode="after")
    def _each_name_means_one_model(self) -> Self:
        names = [name for row in self.models for name in (row.id, *row.aliases)]
        refuse_twice("model", names)
        refuse_twice("negotiated", [f"{it.model} {it.variant}" for it in self.negotiated])
        for row in self.negotiated:
            if row.model in names:
                raise ValueError(f"{row.model} is negotiated, and a model of its own")
        return self

    def to_domain(self, project_id: str) -> Rates:
        """Return the rates with their digest."""
        deals: dict[str, dict[str, tuple[Period, ...]]] = {}
        for row in self.negotiated:
            periods = tuple(it.to_domain() for it in row.prices)
            deals.setdefault(row.model, {})[row.variant] = periods
        return Rates(
            project_id=project_id,
            version=self.version,
            digest=digest_of(self.body()),
            models={row.id: row.to_domain() for row in self.models},
            aliases={alias: row.id for row in self.models for alias in row.aliases},
            negotiated=deals,
        )

    def body(self) -> dict[str, Any]:
        """Return the rates as plain JSON values, the form that is stored and digested."""
        return self.model_dump(mode="json", exclude_defaults=True)


def read_rates(path: Path) -> RatesFile:
    """Return the rates that a file holds.

    Raises:
        CatalogFault: it cannot be read, or something in it is not sound.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return RatesFile.model_validate(json.loads(text, object_pairs_hook=no_twins))
    except OSError as failure:
        raise CatalogFault(f"{path}: {failure.strerror}") from failure
    except ValidationError as fault:
        raise CatalogFault(f"{path}: {first_fault(fault)}") from fault
    except ValueError as fault:
        raise CatalogFault(f"{path}: {fault}") from fault


def parse_rates(project_id: str, body: Mapping[str, Any]) -> Rates:
    """Return a project's own prices from their stored form.

    Raises:
        CatalogFault: what is stored is not sound.
    """
    try:
        return RatesFile.model_validate(body).to_domain(project_id)
    except ValidationError as fault:
        raise CatalogFault(first_fault(fault)) from fault

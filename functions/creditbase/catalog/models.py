"""The border of the catalog: the reviewed file, and the price book as it is stored.

Strict to the letter: no floats, no unknown fields, no duplicates, no zero by accident.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from creditbase.catalog.domain import (
    UNITS,
    LongContext,
    Markup,
    Model,
    Offer,
    Pack,
    Period,
    Plan,
    PriceBook,
    Table,
    book_of,
    digest_of,
    plan_uuid,
)
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import AMOUNT_NANOS_MAX

FREE_PLAN = "free"
MARKUP_BPS_MAX = 1_000_000


def _known_unit(name: str) -> str:
    if name not in UNITS:
        raise ValueError(f"{name} is no unit; the units are {', '.join(UNITS)}")
    return name


Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$")]
Shown = Annotated[str, Field(min_length=1, max_length=64)]
Version = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[0-9]{1,3})?$")]
Unit = Annotated[str, AfterValidator(_known_unit)]
Prices = Annotated[
    dict[Unit, Annotated[int, Field(ge=0, le=AMOUNT_NANOS_MAX)]], Field(min_length=1)
]
Capability = Literal[
    "text_generation",
    "tools",
    "vision",
    "document",
    "audio",
    "video",
    "computer_use",
    "code_execution",
    "image_generation",
]
"""What a model can do; clients of the relay know no other words."""
Cents = Annotated[int, Field(ge=0, le=100_000_000)]
Credits = Annotated[int, Field(gt=0, le=1_000_000_000)]


class CatalogFault(InvalidRequest):
    """The catalog file cannot be taken; the message says where and why."""


class Strict(BaseModel):
    """Unknown fields refused, types exact, values frozen."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class LongContextRow(Strict):
    """Prices of a call whose prompt is longer than `above_input_tokens`."""

    above_input_tokens: Annotated[int, Field(gt=0)]
    nanos_per_million: Prices


class ModelRow(Strict):
    """One model of the price book."""

    id: ModelName
    provider: Code
    display_name: Shown
    aliases: list[ModelName] = []
    """Other exact names of the same model, such as a dated snapshot."""
    description: Annotated[str, Field(max_length=500)] = ""
    """What a tier's customers read of it."""
    capabilities: list[Capability] = []
    deprecated: bool = False
    """Still priced and served; nobody should begin with it."""
    context_window: Annotated[int, Field(gt=0)]
    max_output_tokens: Annotated[int, Field(ge=0)]
    image_tokens_max: Annotated[int, Field(ge=0)] = 0
    """The most tokens that one image of a prompt counts as; 0 where nobody says."""
    nanos_per_million: Prices
    free_units: list[Unit] = []
    """Units whose price is 0 on purpose."""
    long_context: LongContextRow | None = None

    @model_validator(mode="after")
    def _no_zero_by_accident(self) -> Self:
        tables = [self.nanos_per_million]
        if self.long_context is not None:
            tables.append(self.long_context.nanos_per_million)
        for table in tables:
            for unit, price_nanos in table.items():
                if (price_nanos == 0) != (unit in self.free_units):
                    raise ValueError(
                        f"model {self.id}: {unit} costs {price_nanos};"
                        " a price is 0 exactly where free_units names the unit"
                    )
        if not set(self.free_units) <= set(self.nanos_per_million):
            raise ValueError(f"model {self.id}: free_units names a unit without a price")
        return self

    @model_validator(mode="after")
    def _capabilities_are_named_once(self) -> Self:
        refuse_twice(f"model {self.id}: capability", list(self.capabilities))
        return self

    @model_validator(mode="after")
    def _long_context_is_dearer(self) -> Self:
        if self.long_context is None:
            return self
        long, base = self.long_context.nanos_per_million, self.nanos_per_million
        if long.keys() != base.keys():
            raise ValueError(f"model {self.id}: long_context prices other units than the model")
        if any(long[unit] < base[unit] for unit in base):
            raise ValueError(f"model {self.id}: long_context is cheaper than the model")
        return self

    def to_domain(self) -> Model:
        """Return the row as the value that prices are computed from."""
        long = self.long_context
        longer = (
            ()
            if long is None
            else (LongContext(long.above_input_tokens, dict(long.nanos_per_million)),)
        )
        return Model(
            model_id=self.id,
            provider=self.provider,
            display_name=self.display_name,
            context_window=self.context_window,
            max_output_tokens=self.max_output_tokens,
            image_tokens_max=self.image_tokens_max,
            periods={"": (Period(Table(dict(self.nanos_per_million), longer)),)},
            description=self.description,
            capabilities=tuple(self.capabilities),
            deprecated=self.deprecated,
        )


class PriceBookFile(Strict):
    """An immutable version of all prices, in nanos for a million units."""

    version: Version
    models: Annotated[list[ModelRow], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_name_means_one_model(self) -> Self:
        ids = [model.id for model in self.models]
        refuse_twice("model id", ids)
        aliases = [alias for model in self.models for alias in model.aliases]
        refuse_twice("alias", aliases)
        for alias in aliases:
            if alias in ids:
                raise ValueError(f"alias {alias} is also the id of a model")
        return self

    def to_domain(self) -> PriceBook:
        """Return the book with its digest."""
        return book_of(
            self.version,
            [model.to_domain() for model in self.models],
            digest=digest_of(self.body()),
            aliases={alias: model.id for model in self.models for alias in model.aliases},
        )

    def body(self) -> dict[str, Any]:
        """Return the book as plain JSON values, the form that is stored and digested."""
        return self.model_dump(mode="json", exclude_defaults=True)


class PlanRow(Strict):
    """A plan of the file. Only `free` costs nothing, and it is always there to be had."""

    code: Code
    name: Shown
    price_cents: Cents
    credits: Credits
    is_sold: bool = True
    trial_days: Annotated[int, Field(ge=0, le=365)] | None = None
    """Days of free trial; left out: as the settings say."""

    @model_validator(mode="after")
    def _only_free_is_free(self) -> Self:
        if (self.price_cents == 0) != (self.code == FREE_PLAN):
            raise ValueError(f"plan {self.code}: only the plan {FREE_PLAN} has price_cents 0")
        if self.code == FREE_PLAN and not self.is_sold:
            raise ValueError(f"plan {FREE_PLAN}: every new customer gets it, so is_sold stays")
        return self

    def to_domain(self, project_id: str) -> Plan:
        """Return the plan as it is in one project."""
        return Plan(
            plan_id=plan_uuid(project_id, self.code),
            code=self.code,
            name=self.name,
            price_cents=self.price_cents,
            credits=self.credits,
            is_sold=self.is_sold,
            trial_days=self.trial_days,
        )


class PackRow(Strict):
    """A top-up pack of the file."""

    code: Code
    name: Shown
    price_cents: Annotated[Cents, Field(gt=0)]
    credits: Credits

    def to_domain(self) -> Pack:
        """Return the pack as a value."""
        return Pack(self.code, self.name, self.price_cents, self.credits)


class MarkupRow(Strict):
    """What is added to the provider's cost."""

    default_bps: Annotated[int, Field(ge=0, le=MARKUP_BPS_MAX)]


class CatalogFile(Strict):
    """The whole reviewed file."""

    currency: Literal["usd"]
    plans: list[PlanRow]
    packs: Annotated[list[PackRow], Field(min_length=1)]
    markup: MarkupRow
    price_book: PriceBookFile

    @model_validator(mode="after")
    def _codes_are_unique(self) -> Self:
        refuse_twice("plan", [plan.code for plan in self.plans])
        refuse_twice("pack", [pack.code for pack in self.packs])
        if FREE_PLAN not in {plan.code for plan in self.plans}:
            raise ValueError(f"there is no plan {FREE_PLAN}, and every new customer gets it")
        return self

    def to_offer(self, project_id: str) -> Offer:
        """Return the file as what one project is offered."""
        return Offer(
            currency=self.currency,
            plans={plan.code: plan.to_domain(project_id) for plan in self.plans},
            packs={pack.code: pack.to_domain() for pack in self.packs},
            markup=Markup(self.markup.default_bps),
            book=self.price_book.to_domain(),
            book_body=self.price_book.body(),
        )


def read_catalog(path: Path) -> CatalogFile:
    """Return the reviewed file.

    Raises:
        CatalogFault: it cannot be read, or something in it is not sound.
    """
    try:
        return parse_catalog(path.read_text(encoding="utf-8"))
    except OSError as failure:
        raise CatalogFault(f"{path}: {failure.strerror}") from failure
    except CatalogFault as fault:
        raise CatalogFault(f"{path}: {fault.message}") from fault


def parse_catalog(text: str) -> CatalogFile:
    """Return the catalog that JSON text holds.

    Raises:
        CatalogFault: the text is not JSON, or something in it is not sound.
    """
    try:
        return CatalogFile.model_validate(json.loads(text, object_pairs_hook=no_twins))
    except ValidationError as fault:
        raise CatalogFault(first_fault(fault)) from fault
    except ValueError as fault:
        raise CatalogFault(str(fault)) from fault


def parse_book(body: Mapping[str, Any]) -> PriceBook:
    """Return a price book from its stored form.

    Raises:
        CatalogFault: what is stored is not sound.
    """
    try:
        return PriceBookFile.model_validate(body).to_domain()
    except ValidationError as fault:
        raise CatalogFault(first_fault(fault)) from fault


def first_fault(fault: ValidationError) -> str:
    """Return where a file is first wrong, and what is wrong with it."""
    first = fault.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"]) or "the file"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, unless a field is in it twice."""
    refuse_twice("field", [name for name, _ in pairs])
    return dict(pairs)


def refuse_twice(word: str, names: list[str]) -> None:
    """Refuse a name that is there twice; `word` says of what."""
    for name, times in Counter(names).items():
        if times > 1:
            raise ValueError(f"{word} {name} is there {times} times")

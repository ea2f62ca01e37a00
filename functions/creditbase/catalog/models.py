"""The border of the catalog: the reviewed file.

Strict to the letter: no floats, no unknown fields, no duplicates, no zero by accident.
"""

import json
from collections import Counter
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
    Markup,
    Offer,
    Pack,
    Plan,
    Rule,
    plan_uuid,
)
from creditbase.catalog.shipped import CatalogFault, parse_book, shipped_book
from creditbase.kernel.money import AMOUNT_NANOS_MAX, BPS_PER_ONE

FREE_PLAN = "free"
MARKUP_BPS_MAX = 1_000_000


def _known_unit(name: str) -> str:
    if name not in UNITS:
        raise ValueError(f"{name} is no unit; the units are {', '.join(UNITS)}")
    return name


Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$")]
Amount = Annotated[int, Field(ge=0, le=AMOUNT_NANOS_MAX)]
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
FEATURES_MAX = 20
Feature = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""Short: all of a user's claims together have a thousand bytes."""
Credits = Annotated[int, Field(gt=0, le=1_000_000_000)]


class Strict(BaseModel):
    """Unknown fields refused, types exact, values frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class PlanRow(Strict):
    """A plan of the file. Only `free` costs nothing, and it is always there to be had."""

    code: Code
    name: Shown
    price_cents: Cents
    credits: Credits
    is_sold: bool = True
    trial_days: Annotated[int, Field(ge=0, le=365)] | None = None
    """Days of free trial; left out: as the settings say."""
    features: Annotated[list[Feature], Field(max_length=FEATURES_MAX)] = []
    """Words for rules and for the application; they are claims of who is on the plan."""

    @model_validator(mode="after")
    def _names_features_once(self) -> Self:
        if len(set(self.features)) < len(self.features):
            raise ValueError(f"plan {self.code}: a feature is named twice")
        return self

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
            features=tuple(sorted(self.features)),
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


class RuleRow(Strict):
    """What one rule of the markup says; what is left out is as the more general rule says."""

    bps: Annotated[int, Field(ge=-BPS_PER_ONE, le=MARKUP_BPS_MAX)] | None = None
    fee_nanos: Amount | None = None
    minimum_nanos: Amount | None = None

    def to_domain(self) -> Rule:
        """Return the rule as a value."""
        return Rule(**self.model_dump())


class PlanRuleRow(RuleRow):
    """A plan's rule, which alone may say that its prices go below cost."""

    allows_below_cost: bool | None = None


class MarkupRow(Strict):
    """What is added to the provider's cost: the default, and rules that are more special."""

    default_bps: Annotated[int, Field(ge=0, le=MARKUP_BPS_MAX)]
    fee_nanos: Amount = 0
    minimum_nanos: Amount = 0
    providers: dict[Code, RuleRow] = {}
    models: dict[ModelName, RuleRow] = {}
    plans: dict[str, PlanRuleRow] = {}

    def to_domain(self) -> Markup:
        """Return the rules as a value."""
        return Markup(
            self.default_bps,
            fee_nanos=self.fee_nanos,
            minimum_nanos=self.minimum_nanos,
            providers={name: row.to_domain() for name, row in self.providers.items()},
            models={name: row.to_domain() for name, row in self.models.items()},
            plans={name: row.to_domain() for name, row in self.plans.items()},
        )


class CatalogFile(Strict):
    """The whole reviewed file."""

    currency: Literal["usd"]
    plans: list[PlanRow]
    packs: Annotated[list[PackRow], Field(min_length=1)]
    markup: MarkupRow

    @model_validator(mode="after")
    def _codes_are_unique(self) -> Self:
        refuse_twice("plan", [plan.code for plan in self.plans])
        refuse_twice("pack", [pack.code for pack in self.packs])
        if FREE_PLAN not in {plan.code for plan in self.plans}:
            raise ValueError(f"there is no plan {FREE_PLAN}, and every new customer gets it")
        return self

    def to_offer(self, project_id: str, book_text: str = "") -> Offer:
        """Return the file as what one project is offered, with the book of the release."""
        return Offer(
            currency=self.currency,
            plans={plan.code: plan.to_domain(project_id) for plan in self.plans},
            packs={pack.code: pack.to_domain() for pack in self.packs},
            markup=self.markup.to_domain(),
            book=parse_book(book_text) if book_text else shipped_book(),
            book_text=book_text,
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

"""Tiers as they cross the border: strict, bounded, nothing unknown.

Source: relay-api.md 4, and two fields of our own: `markup_percentage` and `overage_enabled`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from creditbase.catalog.domain.tier_rules import (
    CENTS_MAX,
    MODELS_MAX,
    TOKEN_TTL_S_MAX,
    TRIAL_DAYS_MAX,
    Given,
)
from creditbase.catalog.domain.tiers import TierModel

BPS_PER_PERCENT = 100

Cents = Annotated[int, Field(ge=0, le=CENTS_MAX)]
Percentage = Annotated[int, Field(ge=0, le=10_000)]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", min_length=1, max_length=64)]
Shown = Annotated[str, Field(min_length=1, max_length=250)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class TierModelRequest(_Request):
    """A model that the tier's customers may use."""

    model_id: Annotated[str, Field(min_length=1, max_length=128)]
    is_default: bool = False
    markup_percentage: Percentage | None = None
    """Added to the provider's cost; left out: as the tier says."""

    def to_domain(self) -> TierModel:
        """Return the model as a value."""
        return TierModel(self.model_id, self.is_default, _bps(self.markup_percentage))


class _TierFields(_Request):
    tier_code: Code
    display_name: Shown
    billing_mode: Literal["subscription", "paygo"] | None = None
    billing_provider: Literal["stripe", "external"] | None = None
    """Who bills it; of a subscription tier `stripe` where nothing is said."""
    price_amount_cents: Cents | None = None
    """0: the tier is free."""
    price_currency: Literal["usd"] | None = None
    price_interval: Literal["month", "year"] | None = None
    trial_days: Annotated[int, Field(ge=0, le=TRIAL_DAYS_MAX)] | None = None
    promo_credits_cents: Cents | None = None
    overage_enabled: bool | None = None
    """Whether a wallet may cover what exceeds the spend limit."""
    customer_token_max_ttl_seconds: Annotated[int, Field(ge=1, le=TOKEN_TTL_S_MAX)] | None = (
        None
    )
    markup_percentage: Percentage | None = None
    """Added to the provider's cost; left out: as the project says."""

    def given(self) -> Given:
        """Return the fields that were given, under the names of the domain."""
        return _domain_names(self.model_dump(exclude_none=True), self)


class TierCreate(_TierFields):
    """A new tier."""

    spend_limit_cents: Cents = 0
    """For each month; 0 is no limit. Of no meaning to `paygo`."""
    models: Annotated[list[TierModelRequest], Field(min_length=1, max_length=MODELS_MAX)]


class TierUpdate(_TierFields):
    """A tier as it shall be; what is left out keeps its value."""

    spend_limit_cents: Cents | None = None
    models: (
        Annotated[list[TierModelRequest], Field(min_length=1, max_length=MODELS_MAX)] | None
    ) = None


RENAMED = {
    "tier_code": "code",
    "customer_token_max_ttl_seconds": "customer_token_max_ttl_s",
    "markup_percentage": "markup_bps",
}


def _domain_names(fields: dict[str, Any], request: _TierFields) -> Given:
    given = {RENAMED.get(name, name): value for name, value in fields.items()}
    if "markup_bps" in given:
        given["markup_bps"] = _bps(request.markup_percentage)
    models = getattr(request, "models", None)
    if models is not None:
        given["models"] = tuple(model.to_domain() for model in models)
    return given


def _bps(percentage: int | None) -> int | None:
    return None if percentage is None else percentage * BPS_PER_PERCENT

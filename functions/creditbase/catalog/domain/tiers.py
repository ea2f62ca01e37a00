"""Tiers, decided: what a relay project's customers can be on. Pure.

A tier is sold by the month or year within a spend limit (`subscription`), or pays as it goes
from a wallet (`paygo`). Its id never changes; its code may be renamed and is what people type.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from creditbase.catalog.domain.markup import Margin, Markup, Rule
from creditbase.catalog.domain.prices import ModelPrice
from creditbase.kernel.money import nanos_from_cents
from creditbase.kernel.records import dataclass

BillingMode = Literal["subscription", "paygo"]
BillingProvider = Literal["stripe", "external"]
Interval = Literal["month", "year"]


@dataclass(frozen=True, slots=True)
class TierModel:
    """A model that a tier's customers may use. `markup_bps` None: as the tier says."""

    model_id: str
    is_default: bool = False
    markup_bps: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What customers are on: its limit, its models, its price.

    An archived tier is no longer listed or sold; whoever is on it keeps it.
    """

    tier_id: str
    project_id: str
    code: str
    display_name: str
    billing_mode: BillingMode
    billing_provider: BillingProvider
    spend_limit_cents: int
    """For each window; 0 is no limit. Of no meaning to `paygo`."""
    models: tuple[TierModel, ...]
    price_amount_cents: int | None = None
    price_currency: str = "usd"
    price_interval: Interval | None = None
    trial_days: int | None = None
    promo_credits_cents: int = 0
    overage_enabled: bool = False
    customer_token_max_ttl_s: int | None = None
    billing_price_ref: str = ""
    """The price at Stripe; empty where there is none."""
    markup_bps: int | None = None
    """None: as the project says."""
    created_at: datetime
    updated_at: datetime
    is_archived: bool = False

    @property
    def is_paygo(self) -> bool:
        """Return whether its customers pay from a wallet."""
        return self.billing_mode == "paygo"

    @property
    def is_paid(self) -> bool:
        """Return whether being on it costs something, whoever bills it."""
        return not self.is_paygo and (self.price_amount_cents or 0) > 0

    @property
    def is_free(self) -> bool:
        """Return whether it is a subscription tier that costs nothing."""
        return not self.is_paygo and not self.is_paid

    @property
    def is_sold_by_stripe(self) -> bool:
        """Return whether its price is to be one of Stripe's."""
        return self.is_paid and self.billing_provider == "stripe"

    @property
    def can_be_bought(self) -> bool:
        """Return whether Stripe sells it now."""
        return self.is_paid and bool(self.billing_price_ref) and not self.is_archived

    @property
    def price(self) -> tuple[int | None, str, str | None]:
        """Return amount, currency and interval: what a price of Stripe is made for."""
        return self.price_amount_cents, self.price_currency, self.price_interval

    @property
    def is_unlimited(self) -> bool:
        """Return whether a paid window has no spend limit."""
        return not self.is_paygo and self.spend_limit_cents == 0

    @property
    def limit_nanos(self) -> int:
        """Return the spend limit as the ledger counts it."""
        return nanos_from_cents(self.spend_limit_cents)

    @property
    def promo_nanos(self) -> int:
        """Return the promotional credits as the ledger counts them."""
        return nanos_from_cents(self.promo_credits_cents)

    def model(self, model_id: str) -> TierModel | None:
        """Return the tier's model of that id of the price book; aliases are the book's."""
        return next((it for it in self.models if it.model_id == model_id), None)

    @property
    def default_model(self) -> TierModel | None:
        """Return the model of a call that names none: the default, else the only one."""
        chosen = next((it for it in self.models if it.is_default), None)
        return chosen or (self.models[0] if len(self.models) == 1 else None)

    def margin_of(self, priced: ModelPrice, project: Markup) -> Margin:
        """Return what is added to the cost: what the model says, the tier, or the project."""
        found = self.model(priced.model_id)
        own = Rule(self.markup_bps), Rule(found.markup_bps if found else None)
        return project.margin(
            provider=priced.provider,
            model_id=priced.model_id,
            plan_code=self.tier_id,
            special=zip(("tier", "tier model"), own, strict=True),
        )


@dataclass(frozen=True, slots=True)
class Tiers:
    """Every tier that a project has or had."""

    project_id: str
    every: Mapping[str, Tier]

    @classmethod
    def of(cls, project_id: str, tiers: Iterable[Tier]) -> "Tiers":
        """Return these tiers."""
        return cls(project_id, {tier.tier_id: tier for tier in tiers})

    def by_id(self, tier_id: str) -> Tier | None:
        """Return the tier of that id; also one that is archived, for who is still on it."""
        return self.every.get(tier_id)

    def by_code(self, code: str) -> Tier | None:
        """Return the tier that has the code now."""
        return next((tier for tier in self.sold if tier.code == code), None)

    @property
    def sold(self) -> tuple[Tier, ...]:
        """Return the tiers that are listed, the oldest first."""
        live = [tier for tier in self.every.values() if not tier.is_archived]
        return tuple(sorted(live, key=lambda tier: (tier.created_at, tier.tier_id)))

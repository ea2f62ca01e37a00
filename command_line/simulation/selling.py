"""What is sold to simulated customers, and where they stand: decided as the product decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from creditbase.accounts.domain import Customer
from creditbase.catalog.domain import Catalog
from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.ledger.domain.wallet import Terms
from creditbase.metering.domain import CatalogRate
from creditbase.subscriptions.domain.mirror import Invoice, Record, Subscription
from creditbase.subscriptions.domain.standing import Standing, decide_standing
from creditbase.subscriptions.domain.terms import FREE_PLAN, free_terms
from creditbase.subscriptions.domain.tier_standing import (
    decide_tier_standing,
    local_terms,
    no_tier,
)
from creditbase.subscriptions.domain.trials import TrialDecision

NO_TRIALS = TrialDecision(None)
Records = Mapping[str, Record]


@dataclass(frozen=True, slots=True)
class Price:
    """What is billed for something: its code in terms and bills, how much, and how often."""

    code: str
    cents: int
    is_yearly: bool = False


class Seller(Protocol):
    """Plans with credits, or tiers with limits."""

    @property
    def rate(self) -> CatalogRate:
        """Return the prices of calls."""

    def price(self, name: str) -> Price | None:
        """Return what is billed for a plan or tier; None where nobody bills it."""

    def terms(self, name: str) -> Terms:
        """Return the terms of somebody who has just come."""

    def standing(
        self,
        customer: Customer,
        seen: Sequence[Subscription],
        invoices: Sequence[Invoice],
        known: Records,
        now: datetime,
    ) -> Standing:
        """Return where a customer stands by Stripe's picture."""


@dataclass(frozen=True, slots=True)
class PlanSeller:
    """The hub: plans that bring credits."""

    rate: CatalogRate

    @property
    def catalog(self) -> Catalog:
        """Return what is sold."""
        return self.rate.catalog

    def price(self, name: str) -> Price | None:
        """Return what a plan costs; None for the free one."""
        plan = self.catalog.plan(name)
        return Price(plan.code, plan.price_cents) if plan.price_cents else None

    def terms(self, name: str) -> Terms:
        """Return the free plan's terms: everybody begins there."""
        assert name
        return free_terms(self.catalog.plan(FREE_PLAN))

    def standing(
        self,
        customer: Customer,
        seen: Sequence[Subscription],
        invoices: Sequence[Invoice],
        known: Records,
        now: datetime,
    ) -> Standing:
        """Return where a customer stands by Stripe's picture."""
        plans = self.catalog.plans
        return decide_standing(customer.customer_id, seen, invoices, known, plans, now=now)


@dataclass(frozen=True, slots=True)
class TierSeller:
    """A relay project: tiers with a limit for each month."""

    rate: CatalogRate
    tiers: Tiers

    def price(self, name: str) -> Price | None:
        """Return what a tier costs; None where it is free or pays as it goes."""
        tier = self._tier(name)
        if not tier.is_paid:
            return None
        return Price(tier.tier_id, tier.price_amount_cents or 0, tier.price_interval == "year")

    def terms(self, name: str) -> Terms:
        """Return the terms of a tier that nobody bills; of another none until it is paid."""
        tier = self._tier(name)
        return no_tier() if tier.is_paid else local_terms(tier)

    def standing(
        self,
        customer: Customer,
        seen: Sequence[Subscription],
        invoices: Sequence[Invoice],
        known: Records,
        now: datetime,
    ) -> Standing:
        """Return where a customer stands by Stripe's picture."""
        return decide_tier_standing(
            customer, seen, invoices, known, self.tiers, trials=NO_TRIALS, now=now
        )

    def _tier(self, name: str) -> Tier:
        tier = self.tiers.by_code(name)
        assert tier is not None
        return tier

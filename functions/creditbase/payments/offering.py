"""What Stripe should sell, compared with what it sells: the steps from one to the other. Pure.

A plan is a product with one price that holds the plan's lookup key. Prices of Stripe never
change: another amount is a new price that takes the key over, and the old one is archived.
Its metadata names project and plan for ever, so who pays the old price keeps the plan.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any

from creditbase.catalog.domain import Plan
from creditbase.kernel.records import dataclass


class Phase(StrEnum):
    """When a step of a push is taken."""

    BEFORE = "before"
    """Before the catalog is committed: what is new is there when the first customer asks."""
    AFTER = "after"
    """After it: what is old is not taken away while it is still sold."""


# ---- what Stripe has -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A plan's product. `revision` is Stripe's own mark of its last change."""

    product_id: str
    name: str
    is_active: bool
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price of a plan's product."""

    price_id: str
    amount_cents: int
    currency: str
    is_monthly: bool
    is_active: bool
    lookup_key: str
    made_for: tuple[str, str]
    """The project and plan of its metadata."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A configuration of the customer portal that is ours."""

    configuration_id: str
    features: Mapping[str, Any]
    revision: int


@dataclass(frozen=True, slots=True)
class OnSale:
    """Everything of a project that Stripe has: prices newest first, portals oldest first."""

    products: Mapping[str, Product] = field(default_factory=dict)
    prices: Mapping[str, Sequence[Price]] = field(default_factory=dict)
    portals: Sequence[Portal] = ()


# ---- what it should have ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offering:
    """What a project sells by the month."""

    project_id: str
    currency: str
    plans: tuple[Plan, ...]
    """All that cost something, the cheapest first; also those that are no longer sold."""

    @classmethod
    def of(cls, project_id: str, currency: str, plans: Iterable[Plan]) -> "Offering":
        """Return what these plans mean to Stripe."""
        paid = [plan for plan in plans if plan.price_cents > 0]
        return cls(
            project_id, currency, tuple(sorted(paid, key=lambda it: (it.price_cents, it.code)))
        )

    def product_id(self, plan: Plan) -> str:
        """Return the id that we give a plan's product: one for ever."""
        return f"creditbase-{self.project_id}-{plan.code}"

    def lookup_key(self, plan: Plan) -> str:
        """Return the key that the plan's present price holds."""
        return f"{self.project_id}:{plan.code}"

    def fits(self, price: Price, plan: Plan) -> bool:
        """Return whether a plan can be sold by a price."""
        return (
            price.is_active
            and price.is_monthly
            and price.amount_cents == plan.price_cents
            and price.currency == self.currency
            and price.made_for == (self.project_id, plan.code)
        )

    def price_of(self, plan: Plan, prices: Sequence[Price]) -> Price | None:
        """Return the price to sell a plan by: the one that holds the key, else the newest."""
        key = self.lookup_key(plan)
        found = [price for price in prices if self.fits(price, plan)]
        return next((it for it in found if it.lookup_key == key), found[0] if found else None)


def name_of(plan: Plan) -> str:
    """Return what a plan is called on Stripe's pages and bills."""
    return f"{plan.name}: {plan.credits:,} credits a month"


def features_of(offers: Mapping[str, str]) -> dict[str, Any]:
    """Return what customers may do in the portal, with the price of each product on offer.

    A dearer plan at once, with the difference billed at once, so that its credits come with
    the payment; a cheaper one, or none, at the end of the period that is paid for.
    """
    update: dict[str, Any] = {"enabled": False}
    if offers:
        update = {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "proration_behavior": "always_invoice",
            "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
            "products": [
                {"product": product_id, "prices": [price_id]}
                for product_id, price_id in offers.items()
            ],
        }
    return {
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {
            "enabled": True,
            "mode": "at_period_end",
            "proration_behavior": "none",
        },
        "subscription_update": update,
    }


def contains(found: object, wanted: object) -> bool:
    """Return whether all that is wanted is there; what Stripe adds by itself does not count.

    The order of rows is Stripe's own.
    """
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(
            contains(found.get(name), value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(any(contains(row, value) for row in found) for value in wanted)
        )
    return found == wanted


# ---- the steps -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeProduct:
    """A plan's product, made under its own id."""

    plan: Plan
    product_id: str
    made_for: tuple[str, str]

    phase = Phase.BEFORE

    @property
    def line(self) -> str:
        """Return what a person reads."""
        return f"stripe product {self.plan.code}: none -> {name_of(self.plan)}"

    @property
    def key(self) -> str:
        """Return what the step is, for its idempotency key."""
        return f"product:{self.product_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeProduct:
    """A plan's product under another name, sold again, or no longer sold."""

    plan: Plan
    product: Product
    name: str
    is_active: bool

    @property
    def phase(self) -> Phase:
        """Return when: what is sold again is so before the catalog says it."""
        is_back = self.is_active and not self.product.is_active
        return Phase.BEFORE if is_back else Phase.AFTER

    @property
    def line(self) -> str:
        """Return what a person reads."""
        before = self.product.name if self.product.is_active else "archived"
        return f"stripe product {self.plan.code}: {before} -> {self._after}"

    @property
    def _after(self) -> str:
        return self.name if self.is_active else "archived"

    @property
    def key(self) -> str:
        """Return what the step is, for its idempotency key."""
        return f"product:{self.product.product_id}:{self.product.revision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MakePrice:
    """A plan's price, which takes over the plan's lookup key."""

    plan: Plan
    product_id: str
    lookup_key: str
    currency: str
    made_for: tuple[str, str]
    before: Price | None
    """The newest price of the product, whatever became of it."""

    phase = Phase.BEFORE

    @property
    def line(self) -> str:
        """Return what a person reads."""
        before = "none" if self.before is None else _cost(self.before)
        after = f"{self.plan.price_cents} {self.currency} cents a month"
        return f"stripe price {self.plan.code}: {before} -> {after}"

    @property
    def key(self) -> str:
        """Return what the step is, for its idempotency key."""
        after = self.before.price_id if self.before is not None else "none"
        return f"price:{self.lookup_key}:{self.plan.price_cents}:{self.currency}:{after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePrice:
    """A price by which nobody can subscribe any more. Who pays it goes on paying it."""

    plan: Plan
    price: Price

    phase = Phase.AFTER

    @property
    def line(self) -> str:
        """Return what a person reads."""
        return f"stripe price {self.plan.code}: {_cost(self.price)} -> archived"

    @property
    def key(self) -> str:
        """Return what the step is, for its idempotency key."""
        return f"archive:{self.price.price_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPortal:
    """The portal's configuration, made or brought up to date."""

    project_id: str
    offers: Mapping[str, str]
    """The price of each product that can be chosen; empty for a price that is not made yet."""
    plans: tuple[Plan, ...]
    portal: Portal | None

    phase = Phase.AFTER

    @property
    def line(self) -> str:
        """Return what a person reads."""
        before = "none" if self.portal is None else "as it was"
        choice = ", ".join(plan.code for plan in self.plans) or "no plan"
        return (
            f"stripe portal: {before} -> choose {choice}; up at once with proration, "
            "down and out at the period's end, cards and invoices"
        )

    @property
    def is_ready(self) -> bool:
        """Return whether every price that it names is made."""
        return all(self.offers.values())

    @property
    def key(self) -> str:
        """Return what the step is, for its idempotency key."""
        if self.portal is None:
            return f"portal:{self.project_id}"
        return f"portal:{self.portal.configuration_id}:{self.portal.revision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetirePortal:
    """A second configuration of ours, which two pushes at once can have made."""

    portal: Portal

    phase = Phase.AFTER
    line = "stripe portal: a second configuration -> off"

    @property
    def key(self) -> str:
        """Return what the step is, for its idempotency key."""
        return f"retire:{self.portal.configuration_id}"


Step = MakeProduct | ChangeProduct | MakePrice | ArchivePrice | SetPortal | RetirePortal


def decide_steps(offering: Offering, on_sale: OnSale) -> list[Step]:
    """Return what is to be done at Stripe, in order; nothing where it sells just this."""
    steps: list[Step] = []
    for plan in offering.plans:
        steps += _steps_of_plan(offering, on_sale, plan)
    return [*_steps_of_portal(offering, on_sale), *steps]


def _steps_of_plan(offering: Offering, on_sale: OnSale, plan: Plan) -> list[Step]:
    product = on_sale.products.get(plan.code)
    prices = on_sale.prices.get(plan.code, ())
    present = _present(offering, plan, prices)
    made_for = (offering.project_id, plan.code)
    steps: list[Step] = []
    if plan.is_sold and product is None:
        steps.append(
            MakeProduct(plan=plan, product_id=offering.product_id(plan), made_for=made_for)
        )
    if plan.is_sold and present is None:
        steps.append(
            MakePrice(
                plan=plan,
                product_id=offering.product_id(plan),
                lookup_key=offering.lookup_key(plan),
                currency=offering.currency,
                made_for=made_for,
                before=prices[0] if prices else None,
            )
        )
    steps += [
        ArchivePrice(plan=plan, price=price)
        for price in prices
        if price.is_active and price != present
    ]
    wanted = (name_of(plan), plan.is_sold)
    if product is not None and (product.name, product.is_active) != wanted:
        name, is_active = wanted
        steps.append(ChangeProduct(plan=plan, product=product, name=name, is_active=is_active))
    return steps


def _present(offering: Offering, plan: Plan, prices: Sequence[Price]) -> Price | None:
    """Return the price that a plan is and stays sold by: the right one, with the key."""
    found = offering.price_of(plan, prices) if plan.is_sold else None
    has_key = found is not None and found.lookup_key == offering.lookup_key(plan)
    return found if has_key else None


def _steps_of_portal(offering: Offering, on_sale: OnSale) -> list[Step]:
    sold = tuple(plan for plan in offering.plans if plan.is_sold)
    present = {
        plan: _present(offering, plan, on_sale.prices.get(plan.code, ())) for plan in sold
    }
    offers = {
        offering.product_id(plan): price.price_id if price is not None else ""
        for plan, price in present.items()
    }
    portal = on_sale.portals[0] if on_sale.portals else None
    steps: list[Step] = []
    if portal is None or not contains(portal.features, features_of(offers)):
        steps.append(
            SetPortal(project_id=offering.project_id, offers=offers, plans=sold, portal=portal)
        )
    return steps + [RetirePortal(portal=extra) for extra in on_sale.portals[1:]]


def _cost(price: Price) -> str:
    return f"{price.amount_cents} {price.currency} cents a month"

"""Catalog decisions, pure: what is sold, and what a push of the catalog changes.

What a call costs is in the modules beside: units, prices, book, rates, markup, pricing.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from creditbase.catalog.domain.book import PriceBook, book_of
from creditbase.catalog.domain.markup import Margin, Markup, Rule
from creditbase.catalog.domain.prices import LongContext, Model, ModelPrice, Period, Table
from creditbase.catalog.domain.pricing import PricedCall, PricedLine, price_call
from creditbase.catalog.domain.rates import NO_RATES, PriceList, Rates
from creditbase.catalog.domain.units import COUNTED_UNIT, UNITS, Usage
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.kernel.ids import NAMESPACE
from creditbase.kernel.money import nanos_from_credits
from creditbase.kernel.records import dataclass

__all__ = [
    "COUNTED_UNIT",
    "NO_RATES",
    "UNITS",
    "Catalog",
    "CodeTaken",
    "Current",
    "LongContext",
    "Margin",
    "Markup",
    "Model",
    "ModelPrice",
    "Offer",
    "Pack",
    "Period",
    "Plan",
    "PlanMissing",
    "PriceBook",
    "PriceList",
    "PricedCall",
    "PricedLine",
    "Push",
    "Rates",
    "Rule",
    "Table",
    "Usage",
    "VersionTaken",
    "book_of",
    "decide_push",
    "digest_of",
    "plan_uuid",
    "price_call",
    "price_usage",
]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: what it costs a month and the credits that it brings.

    A plan that is no longer sold stays: whoever is on it keeps it and its credits.
    """

    plan_id: str
    code: str
    name: str
    price_cents: int
    credits: int
    is_sold: bool = True
    trial_days: int | None = None
    """Days of free trial for who never had one; None: as the settings say."""
    features: tuple[str, ...] = ()
    """What who is on it may do beside spending, in the words of the application."""

    @property
    def can_be_bought(self) -> bool:
        """Return whether a subscription to it can be started."""
        return self.is_sold and self.price_cents > 0

    def trial_days_or(self, default_days: int) -> int:
        """Return the days of trial that a newcomer has; none where it cannot be bought."""
        if not self.can_be_bought:
            return 0
        return default_days if self.trial_days is None else self.trial_days

    @property
    def amount_nanos(self) -> int:
        """Return the plan's credits as the ledger counts them."""
        return nanos_from_credits(self.credits)


@dataclass(frozen=True, slots=True)
class Pack:
    """A top-up that can be bought: its price and its credits."""

    code: str
    name: str
    price_cents: int
    credits: int

    @property
    def amount_nanos(self) -> int:
        """Return the pack's credits as the ledger counts them."""
        return nanos_from_credits(self.credits)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything a project sells: plans, packs, the active price book and the markup."""

    project_id: str
    currency: str
    plans: Mapping[str, Plan]
    packs: Mapping[str, Pack]
    book: PriceBook
    markup: Markup
    rates: Rates = NO_RATES

    @property
    def prices(self) -> PriceList:
        """Return all that the project can price."""
        return PriceList(self.book, self.rates)

    def plan(self, code: str) -> Plan:
        """Return the plan of that code.

        Raises:
            NotFound: the project has no such plan.
        """
        if code not in self.plans:
            raise NotFound("There is no such plan")
        return self.plans[code]


def price_usage(
    prices: PriceList, model: str, usage: Usage, markup: Markup, *, at: datetime
) -> PricedCall:
    """Return what `usage` of a model costs on no plan in particular.

    Raises:
        NotFound: neither rates nor book have the id or alias. Unknown price, no call.
        InvalidRequest: a quantity above zero in a unit without a price, or beyond any wallet.
    """
    found = prices.find(model, at)
    if found is None:
        raise NotFound("This model has no price")
    margin = markup.margin(provider=found.provider, model_id=found.model_id)
    return price_call(found, usage, margin)


def plan_uuid(project_id: str, code: str) -> str:
    """Return a plan's id: the same code of a project always has the same."""
    return str(uuid.uuid5(NAMESPACE, f"plan/{project_id}/{code}"))


def digest_of(body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a price book's canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# ---- pushing ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """The reviewed file, once it is known to be sound."""

    currency: str
    plans: Mapping[str, Plan]
    packs: Mapping[str, Pack]
    markup: Markup
    book: PriceBook
    book_text: str = field(repr=False, default="")
    """Of a book that is not the release's."""


@dataclass(frozen=True, slots=True)
class Current:
    """What a project has now; `book_digest` is that of the offered version, if it is there."""

    plans: Mapping[str, Plan]
    packs: Mapping[str, Pack]
    markup: Markup | None
    book_version: str | None
    book_digest: str | None


class VersionTaken(InvalidRequest):
    """The price book's version exists with other content. A version never changes."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"price book version {version} exists with other content; give the file a new one"
        )


class PlanMissing(InvalidRequest):
    """A plan of the project is not in the file; customers may be on it."""

    def __init__(self, code: str) -> None:
        super().__init__(f"plan {code} is in the project but not in the file: keep it there")


class CodeTaken(InvalidRequest):
    """A plan's code is a tier's: the two are named in one list."""

    def __init__(self, code: str) -> None:
        super().__init__(f"plan {code} has the code of a tier; rename one of them")


@dataclass(frozen=True, slots=True)
class Push:
    """What a push would do: the lines to show a person, and what has to be written."""

    lines: tuple[str, ...]
    is_new_book: bool
    plans: tuple[Plan, ...]

    @property
    def changes(self) -> bool:
        """Return whether anything differs."""
        return bool(self.lines)


def decide_push(current: Current, offer: Offer) -> Push:
    """Compare a project with the file.

    Raises:
        VersionTaken: the file changes a price book version that is already written.
        PlanMissing: the file leaves out a plan that the project has.
    """
    if current.book_digest not in (None, offer.book.digest):
        raise VersionTaken(offer.book.version)
    for code in current.plans:
        if code not in offer.plans:
            raise PlanMissing(code)
    changed = [plan for code, plan in offer.plans.items() if current.plans.get(code) != plan]
    lines = [_difference("plan", current.plans.get(plan.code), plan) for plan in changed]
    lines += [
        _difference("pack", current.packs.get(code), offer.packs.get(code))
        for code in sorted({*current.packs, *offer.packs})
        if current.packs.get(code) != offer.packs.get(code)
    ]
    lines += _markup_differences(current.markup, offer.markup)
    if current.book_version != offer.book.version:
        lines.append(
            f"price book: {current.book_version} -> {offer.book.version}"
            f" ({len(offer.book)} models, {offer.book.digest[:12]})"
        )
    return Push(tuple(lines), current.book_digest is None, tuple(changed))


def _difference(word: str, before: Plan | Pack | None, after: Plan | Pack | None) -> str:
    named = after or before
    assert named is not None
    return f"{word} {named.code}: {_shown(before)} -> {_shown(after)}"


def _markup_differences(before: Markup | None, after: Markup) -> list[str]:
    """Return a line for the default and for each rule that differs."""
    old, new = _rules(before), _rules(after)
    return [
        f"{name}: {old.get(name)} -> {new.get(name)}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]


def _rules(markup: Markup | None) -> dict[str, object]:
    """Return every rule by the name that a push shows it by."""
    if markup is None:
        return {}
    kinds = {"provider": markup.providers, "model": markup.models, "plan": markup.plans}
    amounts = {"fee_nanos": markup.fee_nanos, "minimum_nanos": markup.minimum_nanos}
    return {
        "markup_bps": markup.default_bps,
        **{f"markup {name}": value for name, value in amounts.items() if value},
        **{
            f"markup of {kind} {name}": rule
            for kind, rules in kinds.items()
            for name, rule in rules.items()
        },
    }


def _shown(it: Plan | Pack | None) -> str:
    if it is None:
        return "none"
    remark = ""
    if isinstance(it, Plan) and it.trial_days is not None:
        remark = f", {it.trial_days} days of trial"
    if isinstance(it, Plan) and it.features:
        remark += f", with {' and '.join(it.features)}"
    if isinstance(it, Plan) and not it.is_sold:
        remark += ", no longer sold"
    return f"{it.name}, {it.price_cents} cents, {it.credits} credits{remark}"

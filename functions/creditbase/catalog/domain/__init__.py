"""Catalog decisions, pure: what a call costs, and what a push of the catalog changes.

A price is an integer of nanos for a million units (DESIGN section 2). What has no price is
refused, never free; a free unit says so in the file.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.kernel.ids import NAMESPACE
from creditbase.kernel.money import AMOUNT_NANOS_MAX, nanos_from_credits, price_of

COUNTED_UNIT = "requests"
"""The one unit that is counted also where it has no price of its own."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call used, in exclusive pools: no token is counted in two of them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    images: int = 0
    searches: int = 0
    requests: int = 1

    def __post_init__(self) -> None:
        assert all(type(quantity) is int and quantity >= 0 for _, quantity in self.quantities())

    def quantities(self) -> tuple[tuple[str, int], ...]:
        """Return every pool with its quantity, in the fixed order of `UNITS`."""
        return tuple((unit, getattr(self, unit)) for unit in UNITS)

    @property
    def prompt_tokens(self) -> int:
        """Return everything the model had to read: what a long-context price looks at."""
        return (
            self.input_tokens
            + self.cached_input_tokens
            + self.cache_write_tokens
            + self.audio_input_tokens
        )


UNITS: tuple[str, ...] = tuple(unit.name for unit in fields(Usage))
"""The units that a price book may price."""


@dataclass(frozen=True, slots=True)
class LongContext:
    """Dearer prices for a whole call whose prompt is longer than a number of tokens."""

    above_input_tokens: int
    nanos_per_million: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """A model: who serves it, what it can do, and what its units cost us."""

    model_id: str
    provider: str
    display_name: str
    context_window: int
    max_output_tokens: int
    nanos_per_million: Mapping[str, int]
    long_context: LongContext | None = None
    description: str = ""
    capabilities: tuple[str, ...] = ()
    deprecated: bool = False
    image_tokens_max: int = 0
    """The most tokens of one image in a prompt; 0 where nobody says."""

    def prices_for(self, usage: Usage) -> Mapping[str, int]:
        """Return the price table that this call falls under."""
        dearer = self.long_context
        if dearer is not None and usage.prompt_tokens > dearer.above_input_tokens:
            return dearer.nanos_per_million
        return self.nanos_per_million


@dataclass(frozen=True, slots=True)
class PriceBook:
    """An immutable version of every price. `digest` is over its canonical JSON."""

    version: str
    digest: str
    models: Mapping[str, ModelPrice]
    aliases: Mapping[str, str]

    def find(self, model: str) -> ModelPrice | None:
        """Return the model of an exact id or explicit alias; nothing is guessed."""
        return self.models.get(self.aliases.get(model, model))


@dataclass(frozen=True, slots=True)
class Markup:
    """What is added to the provider's cost, in basis points. Never negative: not below cost."""

    default_bps: int

    def __post_init__(self) -> None:
        assert self.default_bps >= 0


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

    def plan(self, code: str) -> Plan:
        """Return the plan of that code.

        Raises:
            NotFound: the project has no such plan.
        """
        if code not in self.plans:
            raise NotFound("There is no such plan")
        return self.plans[code]


@dataclass(frozen=True, slots=True)
class PricedLine:
    """One unit of a priced call, as `explain` shows it."""

    unit: str
    quantity: int
    nanos_per_million: int


@dataclass(frozen=True, slots=True)
class Priced:
    """What a call costs the customer and us, with all that is needed to compute it again."""

    amount_nanos: int
    cost_nanos: int
    model_id: str
    provider: str
    lines: tuple[PricedLine, ...]
    markup_bps: int
    book_version: str
    book_digest: str


def price_usage(book: PriceBook, model: str, usage: Usage, markup: Markup) -> Priced:
    """Return what `usage` of `model` costs, each figure rounded up once, to the nano.

    Raises:
        NotFound: the book has no such id or alias. Unknown price, no call.
        InvalidRequest: a quantity above zero in a unit without a price, or beyond any wallet.
    """
    found = book.find(model)
    if found is None:
        raise NotFound("This model has no price")
    prices = found.prices_for(usage)
    lines = []
    for unit, quantity in usage.quantities():
        if quantity > 0 and unit in prices:
            lines.append(PricedLine(unit, quantity, prices[unit]))
        elif quantity > 0 and unit != COUNTED_UNIT:
            raise InvalidRequest(f"This model has no price for {unit}", field=f"usage.{unit}")
    pairs = [(line.quantity, line.nanos_per_million) for line in lines]
    amount_nanos = price_of(lines=pairs, markup_bps=markup.default_bps)
    cost_nanos = price_of(lines=pairs, markup_bps=0)
    if amount_nanos > AMOUNT_NANOS_MAX:
        raise InvalidRequest("This usage is more than any wallet can hold", field="usage")
    assert 0 <= cost_nanos <= amount_nanos
    return Priced(
        amount_nanos=amount_nanos,
        cost_nanos=cost_nanos,
        model_id=found.model_id,
        provider=found.provider,
        lines=tuple(lines),
        markup_bps=markup.default_bps,
        book_version=book.version,
        book_digest=book.digest,
    )


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
    book_body: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Current:
    """What a project has now; `book_digest` is that of the offered version, if it is there."""

    plans: Mapping[str, Plan]
    packs: Mapping[str, Pack]
    markup_bps: int | None
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
    if current.markup_bps != offer.markup.default_bps:
        lines.append(f"markup_bps: {current.markup_bps} -> {offer.markup.default_bps}")
    if current.book_version != offer.book.version:
        lines.append(
            f"price book: {current.book_version} -> {offer.book.version}"
            f" ({len(offer.book.models)} models, {offer.book.digest[:12]})"
        )
    return Push(tuple(lines), current.book_digest is None, tuple(changed))


def _difference(word: str, before: Plan | Pack | None, after: Plan | Pack | None) -> str:
    named = after or before
    assert named is not None
    return f"{word} {named.code}: {_shown(before)} -> {_shown(after)}"


def _shown(it: Plan | Pack | None) -> str:
    if it is None:
        return "none"
    remark = ""
    if isinstance(it, Plan) and it.trial_days is not None:
        remark = f", {it.trial_days} days of trial"
    if isinstance(it, Plan) and not it.is_sold:
        remark += ", no longer sold"
    return f"{it.name}, {it.price_cents} cents, {it.credits} credits{remark}"

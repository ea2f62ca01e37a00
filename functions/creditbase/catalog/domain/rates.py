"""A project's own prices: models of its own, and rates that it negotiated. Pure.

A version of rates is immutable like a price book, and stands before it: what the rates do not
name costs what the book says.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import datetime

from creditbase.catalog.domain.book import PriceBook
from creditbase.catalog.domain.prices import (
    STANDARD,
    VARIANT_MARK,
    Model,
    ModelPrice,
    Period,
    Table,
)
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import BPS_PER_ONE
from creditbase.kernel.records import dataclass

JUMP_BPS_MAX = 2_000
"""A price that moves by more than a fifth is taken only where somebody has signed for it."""


@dataclass(frozen=True, slots=True)
class Rates:
    """An immutable version of a project's own prices. Empty names mean that there are none."""

    project_id: str = ""
    """Whose they are: a project without a book of its own uses the hub's, and its rates."""
    version: str = ""
    digest: str = ""
    models: Mapping[str, Model] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    negotiated: Mapping[str, Mapping[str, tuple[Period, ...]]] = field(default_factory=dict)
    """By the id of a model of the book, and by variant: what holds instead from then on."""

    @property
    def pin(self) -> str:
        """Return what an entry keeps to find them again: `project/version`, or nothing."""
        return f"{self.project_id}/{self.version}" if self.version else ""


NO_RATES = Rates()


@dataclass(frozen=True, slots=True)
class PriceList:
    """All that a project can price: its own rates, and a book behind them."""

    book: PriceBook
    rates: Rates = NO_RATES

    def model(self, name: str) -> Model | None:
        """Return the model of an exact id or explicit alias; nothing is guessed."""
        own = self.rates.models.get(self.rates.aliases.get(name, name))
        if own is not None:
            return own
        found = self.book.model(name)
        if found is None or found.model_id not in self.rates.negotiated:
            return found
        deals = self.rates.negotiated[found.model_id]
        variants = {*found.periods, *deals}
        return replace(
            found,
            periods={it: (*found.periods.get(it, ()), *deals.get(it, ())) for it in variants},
        )

    def every(self) -> Iterator[Model]:
        """Yield all models under their ids: the project's own, then the book's."""
        yield from self.rates.models.values()
        for model in self.book.every():
            if model.model_id not in self.rates.models:
                yield self.model(model.model_id) or model

    def find(self, name: str, at: datetime) -> ModelPrice | None:
        """Return the model as it is priced then; `gpt-5@batch` is a variant of `gpt-5`."""
        found = self.model(name)
        if found is not None:
            return found.at(at)
        plain, mark, variant = name.rpartition(VARIANT_MARK)
        found = self.model(plain) if mark and variant else None
        return None if found is None else found.at(at, variant)


@dataclass(frozen=True, slots=True)
class RatesPush:
    """What a push of rates would do: the lines to show a person, and what to sign for."""

    lines: tuple[str, ...]
    jumps: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Return whether anything differs."""
        return bool(self.lines)


def decide_rates(
    before: PriceList, rates: Rates, *, kept_digest: str | None, is_chosen: bool
) -> RatesPush:
    """Compare a version of rates with what the project prices by.

    Raises:
        InvalidRequest: the version is written with other content, a model has a name of the
            book, or a negotiated model or variant is none of the book.
    """
    if kept_digest not in (None, rates.digest):
        raise InvalidRequest(
            f"rates version {rates.version} exists with other content; give the file a new one"
        )
    after = PriceList(before.book, rates)
    _check_names(after)
    if is_chosen:
        return RatesPush((), ())
    names = [*rates.models, *rates.negotiated]
    lines = [
        f"{name}: {'own model' if name in rates.models else 'negotiated'}" for name in names
    ]
    gone = {*before.rates.models, *before.rates.negotiated}.difference(names)
    lines += [f"{name}: goes" for name in sorted(gone)]
    lines.append(f"rates: {before.rates.pin or None} -> {rates.pin} ({rates.digest[:12]})")
    moved: list[str] = []
    for name in names:
        model = after.model(name)
        assert model is not None
        moved += jumps(before.model(name), model)
    return RatesPush(tuple(lines), tuple(moved))


def _check_names(prices: PriceList) -> None:
    """Refuse a name that would mean two models, and one that means none."""
    for name in (*prices.rates.models, *prices.rates.aliases):
        if prices.book.model(name) is not None or VARIANT_MARK in name:
            raise InvalidRequest(f"{name} is a name of the price book: negotiate it, or rename")
    for name, deals in prices.rates.negotiated.items():
        found = prices.book.model(name)
        if found is None or found.model_id != name:
            raise InvalidRequest(f"{name} is no id of a model of the price book")
        for variant in deals:
            if variant not in found.periods:
                raise InvalidRequest(f"{name} has no variant {variant}")


class JumpUnsigned(InvalidRequest):
    """A price moves by more than a fifth, and nobody has signed for it."""

    def __init__(self, jumps: tuple[str, ...]) -> None:
        more = f" and {len(jumps) - 1} more" if len(jumps) > 1 else ""
        super().__init__(f"{jumps[0]}{more}: more than a fifth; sign for it, or correct it")


def jumps(before: Model | None, after: Model) -> tuple[str, ...]:
    """Return each price of a model that moves by more than a fifth, as a reviewer reads it.

    A model that is new has none. Compared is what is in force last, variant by variant.
    """
    found: list[str] = []
    for variant, periods in after.periods.items():
        known = () if before is None else before.periods.get(variant, ())
        if not known:
            continue
        name = after.model_id + (f"{VARIANT_MARK}{variant}" if variant != STANDARD else "")
        found += _table_jumps(name, known[-1].table, periods[-1].table)
    return tuple(found)


def _table_jumps(name: str, before: Table, after: Table) -> list[str]:
    found = []
    old, new = before.completed().nanos_per_million, after.completed().nanos_per_million
    for unit in sorted({*before.nanos_per_million, *after.nanos_per_million}):
        was, is_ = old.get(unit), new.get(unit)
        if was is None or was == is_:
            continue
        if is_ is None:
            found.append(f"{name} {unit}: {was} -> no price")
        elif abs(is_ - was) * BPS_PER_ONE > was * JUMP_BPS_MAX:
            found.append(f"{name} {unit}: {was} -> {is_}")
    return found

"""How the two lists compare, model by model; and how a new book compares with the old one."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from creditbase.catalog.domain.book import PriceBook
from creditbase.catalog.domain.prices import STANDARD, Model
from creditbase.catalog.domain.rates import jumps
from dev.prices.compiling import Compiled, as_of
from dev.prices.second import SUFFIX_OF, Entry


@dataclass(frozen=True)
class Compared:
    """One model in both lists: what agrees, and what each of them says of the rest."""

    provider: str
    name: str
    agrees: int
    differs: tuple[tuple[str, int, int], ...]
    """Unit, our nanos for a million, LiteLLM's."""


def compare(made: Compiled) -> Iterator[Compared]:
    """Yield how each model compares that both lists have a price of."""
    for (provider, name), entry in sorted(made.second.items()):
        model = made.models[provider].get(name)
        if model is not None:
            yield _compared(model, entry)


def _compared(model: Model, entry: Entry) -> Compared:
    agrees, differs = 0, []
    for variant in (STANDARD, *SUFFIX_OF):
        ours = _prices_now(model, variant)
        for unit, theirs in entry.prices(variant).items():
            if unit not in ours:
                continue
            if ours[unit] == theirs:
                agrees += 1
            else:
                label = f"{unit} ({variant})" if variant else unit
                differs.append((label, ours[unit], theirs))
    return Compared(model.provider, model.model_id, agrees, tuple(differs))


def _prices_now(model: Model, variant: str) -> dict[str, int]:
    """Return what the source itself says of a variant now, nothing that falls back."""
    found = [it for it in model.periods.get(variant, ()) if it.covers(as_of())]
    return dict(found[-1].table.nanos_per_million) if found else {}


def changes(before: PriceBook, after: PriceBook) -> tuple[str, ...]:
    """Return each price that moves by more than a fifth, and each model that goes."""
    new = {(model.provider, model.model_id): model for model in after.every()}
    found: list[str] = []
    for model in before.every():
        kept = new.get((model.provider, model.model_id))
        if kept is None:
            found.append(f"{model.provider} {model.model_id}: goes")
        else:
            found += [f"{model.provider} {line}" for line in jumps(model, kept)]
    return tuple(found)


def tally(made: Compiled) -> Counter[str]:
    """Return how many models agree, differ, or are in one list alone."""
    counted: Counter[str] = Counter()
    both = 0
    for it in compare(made):
        both += bool(it.agrees or it.differs)
        counted["differ" if it.differs else "agree" if it.agrees else "alone"] += 1
    counted["alone"] = sum(len(it) for it in made.models.values()) - both
    return counted

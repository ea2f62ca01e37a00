"""The book from the sources: which models, under which names, and what was left out and why."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from genai_prices.types import ClauseEquals, ClauseOr, ModelInfo, Provider

from creditbase.catalog.domain.book_lines import write_line
from creditbase.catalog.domain.prices import STANDARD, Model, Period, Table
from dev.prices.exact import Inexact
from dev.prices.periods import Unsuited, periods_of
from dev.prices.second import Entry, entries
from dev.prices.sources import genai_providers, genai_version, litellm_version

SETTINGS = Path(__file__).with_name("settings.json")
NAME = re.compile(r"[A-Za-z0-9@][A-Za-z0-9._:/@-]{0,95}")
COMPARED = ("input_tokens", "output_tokens")
"""The units in which an entry must agree before its name is taken for a model's."""


@dataclass
class Compiled:
    """The book before it is text, and what a report says of how it was made."""

    models: dict[str, dict[str, Model]] = field(default_factory=lambda: defaultdict(dict))
    aliases: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    second: dict[tuple[str, str], Entry] = field(default_factory=dict)
    """LiteLLM's entry of a model, by provider and name."""
    left_out: list[tuple[str, str, str]] = field(default_factory=list)
    """Provider, name and reason."""
    names_refused: list[tuple[str, str, str]] = field(default_factory=list)
    """A name of LiteLLM's that means a model by a pattern, and costs otherwise."""
    only_second: list[tuple[str, str]] = field(default_factory=list)


@cache
def settings() -> Mapping[str, Any]:
    """Return what is decided by people: the version, whose names are plain, what is left."""
    found: Mapping[str, Any] = json.loads(SETTINGS.read_text(encoding="utf-8"))
    return found


def as_of() -> datetime:
    """Return the instant at which the sources are compared."""
    return datetime.fromisoformat(settings()["as_of"]).replace(tzinfo=UTC)


@cache
def compiled() -> Compiled:
    """Return the book as the pinned packages give it."""
    made = Compiled()
    known = {(entry.provider, entry.name): entry for entry in entries()}
    for provider in genai_providers():
        if provider.id not in settings()["left_out"]:
            _take_provider(made, provider, known)
    for (provider_id, name), entry in known.items():
        _take_entry(made, provider_id, name, entry)
    return made


def _take_provider(
    made: Compiled, provider: Provider, known: Mapping[tuple[str, str], Entry]
) -> None:
    """Add the models of a provider, and the names that their clauses give them plainly."""
    models = made.models[provider.id]
    for info in provider.models:
        names = _names(provider.id, info)
        try:
            periods = _sound(info, names)
        except (Unsuited, Inexact) as reason:
            made.left_out.append((provider.id, info.id, str(reason)))
            continue
        own, *further = names
        entry = next((it for name in names if (it := known.get((provider.id, name)))), None)
        if entry is not None:
            made.second[provider.id, own] = entry
        models[own] = _model(provider.id, own, info, periods, entry)
        made.aliases[provider.id].update(dict.fromkeys(further, own))


def _sound(info: ModelInfo, names: list[str]) -> dict[str, tuple[Period, ...]]:
    if not names:
        raise Unsuited("no name in full: its id is none that genai-prices itself finds")
    periods = periods_of(info)
    for period in (it for course in periods.values() for it in course):
        tables = period.table.every()
        if any(longer[unit] < tables[0][unit] for longer in tables for unit in longer):
            raise Unsuited("longer prompts are cheaper")
    return periods


def _model(
    provider: str,
    own: str,
    info: ModelInfo,
    periods: dict[str, tuple[Period, ...]],
    entry: Entry | None,
) -> Model:
    """Return the model with what it can do and how much, as far as the sources say."""
    context = info.context_window or (entry.count("max_input_tokens") if entry else 0)
    output = entry.count("max_output_tokens") if entry else 0
    writes = "output_tokens" in periods[STANDARD][-1].table.nanos_per_million
    ends = str(entry.listed.get("deprecation_date", "")) if entry else ""
    return Model(
        model_id=own,
        provider=provider,
        display_name=(info.name or info.id).replace("|", "/")[:64].strip(),
        context_window=context,
        max_output_tokens=(output or context) if writes else 0,
        periods=periods,
        capabilities=entry.abilities if entry else (),
        deprecated=bool(info.deprecated) or "" < ends <= settings()["as_of"],
        image_tokens_max=_image_tokens(own),
    )


def _image_tokens(name: str) -> int:
    for bound in settings()["image_tokens_max"].values():
        if name in bound["of"]:
            tokens: int = bound["tokens"]
            return tokens
    return 0


def _names(provider: str, info: ModelInfo) -> list[str]:
    """Return the names that a model is given in full: its id, and clauses of equality.

    Those that genai-prices itself takes for this model; some ids are none, and some names are
    taken by a model that stands before.
    """
    clauses = info.match.or_ if isinstance(info.match, ClauseOr) else [info.match]
    names = [info.id, *(it.equals for it in clauses if isinstance(it, ClauseEquals))]
    return [
        name
        for name in dict.fromkeys(names)
        if NAME.fullmatch(name) and _meant(provider, name) is info
    ]


def _meant(provider: str, name: str) -> ModelInfo | None:
    """Return the model that genai-prices takes a name for, at that provider."""
    return next((it for it in _infos(provider) if it.is_match(name)), None)


# ---- names that only the second list has -----------------------------------------------------


def _take_entry(made: Compiled, provider: str, name: str, entry: Entry) -> None:
    """Take a name of LiteLLM's for the model that it means, where it costs as much.

    Patterns are asked here, once, about names that somebody has published, and what they say
    is written into the book; nobody asks a pattern about a name that comes with a call.
    """
    models = made.models.get(provider)
    if models is None:
        return
    if name in models or name in made.aliases[provider]:
        made.second.setdefault((provider, made.aliases[provider].get(name, name)), entry)
        return
    found = _meant(provider, name)
    own = next(iter(_names(provider, found)), "") if found is not None else ""
    if own in models:
        differs = _difference(models[own], entry)
        if differs:
            made.names_refused.append((provider, name, f"{own}: {differs}"))
            return
        if NAME.fullmatch(name):
            made.aliases[provider][name] = own
        if (provider, own) not in made.second:
            made.second[provider, own] = entry
            models[own] = _completed(models[own], entry)
    elif entry.nanos_per_image and "/" not in name and NAME.fullmatch(name):
        models[name] = _of_images(provider, name, entry)
        made.second[provider, name] = entry
    else:
        made.only_second.append((provider, name))


@cache
def _infos(provider: str) -> tuple[ModelInfo, ...]:
    return next(tuple(it.models) for it in genai_providers() if it.id == provider)


def _difference(model: Model, entry: Entry) -> str:
    """Return how an entry costs otherwise than the model, in what every model costs."""
    priced = model.at(as_of())
    assert priced is not None
    theirs = entry.prices()
    for unit in COMPARED:
        ours = priced.nanos_per_million.get(unit, 0)
        if ours != theirs.get(unit, 0):
            return f"{unit} {theirs.get(unit, 0)}, not {ours}"
    return ""


def _completed(model: Model, entry: Entry) -> Model:
    """Return the model with what an entry under another of its names says it can do."""
    writes = model.max_output_tokens or "output_tokens" in (
        model.periods[STANDARD][-1].table.nanos_per_million
    )
    context = model.context_window or entry.count("max_input_tokens")
    return replace(
        model,
        context_window=context,
        max_output_tokens=(entry.count("max_output_tokens") or context) if writes else 0,
        capabilities=entry.abilities,
    )


def _of_images(provider: str, name: str, entry: Entry) -> Model:
    """Return a model that makes images at so much each: only LiteLLM lists those."""
    table = Table({"images": entry.nanos_per_image})
    return Model(
        model_id=name,
        provider=provider,
        display_name=name[:64],
        context_window=entry.count("max_input_tokens"),
        max_output_tokens=0,
        periods={STANDARD: (Period(table),)},
        capabilities=("image_generation",),
    )


# ---- the text ------------------------------------------------------------------------------


def book_text() -> str:
    """Return the book as it is shipped: JSON with a line for each model, sorted."""
    made = compiled()
    head = {
        "version": settings()["version"],
        "sources": {"genai-prices": genai_version(), "litellm": litellm_version()},
        "makers": settings()["makers"],
    }
    models = {
        provider: {own: write_line(model) for own, model in sorted(found.items())}
        for provider, found in sorted(made.models.items())
        if found
    }
    aliases = {
        provider: dict(sorted(found.items()))
        for provider, found in sorted(made.aliases.items())
        if found
    }
    whole = {**head, "models": models, "aliases": aliases}
    return json.dumps(whole, ensure_ascii=False, indent=0, separators=(",", ":")) + "\n"

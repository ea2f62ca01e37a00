"""The price book: an immutable version of what models cost, found by exact names. Pure."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from creditbase.catalog.domain.book_lines import read_line, write_line
from creditbase.catalog.domain.prices import Model
from creditbase.kernel.records import dataclass


@dataclass(frozen=True, slots=True)
class PriceBook:
    """An immutable version of every price. `digest` is of the text that it was read from.

    A model's name is its maker's own, `gpt-5`; of whoever else serves it, `azure/gpt-5`. Both
    are looked up as they stand: no name is ever completed, cut or guessed.
    """

    version: str
    digest: str
    makers: tuple[str, ...]
    """Providers whose models need no prefix; of two that use one name the first has it."""
    lines: Mapping[str, Mapping[str, str]] = field(repr=False)
    """By provider and by its own name of the model."""
    aliases: Mapping[str, Mapping[str, str]] = field(repr=False)
    """By provider: further exact names of its models."""

    def model(self, name: str) -> Model | None:
        """Return the model of an exact id or explicit alias; nothing is guessed."""
        place = self._place(name)
        return None if place is None else self._at(*place)

    def every(self) -> Iterator[Model]:
        """Yield all models, by provider."""
        for provider, lines in self.lines.items():
            for own in lines:
                yield self._at(provider, own)

    def __len__(self) -> int:
        """Return how many models there are."""
        return sum(len(lines) for lines in self.lines.values())

    def _at(self, provider: str, own: str) -> Model:
        is_plain = provider in self.makers and self._place(own) == (provider, own)
        model_id = own if is_plain else f"{provider}/{own}"
        return read_line(model_id, provider, self.lines[provider][own])

    def _place(self, name: str) -> tuple[str, str] | None:
        provider, _, rest = name.partition("/")
        own = self._own(provider, rest)
        if own is not None:
            return provider, own
        for maker in self.makers:
            own = self._own(maker, name)
            if own is not None:
                return maker, own
        return None

    def _own(self, provider: str, name: str) -> str | None:
        """Return how the provider calls the model of that name."""
        if name in self.lines.get(provider, ()):
            return name
        return self.aliases.get(provider, {}).get(name)


def read_book(text: str) -> PriceBook:
    """Return the book that the text is; its models are read when they are asked for.

    Raises:
        KeyError, TypeError, ValueError: it is no book.
    """
    found = json.loads(text)
    return PriceBook(
        version=found["version"],
        digest=hashlib.sha256(text.encode()).hexdigest(),
        makers=tuple(found["makers"]),
        lines=found["models"],
        aliases=found["aliases"],
    )


def book_of(
    version: str,
    models: Iterable[Model],
    *,
    digest: str = "d" * 64,
    aliases: Mapping[str, str] | None = None,
) -> PriceBook:
    """Return a book of these models, each by its own name; `aliases` lead to ids."""
    lines: dict[str, dict[str, str]] = {}
    by_id = {}
    for model in models:
        lines.setdefault(model.provider, {})[model.model_id] = write_line(model)
        by_id[model.model_id] = model.provider
    named: dict[str, dict[str, str]] = {}
    for alias, model_id in (aliases or {}).items():
        named.setdefault(by_id[model_id], {})[alias] = model_id
    return PriceBook(version, digest, tuple(lines), lines, named)

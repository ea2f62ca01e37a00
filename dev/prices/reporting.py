"""The report that a reviewer reads: what is in the book, and where the two lists differ."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from creditbase.catalog.domain.prices import STANDARD, Model
from dev.prices.comparing import compare, tally
from dev.prices.compiling import Compiled, settings
from dev.prices.sources import genai_version, litellm_version

DIFFERENCES_MAX = 400
NAMES_MAX = 200


def report(made: Compiled, book_bytes: int) -> str:
    """Return the whole report, in Markdown; the same book has the same report."""
    return "\n".join(_lines(made, book_bytes)) + "\n"


def _lines(made: Compiled, book_bytes: int) -> Iterator[str]:
    models = [model for found in made.models.values() for model in found.values()]
    providers = [provider for provider, found in made.models.items() if found]
    counted = tally(made)
    yield "# The price book"
    yield ""
    yield (
        f"Version {settings()['version']}, made by `make prices` from genai-prices "
        f"{genai_version()} and compared with the list of LiteLLM {litellm_version()} as of "
        f"{settings()['as_of']}. Written by the tool; a test holds it to the packages."
    )
    yield ""
    variants = Counter(it for model in models for it in model.periods if it != STANDARD)
    aliases = sum(map(len, made.aliases.values()))
    yield from _table(
        ("what", "how many"),
        [
            ("models", len(models)),
            ("providers", len(providers)),
            ("further exact names", aliases),
            *((f"models with `@{name}`", count) for name, count in sorted(variants.items())),
            ("models whose prices have changed or will", sum(map(_changes, models))),
            ("models with prices by the length of the prompt", sum(map(_has_steps, models))),
            ("bytes", book_bytes),
        ],
    )
    yield "## How the lists compare"
    yield ""
    yield (
        "Compared is every unit that both price, of the usual variant, batch, priority and "
        "flex."
    )
    yield ""
    yield from _table(
        ("models", "how many"),
        [
            ("agree in all that both price", counted["agree"]),
            ("differ", counted["differ"]),
            ("have one source only", counted["alone"]),
        ],
    )
    yield from _differences(made)
    yield from _left_out(made)
    yield from _explained()


def _changes(model: Model) -> bool:
    return len(model.periods[STANDARD]) > 1


def _has_steps(model: Model) -> bool:
    return any(period.table.long_context for period in model.periods[STANDARD])


def _differences(made: Compiled) -> Iterator[str]:
    rows = [
        (it.provider, f"`{it.name}`", unit, ours, theirs)
        for it in compare(made)
        for unit, ours, theirs in it.differs
    ]
    yield "### Where they differ"
    yield ""
    yield "In nanos for a million units. The book has the first; the second is LiteLLM's."
    yield ""
    yield from _table(("provider", "model", "unit", "book", "LiteLLM"), rows[:DIFFERENCES_MAX])
    yield from _more(len(rows) - DIFFERENCES_MAX)
    yield "### Names that were not taken"
    yield ""
    yield (
        "A pattern of genai-prices takes these for a model that costs otherwise than LiteLLM "
        "says of the name; so nobody knows what they cost, and the book does not have them."
    )
    yield ""
    names = [(provider, f"`{name}`", why) for provider, name, why in made.names_refused]
    yield from _table(("provider", "name", "would be"), names[:NAMES_MAX])
    yield from _more(len(names) - NAMES_MAX)


def _left_out(made: Compiled) -> Iterator[str]:
    yield "## Left out"
    yield ""
    rows = [(f"all of {name}", why) for name, why in settings()["left_out"].items()]
    rows += [(f"{provider} `{name}`", why) for provider, name, why in made.left_out]
    yield from _table(("what", "why"), rows)
    only = Counter(provider for provider, _ in made.only_second)
    yield (
        f"LiteLLM alone lists {only.total()} more names of these providers; of those only "
        "models that make images at a price for each are in the book."
    )
    yield ""


def _explained() -> Iterator[str]:
    yield "## Where our price of a call is not that of genai-prices"
    yield ""
    yield (
        "`tests/dev/test_prices.py` prices random usage of every model by both, in every "
        "variant: equal to the nano, ours rounded up, for every model of genai-prices that is "
        "in the book. What cannot be compared:"
    )
    yield ""
    yield (
        "- models that only LiteLLM lists (a price for each image): genai-prices has no such "
        "unit"
    )
    yield "- models that were left out, above: no price, inexact, or in another unit"
    yield (
        "- cached tokens of audio and images without a price of their own: we refuse them as "
        "unpriced, genai-prices takes the price of one of two ancestors"
    )
    yield (
        "- `service_tier=default` and `search_type`: contexts that are no variant of ours; the "
        "first costs as usual"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"
    yield ""


def _more(count: int) -> Iterator[str]:
    if count > 0:
        yield f"… and {count} more."
        yield ""

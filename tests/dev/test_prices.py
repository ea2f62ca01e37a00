"""The price book: what the packages say, in integers, to the nano; and what is refused."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    PriceVariant,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)
from genai_prices.types import ModelPrice as TheirPrice
from typer.testing import CliRunner

from creditbase.catalog.domain import (
    Margin,
    Model,
    ModelPrice,
    Period,
    Table,
    Usage,
    book_of,
    price_call,
)
from creditbase.catalog.domain.book import PriceBook
from creditbase.catalog.domain.book_lines import read_line, write_line
from creditbase.catalog.domain.units import INPUT_TOKENS, OUTPUT_TOKENS
from creditbase.catalog.shipped import BOOK_FILE, shipped_book
from dev.prices.__main__ import BOOK_BYTES_MAX, app, refusals
from dev.prices.comparing import compare
from dev.prices.compiling import as_of, compiled
from dev.prices.exact import Inexact, nanos_per_million
from dev.prices.periods import CONTEXT_OF, UNIT_OF, Unsuited, periods_of

AT_COST = Margin(0)
SEED = 20_261_122
INSTANTS = (datetime(2026, 3, 10, 12, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
THEIRS = {ours: theirs for theirs, ours in UNIT_OF.items()}
OF_LITELLM_ALONE = {
    own
    for models in compiled().models.values()
    for own, model in models.items()
    if set(model.periods[""][0].table.nanos_per_million) == {"images"}
}
INSIDE = {
    "input_tokens": INPUT_TOKENS,
    "output_tokens": OUTPUT_TOKENS,
    "cache_read_tokens": ("cached_input_tokens", "cached_audio_tokens", "cached_image_tokens"),
    "cache_write_tokens": ("cache_write_tokens", "cache_write_1h_tokens"),
    "input_audio_tokens": ("audio_input_tokens", "cached_audio_tokens"),
    "input_image_tokens": ("image_input_tokens", "cached_image_tokens"),
}
"""Which of our exclusive pools one of their counts has inside."""


def counted(usage: Usage) -> TheirUsage:
    """Return the usage as they count it: what is inside something is counted in both."""
    ours = dict(usage.quantities())
    sums = {
        theirs: sum(ours[unit] for unit in INSIDE.get(theirs, (unit,)))
        for unit, theirs in THEIRS.items()
        if theirs != "requests"
    }
    return TheirUsage(**{name: count for name, count in sums.items() if count})


def usages(found: ModelPrice, chance: random.Random) -> Iterator[Usage]:
    """Yield usage of a model in all units that it prices, and about each length of prompts."""
    units = sorted(set(found.nanos_per_million) - {"requests"})
    for most in (100, 10**6):
        yield Usage(**{unit: chance.randrange(most) for unit in units})
    for step in found.long_context:
        for length in (step.above_input_tokens, step.above_input_tokens + 1):
            written = {"output_tokens": chance.randrange(999)}
            yield Usage(input_tokens=length, **(written if "output_tokens" in units else {}))


def instants(model: Model, variant: str) -> Iterator[datetime]:
    """Yield the instants around which the prices of a model turn, and two others."""
    yield from INSTANTS
    for period in model.periods[variant]:
        if period.starts_at > datetime(2000, 1, 1, tzinfo=UTC):
            yield period.starts_at - timedelta(microseconds=1)
            yield period.starts_at
        if period.from_minute:
            turn = INSTANTS[1] + timedelta(minutes=period.from_minute)
            yield turn - timedelta(seconds=1)
            yield turn


class TestTheBook:
    """The book in the repository."""

    def test_is_byte_for_byte_what_the_pinned_packages_give(self) -> None:
        """Nobody typed a price, and nobody can without it being seen; nor in the report."""
        said = CliRunner().invoke(app, ["check"])

        assert said.exit_code == 0, said.output

    def test_costs_what_genai_prices_computes_to_the_nano(self) -> None:
        """Every model that both can price, in every variant, when prices turn, and about each
        length of prompts: theirs in exact decimals, ours rounded up once.
        """
        chance = random.Random(SEED)  # noqa: S311  # a seed, so that every run asks the same
        compared = 0
        for provider, models in compiled().models.items():
            for own in sorted(set(models) - OF_LITELLM_ALONE):
                model = shipped_book().model(f"{provider}/{own}")
                assert model is not None
                for variant in model.periods:
                    for at in instants(model, variant):
                        found = model.at(at, variant)
                        assert found is not None
                        for usage in usages(found, chance):
                            theirs = calc_price(
                                counted(usage),
                                own,
                                provider_id=provider,
                                genai_request_timestamp=at,
                                price_context=CONTEXT_OF.get(variant),
                            )
                            ours = price_call(found, usage, AT_COST)
                            exact = Fraction(theirs.total_price) * 10**9
                            assert ours.cost_nanos == ceil(exact), (
                                provider,
                                own,
                                variant,
                                usage,
                            )
                            compared += 1

        assert compared > 5_000

    def test_every_further_name_means_what_genai_prices_takes_it_for(self) -> None:
        """Its patterns were asked once, when the book was made, and are never asked again."""
        usage = TheirUsage(input_tokens=1_000, output_tokens=1_000)
        for provider, names in compiled().aliases.items():
            for name, own in names.items():
                by_name, by_own = (
                    calc_price(usage, it, provider_id=provider).total_price
                    for it in (name, own)
                )
                assert by_name == by_own, (provider, name)

    def test_is_small_and_reads_no_model_before_it_is_asked_for(self) -> None:
        """A cold start reads it: reading text is all that it may cost."""
        before = read_line.cache_info().misses
        shipped_book.cache_clear()

        book = shipped_book()

        assert read_line.cache_info().misses == before
        assert BOOK_FILE.stat().st_size < BOOK_BYTES_MAX
        assert len(book) >= 500
        assert len(book.lines) >= 12

    def test_every_name_is_found_and_means_one_model(self) -> None:
        """Also with the provider in front; the maker's own name needs none."""
        book = shipped_book()
        ids = [model.model_id for model in book.every()]

        assert len(set(ids)) == len(ids)
        assert all(book.model(it) is not None for it in ids)
        for provider, names in book.aliases.items():
            for name, own in names.items():
                found = book.model(f"{provider}/{name}")
                assert found is not None
                assert found.model_id in {own, f"{provider}/{own}"}

    @pytest.mark.parametrize(
        "name", ["gpt-5-", "gpt-", "gpt-5-2025", "gpt-5@", "@batch", "azure/"]
    )
    def test_no_beginning_of_a_name_is_one(self, name: str) -> None:
        """A prefix that matched would price tomorrow's model at yesterday's price."""
        assert shipped_book().model(name) is None

    def test_both_lists_were_compared(self) -> None:
        """A second source that agreed with nothing would have been read wrongly."""
        found = list(compare(compiled()))

        assert sum(not it.differs and it.agrees > 1 for it in found) > 400
        assert all(
            isinstance(nanos, int) for it in found for _, *both in it.differs for nanos in both
        )


class TestExact:
    """Decimals of dollars to integers of nanos."""

    @pytest.mark.parametrize(
        ("dollars", "per", "nanos"),
        [("1.25", 10**6, 1_250_000_000), ("12", 1_000, 12 * 10**12), ("0.000000001", 10**6, 1)],
    )
    def test_a_price_is_exact(self, dollars: str, per: int, nanos: int) -> None:
        """A unit that is wrong by a thousand is valid everywhere: worked examples."""
        assert nanos_per_million(Decimal(dollars), per=per) == nanos

    @pytest.mark.parametrize("dollars", ["0.0833333333333", "-1", "NaN", "Infinity"])
    def test_what_is_not_is_refused(self, dollars: str) -> None:
        """A price that was divided somewhere is nobody's price."""
        with pytest.raises(Inexact):
            nanos_per_million(Decimal(dollars), per=10**6)


def a_listed(prices: object, **more: object) -> ModelInfo:
    """Return a model as genai-prices has it."""
    fields = {"id": "m", "match": ClauseEquals(equals="m"), "prices": prices, **more}
    return ModelInfo(**fields)  # type: ignore[arg-type]  # as the library's data has it


def dollars(**prices: str) -> TheirPrice:
    """Return prices as genai-prices has them."""
    return TheirPrice(**{name: Decimal(text) for name, text in prices.items()})


class TestPeriods:
    """What a model costs in the course of time."""

    @pytest.mark.parametrize(
        ("prices", "says"),
        [
            (TheirPrice(), "no price"),
            (dollars(input_mtok="0", output_mtok="1"), "costs 0"),
            (dollars(audio_hours="1"), "priced by audio_seconds"),
        ],
    )
    def test_what_the_book_cannot_hold_is_left_out(self, prices: TheirPrice, says: str) -> None:
        """Free by accident, or by a unit that nobody would count."""
        with pytest.raises(Unsuited, match=says):
            periods_of(a_listed(prices))

    def test_a_day_with_two_prices_has_a_period_for_each_part(self) -> None:
        """Over midnight, too; and each again from the day on which prices change."""
        night = TimeOfDateConstraint(time(22, tzinfo=UTC), time(6, tzinfo=UTC))
        new = StartDateConstraint(date(2026, 6, 1))
        listed = a_listed(
            [
                ConditionalPrice(prices=dollars(input_mtok="2")),
                ConditionalPrice(constraint=new, prices=dollars(input_mtok="3")),
                ConditionalPrice(constraint=night, prices=dollars(input_mtok="1")),
            ]
        )

        periods = periods_of(listed)[""]

        spans = [(it.starts_at.year, it.from_minute, it.until_minute) for it in periods]
        assert spans[:3] == [(1970, 0, 360), (1970, 360, 1320), (1970, 1320, 1440)]
        assert [it.table.nanos_per_million["input_tokens"] // 10**9 for it in periods] == [
            *(1, 2, 1),
            *(1, 3, 1),
        ]
        assert periods[3].starts_at == datetime(2026, 6, 1, tzinfo=UTC)

    def test_a_variant_is_there_where_it_costs_otherwise(self) -> None:
        """What is asked for in another way and costs the same is no other thing."""
        half = PriceVariant({"processing": "batch"}, dollars(input_mtok="1"))
        same = PriceVariant({"service_tier": "flex"}, dollars(input_mtok="2"))
        other = PriceVariant({"route": "eu"}, dollars(input_mtok="3"))

        found = periods_of(
            a_listed(dollars(input_mtok="2"), price_variants=[half, same, other])
        )

        assert sorted(found) == ["", "batch"]

    def test_a_tier_is_for_the_whole_call(self) -> None:
        """Each unit has lengths of its own; the table of a length has all of them."""
        tiered = TieredPrices(base=Decimal(1), tiers=[Tier(start=100, price=Decimal(2))])
        later = TieredPrices(base=Decimal(5), tiers=[Tier(start=200, price=Decimal(6))])

        (period,) = periods_of(a_listed(TheirPrice(input_mtok=tiered, output_mtok=later)))[""]

        assert [
            (
                step.above_input_tokens,
                *(nanos // 10**9 for nanos in step.nanos_per_million.values()),
            )
            for step in period.table.long_context
        ] == [(100, 2, 5), (200, 2, 6)]


def a_model(nanos: int, *, name: str = "m", **more: int) -> Model:
    """Return a model with a price of input."""
    table = Table({"input_tokens": nanos, **more})
    return Model(name, "openai", "M", 10, 5, {"": (Period(table),)})


class TestChanges:
    """A new book beside the committed one."""

    def refused(self, before: Model, *after: Model, signed: str = "") -> tuple[str, ...]:
        """Return what of a change is refused; it is too small a book in any case."""
        old, new = book_of("1", [before]), book_of("2", after, digest="e" * 64)
        found = refusals(old, new, "", frozenset({signed}))
        return tuple(it for it in found if not it.startswith("only "))

    @pytest.mark.parametrize("nanos", [80, 100, 120])
    def test_a_price_may_move_by_a_fifth(self, nanos: int) -> None:
        """Providers cut and raise; a reviewer sees it in the difference of the file."""
        assert self.refused(a_model(100), a_model(nanos)) == ()

    @pytest.mark.parametrize("nanos", [1, 79, 121, 100_000])
    def test_beyond_that_somebody_signs(self, nanos: int) -> None:
        """A slip of a thousand in the source would be our loss, or our customers'."""
        line = f"openai m input_tokens: 100 -> {nanos}"

        assert self.refused(a_model(100), a_model(nanos)) == (f"not signed for: 2 {line}",)
        assert self.refused(a_model(100), a_model(nanos), signed=f"2 {line}") == ()
        assert self.refused(a_model(100), a_model(nanos), signed=f"1 {line}") != ()

    def test_what_goes_is_signed_for(self) -> None:
        """Customers call it; and a unit without a price is refused from then on."""
        other = a_model(100, name="n")
        rich = a_model(100, images=7)

        assert self.refused(a_model(100), other) == ("not signed for: 2 openai m: goes",)
        assert self.refused(rich, a_model(100)) == (
            "not signed for: 2 openai m images: 7 -> no price",
        )

    def test_a_version_never_changes(self) -> None:
        """Entries pin it."""
        old = book_of("1", [a_model(100)])
        new = replace(old, digest="e" * 64)

        assert "version 1 is taken" in refusals(old, new, "", frozenset())[-1]

    def test_a_book_too_large_or_too_small_is_refused(self) -> None:
        """Each cold start reads it, and what it lacks cannot be called."""
        found = refusals(None, book_of("1", [a_model(1)]), "x" * 200_001, frozenset())

        assert found == ("200001 bytes, at most 200000", "only 1 models of 1 providers")


def test_a_line_is_read_as_it_was_written() -> None:
    """Of every model of the book, and of one with all that a line can say."""
    book: PriceBook = shipped_book()

    for model in book.every():
        assert read_line(model.model_id, model.provider, write_line(model)) == model


@pytest.mark.parametrize(
    "text", ["", "M", "M|||||i1", "M|||||:", "M|||||:i", "M|||||:z1", "M|||||:i1.5"]
)
def test_what_is_no_line_is_refused(text: str) -> None:
    """A float least of all."""
    with pytest.raises((ValueError, KeyError)):
        read_line("m", "p", text)


def test_the_comparison_is_of_a_day_that_people_chose() -> None:
    """The same packages give the same report tomorrow."""
    assert as_of() == datetime(2026, 11, 22, tzinfo=UTC)

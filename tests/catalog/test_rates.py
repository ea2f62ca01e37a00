"""A project's own prices: what they may say, what they stand before, and who must sign."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from creditbase.catalog.domain import (
    LongContext,
    Model,
    Period,
    PriceList,
    Rates,
    Table,
    Usage,
    book_of,
)
from creditbase.catalog.domain.pins import digests_of
from creditbase.catalog.domain.rates import decide_rates
from creditbase.catalog.rates_models import RatesFile, parse_rates, read_rates
from creditbase.catalog.shipped import CatalogFault
from creditbase.kernel.errors import InvalidRequest

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
Change = Callable[[dict[str, Any]], object]

LISTED = {
    "input_tokens": 1_250_000_000,
    "output_tokens": 10_000_000_000,
    "cached_input_tokens": 125_000_000,
    "searches": 10_000_000_000_000,
    "file_searches": 2_500_000_000_000,
}


def a_file() -> dict[str, Any]:
    """Return rates with a model of the project's own, and a deal from May on."""
    return {
        "version": "2026-04-01",
        "models": [
            {
                "id": "house-1",
                "provider": "house",
                "display_name": "House 1",
                "aliases": ["house"],
                "context_window": 1000,
                "max_output_tokens": 100,
                "prices": [
                    {
                        "nanos_per_million": {"input_tokens": 5, "images": 0},
                        "free_units": ["images"],
                    },
                    {
                        "starts_at": "2026-05-01T00:00:00Z",
                        "nanos_per_million": {"input_tokens": 6},
                        "long_context": [
                            {
                                "above_input_tokens": 10,
                                "nanos_per_million": {"input_tokens": 7},
                            },
                            {
                                "above_input_tokens": 20,
                                "nanos_per_million": {"input_tokens": 8},
                            },
                        ],
                    },
                ],
            }
        ],
        "negotiated": [
            {
                "model": "gpt-5",
                "prices": [
                    {
                        "starts_at": "2026-05-01T00:00:00Z",
                        "nanos_per_million": {**LISTED, "input_tokens": 1_000_000_000},
                    }
                ],
            }
        ],
    }


def the_rates(**more: object) -> Rates:
    """Return the rates of that file."""
    return RatesFile.model_validate({**a_file(), **more}).to_domain("p")


BOOK = book_of(
    "1",
    [
        Model(
            "gpt-5",
            "openai",
            "GPT-5",
            1000,
            100,
            {
                "": (Period(Table(LISTED)),),
                "batch": (Period(Table({"input_tokens": 625_000_000})),),
            },
        )
    ],
    aliases={"gpt-five": "gpt-5"},
)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def nanos(prices: PriceList, name: str, at: datetime, tokens: int = 1) -> int | None:
    """Return the price of input of a model then, for a prompt of that length."""
    found = prices.find(name, at)
    if found is None:
        return None
    return found.prices_for(Usage(input_tokens=tokens))["input_tokens"]


class TestPrices:
    """What stands before the book, and from when on."""

    @pytest.mark.parametrize(
        ("name", "before", "after"),
        [
            ("house-1", 5, 6),
            ("house", 5, 6),
            ("gpt-5", 1_250_000_000, 1_000_000_000),
            ("gpt-five", 1_250_000_000, 1_000_000_000),
            ("openai/gpt-5", 1_250_000_000, 1_000_000_000),
            ("gpt-5@batch", 625_000_000, 625_000_000),
            ("gpt-5@flex", None, None),
            ("house-1@batch", None, None),
            ("gpt-6@batch", None, None),
            ("house-", None, None),
        ],
    )
    def test_a_price_changes_at_its_instant(
        self, name: str, before: int | None, after: int | None
    ) -> None:
        """Not a microsecond earlier; and a deal counts by every name of its model."""
        prices = PriceList(BOOK, the_rates())

        assert nanos(prices, name, MAY - timedelta(microseconds=1)) == before
        assert nanos(prices, name, MAY) == after

    @pytest.mark.parametrize(("tokens", "price"), [(10, 6), (11, 7), (20, 7), (21, 8)])
    def test_the_longest_length_that_is_exceeded_counts(self, tokens: int, price: int) -> None:
        """For the whole call."""
        assert nanos(PriceList(BOOK, the_rates()), "house-1", MAY, tokens) == price

    def test_a_model_that_stands_before_the_book_is_listed_once(self) -> None:
        """Everything that can be priced, each under its id, deals included."""
        own = Model("gpt-5", "house", "Our own", 1, 1, {"": (Period(Table({"images": 9})),)})

        listed = {it.model_id: it for it in PriceList(BOOK, the_rates()).every()}
        replaced = list(PriceList(BOOK, Rates("p", "1", models={"gpt-5": own})).every())

        assert sorted(listed) == ["gpt-5", "house-1"]
        assert len(listed["gpt-5"].periods[""]) == 2
        assert replaced == [own]

    def test_an_entry_keeps_the_digest_of_rates_only_where_there_are_some(self) -> None:
        """What is at its default is left out."""
        assert digests_of(PriceList(BOOK)) == {"book_digest": BOOK.digest}
        assert "rates_digest" in digests_of(PriceList(BOOK, the_rates()))

    def test_a_price_of_part_of_a_day_is_for_that_part(self) -> None:
        """In UTC, its last minute outside."""
        night, day = Table({"input_tokens": 1}), Table({"input_tokens": 2})
        model = Model(
            "m", "p", "M", 1, 1, {"": (Period(night, MAY, 0, 360), Period(day, MAY, 360))}
        )
        prices = PriceList(book_of("1", [model]))

        assert nanos(prices, "m", MAY.replace(hour=5, minute=59, second=59)) == 1
        assert nanos(prices, "m", MAY.replace(hour=6)) == 2
        assert nanos(prices, "m", MAY - timedelta(seconds=1)) is None

    def test_what_has_no_price_of_its_own_costs_as_its_plain_unit(self) -> None:
        """In every length; what was written for an hour as what was written at all."""
        table = Table(
            {"input_tokens": 1, "cache_write_tokens": 3, "output_tokens": 5},
            (
                LongContext(
                    10, {"input_tokens": 2, "cache_write_tokens": 4, "output_tokens": 6}
                ),
            ),
        ).completed()

        assert table.nanos_per_million["cache_write_1h_tokens"] == 3
        assert table.nanos_per_million["cached_input_tokens"] == 1
        assert table.long_context[0].nanos_per_million["reasoning_tokens"] == 6
        assert "audio_input_tokens" not in table.nanos_per_million


class TestDecide:
    """What a push shows and refuses."""

    def test_shows_what_is_new_and_what_goes(self) -> None:
        """And nothing has to be signed for, where a deal takes a fifth off."""
        push = decide_rates(PriceList(BOOK), the_rates(), kept_digest=None, is_chosen=False)
        gone = decide_rates(
            PriceList(BOOK, the_rates()),
            the_rates(version="2026-04-02", negotiated=[]),
            kept_digest=None,
            is_chosen=False,
        )

        assert push.lines[:2] == ("house-1: own model", "gpt-5: negotiated")
        assert push.lines[2].startswith("rates: None -> p/2026-04-01 (")
        assert push.jumps == ()
        assert gone.lines[1] == "gpt-5: goes"

    def test_the_same_again_changes_nothing(self) -> None:
        """Pushing twice is free."""
        rates = the_rates()

        push = decide_rates(
            PriceList(BOOK, rates), rates, kept_digest=rates.digest, is_chosen=True
        )

        assert not push.changes

    def test_what_moves_by_more_than_a_fifth_has_to_be_signed_for(self) -> None:
        """A deal that is too good is a slip more often than a deal."""
        deal = a_file()["negotiated"][0]
        deal["prices"][0]["nanos_per_million"]["input_tokens"] = 999_999_999

        push = decide_rates(
            PriceList(BOOK), the_rates(negotiated=[deal]), kept_digest=None, is_chosen=False
        )

        assert push.jumps == ("gpt-5 input_tokens: 1250000000 -> 999999999",)

    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            (
                lambda it: it["models"][0].update(id="gpt-5", aliases=[]),
                "a name of the price book",
            ),
            (
                lambda it: it["models"][0].update(aliases=["gpt-five"]),
                "a name of the price book",
            ),
            (lambda it: it["models"][0].update(id="house@batch"), "a name of the price book"),
            (lambda it: it["negotiated"][0].update(model="gpt-five"), "no id of a model"),
            (lambda it: it["negotiated"][0].update(model="gpt-7"), "no id of a model"),
            (lambda it: it["negotiated"][0].update(variant="flex"), "no variant flex"),
        ],
    )
    def test_no_name_means_two_models_and_none_means_nothing(
        self, spoil: Change, says: str
    ) -> None:
        """A deal for what nobody can call would never be noticed."""
        values = a_file()
        spoil(values)
        if "name of the price book" in says:
            values["negotiated"] = []
        rates = RatesFile.model_validate(values)

        with pytest.raises(InvalidRequest, match=says):
            decide_rates(
                PriceList(BOOK), rates.to_domain("p"), kept_digest=None, is_chosen=False
            )

    def test_a_version_never_changes(self) -> None:
        """Entries pin it."""
        with pytest.raises(InvalidRequest, match="exists with other content"):
            decide_rates(PriceList(BOOK), the_rates(), kept_digest="x", is_chosen=False)


def _price(value: object) -> Change:
    return lambda it: it["models"][0]["prices"][0]["nanos_per_million"].update(
        input_tokens=value
    )


def _period(number: int, **fields: object) -> Change:
    return lambda it: it["models"][0]["prices"][number].update(fields)


class TestRefusals:
    """What no file may say; the checks of the book are the same."""

    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            (_price(-1), "greater than or equal to 0"),
            (_price(1.0), "valid integer"),
            (_price(True), "valid integer"),
            (_price("1"), "valid integer"),
            (_price(2**53 + 1), "less than or equal to"),
            (_price(0), "input_tokens costs 0"),
            (_period(0, free_units=["input_tokens", "images"]), "input_tokens costs 5"),
            (_period(0, free_units=["images", "searches"]), "without a price"),
            (_period(0, nanos_per_million={"input_token": 1}), "input_token is no unit"),
            (_period(0, nanos_per_million={}), "at least 1"),
            (_period(1, starts_at="2026-05-01"), "needs a zone"),
            (_period(1, starts_at="soon"), "soon"),
            (_period(0, starts_at="2026-06-01T00:00:00Z"), "not in the order"),
            (
                lambda it: it["models"][0]["prices"][1]["long_context"].reverse(),
                "cheaper than shorter",
            ),
            (
                lambda it: it["models"][0]["prices"][1]["long_context"][1].update(
                    above_input_tokens=10
                ),
                "order of its lengths",
            ),
            (
                lambda it: it["models"][0]["prices"][1]["long_context"][0][
                    "nanos_per_million"
                ].update(images=7),
                "other units",
            ),
            (lambda it: it["models"].append(it["models"][0]), "house-1 is there 2 times"),
            (
                lambda it: it["models"][0].update(aliases=["house-1"]),
                "house-1 is there 2 times",
            ),
            (
                lambda it: it["negotiated"].append(it["negotiated"][0]),
                "gpt-5  is there 2 times",
            ),
            (lambda it: it["negotiated"][0].update(model="house"), "a model of its own"),
            (lambda it: it.update(version="latest"), "pattern"),
            (lambda it: it.update(discount=1), "Extra inputs"),
        ],
    )
    def test_what_is_not_sound_is_refused_with_its_reason(
        self, spoil: Change, says: str, tmp_path: Path
    ) -> None:
        """A wrong price must never be taken, and its author must see where it is wrong."""
        values = a_file()
        spoil(values)
        path = tmp_path / "rates.json"
        path.write_text(json.dumps(values), encoding="utf-8")

        with pytest.raises(CatalogFault) as fault:
            read_rates(path)

        assert says in fault.value.message
        assert "rates.json" in fault.value.message

    def test_what_is_no_file_is_refused(self, tmp_path: Path) -> None:
        """Nor what is stored and is no rates."""
        (tmp_path / "torn.json").write_text('{"version": 1, "version": 2}', encoding="utf-8")

        for name, says in (("none.json", "No such file"), ("torn.json", "there 2 times")):
            with pytest.raises(CatalogFault, match=says):
                read_rates(tmp_path / name)
        with pytest.raises(CatalogFault):
            parse_rates("p", {"version": "x"})

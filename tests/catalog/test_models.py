"""The border: what the reviewed file may say, and how plainly it is refused."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from creditbase.catalog.domain import PriceList, Usage, price_usage
from creditbase.catalog.models import CatalogFault, parse_book, parse_catalog, read_catalog

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
FILE = Path(__file__).parents[2] / "catalog.json"

Change = Callable[[dict[str, Any]], object]


def the_file() -> dict[str, Any]:
    """Return the reviewed file as plain values, to be spoilt by a test."""
    values: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return values


def model(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the row of one model."""
    found: dict[str, Any] = next(
        row for row in values["price_book"]["models"] if row["id"] == name
    )
    return found


class TestTheReviewedFile:
    """The file in the repository itself."""

    def test_sells_what_the_specification_says(self) -> None:
        """The hub's published plans and top-ups, to the cent and the credit."""
        offer = read_catalog(FILE).to_offer("p")

        assert {
            plan.code: (plan.price_cents, plan.credits) for plan in offer.plans.values()
        } == {
            "free": (0, 500),
            "guru": (1000, 10_000),
            "pro": (5000, 55_000),
        }
        assert {
            pack.code: (pack.price_cents, pack.credits) for pack in offer.packs.values()
        } == {
            "small": (500, 5000),
            "medium": (2500, 27_500),
            "large": (10_000, 120_000),
        }
        assert offer.markup.default_bps == 4000

    def test_prices_real_models_of_several_providers(self) -> None:
        """A price list that a customer can use at once."""
        book = read_catalog(FILE).price_book.to_domain()

        assert len(book) >= 12
        assert len(book.lines) >= 4

    def test_is_the_version_that_was_reviewed(self) -> None:
        """Published prices are pinned: after a deliberate change give the book a new version,
        and put the new digest here.
        """
        book = read_catalog(FILE).price_book.to_domain()

        assert (book.version, book.digest) == (
            "2026-11-22.2",
            "81566e32cad5ff6679e00d0a09afcee48966e9c644c50375e01f65ebc1c1c9e4",
        )

    @pytest.mark.parametrize(
        ("name", "usage", "cost_nanos"),
        [
            ("gpt-5", Usage(input_tokens=1000, output_tokens=100), 2_250_000),
            ("gpt-5-mini-2025-08-07", Usage(cached_input_tokens=1_000_000), 25_000_000),
            ("claude-sonnet-4-5", Usage(input_tokens=200_000), 600_000_000),
            ("claude-sonnet-4-5", Usage(input_tokens=200_001), 1_200_006_000),
            ("claude-haiku-4-5", Usage(cache_write_tokens=1000, searches=1), 11_250_000),
            (
                "gemini-2.5-flash",
                Usage(audio_input_tokens=1000, reasoning_tokens=10),
                1_025_000,
            ),
            ("imagen-4.0-generate-001", Usage(images=1), 40_000_000),
            ("sonar", Usage(input_tokens=1000), 13_000_000),
        ],
    )
    def test_costs_what_the_provider_publishes(
        self, name: str, usage: Usage, cost_nanos: int
    ) -> None:
        """The wrong unit is valid JSON and silently wrong by a thousand: worked examples."""
        offer = read_catalog(FILE).to_offer("p")

        priced = price_usage(PriceList(offer.book), name, usage, offer.markup, at=NOON)

        assert priced.cost_nanos == cost_nanos

    def test_survives_being_stored(self) -> None:
        """What is written to the store reads back as the same book, digest included."""
        offer = read_catalog(FILE).to_offer("p")

        assert parse_book(json.loads(json.dumps(dict(offer.book_body)))) == offer.book


def _set(name: str, field: str, value: object) -> Change:
    return lambda it: model(it, name).__setitem__(field, value)


def _price(name: str, unit: str, value: object) -> Change:
    return lambda it: model(it, name)["nanos_per_million"].__setitem__(unit, value)


class TestRefusals:
    """What no file may say."""

    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            (_price("gpt-5", "input_tokens", -1), "greater than or equal to 0"),
            (_price("gpt-5", "input_tokens", 1.5), "valid integer"),
            (_price("gpt-5", "input_tokens", 1.0), "valid integer"),
            (_price("gpt-5", "input_tokens", "1"), "valid integer"),
            (_price("gpt-5", "input_tokens", True), "valid integer"),
            (_price("gpt-5", "input_tokens", None), "valid integer"),
            (_price("gpt-5", "input_tokens", 2**53 + 1), "less than or equal to"),
            (_price("gpt-5", "input_tokens", 0), "gpt-5: input_tokens costs 0"),
            (_price("gpt-5", "input_token", 1), "input_token is no unit"),
            (_set("gpt-5", "free_units", ["input_tokens"]), "costs 1250000000"),
            (_set("gpt-5", "free_units", ["images"]), "without a price"),
            (_set("gpt-5", "nanos_per_million", {}), "at least 1"),
            (_set("gpt-5", "colour", "red"), "Extra inputs"),
            (_set("gpt-5", "context_window", 0), "greater than 0"),
            (_set("gpt-5", "id", "gpt-5-mini"), "model id gpt-5-mini is there 2 times"),
            (_set("gpt-5", "id", "gpt 5"), "pattern"),
            (_set("gpt-5", "aliases", ["gpt-4o"]), "alias gpt-4o is also the id of a model"),
            (_set("gpt-5", "aliases", ["gpt-5"]), "alias gpt-5 is also the id of a model"),
            (_set("gpt-5", "aliases", ["grok-4"]), "alias grok-4 is there 2 times"),
            (
                lambda it: model(it, "gemini-2.5-pro")["long_context"][
                    "nanos_per_million"
                ].update(input_tokens=1),
                "long_context is cheaper",
            ),
            (
                lambda it: model(it, "gemini-2.5-pro")["long_context"]["nanos_per_million"].pop(
                    "searches"
                ),
                "other units",
            ),
            (lambda it: it["price_book"].update(version="latest"), "pattern"),
            (lambda it: it["price_book"].update(models=[]), "at least 1"),
            (lambda it: it["plans"].pop(0), "no plan free"),
            (lambda it: it["plans"].append(it["plans"][0]), "plan free is there 2 times"),
            (lambda it: it["plans"][0].update(price_cents=1), "only the plan free"),
            (lambda it: it["plans"][0].update(is_sold=False), "is_sold stays"),
            (lambda it: it["plans"][1].update(price_cents=0), "plan guru"),
            (lambda it: it["plans"][1].update(credits=0), "greater than 0"),
            (lambda it: it["packs"][0].update(price_cents=0), "greater than 0"),
            (lambda it: it["packs"].append(it["packs"][0]), "pack small is there 2 times"),
            (lambda it: it["markup"].update(default_bps=-1), "greater than or equal to 0"),
            (lambda it: it["markup"].update(default_bps=0.4), "valid integer"),
            (lambda it: it.update(currency="eur"), "usd"),
            (lambda it: it.update(discounts=[]), "Extra inputs"),
            (lambda it: it.pop("markup"), "Field required"),
        ],
    )
    def test_what_is_not_sound_is_refused_with_the_place_and_the_reason(
        self, spoil: Change, says: str
    ) -> None:
        """A wrong price list must never be taken, and its author must see where it is wrong."""
        values = the_file()
        spoil(values)

        with pytest.raises(CatalogFault) as fault:
            parse_catalog(json.dumps(values))

        assert says in fault.value.message

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"plans": [], "plans": []}'])
    def test_what_is_no_catalog_at_all_is_refused(self, text: str) -> None:
        """A field that is there twice would hide the first one."""
        with pytest.raises(CatalogFault):
            parse_catalog(text)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        """The commonest mistake of all is a wrong path."""
        with pytest.raises(CatalogFault, match="nowhere"):
            read_catalog(tmp_path / "nowhere.json")

    def test_a_fault_names_the_file_that_it_is_in(self, tmp_path: Path) -> None:
        """Somebody with two catalogs must know which one is meant."""
        (tmp_path / "mine.json").write_text("{}", encoding="utf-8")

        with pytest.raises(CatalogFault, match=r"mine\.json: .*Field required"):
            read_catalog(tmp_path / "mine.json")

    def test_a_price_on_purpose_zero_is_taken(self) -> None:
        """A free unit says so, and then counts without costing."""
        values = the_file()
        model(values, "gpt-5")["nanos_per_million"]["images"] = 0
        model(values, "gpt-5")["free_units"] = ["images"]

        offer = parse_catalog(json.dumps(values)).to_offer("p")
        priced = price_usage(
            PriceList(offer.book), "gpt-5", Usage(images=3), offer.markup, at=NOON
        )

        assert (priced.amount_nanos, len(priced.lines)) == (0, 1)

    def test_a_stored_book_that_was_changed_is_refused(self) -> None:
        """Nobody should write to the store by hand; if somebody did, nothing is sold."""
        with pytest.raises(CatalogFault):
            parse_book({"version": "2026-01-01", "models": [{"id": "x"}]})

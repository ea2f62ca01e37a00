"""The border: what the reviewed file may say, and how plainly it is refused."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from creditbase.catalog.domain import Markup, PriceList, Rule, Usage, price_usage
from creditbase.catalog.models import parse_catalog, read_catalog
from creditbase.catalog.shipped import CatalogFault, parse_book, shipped_book

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
FILE = Path(__file__).parents[2] / "catalog.json"

Change = Callable[[dict[str, Any]], object]


def the_file() -> dict[str, Any]:
    """Return the reviewed file as plain values, to be spoilt by a test."""
    values: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return values


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

    def test_is_the_version_that_was_reviewed(self) -> None:
        """Published prices are pinned: after a deliberate change give the book a new version
        (`dev/prices/settings.json`), and put the new digest here.
        """
        book = shipped_book()

        assert (book.version, book.digest) == (
            "2026-11-22.3",
            "fc2822e74161deec65dc66e9053303fe305f757e9924f0840f8a4c650d580b4f",
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
            ("imagen-3.0-generate-001", Usage(images=1), 40_000_000),
            ("sonar", Usage(input_tokens=1000), 13_000_000),
        ],
    )
    def test_costs_what_the_provider_publishes(
        self, name: str, usage: Usage, cost_nanos: int
    ) -> None:
        """The wrong unit is valid JSON and silently wrong by a thousand: worked examples."""
        prices = PriceList(shipped_book())

        priced = price_usage(prices, name, usage, Markup(4_000), at=NOON)

        assert priced.cost_nanos == cost_nanos


def _rule(kind: str, name: str, **rule: object) -> Change:
    return lambda it: it["markup"].update({kind: {name: rule}})


class TestRefusals:
    """What no file may say."""

    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            (lambda it: it["plans"].pop(0), "no plan free"),
            (lambda it: it["plans"].append(it["plans"][0]), "plan free is there 2 times"),
            (lambda it: it["plans"][0].update(price_cents=1), "only the plan free"),
            (lambda it: it["plans"][0].update(is_sold=False), "is_sold stays"),
            (lambda it: it["plans"][0].update(features=["api", "api"]), "named twice"),
            (lambda it: it["plans"][0].update(features=["No spaces"]), "should match pattern"),
            (lambda it: it["plans"][0].update(features=["f"] * 21), "at most 20"),
            (lambda it: it["plans"][1].update(price_cents=0), "plan guru"),
            (lambda it: it["plans"][1].update(credits=0), "greater than 0"),
            (lambda it: it["packs"][0].update(price_cents=0), "greater than 0"),
            (lambda it: it["packs"].append(it["packs"][0]), "pack small is there 2 times"),
            (lambda it: it["markup"].update(default_bps=-1), "greater than or equal to 0"),
            (lambda it: it["markup"].update(default_bps=0.4), "valid integer"),
            (lambda it: it.update(currency="eur"), "usd"),
            (lambda it: it.update(discounts=[]), "Extra inputs"),
            (lambda it: it.pop("markup"), "Field required"),
            (_rule("providers", "openai", bps=-10_001), "greater than or equal to"),
            (_rule("providers", "openai", allows_below_cost=True), "Extra inputs"),
            (_rule("models", "gpt 5", bps=1), "pattern"),
            (_rule("plans", "pro", fee_nanos=-1), "greater than or equal to 0"),
            (_rule("plans", "pro", minimum_nanos=0.5), "valid integer"),
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

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": "2026-01-01"}', "null"])
    def test_what_is_no_price_book_is_refused(self, text: str) -> None:
        """Nobody should write to the store by hand; if somebody did, nothing is sold."""
        with pytest.raises(CatalogFault, match="no price book"):
            parse_book(text)


def test_every_rule_of_the_file_is_kept() -> None:
    """What a reviewer reads is what is charged."""
    values = the_file()
    values["markup"] |= {
        "fee_nanos": 5,
        "minimum_nanos": 6,
        "providers": {"openai": {"bps": 100}},
        "models": {"gpt-5": {"minimum_nanos": 7}},
        "plans": {"pro": {"bps": -500, "allows_below_cost": True}},
    }

    markup = parse_catalog(json.dumps(values)).to_offer("p").markup

    assert markup == Markup(
        4_000,
        fee_nanos=5,
        minimum_nanos=6,
        providers={"openai": Rule(bps=100)},
        models={"gpt-5": Rule(minimum_nanos=7)},
        plans={"pro": Rule(bps=-500, allows_below_cost=True)},
    )

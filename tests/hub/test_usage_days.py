"""`/usage/days` and `/models`, over HTTP."""

from fractions import Fraction

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.use_cases import load_catalog
from tests.hub.reader import Reader, json_of, reader
from tests.runtime.contract import conforms
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "reader", "wire"]
pytestmark = pytest.mark.firestore


class TestDays:
    """What was used on each day."""

    def test_days_add_up_and_have_no_gaps(self, reader: Reader) -> None:
        """Thirty of them, zeros where nothing was used."""
        for _ in range(3):
            reader.call_model(input_tokens=333, output_tokens=7)
            reader.call_model("local-echo", input_tokens=333)
            reader.clock.pass_on(days=2)

        answer = reader.ask("/usage/days")

        conforms("GET /usage/days", answer)
        shown = json_of(answer)
        assert (shown["start_date"], shown["end_date"]) == ("2026-02-15", "2026-03-16")
        days = {day["date"]: day for day in shown["days"]}
        assert len(days) == 30
        assert [name for name, day in days.items() if day["requests"]] == [
            *("2026-03-10", "2026-03-12", "2026-03-14")
        ]
        used = sum(day["credits_used"] for day in days.values())
        assert used == shown["total_credits_used"]
        for day in days.values():
            rows = day["breakdown_by_model"]
            assert sum(row["credits_used"] for row in rows) == day["credits_used"]
        assert [row["model"] for row in days["2026-03-10"]["breakdown_by_model"]] == [
            *("local-large", "local-echo")
        ]

    def test_one_day_is_asked_for(self, reader: Reader) -> None:
        """Both days are inside."""
        reader.call_model(input_tokens=10)

        shown = json_of(
            reader.ask("/usage/days", start_date="2026-03-10", end_date="2026-03-10")
        )

        assert [day["requests"] for day in shown["days"]] == [1]

    @pytest.mark.parametrize(
        "query",
        [
            {"start_date": "2026-03-11", "end_date": "2026-03-10"},
            {"start_date": "2025-01-01", "end_date": "2026-03-10"},
            {"start_date": "20260310"},
            {"end_date": "2026-02-30"},
            {"end_date": "0001-01-01"},
        ],
    )
    def test_days_that_are_none_are_refused(
        self, reader: Reader, query: dict[str, str]
    ) -> None:
        """The wrong order, more than a year, no day of the calendar, before all days."""
        conforms("GET /usage/days", reader.ask("/usage/days", 400, **query))


class TestModels:
    """What may be called."""

    def test_every_model_has_the_callers_price(self, reader: Reader) -> None:
        """With markup, exact; what a model costs us cannot be told from one field."""
        answer = reader.ask("/models")

        conforms("GET /models", answer)
        shown = {model["key"]: model for model in json_of(answer)["models"]}
        catalog = load_catalog(HUB_PROJECT_ID)
        found = catalog.prices.find("local-large", reader.clock.at)
        assert found is not None
        bps = catalog.markup.default_bps
        for unit, price in shown["local-large"]["prices"].items():
            asked = Fraction(price["price_nanos"], price["per_units"])
            cost = Fraction(found.nanos_per_million[unit], 10**6)
            assert asked == cost * Fraction(10_000 + bps, 10_000)

"""What admins are told: rows add up, margins are what the specification says."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.admin.domain.economics import (
    Economics,
    is_below_cost,
    margin_hundredths,
    report_of,
    usage_of,
)
from creditbase.admin.domain.rolling import DayUse
from creditbase.kernel.money import ceil_div
from creditbase.ledger.domain.cells import Cell
from creditbase.ledger.domain.wallet import Tally
from tests.kernel.profiles import PURE

CREDIT = 1_000_000
TALLIES = st.builds(Tally, st.integers(0, 9), st.integers(0, 10**8), st.integers(0, 10**8))
CELLS = st.builds(Cell, *[st.sampled_from("abc")] * 3)
DAYS = st.builds(DayUse, st.dictionaries(CELLS, TALLIES, max_size=6), st.integers(0, 2**12))


@pytest.mark.parametrize(
    ("revenue_nanos", "cost_nanos", "margin"),
    [
        (128_400 * CREDIT, 91_714_286_000, 2857),
        (1, 0, 10_000),
        (100, 100, 0),
        (100, 150, -5_000),
        (30_000, 29_998, 1),
        (0, 0, None),
        (0, 5, None),
    ],
)
def test_a_margin_is_in_hundredths_of_a_percent(
    revenue_nanos: int, cost_nanos: int, margin: int | None
) -> None:
    """28.57 is the figure of the specification; without revenue there is no margin."""
    assert margin_hundredths(revenue_nanos, cost_nanos) == margin


@PURE
@given(st.integers(1, 10**15), st.integers(0, 10**15))
def test_a_margin_is_within_half_a_hundredth(revenue_nanos: int, cost_nanos: int) -> None:
    """Rounded once, to the nearest, on both sides of zero."""
    found = margin_hundredths(revenue_nanos, cost_nanos)
    assert found is not None

    exact = Fraction((revenue_nanos - cost_nanos) * 10_000, revenue_nanos)
    assert abs(exact - found) <= Fraction(1, 2)


@PURE
@given(st.lists(DAYS, max_size=5))
def test_models_add_up_to_the_totals_and_the_totals_to_the_days(days: list[DayUse]) -> None:
    """A table whose rows do not add up is a question to support."""
    report = report_of(days)

    nanos = sum(it.amount_nanos for day in days for it in day.cells.values())
    rows = [row.economics for row in report.models]
    assert report.totals.revenue_credits == ceil_div(nanos, CREDIT)
    assert sum(row.revenue_credits for row in rows) == report.totals.revenue_credits
    assert sum(row.tally.amount_nanos for row in rows) == nanos
    assert report.totals.tally.cost_nanos == sum(row.tally.cost_nanos for row in rows)
    amounts = [row.tally.amount_nanos for row in rows]
    assert amounts == sorted(amounts, reverse=True)
    names = [(row.model, row.provider) for row in report.models]
    assert len(names) == len(set(names))


@PURE
@given(st.dictionaries(st.sampled_from(["2026-03-10", "2026-03-12"]), DAYS))
def test_days_add_up_and_users_do_not(days: dict[str, DayUse]) -> None:
    """Who comes on two days is one user of both together."""
    dates = ["2026-03-10", "2026-03-11", "2026-03-12"]

    usage = usage_of(dates, days)

    assert [day.date for day in usage.trends] == dates
    assert usage.credit_count == sum(day.credit_count for day in usage.trends)
    assert usage.requests == sum(day.requests for day in usage.trends)
    users = {bit for day in days.values() for bit in range(13) if day.active >> bit & 1}
    assert usage.active_users == len(users)
    assert usage.trends[1].active_users == usage.trends[1].credit_count == 0


@pytest.mark.parametrize(
    ("tally", "is_below"),
    [
        (Tally(1, 10, 9, received_nanos=9), False),
        (Tally(1, 10, 9, received_nanos=8), True),
        (Tally(1, 10, 9), False),
        (Tally(1, 8, 9), True),
        (Tally(), False),
    ],
)
def test_below_cost_is_less_than_it_cost_at_the_face_or_in_money(
    tally: Tally, is_below: bool
) -> None:
    """What was only given away is no mistake: somebody meant to."""
    assert is_below_cost(tally) is is_below
    assert Economics(tally, 0).is_below_cost is is_below

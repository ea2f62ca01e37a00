"""What is added to the cost: by which rule, never below it by accident, rounded once."""

from datetime import UTC, datetime
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditbase.catalog.domain import Margin, Markup, Rule
from creditbase.catalog.domain.pins import Pin
from creditbase.kernel.money import price_of

LINES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**12)), max_size=4)
MARGINS = st.builds(
    Margin,
    bps=st.integers(-10_000, 20_000),
    fee_nanos=st.integers(0, 10**6),
    minimum_nanos=st.integers(0, 10**7),
    allows_below_cost=st.booleans(),
)


@example([(1, 10**6)], Margin(bps=-10_000, allows_below_cost=True), 1)
@given(LINES, MARGINS, st.integers(0, 3))
def test_the_price_is_exact_rounded_up_once_and_has_its_floors(
    lines: list[tuple[int, int]], margin: Margin, requests: int
) -> None:
    """Told a second time in fractions: cost, basis points, fee, minimum, cost again."""
    exact = sum((Fraction(count * nanos, 10**6) for count, nanos in lines), Fraction(0))
    expected = ceil(exact * Fraction(10_000 + margin.bps, 10_000)) + margin.fee_nanos * requests
    if exact:
        expected = max(expected, margin.minimum_nanos)
    if not margin.allows_below_cost:
        expected = max(expected, ceil(exact))

    assert margin.price_nanos(lines, requests=requests) == expected


@given(LINES, MARGINS, st.integers(0, 3), st.integers(0, 3), st.integers(0, 10**6))
def test_more_usage_never_costs_less(
    lines: list[tuple[int, int]], margin: Margin, requests: int, line: int, more: int
) -> None:
    """So that the most of everything is the most that a call can cost."""
    longer = [
        (n + more, nanos) if i == line else (n, nanos) for i, (n, nanos) in enumerate(lines)
    ]

    less_nanos = margin.price_nanos(lines, requests=requests)

    assert less_nanos <= margin.price_nanos(longer, requests=requests)
    assert less_nanos <= margin.price_nanos(lines, requests=requests + 1)


@example([(1, 10**6)], Margin(bps=-10_000))
@given(LINES, MARGINS)
def test_nothing_is_sold_below_cost_unless_a_plan_says_so(
    lines: list[tuple[int, int]], margin: Margin
) -> None:
    """A rule with a wrong sign is no loss of ours."""
    price_nanos = margin.price_nanos(lines, requests=0)

    assert margin.allows_below_cost or price_nanos >= price_of(lines=lines, markup_bps=0)


MARKUP = Markup(
    450,
    fee_nanos=1,
    minimum_nanos=2,
    providers={"openai": Rule(bps=500, fee_nanos=3)},
    models={"gpt-5": Rule(bps=600, minimum_nanos=4)},
    plans={"pro": Rule(bps=0, allows_below_cost=True), "big": Rule(fee_nanos=0)},
)


@pytest.mark.parametrize(
    ("provider", "model_id", "plan_code", "margin"),
    [
        ("xai", "grok", "", Margin(450, 1, 2)),
        ("openai", "gpt-4", "", Margin(500, 3, 2, rule="provider:openai")),
        ("openai", "gpt-5", "free", Margin(600, 3, 4, rule="model:gpt-5")),
        ("azure", "gpt-5", "", Margin(600, 1, 4, rule="model:gpt-5")),
        ("openai", "gpt-5", "pro", Margin(0, 3, 4, allows_below_cost=True, rule="plan:pro")),
        ("openai", "gpt-5", "big", Margin(600, 0, 4, rule="model:gpt-5")),
    ],
)
def test_the_more_special_rule_wins_for_each_thing_that_it_says(
    provider: str, model_id: str, plan_code: str, margin: Margin
) -> None:
    """Default, provider, model, plan; a rule that says nothing of the fee leaves it."""
    assert MARKUP.margin(provider=provider, model_id=model_id, plan_code=plan_code) == margin


def test_rules_of_a_tier_stand_behind_those_of_its_plan() -> None:
    """The model of a tier is the most special of all; 0 says something, None nothing."""
    special = [("tier", Rule(bps=700)), ("tier model", Rule(bps=0))]

    both = MARKUP.margin(provider="x", model_id="y", plan_code="pro", special=special)
    first = MARKUP.margin(provider="x", model_id="y", plan_code="pro", special=special[:1])

    assert (both.bps, both.rule) == (0, "tier model")
    assert (first.bps, first.rule) == (700, "tier")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Rule(bps=-10_001),
        lambda: Rule(fee_nanos=-1),
        lambda: Rule(minimum_nanos=-1),
        lambda: Markup(0, providers={"openai": Rule(allows_below_cost=True)}),
        lambda: Markup(0, models={"gpt-5": Rule(allows_below_cost=True)}),
    ],
)
def test_a_rule_that_no_door_lets_in_stops_at_once(wrong: object) -> None:
    """Only a plan may sell below cost, and nobody is paid for calling."""
    assert callable(wrong)
    with pytest.raises(AssertionError):
        wrong()


@given(MARGINS, st.sampled_from(["", "batch"]), st.sampled_from(["", "p/2026-11-22"]))
def test_a_pin_is_read_as_it_was_kept(margin: Margin, variant: str, rates: str) -> None:
    """A hold is captured, and an entry explained, by exactly what it was priced at."""
    at = datetime(2026, 3, 10, 12, 0, 0, 7, tzinfo=UTC)
    pin = Pin("pro", "2026-11-22", rates, at, variant, margin)

    assert Pin.read(pin.fields()) == pin


def test_an_entry_of_before_is_read_by_its_defaults() -> None:
    """What was written when there were fewer fields is explained like any other."""
    pin = Pin.read({"plan": "pro", "book_version": "v", "markup_bps": 4_000})

    assert pin == Pin("pro", "v", "", None, "", Margin(4_000))

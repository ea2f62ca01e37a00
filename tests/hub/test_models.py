"""What `/models` says a call costs, against what a call costs."""

from fractions import Fraction
from math import ceil
from typing import Any

import pytest

from creditbase.catalog.domain import Margin, ModelPrice, Usage
from creditbase.catalog.domain.prices import LongContext
from creditbase.hub.models import listed

MODEL = ModelPrice(
    model_id="m",
    provider="p",
    display_name="M",
    context_window=0,
    max_output_tokens=0,
    nanos_per_million={"input_tokens": 1_234_567, "output_tokens": 7_000_001},
    long_context=(LongContext(1_000, {"input_tokens": 2_000_003, "output_tokens": 9_000_000}),),
)
CALLS = [(0, 0), (1, 0), (12, 5), (1_000, 0), (1_001, 77), (10**9, 10**6)]


@pytest.mark.parametrize(("input_tokens", "output_tokens"), CALLS)
@pytest.mark.parametrize(
    "margin",
    [
        Margin(bps=4_000),
        Margin(bps=1_333, fee_nanos=250, minimum_nanos=9_000),
        Margin(bps=-2_000),
        Margin(bps=-2_000, minimum_nanos=500, allows_below_cost=True),
    ],
    ids=["markup", "fee-and-minimum", "floored", "below-cost"],
)
def test_a_caller_can_work_out_what_a_call_will_cost(
    margin: Margin, input_tokens: int, output_tokens: int
) -> None:
    """To the nano, from the answer alone: unit prices, a long prompt's, fee and minimum."""
    shown: Any = listed(MODEL, margin, is_custom=True)

    prices = shown["prices"]
    for step in shown["long_context"]:
        if input_tokens > step["above_input_tokens"]:
            prices = step["prices"]
    quantities = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    total = sum(
        Fraction(quantity * prices[unit]["price_nanos"], prices[unit]["per_units"])
        for unit, quantity in quantities.items()
    )
    said_nanos = ceil(total) + shown["fee_nanos"]
    if total:
        said_nanos = max(said_nanos, shown["minimum_nanos"])

    table = MODEL.prices_for(Usage(requests=1, **quantities))
    lines = [(quantity, table[unit]) for unit, quantity in quantities.items()]
    assert said_nanos == margin.price_nanos(lines, requests=1)

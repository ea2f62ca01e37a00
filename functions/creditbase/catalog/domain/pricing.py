"""What a call costs the customer and us, with all that is needed to compute it again. Pure."""

from creditbase.catalog.domain.markup import Margin
from creditbase.catalog.domain.prices import ModelPrice
from creditbase.catalog.domain.units import COUNTED_UNIT, Usage
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import AMOUNT_NANOS_MAX, price_of
from creditbase.kernel.records import dataclass


@dataclass(frozen=True, slots=True)
class PricedLine:
    """One unit of a priced call, as `explain` shows it."""

    unit: str
    quantity: int
    nanos_per_million: int


@dataclass(frozen=True, slots=True)
class PricedCall:
    """What a call costs the customer and us; the margin that made the one of the other."""

    amount_nanos: int
    cost_nanos: int
    lines: tuple[PricedLine, ...]
    margin: Margin


def price_call(model: ModelPrice, usage: Usage, margin: Margin) -> PricedCall:
    """Return what `usage` of a model costs, each figure rounded up once, to the nano.

    Raises:
        InvalidRequest: a quantity above zero in a unit without a price, or beyond any wallet.
    """
    prices = model.prices_for(usage)
    lines = []
    for unit, quantity in usage.quantities():
        if quantity > 0 and unit in prices:
            lines.append(PricedLine(unit, quantity, prices[unit]))
        elif quantity > 0 and unit != COUNTED_UNIT:
            raise InvalidRequest(f"This model has no price for {unit}", field=f"usage.{unit}")
    pairs = [(line.quantity, line.nanos_per_million) for line in lines]
    amount_nanos = margin.price_nanos(pairs, requests=usage.requests)
    cost_nanos = price_of(lines=pairs, markup_bps=0)
    if max(amount_nanos, cost_nanos) > AMOUNT_NANOS_MAX:
        raise InvalidRequest("This usage is more than any wallet can hold", field="usage")
    assert margin.allows_below_cost or cost_nanos <= amount_nanos
    return PricedCall(amount_nanos, cost_nanos, tuple(lines), margin)

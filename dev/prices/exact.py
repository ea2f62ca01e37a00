"""From dollars in decimals to nanos in integers: exact, or refused. No float anywhere."""

from decimal import Decimal
from fractions import Fraction

NANOS_PER_DOLLAR = 10**9
UNITS_PER_PRICE = 10**6


class Inexact(ValueError):
    """A price is no whole number of nanos for a million units."""


def nanos_per_million(dollars: Decimal, *, per: int) -> int:
    """Return the nanos of a million units, of which so many cost that many dollars.

    Raises:
        Inexact: that is no whole number, or no price at all.
    """
    if not dollars.is_finite() or dollars < 0:
        raise Inexact(f"{dollars} is no price")
    exact = Fraction(dollars) * NANOS_PER_DOLLAR * UNITS_PER_PRICE / per
    if exact.denominator != 1:
        raise Inexact(f"{dollars} dollars for {per} are no whole nanos for a million")
    return exact.numerator

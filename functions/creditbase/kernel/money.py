"""Money: integers of nano-dollars, and the credits and cents that doors show.

Source: DESIGN section 2, ADR-0003. Remaining rounds down, used rounds up, rows add up.
"""

from collections.abc import Sequence

NANOS_PER_CREDIT = 1_000_000
NANOS_PER_CENT = 10_000_000
NANOS_PER_DOLLAR = 1_000_000_000
AMOUNT_NANOS_MAX = 2**53
"""The most a wallet, an amount or a sum may be: what every JSON reader takes exactly."""

UNITS_PER_PRICE = 1_000_000
"""A price is an integer of nanos for this many units."""
BPS_PER_ONE = 10_000
"""Basis points in a whole."""


WHOLE_CURRENCIES = frozenset(
    {
        *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg"),
        *("rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"),
    }
)
"""Currencies whose smallest unit is the unit itself."""


def write_money(amount_cents: int, currency: str) -> str:
    """Return an amount of a currency's smallest units as people read it: `10.00 USD`."""
    assert amount_cents >= 0
    if currency in WHOLE_CURRENCIES:
        return f"{amount_cents:,} {currency.upper()}"
    return f"{amount_cents // 100:,}.{amount_cents % 100:02d} {currency.upper()}"


def ceil_div(numerator: int, denominator: int) -> int:
    """Return the quotient rounded up. The denominator is positive."""
    assert denominator > 0
    return -(-numerator // denominator)


def credits_remaining(amount_nanos: int) -> int:
    """Return whole credits that are certainly left: rounded down, also below zero."""
    return amount_nanos // NANOS_PER_CREDIT


def credits_used(amount_nanos: int) -> int:
    """Return whole credits that cover what was used: rounded up."""
    return ceil_div(amount_nanos, NANOS_PER_CREDIT)


def cents_remaining(amount_nanos: int) -> int:
    """Return whole cents that are certainly left: rounded down."""
    return amount_nanos // NANOS_PER_CENT


def nanos_from_credits(credit_count: int) -> int:
    """Return the nanos of whole credits."""
    return credit_count * NANOS_PER_CREDIT


def nanos_from_cents(cents: int) -> int:
    """Return the nanos of whole cents."""
    return cents * NANOS_PER_CENT


def worth_nanos(paid_cents: int, currency: str, *, face_nanos: int) -> int:
    """Return what was paid for credits in nano-dollars; of other currencies their face value.

    Nobody here knows a rate of exchange.
    """
    return nanos_from_cents(paid_cents) if currency.lower() in {"", "usd"} else face_nanos


def price_of(*, lines: Sequence[tuple[int, int]], markup_bps: int) -> int:
    """Return what metered usage costs the customer, rounded up once, to the nano.

    Args:
        lines: pairs of a quantity in units and its price in nanos for a million units.
        markup_bps: added to the provider's cost, in basis points; 4000 adds 40 %, and
            -10000 gives it away.

    Returns:
        Nanos. Zero only where every line is free or empty, or all of it is given away.
    """
    assert markup_bps >= -BPS_PER_ONE
    total = 0
    for quantity, price_nanos in lines:
        assert quantity >= 0
        assert price_nanos >= 0
        total += quantity * price_nanos
    return ceil_div(total * (BPS_PER_ONE + markup_bps), UNITS_PER_PRICE * BPS_PER_ONE)


def share_floor(amount_nanos: int, *, part: int, whole: int) -> int:
    """Return `part` of `whole` of an amount, rounded down, never more than the amount.

    Source: DESIGN section 5, refunds: floor(granted x refunded / paid).
    """
    assert amount_nanos >= 0
    assert part >= 0
    assert whole > 0
    return amount_nanos * min(part, whole) // whole


def apportion_up(amounts_nanos: Sequence[int], *, unit_nanos: int) -> list[int]:
    """Return each amount in whole units so that they add up to the rounded-up total."""
    total = ceil_div(sum(amounts_nanos), unit_nanos)
    return apportion(amounts_nanos, total=total, unit_nanos=unit_nanos)


def apportion(amounts_nanos: Sequence[int], *, total: int, unit_nanos: int) -> list[int]:
    """Return each amount in whole units so that they add up to `total` units.

    `total` is the sum rounded down or up. Largest remainder first; equal remainders go to the
    earlier row, so the answer depends on nothing but its input.
    """
    assert all(amount >= 0 for amount in amounts_nanos)
    units = [amount // unit_nanos for amount in amounts_nanos]
    missing = total - sum(units)
    assert 0 <= missing <= len(units)
    order = sorted(range(len(units)), key=lambda row: (-(amounts_nanos[row] % unit_nanos), row))
    for row in order[:missing]:
        units[row] += 1
    return units

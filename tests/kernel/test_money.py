"""Money: integers only, one rounding, and each in the direction that the design names."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel import money
from tests.kernel.profiles import PURE

AMOUNTS = st.integers(0, money.AMOUNT_NANOS_MAX)


def test_the_units_are_those_of_the_design() -> None:
    """A credit is a tenth of a cent, a dollar a hundred cents, and sums fit every reader."""
    assert money.NANOS_PER_CREDIT == 1_000_000
    assert money.NANOS_PER_CENT == 10 * money.NANOS_PER_CREDIT
    assert money.NANOS_PER_DOLLAR == 100 * money.NANOS_PER_CENT
    assert money.AMOUNT_NANOS_MAX == 9_007_199_254_740_992
    assert money.nanos_from_credits(500) == 500_000_000
    assert money.nanos_from_cents(25) == 250_000_000


@pytest.mark.parametrize(
    ("amount_nanos", "remaining", "used"),
    [(0, 0, 0), (1, 0, 1), (999_999, 0, 1), (1_000_000, 1, 1), (1_000_001, 1, 2), (-1, -1, 0)],
)
def test_what_is_left_rounds_down_and_what_was_used_rounds_up(
    amount_nanos: int, remaining: int, used: int
) -> None:
    """Nobody is shown a credit that a charge of one credit could not take."""
    assert money.credits_remaining(amount_nanos) == remaining
    assert money.credits_used(amount_nanos) == used


@pytest.mark.parametrize(
    ("amount_nanos", "cents"), [(9_999_999, 0), (10_000_000, 1), (-1, -1), (-10_000_000, -1)]
)
def test_cents_left_round_down_below_zero_too(amount_nanos: int, cents: int) -> None:
    """A debt of a nano is a debt, not nothing."""
    assert money.cents_remaining(amount_nanos) == cents


@PURE
@given(st.integers(), st.integers(1, 10**18))
def test_a_quotient_rounded_up_is_less_than_one_too_high(top: int, bottom: int) -> None:
    """Rounding up is the only rounding of a price, so it must be exactly that."""
    quotient = money.ceil_div(top, bottom)

    assert 0 <= quotient * bottom - top < bottom


@PURE
@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**12)), max_size=6),
    st.integers(-9_999, 50_000),
)
def test_a_price_is_rounded_once_and_up(lines: list[tuple[int, int]], markup_bps: int) -> None:
    """Rounding costs the customer less than one nano for a whole call, and us nothing."""
    exact = sum(
        (
            Fraction(quantity * price * (10_000 + markup_bps), 10**10)
            for quantity, price in lines
        ),
        start=Fraction(0),
    )

    price_nanos = money.price_of(lines=lines, markup_bps=markup_bps)

    assert 0 <= price_nanos - exact < 1


def test_a_price_worked_out_by_hand() -> None:
    """One figure that a person can check: 3 tokens at $2.50 a million, with 40 % on top."""
    price_nanos = money.price_of(lines=[(3, 2_500_000_000)], markup_bps=4_000)

    # 3 x 2,500 nanos = 7,500 nanos, and two fifths more
    assert price_nanos == 10_500
    assert money.price_of(lines=[(1, 1)], markup_bps=0) == 1


@pytest.mark.parametrize(
    ("part", "taken"), [(0, 0), (1, 33), (2, 66), (3, 100), (4, 100), (10**12, 100)]
)
def test_a_share_rounds_down_and_never_exceeds_the_whole(part: int, taken: int) -> None:
    """A refund takes back what the money paid for, and not more than was granted."""
    assert money.share_floor(100, part=part, whole=3) == taken


@PURE
@given(AMOUNTS, st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 10**12))
def test_a_larger_refund_never_takes_less(
    amount_nanos: int, one: int, other: int, whole: int
) -> None:
    """Refunds come in cumulative steps; each step takes the difference, never below zero."""
    low, high = sorted((one, other))

    first = money.share_floor(amount_nanos, part=low, whole=whole)
    then = money.share_floor(amount_nanos, part=high, whole=whole)

    assert 0 <= first <= then <= amount_nanos


@PURE
@given(st.lists(AMOUNTS, max_size=12), st.integers(1, 10**8))
def test_rows_add_up_to_the_rounded_total(amounts: list[int], unit_nanos: int) -> None:
    """A breakdown whose rows do not sum to its total is the first thing a customer sees."""
    rows = money.apportion_up(amounts, unit_nanos=unit_nanos)

    assert sum(rows) == money.ceil_div(sum(amounts), unit_nanos)
    for amount, row in zip(amounts, rows, strict=True):
        assert amount // unit_nanos <= row <= money.ceil_div(amount, unit_nanos)


def test_the_largest_remainder_gets_the_unit_and_the_earlier_row_at_a_tie() -> None:
    """The same figures always give the same rows, in whatever order a map was read."""
    assert money.apportion_up([6, 9, 5], unit_nanos=10) == [1, 1, 0]
    assert money.apportion_up([15, 15], unit_nanos=10) == [2, 1]
    assert money.apportion_up([1, 1, 1], unit_nanos=10) == [1, 0, 0]
    assert money.apportion_up([], unit_nanos=10) == []


def test_what_a_programmer_promised_is_asserted() -> None:
    """A negative quantity or a nonsense divisor is a bug of ours, and is never priced."""
    for broken in (
        lambda: money.ceil_div(1, 0),
        lambda: money.price_of(lines=[(-1, 1)], markup_bps=0),
        lambda: money.price_of(lines=[(1, -1)], markup_bps=0),
        lambda: money.price_of(lines=[], markup_bps=-10_001),
        lambda: money.share_floor(-1, part=1, whole=1),
        lambda: money.share_floor(1, part=-1, whole=1),
        lambda: money.share_floor(1, part=1, whole=0),
        lambda: money.apportion_up([-1], unit_nanos=1),
    ):
        with pytest.raises(AssertionError):
            broken()


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (0, "usd", "0.00 USD"),
        (5, "eur", "0.05 EUR"),
        (123_456, "usd", "1,234.56 USD"),
        (1_000, "jpy", "1,000 JPY"),
    ],
)
def test_money_is_written_as_people_read_it(amount: int, currency: str, written: str) -> None:
    """A yen has no cents."""
    assert money.write_money(amount, currency) == written

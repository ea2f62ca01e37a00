"""Currencies: which there are, the least that can be charged, and how an amount is shown. Pure.

An amount is an integer of the currency's smallest unit, as everywhere in Stripe.
"""

import re

from stripe_local.wire.errors import InvalidParameter
from stripe_local.wire.words import words

AMOUNT_MAX = 99_999_999
_AMOUNT_MIN = {"aud": 50, "cad": 50, "chf": 50, "eur": 50, "gbp": 30, "jpy": 50, "usd": 50}
_CODE = re.compile(r"[a-z]{3}")
_WITHOUT_DECIMALS = frozenset(
    words("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf")
)
_WITH_THREE_DECIMALS = frozenset(words("bhd jod kwd omr tnd"))
_SYMBOLS = {"eur": "€", "gbp": "£", "jpy": "¥", "usd": "$"}


def read_currency(code: str, param: str) -> str:
    """Return the currency as Stripe stores it, in lower case.

    Raises:
        InvalidParameter: it is not a currency code.
    """
    currency = code.lower()
    if not _CODE.fullmatch(currency):
        raise InvalidParameter(f"Invalid currency: {code}.", param=param)
    return currency


def check_total(amount_total: int, currency: str) -> None:
    """Refuse a total that a card network would not take.

    Raises:
        InvalidParameter: below the currency's least amount, or beyond the greatest of all.
    """
    least = _AMOUNT_MIN.get(currency, 1)
    if amount_total < least:
        raise InvalidParameter(
            "The Checkout Session's total amount due must add up to at least "
            f"{shown(least, currency)} {currency}",
            code="amount_too_small",
        )
    if amount_total > AMOUNT_MAX:
        raise InvalidParameter(
            "The Checkout Session's total amount must be no more than "
            f"{shown(AMOUNT_MAX, currency)}",
            code="amount_too_large",
        )


def check_amount(amount: int, currency: str) -> None:
    """Refuse an amount of a payment that a card network would not take.

    Raises:
        InvalidParameter: below the currency's least amount, or beyond the greatest of all.
    """
    least = _AMOUNT_MIN.get(currency, 1)
    if amount < least:
        raise InvalidParameter(
            f"Amount must be at least {shown(least, currency)} {currency}",
            code="amount_too_small",
            param="amount",
        )
    if amount > AMOUNT_MAX:
        raise InvalidParameter(
            f"Amount must be no more than {shown(AMOUNT_MAX, currency)}",
            code="amount_too_large",
            param="amount",
        )


def shown(amount: int, currency: str) -> str:
    """Return an amount for a person to read: `$25.00`, `¥500`, `12.50 SEK`."""
    decimals = _decimals(currency)
    whole, fraction = divmod(abs(amount), 10**decimals)
    sign = "\N{MINUS SIGN}" if amount < 0 else ""
    number = f"{whole:,}" + (f".{fraction:0{decimals}}" if decimals else "")
    symbol = _SYMBOLS.get(currency)
    return sign + (f"{symbol}{number}" if symbol else f"{number} {currency.upper()}")


def _decimals(currency: str) -> int:
    if currency in _WITHOUT_DECIMALS:
        return 0
    return 3 if currency in _WITH_THREE_DECIMALS else 2

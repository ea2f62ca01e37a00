"""Card numbers: none is taken, so that none is ever kept, logged or passed on.

A number is one by its length, its issuer's first digits and its check digit (ISO/IEC 7812),
written in one piece or in groups. Text is looked at wherever it is; a whole number only among
metadata, because everywhere else it is an amount or a count, and is never kept as anything
else. Payment pages are Stripe's: whoever sends a card to us has taken us for one.
"""

import re
from collections.abc import Iterator, Mapping

from creditbase.kernel.errors import InvalidRequest

DIGITS = re.compile(r"(?<![\w.+-])\d(?:[ \u00a0\u2010-\u2015-]?\d){12,18}(?![\w-])")
"""What could be a card's number: no part of a word, an id, or a telephone's number."""
ISSUERS = (
    (re.compile(r"4"), frozenset({13, 16, 19})),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), frozenset({16})),  # Mastercard
    (re.compile(r"3[47]"), frozenset({15})),  # American Express
    (re.compile(r"30[0-5]|3[689]"), frozenset({14, 16, 19})),  # Diners Club
    (re.compile(r"35(2[89]|[3-8])"), frozenset({16, 17, 18, 19})),  # JCB
    (re.compile(r"6011|64[4-9]|65"), frozenset({16, 19})),  # Discover
    (re.compile(r"62|81"), frozenset({16, 17, 18, 19})),  # UnionPay
    (
        re.compile(r"50(18|20|38)|5[678]|6304|67"),  # Maestro
        frozenset({13, 14, 15, 16, 17, 18, 19}),
    ),
    (re.compile(r"220[0-4]"), frozenset({16, 17, 18, 19})),  # Mir
    (re.compile(r"60|82|508"), frozenset({16})),  # RuPay
)
"""Of each issuer the first digits, and how long its numbers are."""
FREE = "metadata"
"""The field in which callers keep whatever they like, numbers too."""


def refuse_cards(body: Mapping[str, object]) -> None:
    """Refuse a request that carries what looks like a card's number.

    Raises:
        InvalidRequest: some field does. Neither the number nor what is around it is repeated.
    """
    for field, value in body.items():
        if any(holds_card(text) for text in _texts(field, value, is_free=field == FREE)):
            name = "" if holds_card(field) else field
            raise InvalidRequest(
                "This looks like a card number; cards are entered on Stripe's own pages only",
                field=name,
            )


def _texts(name: str, value: object, *, is_free: bool) -> Iterator[str]:
    yield name
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and is_free:
        yield str(int(value))
    elif isinstance(value, Mapping):
        for inner_name, inner in value.items():
            yield from _texts(inner_name, inner, is_free=is_free or inner_name == FREE)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts("", inner, is_free=is_free)


def holds_card(text: str) -> bool:
    """Return whether there is a card's number in a text."""
    if len(text) < 13:
        return False
    numbers = (_digits(found[0]) for found in DIGITS.finditer(text))
    return any(_is_issued(digits) and has_check_digit(digits) for digits in numbers)


def _digits(text: str) -> str:
    """Return the digits of a text, whatever script they are written in."""
    return "".join(str(int(character)) for character in text if character.isdecimal())


def _is_issued(digits: str) -> bool:
    return any(first.match(digits) and len(digits) in sizes for first, sizes in ISSUERS)


def has_check_digit(text: str) -> bool:
    """Return whether the digits of a text come to a multiple of ten, as Luhn counts them."""
    digits = [int(character) for character in reversed(text) if character.isdigit()]
    total = sum(digits[0::2])
    for digit in digits[1::2]:
        total += sum(divmod(2 * digit, 10))
    return total % 10 == 0

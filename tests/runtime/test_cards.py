"""Card numbers are refused wherever a request could leave one with us, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.errors import InvalidRequest
from creditbase.runtime.cards import has_check_digit, holds_card, refuse_cards

CARDS = (
    *("4242424242424242", "4000056655665556", "4222222222222", "5555555555554444"),
    *("2223003122003222", "378282246310005", "6011111111111117", "3056930009020004"),
    *("36227206271667", "3566002020360505", "6200000000000005", "6205500000000000004"),
    "6759649826438453",
)
"""Those that payment services publish for trying out: one or more of each issuer."""
NO_CARDS = (
    *("4242424242424241", "0000000000000000", "9999999999999995", "1732312345671"),
    *("20261122232000", "+4915112345674", "user-4242424242424242", "x4242424242424242"),
    *("123e4567-4242-4242-4242-424242424242", "pi_4242424242424242", "424242424242"),
    *("42424242424242424242", "1.4242424242424242", "175928847299117063", ""),
)
"""Numbers of other kinds: instants, telephones, ids of ours and of others, almost a card."""


@pytest.mark.parametrize("number", CARDS)
@pytest.mark.parametrize("written", ["{}", "pay with {} please", "{}, 12/34", "({})", "a: {}"])
def test_a_card_is_seen_wherever_it_is_written(number: str, written: str) -> None:
    """Somebody will paste one into a name, a reason or a note."""
    assert holds_card(written.format(number))


@pytest.mark.parametrize(
    "number",
    [
        *("4242 4242 4242 4242", "4242-4242-4242-4242", "3782 822463 10005"),
        *("4242\u00a04242\u00a04242\u00a04242", "4242\u20134242\u20134242\u20134242"),
        "\uff14\uff12" * 8,
    ],
)
def test_a_card_is_seen_however_it_is_grouped(number: str) -> None:
    """As it is printed on the card, and in other digits than ours."""
    assert holds_card(number)


@pytest.mark.parametrize("text", NO_CARDS)
def test_what_is_no_card_is_let_through(text: str) -> None:
    """A customer must not be refused for the look of its id."""
    assert not holds_card(text)


@given(st.integers(0, 10**18 - 1))
def test_one_check_digit_of_ten_is_right(number: int) -> None:
    """Luhn's sum tells each single wrong digit."""
    assert sum(has_check_digit(f"{number}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": CARDS[0]}, "name"),
        ({"a": 1, "list": ["x", {"inner": CARDS[0]}]}, "list"),
        ({"metadata": {"card": int(CARDS[0])}}, "metadata"),
        ({"metadata": {"card": [float(CARDS[0])]}}, "metadata"),
        ({"customer": {"metadata": {"card": int(CARDS[0])}}}, "customer"),
        ({"metadata": {CARDS[0]: "x"}}, "metadata"),
        ({CARDS[0]: 1}, ""),
    ],
)
def test_a_request_with_a_card_is_refused(body: dict[str, object], field: str) -> None:
    """It is told which field, and never what was in it."""
    with pytest.raises(InvalidRequest) as refused:
        refuse_cards(body)

    assert refused.value.field == field
    assert CARDS[0] not in str(refused.value)


def test_an_amount_is_no_card() -> None:
    """Nanos of four million dollars have sixteen digits too; they are only ever counted."""
    refuse_cards({"amount_nanos": int(CARDS[0]), "usage": {"input_tokens": int(CARDS[0])}})
    refuse_cards({"metadata": {"at_ms": 1_732_312_345_671, "huge": 10**300, "ok": True}})

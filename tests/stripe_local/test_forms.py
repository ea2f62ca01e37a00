"""Stripe's form encoding, read back to what the real client meant."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from stripe_local.wire.errors import InvalidParameter
from stripe_local.wire.forms import Tree, parse_form

names = st.sampled_from(["a", "line_items", "price_data", "metadata", "x_1"])
values = st.text(max_size=8)
trees: st.SearchStrategy[Any] = st.recursive(
    values,
    lambda inner: (
        st.dictionaries(names, inner, min_size=1, max_size=3)
        | st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


def with_positions(meant: Any) -> Any:
    """Return what was meant as the parser tells it: a list as a tree of positions."""
    if isinstance(meant, list):
        return {str(place): with_positions(row) for place, row in enumerate(meant)}
    if isinstance(meant, dict):
        return {name: with_positions(inner) for name, inner in meant.items()}
    return meant


@given(st.dictionaries(names, trees, max_size=4))
def test_a_form_of_the_real_client_is_read_as_it_was_meant(meant: dict[str, Any]) -> None:
    """Whatever the product nests, the stand-in sees the same."""
    encoded = urlencode(list(_api_encode(meant)))

    assert parse_form(encoded) == with_positions(meant)


@pytest.mark.parametrize(
    ("form", "tree"),
    [
        ("expand[]=a&expand[]=b.c", {"expand": {"0": "a", "1": "b.c"}}),
        (
            "items[][price]=p1&items[][quantity]=2&items[][price]=p2",
            {"items": {"0": {"price": "p1", "quantity": "2"}, "1": {"price": "p2"}}},
        ),
        ("name=%C3%85sa+Berg&empty=", {"name": "Åsa Berg", "empty": ""}),
        ("", {}),
    ],
)
def test_lists_without_positions_and_odd_values_are_read(form: str, tree: Tree) -> None:
    """Other clients than ours, curl for one, leave out the positions."""
    assert parse_form(form) == tree


@pytest.mark.parametrize("form", ["a[=1", "a]b=1", "[a]=1", "a=1&a[b]=2", "a[b]=2&a=1"])
def test_broken_brackets_are_refused(form: str) -> None:
    """A parameter that is read wrongly in silence would hide a bug of the caller."""
    with pytest.raises(InvalidParameter):
        parse_form(form)


def test_decimals_travel_as_text() -> None:
    """The client sends them so that no digit is lost."""
    encoded = urlencode(list(_api_encode({"unit_amount_decimal": Decimal("0.125")})))

    assert parse_form(encoded) == {"unit_amount_decimal": "0.125"}

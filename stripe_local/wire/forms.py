"""The bracket notation of Stripe's forms: `line_items[0][price]=price_1` as a tree. Pure."""

import re
from urllib.parse import parse_qsl

from stripe_local.wire.errors import InvalidParameter

Tree = dict[str, "Tree | str"]
"""A form with its brackets opened. A list is a tree whose names are positions."""

_NAME = re.compile(r"^(?P<first>[^\[\]]+)(?P<rest>(?:\[[^\[\]]*\])*)$")
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")


def parse_form(encoded: str) -> Tree:
    """Return the tree of a query string or form body.

    Lists are understood with positions (`expand[0]=a`) and without (`expand[]=a`).

    Raises:
        InvalidParameter: a name with broken brackets, or one that is both a value and a tree.
    """
    tree: Tree = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        _plant(tree, _segments(name), value, name)
    return tree


def join(parent: str, name: str) -> str:
    """Return the name of a nested parameter as Stripe writes it, for example `a[0][b]`."""
    return f"{parent}[{name}]" if parent else name


def _segments(name: str) -> list[str]:
    match = _NAME.match(name)
    if match is None:
        raise InvalidParameter(f"Invalid parameter name: {name}", param=name)
    return [match["first"], *_SEGMENT.findall(match["rest"])]


def _plant(tree: Tree, segments: list[str], value: str, name: str) -> None:
    for position, segment in enumerate(segments[:-1]):
        following = segments[position + 1]
        branch = tree.setdefault(segment or _place_in(tree, following), {})
        if not isinstance(branch, dict):
            raise InvalidParameter(f"Invalid parameter: {name} is also a value", param=name)
        tree = branch
    last = segments[-1] or str(len(tree))
    if isinstance(tree.get(last), dict):
        raise InvalidParameter(f"Invalid parameter: {name} is also a hash", param=name)
    tree[last] = value


def _place_in(rows: Tree, following: str) -> str:
    """Return the position for `[]` in mid-name: a new row when the last one has the field."""
    if not rows:
        return "0"
    last = str(len(rows) - 1)
    row = rows.get(last)
    return str(len(rows)) if not isinstance(row, dict) or following in row else last

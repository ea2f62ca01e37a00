"""`expand[]`: ids replaced by the objects they name, and fields shown only when asked. Pure."""

from collections.abc import Callable, Mapping, Sequence

from stripe_local.wire.errors import InvalidParameter
from stripe_local.wire.resource import Resource

LEVELS_MAX = 4

Expanded = Resource | list[Resource] | int
Expander = Callable[[Resource], Expanded | None]
"""Given the object, returns what one of its fields expands to; None leaves the field alone."""

Expanders = Mapping[str, Mapping[str, Expander]]
"""What can be expanded: by the name of the object, then by the name of the field."""


INVOICE_LINES_SHOWN = 10


def shortened(resource: Resource) -> Resource:
    """Return an invoice with the first of its lines, as Stripe shows it; its rows in a list.

    The others are asked for at the list of its lines.
    """
    if resource.get("object") == "list":
        return {**resource, "data": [shortened(row) for row in resource["data"]]}
    if resource.get("object") != "invoice" or "lines" not in resource:
        return resource
    lines = resource["lines"]
    if len(lines["data"]) <= INVOICE_LINES_SHOWN:
        return resource
    first = {**lines, "data": lines["data"][:INVOICE_LINES_SHOWN], "has_more": True}
    return {**resource, "lines": first}


def expanded(resource: Resource, paths: Sequence[str], expanders: Expanders) -> Resource:
    """Return the object with each path expanded. The object itself is left as it is.

    Raises:
        InvalidParameter: a path that leads nowhere, or goes too deep.
    """
    for path in paths:
        segments = path.split(".")
        levels = len(segments) - (resource.get("object") == "list")
        if levels > LEVELS_MAX:
            raise InvalidParameter(
                f"You cannot expand more than {LEVELS_MAX} levels of a property. "
                f"Property: {path}",
                param="expand",
            )
        resource = _expanded(resource, segments, expanders, path)
    return resource


def _expanded(
    resource: Resource, segments: Sequence[str], expanders: Expanders, path: str
) -> Resource:
    field, rest = segments[0], segments[1:]
    if resource.get("object") == "list" and field == "data":
        if not rest:
            raise _cannot_expand(path)
        rows = [_expanded(row, rest, expanders, path) for row in resource["data"]]
        return {**resource, "data": rows}
    if resource.get("deleted"):
        return resource
    expander = expanders.get(resource.get("object", ""), {}).get(field)
    current = resource.get(field)
    inner: Expanded | None
    if isinstance(current, dict):
        inner = current
    elif _is_rows(current):
        inner = list(current or [])
    elif expander is None:
        raise _cannot_expand(path)
    else:
        inner = expander(resource)
    if inner is None:
        return resource
    if isinstance(inner, list):
        inner = [_expanded(row, rest, expanders, path) if rest else row for row in inner]
    elif rest:
        if isinstance(inner, int):
            raise _cannot_expand(path)
        inner = _expanded(inner, rest, expanders, path)
    return {**resource, field: inner}


def _is_rows(value: object) -> bool:
    """Return whether a field is an array of hashes, as the discounts of a session."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _cannot_expand(path: str) -> InvalidParameter:
    return InvalidParameter(f"This property cannot be expanded ({path}).", param="expand")

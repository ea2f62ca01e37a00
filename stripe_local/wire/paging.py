"""Lists: one page of what there is, newest first, with cursors. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from stripe_local.wire.errors import (
    InvalidParameter,
    exclusive_parameters,
    missing_reference,
)
from stripe_local.wire.resource import Resource

PAGING = frozenset({"limit", "starting_after", "ending_before", "expand"})
"""The parameters that every list takes."""

_LIMIT_DEFAULT = 10
_LIMIT_MAX = 100


def page_of(newest_first: Sequence[Resource], params: Mapping[str, Any], url: str) -> Resource:
    """Return the list object for one page.

    `starting_after` goes on to older objects, `ending_before` back to newer ones; both leave
    out the object they name.

    Raises:
        InvalidParameter: a limit out of range, both cursors, or one that names nothing here.
    """
    limit = params.get("limit", _LIMIT_DEFAULT)
    if not 1 <= limit <= _LIMIT_MAX:
        raise InvalidParameter(
            f"This value must be between 1 and {_LIMIT_MAX} (it currently is '{limit}').",
            code="parameter_invalid_integer",
            param="limit",
        )
    if "starting_after" in params and "ending_before" in params:
        raise exclusive_parameters(["starting_after", "ending_before"])
    if "ending_before" in params:
        newer = newest_first[: _place(newest_first, params, "ending_before")]
        return _list(newer[-limit:], has_more=len(newer) > limit, url=url)
    if "starting_after" in params:
        newest_first = newest_first[_place(newest_first, params, "starting_after") + 1 :]
    return _list(newest_first[:limit], has_more=len(newest_first) > limit, url=url)


def is_created_within(resource: Resource, created: int | Mapping[str, int] | None) -> bool:
    """Return whether an object passes the `created` filter: an instant, or bounds."""
    if created is None:
        return True
    instant: int = resource["created"]
    if isinstance(created, int):
        return instant == created
    return created.get("gt", instant - 1) < instant < created.get(
        "lt", instant + 1
    ) and created.get("gte", instant) <= instant <= created.get("lte", instant)


def _place(resources: Sequence[Resource], params: Mapping[str, Any], cursor: str) -> int:
    named = params[cursor]
    for place, resource in enumerate(resources):
        if resource["id"] == named:
            return place
    raise missing_reference("object", named, cursor)


def _list(rows: Sequence[Resource], *, has_more: bool, url: str) -> Resource:
    return {"object": "list", "data": list(rows), "has_more": has_more, "url": url}

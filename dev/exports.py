"""What is deployed, held against the tables that name it: one name, one row, one way in."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol


class Row(Protocol):
    """A row of the authorisation table, as far as we look at it."""

    @property
    def function(self) -> str:
        """Return the Cloud Function that serves the route."""

    @property
    def path(self) -> str:
        """Return the pattern of the path, with `{name}` for what varies."""


def misnamed(exports: Mapping[str, Any]) -> Iterator[str]:
    """Firebase finds a function by name; a mismatch would deploy well and then be 404."""
    for name, function in exports.items():
        endpoint = getattr(function, "__firebase_endpoint__", None)
        if endpoint is None:
            yield f"{name} is exported and is no Cloud Function"
        elif endpoint.entryPoint != name:
            yield f"{name} would be deployed as {endpoint.entryPoint}"


def without_row(exports: Mapping[str, Any], rows: Iterable[Row]) -> Iterator[str]:
    """Nobody has said who may call a function without a row; a row alone serves nobody."""
    open_to_callers = {
        name
        for name, function in exports.items()
        if getattr(function.__firebase_endpoint__, "httpsTrigger", None) is not None
    }
    named = {row.function for row in rows}
    yield from (f"{name} has no row" for name in sorted(open_to_callers - named))
    yield from (
        f"{name} has a row and is not exported" for name in sorted(named - open_to_callers)
    )


def misrouted(rewrites: list[dict[str, Any]], rows: Iterable[Row]) -> Iterator[str]:
    """Hosting takes the first rewrite that fits; it must lead to the row's function."""
    used = set()
    for row in rows:
        path = re.sub(r"\{\w+\}", "x", row.path)
        found = next((rule for rule in rewrites if _fits(rule["source"], path)), None)
        if found is None:
            yield f"no rewrite leads to {row.path}"
            continue
        used.add(found["source"])
        leads_to = found.get("function", {}).get("functionId", "a page")
        if leads_to != row.function:
            yield f"{row.path} leads to {leads_to}, not {row.function}"
    to_functions = [rule["source"] for rule in rewrites if "function" in rule]
    yield from (f"{source} leads nowhere" for source in to_functions if source not in used)


def _fits(source: str, path: str) -> bool:
    pattern = re.escape(source).replace(r"/\*\*", "(/.*)?").replace(r"\*", "[^/]*")
    return re.fullmatch(pattern, path) is not None

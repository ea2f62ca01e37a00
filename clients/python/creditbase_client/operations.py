"""What a caller is told of an operation, and how it reads pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """A route. `is_repeatable`: sending it twice does no more than sending it once.

    Where that is so by an idempotency key, the key has to go with it.
    """

    method: str
    path: str
    is_repeatable: bool


def rows_of(answer: Mapping[str, Any], name: str) -> list[Any]:
    """Return the rows of a page."""
    rows: list[Any] = answer[name]
    return rows


def next_page(
    answer: Mapping[str, Any], *, rows: str, told_by: str, is_of_last_row: bool
) -> str | None:
    """Return where the next page begins, or None after the last."""
    if not is_of_last_row:
        told = answer.get(told_by)
        return str(told) if told else None
    found = rows_of(answer, rows)
    return str(found[-1][told_by]) if found else None

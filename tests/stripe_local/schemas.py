"""Holds JSON of Stripe against its TypeScript declarations: net B of the stand-in's honesty.

The JSON Schema in `schema/` is generated from the npm package of the same API version, by
`python -m dev.stripe_schema`. It tells what stripe-python's annotations cannot: whether a
field without a value is there and null, or is not there at all.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationErrorKind

SCHEMA = Path(__file__).parent / "schema" / "stripe-23.1.0.json"
_SAID_MAX = 200


def disagreements_in_transcript(utterances: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with all that a stand-in said, as `/_sim/transcript` tells it."""
    found = []
    for each in utterances:
        if each["kind"] == "webhook" or each["status"] == 200:
            found += [f"{each['about']}: {flaw}" for flaw in disagreements(each["body"])]
    return found


def disagreements(told: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an object, a list of objects, or an event with its object."""
    if told.get("object") == "list" and "data" in told:
        return [flaw for row in told["data"] for flaw in disagreements(row)]
    inside = []
    if told.get("object") == "event":
        inside = _of_event(told)
    return [*_of_object(told), *inside]


def _of_event(event: Mapping[str, Any]) -> list[str]:
    inside = event["data"]["object"]
    if event["type"] == "invoice.upcoming":  # the only object that has no id yet
        inside = {**inside, "id": "upcoming"}
    return _of_object(inside)


def _of_object(told: Mapping[str, Any]) -> list[str]:
    name = str(told.get("object"))
    kind = f"deleted {name}" if told.get("deleted") is True else name
    if kind not in _roots():
        return [f"{kind!r} is not among the objects of the schema"]
    errors = _validator().iter_errors({kind: told})
    return [flaw for error in errors for flaw in _sentences(error)]


def _sentences(error: Any) -> Iterator[str]:
    """Say where and what; of several possibilities, for the one that came closest."""
    if isinstance(error.kind, ValidationErrorKind.AnyOf):
        at = error.instance_path
        for inner in min(error.kind.context, key=lambda branch: _distance(branch, at)):
            yield from _sentences(inner)
        return
    place = ".".join(str(step) for step in error.instance_path)
    yield f"{place}: {error.message[-_SAID_MAX:]}"


def _distance(branch: Sequence[Any], at: Sequence[str | int]) -> tuple[bool, int]:
    """Return how far a value is from a possibility: farthest where it is of another type."""
    is_of_another_type = any(
        isinstance(error.kind, ValidationErrorKind.Type) and error.instance_path == at
        for error in branch
    )
    return is_of_another_type, len(branch)


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(SCHEMA.read_text())
    return document


def _roots() -> dict[str, Any]:
    roots: dict[str, Any] = _document()["roots"]
    return roots


@cache
def _validator() -> Draft202012Validator:
    """Return one validator for all objects, each under its name: it takes 0.3 s to make."""
    return Draft202012Validator({"$defs": _document()["$defs"], "properties": _roots()})

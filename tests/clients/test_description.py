"""The Python client has every operation and every field of `docs/openapi.yaml`."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, NotRequired, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from creditbase_client import AsyncCreditbase, Creditbase, types_gen
from dev.clients.__main__ import written
from dev.clients.reading import LEFT_OUT, description, fields_of, required_of, resolved

METHODS = ("get", "post", "put", "delete")
KINDS = {"string": str, "integer": int, "number": float, "boolean": bool, "null": type(None)}


def published() -> Iterator[tuple[str, dict[str, Any], list[Mapping[str, Any]]]]:
    """Yield each operation with its name and its parameters."""
    for item in description()["paths"].values():
        for method in METHODS:
            if method in item:
                found = item[method]
                named = [*item.get("parameters", ()), *found.get("parameters", ())]
                yield found["operationId"], found, [resolved(one) for one in named]


OPERATIONS = [one for one in published() if one[0] not in LEFT_OUT]
OBJECTS = {
    name: schema
    for name, schema in description()["components"]["schemas"].items()
    if "properties" in schema and hasattr(types_gen, name)
}


def test_what_is_committed_is_what_the_description_says() -> None:
    """Whoever changes the description runs `python -m dev.clients`."""
    for path, text in written().items():
        assert path.read_text() == text, f"{path.name}: run `python -m dev.clients`"


@pytest.mark.parametrize("client", [Creditbase, AsyncCreditbase])
def test_every_operation_has_a_method_with_all_its_parameters(client: type) -> None:
    """Nothing that is served is out of a client's reach but what has a client of its own."""
    assert len(OPERATIONS) > 100
    for name, operation, parameters in OPERATIONS:
        answers = operation["responses"]
        is_json = any("application/json" in a.get("content", {}) for a in answers.values())
        method = getattr(client, name if is_json or "204" in answers else f"{name}_text")
        taken = {one.rstrip("_") for one in inspect.signature(method).parameters}

        asked = {one["name"] for one in parameters if one["in"] in {"path", "query"}}
        assert asked - {"format"} <= taken, name
        keyed = [one for one in parameters if one["name"] == "Idempotency-Key"]
        assert bool(keyed) == ("idempotency_key" in taken), name
        if keyed and keyed[0]["required"]:
            key = inspect.signature(method).parameters["idempotency_key"]
            assert key.default is inspect.Parameter.empty, name


def agrees(typed: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a Python type says what a schema says."""
    schema = resolved(schema)
    if get_origin(typed) is NotRequired:
        typed = get_args(typed)[0]
    if "const" in schema:
        return get_args(typed) == (schema["const"],)
    if "enum" in schema:
        return set(get_args(typed)) == set(schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        return get_origin(typed) is list and agrees(get_args(typed)[0], schema["items"])
    if schema.get("properties"):
        if "null" in schema["type"]:
            typed, nothing = get_args(typed)
            assert nothing is type(None)
        return is_typeddict(typed) and set(typed.__annotations__) == set(schema["properties"])
    if kind == "object":
        return get_origin(typed) is dict
    if isinstance(kind, list):
        wanted = {KINDS[one] for one in kind if one in KINDS}
        return wanted <= set(get_args(typed))
    return kind is None or typed is KINDS[kind]


@pytest.mark.parametrize("name", OBJECTS)
def test_every_field_has_the_published_type(name: str) -> None:
    """A figure that is an integer of nanos is no text, and what may be absent is marked so."""
    schema = OBJECTS[name]
    hints = get_type_hints(getattr(types_gen, name), include_extras=True)

    assert set(hints) == set(fields_of(schema))
    left_out = {one for one, typed in hints.items() if get_origin(typed) is NotRequired}
    assert set(hints) - left_out == set(required_of(schema))
    for field, typed in hints.items():
        assert agrees(typed, fields_of(schema)[field]), field

"""What the clients have to know of each operation in `docs/openapi.yaml`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from dev.layout import ROOT

DESCRIPTION = ROOT / "docs" / "openapi.yaml"
JSON = "application/json"

LEFT_OUT = {
    "billing_webhook": "Stripe calls it, with a signature.",
    "respond": "The gateway: what streams is called by the clients of the model's own API.",
    "chat": "As `respond`: `openai.OpenAI(base_url=…)` is its client.",
}
"""Operations without a method, and why."""

REPEATABLE_POSTS = frozenset(
    {
        "make_quote",  # writes nothing
        *("capture_hold", "void_hold", "extend_hold"),  # a hold ends once, whoever repeats it
        "billing_sync_balance",  # publishes what is so
    }
)
"""What may be sent again without an idempotency key. GET, PUT and DELETE always may."""


@dataclass(frozen=True)
class Paging:
    """How a page says where the next one begins.

    `asks_by` is the parameter, `told_by` the field of the answer (or, with `of_last_row`, of
    its last row), `rows` the field with the rows, `row` the schema of one.
    """

    asks_by: str
    told_by: str
    rows: str
    row: Mapping[str, Any]
    of_last_row: bool = False


@dataclass(frozen=True)
class Operation:
    """One method of the clients."""

    name: str
    method: str
    path: str
    tag: str
    summary: str
    path_parameters: tuple[str, ...]
    query: tuple[tuple[str, Mapping[str, Any]], ...]
    required_query: frozenset[str]
    body: Mapping[str, Any] | None
    is_body_required: bool
    answer: Mapping[str, Any] | None
    is_sometimes_empty: bool
    has_text: bool
    takes_key: bool
    requires_key: bool
    paging: Paging | None

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again after an answer was lost, with its key."""
        return self.method != "POST" or self.requires_key or self.name in REPEATABLE_POSTS


@cache
def description() -> dict[str, Any]:
    """Return the published description."""
    read: dict[str, Any] = yaml.load(DESCRIPTION.read_text(), yaml.CSafeLoader)
    return read


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference, if it is one."""
    while "$ref" in node:
        found: Any = description()
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def pascal(name: str) -> str:
    """Return `billing_checkout` as `BillingCheckout`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[_\-]", name))


def camel(name: str) -> str:
    """Return `billing_checkout` as `billingCheckout`."""
    whole = pascal(name)
    return whole[:1].lower() + whole[1:]


def operations() -> Iterator[Operation]:
    """Yield every operation that has a method, in the order of the description."""
    for path, item in description()["paths"].items():
        for method, operation in item.items():
            if method in {"get", "post", "put", "delete"}:
                parameters = [
                    resolved(one)
                    for one in (*item.get("parameters", ()), *operation.get("parameters", ()))
                ]
                if operation["operationId"] not in LEFT_OUT:
                    yield _operation(path, method.upper(), operation, parameters)


def _operation(
    path: str, method: str, operation: dict[str, Any], parameters: list[Mapping[str, Any]]
) -> Operation:
    good = [
        resolved(answer)
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    ]
    contents = [answer["content"] for answer in good if answer.get("content")]
    schemas = [content[JSON]["schema"] for content in contents if JSON in content]
    body = operation.get("requestBody", {})
    by_place = {
        place: [one for one in parameters if one["in"] == place]
        for place in ("path", "query", "header")
    }
    keys = [one for one in by_place["header"] if one["name"] == "Idempotency-Key"]
    answer = schemas[0] if schemas else None
    asked = tuple((one["name"], one["schema"]) for one in by_place["query"])
    return Operation(
        name=operation["operationId"],
        method=method,
        path=path,
        tag=operation["tags"][0],
        summary=operation["summary"],
        path_parameters=tuple(one["name"] for one in by_place["path"]),
        query=asked,
        required_query=frozenset(
            one["name"] for one in by_place["query"] if one.get("required")
        ),
        body=body["content"][JSON]["schema"] if body else None,
        is_body_required=bool(body.get("required")),
        answer=answer,
        is_sometimes_empty=len(contents) < len(good),
        has_text=any(set(content) - {JSON} for content in contents),
        takes_key=bool(keys),
        requires_key=any(one.get("required") for one in keys),
        paging=_paging(dict(asked), answer),
    )


def _paging(query: Mapping[str, Any], answer: Mapping[str, Any] | None) -> Paging | None:
    fields = fields_of(answer) if answer is not None else {}
    lists = [
        (name, resolved(schema)["items"])
        for name, schema in fields.items()
        if resolved(schema).get("type") == "array"
    ]
    if len(lists) != 1:
        return None
    rows, row = lists[0]
    for asks_by, told_by in (
        ("cursor", "next_cursor"),
        ("before", "next_before"),
        ("offset", "next_cursor"),
    ):
        if asks_by in query and told_by in fields:
            return Paging(asks_by, told_by, rows, row)
    if "cursor" in query and "id" in fields_of(row):
        return Paging("cursor", "id", rows, row, of_last_row=True)
    return None


def fields_of(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the fields of an object's schema, also where it is put together."""
    schema = resolved(schema)
    fields = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        fields |= fields_of(part)
    return fields


def required_of(schema: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the fields that an object always has."""
    schema = resolved(schema)
    names = frozenset(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        names |= required_of(part)
    return names

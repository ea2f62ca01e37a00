"""docs/openapi.yaml as two pages of Markdown: the hub's dialect, and the relay's.

A template of our own, because what draws API references in a browser loads a script that is
larger than the rest of the site, and is blank without it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "post", "put", "delete", "patch")
Described = Mapping[str, Any]


@dataclass(frozen=True)
class Dialect:
    """A part of the API with a page of its own."""

    title: str
    opening: str
    is_versioned: bool
    """Whether its paths begin with `/api/v1`."""


DIALECTS = {
    "hub": Dialect(
        "Hub API",
        "What browsers, API keys, operators and Stripe ask. Figures are whole credits "
        "(1 credit = 0.001 USD). Every operation that a signed-in user may ask is a Firebase "
        "callable of the same name, too.",
        is_versioned=False,
    ),
    "relay": Dialect(
        "Relay API",
        "What back ends, gateways, customers with a token and owners of projects ask. The "
        "relay counts in cents, metering in nanos (10⁻⁹ USD).",
        is_versioned=True,
    ),
}


def page(described: Described, dialect: Dialect) -> str:
    """Return the page of a dialect: its operations by tag, then the shapes they name."""
    body = "\n".join(_operations(described, dialect))
    shapes = "\n".join(_shapes(described, body))
    schemes = "\n".join(_schemes(described))
    head = f"# {dialect.title}\n\n{dialect.opening}\n\nMade from `docs/openapi.yaml`.\n\n"
    return f"{head}## Credentials\n\n{schemes}\n\n{body}\n\n## Shapes\n\n{shapes}\n"


def _schemes(described: Described) -> Iterator[str]:
    yield "| name | carried by | |\n|---|---|---|"
    for name, scheme in described["components"]["securitySchemes"].items():
        where = scheme.get("name") or f"Authorization: {scheme.get('scheme', '')}".strip()
        yield f"| {name} | `{where}` | {_cell(scheme.get('description', ''))} |"


def _operations(described: Described, dialect: Dialect) -> Iterator[str]:
    for tag in described["tags"]:
        found = [
            (method, path, operations[method], operations.get("parameters", []))
            for path, operations in described["paths"].items()
            if path.startswith("/api/v1") == dialect.is_versioned
            for method in METHODS
            if method in operations and operations[method]["tags"][0] == tag["name"]
        ]
        if found:
            yield f"## {tag['name'].capitalize()}\n\n{tag['description']}\n"
        for method, path, operation, shared in found:
            yield from _operation(described, method, path, operation, shared)


def _operation(
    described: Described, method: str, path: str, operation: Described, shared: list[Described]
) -> Iterator[str]:
    name = operation["operationId"].replace("_", "-")
    yield f"### {method.upper()} {path} {{ #{name} }}\n"
    yield f"{operation['summary']}\n"
    if text := operation.get("description", ""):
        yield f"{text.strip()}\n"
    yield f"**Credential:** {_credentials(operation)}\n"
    asked = [_resolved(described, it) for it in [*shared, *operation.get("parameters", [])]]
    if asked:
        yield "| parameter | in | | |\n|---|---|---|---|"
        yield from (_parameter(it) for it in asked)
        yield ""
    if body := operation.get("requestBody"):
        yield f"**Body:** {_content(_resolved(described, body))}\n"
    yield "| status | | answer |\n|---|---|---|"
    for status, answer in operation["responses"].items():
        whole = _resolved(described, answer)
        yield f"| {status} | {_cell(whole['description'])} | {_content(whole)} |"
    yield ""


def _credentials(operation: Described) -> str:
    options = [" and ".join(option) or "none" for option in operation.get("security", [])]
    return ", or ".join(options) or "none"


def _parameter(asked: Described) -> str:
    needed = "required" if asked.get("required") else "optional"
    words = [_type(asked.get("schema", {})), asked.get("description", "")]
    text = _cell(". ".join(word for word in words if word))
    return f"| `{asked['name']}` | {asked['in']} | {needed} | {text} |"


def _content(described: Described) -> str:
    kinds = described.get("content", {})
    return _cell(
        ", ".join(f"{_type(it.get('schema', {}))}" for it in kinds.values()) or "nothing"
    )


def _shapes(described: Described, body: str) -> Iterator[str]:
    """Yield each shape that the page names, and those that they name in turn."""
    schemas = described["components"]["schemas"]
    waiting, told = [name for name in schemas if f"(#shape-{name.lower()})" in body], set()
    while waiting:
        name = waiting.pop(0)
        if name in told:
            continue
        told.add(name)
        text = "\n".join(_shape(name, schemas[name]))
        waiting += [it for it in schemas if f"(#shape-{it.lower()})" in text and it not in told]
        yield text


def _shape(name: str, schema: Described) -> Iterator[str]:
    yield f"### {name} {{ #shape-{name.lower()} }}\n"
    if text := schema.get("description", ""):
        yield f"{text.strip()}\n"
    fields = schema.get("properties", {})
    if not fields:
        yield f"{_type(schema, is_whole=True)}\n"
        return
    needed = set(schema.get("required", []))
    yield "| field | | |\n|---|---|---|"
    for field, shape in fields.items():
        mark = "" if field in needed else "optional"
        about = _cell(shape.get("description", ""))
        yield f"| `{field}` | {_cell(_type(shape))} {mark} | {about} |"
    yield ""


def _type(schema: Described, *, is_whole: bool = False) -> str:
    """Return a shape in a few words, and a link where it has a name."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#shape-{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    for word, between in (("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")):
        if word in schema:
            return between.join(_type(part, is_whole=is_whole) for part in schema[word])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and schema.get("properties"):
        return "{" + ", ".join(f"`{name}`" for name in schema["properties"]) + "}"
    kinds = kind if isinstance(kind, list) else [kind]
    shown = " or ".join(kinds) + (f" ({schema['format']})" if "format" in schema else "")
    least, most = schema.get("minimum"), schema.get("maximum")
    bounds = [f"≥ {least}"] * (least is not None) + [f"≤ {most}"] * (most is not None)
    return " ".join([shown, *bounds])


def _resolved(described: Described, part: Described) -> Described:
    if "$ref" not in part:
        return part
    found: Any = described
    for word in part["$ref"].removeprefix("#/").split("/"):
        found = found[word]
    whole: Described = found
    return whole


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

"""The Python client's types: a `TypedDict` for each object of the description."""

from collections.abc import Mapping
from typing import Any

from dev.clients.reading import (
    Operation,
    fields_of,
    operations,
    pascal,
    required_of,
    resolved,
)

SIMPLE = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "dict[str, Any]",
}
HEAD = '''"""What goes over the wire, from `docs/openapi.yaml` by `python -m dev.clients`."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict
'''


class Types:
    """Every type that has a name, in the order in which names were asked for."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        for operation in operations():
            self.of_body(operation)
            self.of_answer(operation)

    def of_body(self, operation: Operation) -> str:
        """Return the type of what an operation is sent, or nothing."""
        if operation.body is None:
            return ""
        return self.of(operation.body, pascal(operation.name) + "Body")

    def of_answer(self, operation: Operation) -> str:
        """Return the type of what an operation answers."""
        if operation.answer is None:
            return "None"
        name = self.of(operation.answer, pascal(operation.name) + "Answer")
        return f"{name} | None" if operation.is_sometimes_empty else name

    def of_row(self, operation: Operation) -> str:
        """Return the type of a row of an operation's pages."""
        assert operation.paging is not None
        assert operation.answer is not None
        answer = pascal(operation.name) + "Answer"
        if "$ref" in operation.answer:
            answer = operation.answer["$ref"].rpartition("/")[2]
        return self.of(operation.paging.row, answer + pascal(operation.paging.rows))

    def of(self, schema: Mapping[str, Any], name: str) -> str:
        """Return the Python type of a schema; an object without its own name gets `name`."""
        if "$ref" in schema:
            return self._referred(schema["$ref"].rpartition("/")[2], schema)
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        if "enum" in schema:
            return "Literal[" + ", ".join(repr(one) for one in schema["enum"]) + "]"
        if fields_of(schema):
            may_be_null = "null" in schema.get("type", ())
            return self._object(name, schema) + (" | None" if may_be_null else "")
        options = schema.get("oneOf") or schema.get("anyOf")
        if options and all("type" in resolved(one) or "const" in one for one in options):
            return " | ".join(
                dict.fromkeys(self.of(one, f"{name}{n}") for n, one in enumerate(options, 1))
            )
        return self._of_type(schema, name)

    def _of_type(self, schema: Mapping[str, Any], name: str) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            return " | ".join(self._of_type({**schema, "type": one}, name) for one in kind)
        if kind == "array":
            return f"list[{self.of(schema['items'], name)}]"
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            return f"dict[str, {self.of(schema['additionalProperties'], name + 'Value')}]"
        return SIMPLE[kind] if kind else "Any"

    def _referred(self, name: str, schema: Mapping[str, Any]) -> str:
        whole = resolved(schema)
        if fields_of(whole):
            return self._object(name, whole)
        if name not in self.aliases:
            self.aliases[name] = self.of(whole, name)
        # A bound is no type: what is a plain number or text stays readable as one.
        return self.aliases[name]

    def _object(self, name: str, schema: Mapping[str, Any]) -> str:
        if name in self.texts:
            return name
        self.texts[name] = ""  # its place in the order, and an end for what contains itself
        required = required_of(schema)
        lines = [f"class {name}(TypedDict):"]
        said = (
            schema.get("description", "").strip().replace("\n\n", "\n").replace("\n", "\n    ")
        )
        if said:
            lines += [f'    r"""{said}"""', ""]
        for field, kind in fields_of(schema).items():
            written = self.of(kind, name + pascal(field))
            if field not in required:
                written = f"NotRequired[{written}]"
            lines.append(f"    {field}: {written}")
        text = "\n".join(lines)
        assert self.texts[name] in {"", text}, f"two types are called {name}"
        self.texts[name] = text
        return name

    def module(self) -> str:
        """Return the module that has them all."""
        return "\n\n".join([HEAD, *self.texts.values()]) + "\n"

"""The Python client's methods, synchronous and asynchronous, one of each for an operation."""

import keyword

from dev.clients.python_types import Types
from dev.clients.reading import Operation, operations

HEAD = '''"""Each operation as a method, from `docs/openapi.yaml` by `python -m dev.clients`."""

from __future__ import annotations

from collections.abc import {iterator}
from typing import Any, Literal, Unpack

from creditbase_client import types_gen as types
from creditbase_client.calling import {caller}
from creditbase_client.operations import Operation, next_page, rows_of
'''
CLASS = '''

class {name}({caller}):
    """The operations of the hub, of the relay and of metering."""
'''


class Writer:
    """Writes the class whose methods wait, or the one whose methods are awaited."""

    def __init__(self, known: Types, *, is_async: bool) -> None:
        self.known = known
        self.is_async = is_async
        self.define = "async def" if is_async else "def"
        self.wait = "await " if is_async else ""
        self.pause = "async for" if is_async else "for"
        self.iterator = "AsyncIterator" if is_async else "Iterator"

    def module(self) -> str:
        """Return the module."""
        caller = "AsyncCaller" if self.is_async else "Caller"
        name = "AsyncOperations" if self.is_async else "Operations"
        parts = [HEAD.format(iterator=self.iterator, caller=caller)]
        parts.append(CLASS.format(name=name, caller=caller))
        for operation in operations():
            if operation.answer is not None or not operation.has_text:
                parts.append(self.method(operation))
            if operation.has_text:
                parts.append(self.text_method(operation))
            if operation.paging is not None:
                parts.append(self.rows_method(operation))
        return "\n".join(parts)

    def method(self, operation: Operation) -> str:
        """Return the method that calls an operation once."""
        without = {"format"} if operation.has_text else set()
        answer = self.typed(self.known.of_answer(operation))
        return (
            f"    {self.define} {operation.name}(self{self.parameters(operation, without)})"
            f" -> {answer}:\n"
            f'        """{operation.summary}"""\n'
            f"        answer: {answer} = {self.wait}self.call(\n"
            f"            {self.described(operation)}{self.arguments(operation, without)}\n"
            f"        )\n"
            f"        return answer\n"
        )

    def text_method(self, operation: Operation) -> str:
        """Return the method that gets an operation's answer as a table or as lines."""
        return (
            f"    {self.define} {operation.name}_text("
            f"self{self.parameters(operation, set(), 'format')}) -> str:\n"
            f'        """{operation.summary} As text, in the format that is named."""\n'
            f"        return {self.wait}self.call_for_text(\n"
            f"            {self.described(operation)}{self.arguments(operation, set())}\n"
            f"        )\n"
        )

    def rows_method(self, operation: Operation) -> str:
        """Return the method that goes from page to page."""
        paging = operation.paging
        assert paging is not None
        row = self.typed(self.known.of_row(operation))
        without = {paging.asks_by, *({"format"} if operation.has_text else set())}
        if paging.of_last_row:
            without.add("offset")
        return (
            f"    {self.define} iterate_{operation.name}("
            f"self{self.parameters(operation, without)}) -> {self.iterator}[{row}]:\n"
            f'        """{operation.summary} Row by row, from page to page."""\n'
            f"        at: str | None = None\n"
            f"        while True:\n"
            f"            answer: Any = {self.wait}self.call(\n"
            f"                {self.described(operation)}"
            f"{self.arguments(operation, without, paging.asks_by)}\n"
            f"            )\n"
            f'            for row in rows_of(answer, "{paging.rows}"):\n'
            f"                yield row\n"
            f'            at = next_page(answer, rows="{paging.rows}", '
            f'told_by="{paging.told_by}", is_of_last_row={paging.of_last_row})\n'
            f"            if at is None:\n"
            f"                return\n"
        )

    def parameters(self, operation: Operation, without: set[str], needed: str = "") -> str:
        """Return the parameters of a method, all by name."""
        first = [f"{name}: str" for name in operation.path_parameters]
        later: list[str] = []
        for name, schema in operation.query:
            if name in without:
                continue
            kind = self.known.of(schema, "")
            if name in operation.required_query or name == needed:
                first.append(f"{safe(name)}: {kind}")
            else:
                later.append(f"{safe(name)}: {kind} | None = None")
        if operation.requires_key:
            first.append("idempotency_key: str")
        elif operation.takes_key:
            later.append("idempotency_key: str | None = None")
        both = [*first, *later]
        listed = ", *, " + ", ".join(both) if both else ""
        if operation.body is None:
            return listed
        kind = self.known.of_body(operation)
        if kind not in self.known.texts:  # a body without fields
            return listed
        return f"{listed}, **body: Unpack[types.{kind}]"

    def described(self, operation: Operation) -> str:
        """Return the operation as the caller takes it."""
        return (
            f'Operation("{operation.method}", "{operation.path}", '
            f"is_repeatable={operation.is_repeatable})"
        )

    def arguments(self, operation: Operation, without: set[str], paged: str = "") -> str:
        """Return what is handed to the caller beside the operation."""
        text = ""
        if operation.path_parameters:
            pairs = (f'"{name}": {name}' for name in operation.path_parameters)
            text += f", path={{{', '.join(pairs)}}}"
        asked = [
            f'"{name}": {safe(name)}' for name, _ in operation.query if name not in without
        ]
        if paged:
            asked.append(f'"{paged}": at')
        if asked:
            text += f", query={{{', '.join(asked)}}}"
        if operation.takes_key:
            text += ", idempotency_key=idempotency_key"
        if operation.body is not None:
            has_fields = self.known.of_body(operation) in self.known.texts
            text += ", body=body" if has_fields else ", body={}"
        return text

    def typed(self, name: str) -> str:
        """Return a type as the module names it."""
        bare = name.removesuffix(" | None")
        inside = bare.removeprefix("list[").removesuffix("]")
        if inside in self.known.texts:
            return name.replace(inside, f"types.{inside}", 1)
        return name


def safe(name: str) -> str:
    """Return a name that Python takes for a parameter."""
    return f"{name}_" if keyword.iskeyword(name) or name == "format" else name

"""The bugs that a mutant may have: one place of a function, changed in one way.

No mutant changes words (texts of errors, docstrings) or types: what is asked is whether the
tests see another decision or another figure.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef

OTHER_COMPARISON: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OTHER_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
OTHER_CALL = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug: in which function, at which line, and what the line's part says instead.

    `number` tells apart those of one function that read the same.
    """

    path: str
    function: str
    first_line: int
    line: int
    before: str
    after: str
    number: int
    code: ast.Module

    @property
    def name(self) -> str:
        """Return what it is called in lists: it does not change with the lines around it."""
        number = f" #{self.number}" if self.number > 1 else ""
        return f"{self.path}::{self.function}: {self.before} -> {self.after}{number}"


def mutants_of(path: str, text: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's functions."""
    tree = ast.parse(text, path)
    seen: dict[tuple[str, str, str], int] = {}
    for name, function in _functions(tree, ""):
        first_line = min([function.lineno, *(mark.lineno for mark in function.decorator_list)])
        for node in _places(function):
            for put in _changes(node):
                before = _words(node)
                undo = put()
                after = _words(node)
                key = (name, before, after)
                seen[key] = seen.get(key, 0) + 1
                yield Mutant(
                    *(path, name, first_line, getattr(node, "lineno", function.lineno)),
                    *(before, after, seen[key], tree),
                )
                undo()


def _words(node: ast.AST) -> str:
    words = ast.unparse(node).splitlines()[0]
    return words if len(words) <= 100 else words[:97] + "..."


def _functions(parent: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, Function):
            yield prefix + node.name, node


def _places(function: Function) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body that may be changed."""
    pending: list[ast.AST] = list(reversed(function.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr):
            continue  # what is said of a refusal; an assertion is itself a test
        yield node
        left_out = _types_in(node)
        pending += reversed([it for it in ast.iter_child_nodes(node) if it not in left_out])


def _types_in(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    if isinstance(node, Function):
        return [*node.args.args, *([node.returns] if node.returns else [])]
    return []


Change = Callable[[], Callable[[], None]]


def _changes(node: ast.AST) -> Iterator[Change]:
    """Yield the ways to change a node, each of which returns how to take it back."""
    if isinstance(node, ast.Compare):
        for index, sign in enumerate(node.ops):
            other = OTHER_COMPARISON.get(type(sign))
            if other is not None:
                yield _set_item(node.ops, index, other())
    elif isinstance(node, ast.BoolOp):
        yield _set(node, "op", ast.And() if isinstance(node.op, ast.Or) else ast.Or())
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OTHER_ARITHMETIC:
        yield _set(node, "op", OTHER_ARITHMETIC[type(node.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield _set(node, "op", ast.UAdd())
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        is_flag = isinstance(node.value, bool)
        yield _set(node, "value", not node.value if is_flag else node.value + 1)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        yield from _other_calls(node.func)
    if isinstance(node, ast.If | ast.IfExp):
        yield _set(node, "test", ast.copy_location(ast.Constant(True), node.test))
        yield _set(node, "test", ast.copy_location(ast.Constant(False), node.test))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield _set(node, "value", ast.copy_location(ast.Constant(None), node.value))


def _other_calls(function: ast.Name) -> Iterator[Change]:
    if function.id in OTHER_CALL:
        yield _set(function, "id", OTHER_CALL[function.id])


def _set(node: ast.AST, field: str, value: object) -> Change:
    def put() -> Callable[[], None]:
        old = getattr(node, field)
        setattr(node, field, value)
        return lambda: setattr(node, field, old)

    return put


def _set_item(items: list[ast.cmpop], index: int, value: ast.cmpop) -> Change:
    def put() -> Callable[[], None]:
        old = items[index]
        items[index] = value
        return lambda: items.__setitem__(index, old)

    return put

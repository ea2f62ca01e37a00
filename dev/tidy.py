"""The style guide as rules over source text: each takes a module and returns its offences.

Nothing here is imported by the product. `tests/test_tidy.py` holds every rule against the whole
tree, and against a seeded fault, so that no rule can fall asleep.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("functions/creditbase", "functions/main.py")
TREES = (*PRODUCT, "command_line", "stripe_local", "dev", "tests", "clients")
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
POSITIONAL_PARAMETERS_MAX = 6


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FORBIDDEN_WORDS = _words(
    "util utils helper helpers manager managers data process handle info obj misc"
)
FIELD_WORDS = ("data_model", "get_extra_info", "handle_request", "handle_async_request")
"""What is one word in our field, or in a library that calls us, whatever its parts are."""

ROOMS = (
    *("kernel", "runtime", "ledger", "accounts", "catalog", "metering"),
    *("subscriptions", "payments", "admin", "jobs", "relay", "hub"),
)
"""From the lowest to the highest; the last three are beside each other."""

PURE_MAY_IMPORT = _words(
    "__future__ abc base64 binascii bisect calendar collections copy dataclasses datetime "
    "enum fractions functools hashlib heapq hmac itertools json math operator re "
    "reprlib string struct types typing unicodedata uuid zlib zoneinfo"
)
CLOCK_CALLS = _words("now utcnow today time time_ns monotonic perf_counter")
CHANCE_CALLS = _words("uuid1 uuid4 random randint token_hex token_urlsafe")
INPUT_OUTPUT_CALLS = _words("open print input")
EVERYTHING = _words("Exception BaseException")
CATCH_EVERYTHING = (
    "functions/creditbase/runtime/http.py",
    "functions/creditbase/jobs/sparing.py",
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file: where it is, seen from the root, and what it says."""

    path: str
    text: str

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Return every node of the syntax tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def tree(self) -> ast.Module:
        """Return the syntax tree."""
        return ast.parse(self.text, self.path)

    @property
    def functions(self) -> list[Function]:
        """Return every function and method, nested ones too."""
        return [node for node in self.nodes if isinstance(node, Function)]

    @property
    def imports(self) -> Iterator[tuple[int, str]]:
        """Yield the line and the dotted name of everything that is imported.

        `from a.b import c` yields `a.b.c`, because `c` may be a module.
        """
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                start = "." * node.level + (node.module or "")
                yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)
            elif isinstance(node, ast.Call) and _called(node) in {
                "import_module",
                "__import__",
            }:
                for argument in node.args[:1]:
                    if isinstance(argument, ast.Constant):
                        yield node.lineno, str(argument.value)

    @property
    def is_pure(self) -> bool:
        """Whether it belongs to the pure core: the kernel, or the domain floor of a room."""
        parts = Path(self.path).with_suffix("").parts
        if parts[:2] != ("functions", "creditbase") or len(parts) < 4:
            return False
        return parts[2] == "kernel" or parts[3] == "domain"

    @property
    def room(self) -> str:
        """Return the room of the product it belongs to, or nothing."""
        parts = Path(self.path).parts
        return parts[2] if parts[:2] == ("functions", "creditbase") and len(parts) > 3 else ""

    @property
    def is_product(self) -> bool:
        """Whether it is deployed."""
        return self.path.startswith(("functions/creditbase/", "functions/main.py"))


def modules() -> Iterator[Module]:
    """Yield every Python file of the project, each to be forgotten: their trees are large."""
    paths: list[Path] = []
    for tree in TREES:
        paths += sorted((ROOT / tree).rglob("*.py")) or [ROOT / tree]
    for path in paths:
        if "__pycache__" not in path.parts and not path.name.endswith("_gen.py"):
            yield Module(str(path.relative_to(ROOT)), path.read_text())


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_in(dotted: str, package: str) -> bool:
    return dotted == package or dotted.startswith(package + ".")


def module_is_short(module: Module) -> Iterator[str]:
    """A file that does not fit into the head is two files."""
    lines = len(module.text.splitlines())
    if lines > MODULE_LINES_MAX:
        yield f"{module.path}: {lines} lines, at most {MODULE_LINES_MAX}"


def functions_are_short(module: Module) -> Iterator[str]:
    """A function that does not fit on a screen does two things."""
    for function in module.functions:
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield (
                f"{module.path}:{function.lineno}: {function.name} has {lines} lines, "
                f"at most {FUNCTION_LINES_MAX}"
            )


def parameters_are_few(module: Module) -> Iterator[str]:
    """Nobody remembers the order of seven arguments; a frozen dataclass names them."""
    for function in module.functions:
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        count = len([name for name in names if name not in {"self", "cls"}])
        if count > POSITIONAL_PARAMETERS_MAX:
            yield (
                f"{module.path}:{function.lineno}: {function.name} takes {count} positional "
                f"parameters, at most {POSITIONAL_PARAMETERS_MAX}"
            )


def everything_public_has_a_docstring(module: Module) -> Iterator[str]:
    """Say why a module, a public name or a test is there."""
    if not ast.get_docstring(module.tree) and module.text.strip():
        yield f"{module.path}: the module has no docstring"
    for name, node in _public(module.tree):
        if not ast.get_docstring(node):
            yield f"{module.path}:{node.lineno}: {name} has no docstring"


def _public(
    parent: ast.Module | ast.ClassDef, prefix: str = ""
) -> Iterator[tuple[str, Function | ast.ClassDef]]:
    for node in parent.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not any(_says(mark, "overload") for mark in node.decorator_list):
            yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _public(node, f"{prefix}{node.name}.")


def _says(decorator: ast.expr, word: str) -> bool:
    return (isinstance(decorator, ast.Name) and decorator.id == word) or (
        isinstance(decorator, ast.Attribute) and decorator.attr == word
    )


def names_say_something(module: Module) -> Iterator[str]:
    """`utils` and `process` fit everything, so they say nothing; name the noun and the verb."""
    path = Path(module.path)
    for part in (*path.parent.parts, path.stem):
        if words := _empty_words(part.lower()):
            yield f"{module.path}: the name contains {', '.join(sorted(words))}"
    for node in module.nodes:
        if isinstance(node, Function | ast.ClassDef):
            if isinstance(node, Function) and node.name.startswith("test_"):
                continue  # the name of a test is a sentence
            snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", node.name).lower()
            if words := _empty_words(snake):
                yield (
                    f"{module.path}:{node.lineno}: {node.name} contains "
                    f"{', '.join(sorted(words))}"
                )


def _empty_words(name: str) -> frozenset[str]:
    for word in FIELD_WORDS:
        name = name.replace(word, "")
    return FORBIDDEN_WORDS & set(name.split("_"))


def the_core_imports_only_the_core(module: Module) -> Iterator[str]:
    """The pure core knows the kernel, the domains below it, and no clock, chance or network."""
    if not module.is_pure:
        return
    for line, dotted in module.imports:
        if not _core_may_import(module.room, dotted):
            yield f"{module.path}:{line}: the core may not import {dotted}"


def _core_may_import(room: str, dotted: str) -> bool:
    if not _is_in(dotted, "creditbase"):
        return dotted.split(".", maxsplit=1)[0] in PURE_MAY_IMPORT
    parts = dotted.split(".")
    if len(parts) < 3:
        return False
    if parts[1] == "kernel":
        return True
    below = ROOMS[: ROOMS.index(room) + 1] if room in ROOMS else ()
    return room != "kernel" and parts[1] in below and parts[2] == "domain"


def the_core_has_no_clock_and_no_chance(module: Module) -> Iterator[str]:
    """The same input gives the same decision: time and ids come in as arguments."""
    if not module.is_pure:
        return
    forbidden = CLOCK_CALLS | CHANCE_CALLS | INPUT_OUTPUT_CALLS
    for node in module.nodes:
        if isinstance(node, ast.Call) and _called(node) in forbidden:
            yield f"{module.path}:{node.lineno}: the core may not call {_called(node)}()"
        elif (
            isinstance(node, ast.Attribute)
            and node.attr in forbidden
            and isinstance(node.value, ast.Name)
            and node.value.id in {"datetime", "date", "time", "uuid", "random", "secrets"}
        ):
            yield f"{module.path}:{node.lineno}: the core may not use {node.attr}"


def the_core_never_divides_into_floats(module: Module) -> Iterator[str]:
    """A float near money is wrong by a nano one day: no `/`, no float literal, no `float()`."""
    if not module.is_pure:
        return
    for node in module.nodes:
        at = f"{module.path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield f"{at}: `/` makes a float; use `//` and name the rounding"
        elif isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield f"{at}: a float literal"
        elif isinstance(node, ast.Call) and _called(node) == "float":
            yield f"{at}: float()"


def ids_are_made_of_their_cause(module: Module) -> Iterator[str]:
    """A clock, a random number or a fresh uuid in an id would make a retry a second payment."""
    if module.path != "functions/creditbase/kernel/ids.py":
        return
    words = CLOCK_CALLS | CHANCE_CALLS | {"secrets"}
    for node in module.nodes:
        name = node.id if isinstance(node, ast.Name) else ""
        name = node.attr if isinstance(node, ast.Attribute) else name
        if name in words:
            yield f"{module.path}:{getattr(node, 'lineno', 0)}: {name} in a builder of ids"


def money_needs_no_transaction(module: Module) -> Iterator[str]:
    """Read-write transactions starve on a hot document; gather, decide, commit instead."""
    if not module.is_product:
        return
    for node in module.nodes:
        name = node.id if isinstance(node, ast.Name) else ""
        name = node.attr if isinstance(node, ast.Attribute) else name
        name = node.name if isinstance(node, ast.alias) else name
        if name in {"transactional", "async_transactional"}:
            yield f"{module.path}:{getattr(node, 'lineno', 0)}: {name}"


def only_payments_knows_stripe(module: Module) -> Iterator[str]:
    """One room speaks with Stripe, so one room carries its secrets and its traps."""
    if not module.is_product or module.room == "payments":
        return
    for line, dotted in module.imports:
        if _is_in(dotted, "stripe"):
            yield f"{module.path}:{line}: only payments may import stripe"


def the_stand_in_shares_nothing(module: Module) -> Iterator[str]:
    """A stand-in that shared code with the product would share its mistakes too."""
    for line, dotted in module.imports:
        if module.is_product and _is_in(dotted, "stripe_local"):
            yield f"{module.path}:{line}: the product may not import stripe_local"
        if module.path.startswith("stripe_local/") and _is_in(dotted, "creditbase"):
            yield f"{module.path}:{line}: stripe_local may not import creditbase"


def few_catch_everything(module: Module) -> Iterator[str]:
    """What is caught without being known is lost: one border for answers, one for jobs.

    What is raised again was only looked at.
    """
    if not module.is_product or module.path in CATCH_EVERYTHING:
        return
    for node in module.nodes:
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node):
            yield f"{module.path}:{node.lineno}: catches everything"


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    is_wide = any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in EVERYTHING) for kind in kinds
    )
    return is_wide and not any(
        isinstance(node, ast.Raise) and node.exc is None for node in ast.walk(handler)
    )


def nothing_is_left_for_later(module: Module) -> Iterator[str]:
    """What is not done is said in an issue, not in a comment that nobody counts."""
    if re.search("TODO|FIXME|noqa", module.text) is None:
        return
    comments = [
        token
        for token in tokenize.generate_tokens(io.StringIO(module.text).readline)
        if token.type == tokenize.COMMENT
    ]
    for comment in comments:
        at = f"{module.path}:{comment.start[0]}"
        if re.search(r"\b(TODO|FIXME)\b", comment.string):
            yield f"{at}: left for later"
        if "noqa" in comment.string and not re.match(
            r"# noqa: [A-Z]+\d+(, [A-Z]+\d+)*\W+\w", comment.string
        ):
            yield f"{at}: an exception needs its code, and its reason beside it"


def no_test_is_skipped(module: Module) -> Iterator[str]:
    """A skipped test is a promise that nobody checks."""
    if not module.path.startswith("tests/"):
        return
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr in {"skip", "skipif", "importorskip"}:
            yield f"{module.path}:{node.lineno}: {node.attr}"


def clocks_are_stopped_for_a_module(module: Module) -> Iterator[str]:
    """Whoever else waits in the process, a server's loop say, would wait by the wrong clock."""
    for node in (each for each in module.nodes if isinstance(each, ast.Call) and each.args):
        if _called(node) == "setattr" and re.match("'?time\\b", ast.unparse(node.args[0])):
            yield f"{module.path}:{node.lineno}: put a clock of its own in the module"


RULES = (
    module_is_short,
    functions_are_short,
    parameters_are_few,
    everything_public_has_a_docstring,
    names_say_something,
    the_core_imports_only_the_core,
    the_core_has_no_clock_and_no_chance,
    the_core_never_divides_into_floats,
    ids_are_made_of_their_cause,
    money_needs_no_transaction,
    only_payments_knows_stripe,
    the_stand_in_shares_nothing,
    few_catch_everything,
    nothing_is_left_for_later,
    no_test_is_skipped,
    clocks_are_stopped_for_a_module,
)


def main() -> int:
    """Print every offence of the tree; return the exit status."""
    offences = [told for module in modules() for rule in RULES for told in rule(module)]
    print("\n".join(offences) or "tidy: good")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())

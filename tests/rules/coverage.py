"""Coverage of security rules: which expressions were not seen to be all that they can be.

The emulator reports what an expression was each time that it was evaluated. A condition has
to have been true and false, as every part of it that is a yes or no; any other part has to
have had a value. What was never evaluated, and what is always the same, is not in the report,
so the conditions are looked for in the text.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

Node = dict[str, Any]

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
ALLOW = re.compile(r"allow\s+[a-z,\s]+(?::\s*if\s+(?P<condition>[^;]+))?;")
TRUTHS = ((True, "never true"), (False, "never false"))


def gaps_in(report: Iterable[Node], rules: str) -> list[str]:
    """Return what no request has tried, each with the line where it stands."""
    bare = COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), rules)
    nodes = list(_all(report))
    seen = {_span(node): _missing(node) for node in nodes}
    for found in ALLOW.finditer(bare):
        is_conditional = found["condition"] is not None
        span = found.span("condition") if is_conditional else found.span()
        missing = "never evaluated" if is_conditional else "without a condition"
        seen.setdefault(span, missing)
    return [
        f"line {bare.count(chr(10), 0, start) + 1}, {missing}: {bare[start:end]}"
        for (start, end), missing in sorted(seen.items())
        if missing
    ]


def _all(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _all(node.get("children", []))


def _span(node: Node) -> tuple[int, int]:
    position = node["sourcePosition"]
    return position.get("currentOffset", 0), position["endOffset"] + 1


def _missing(node: Node) -> str:
    """Return what an expression was never seen to be, or nothing."""
    values = [seen["value"] for seen in node.get("values", []) if "value" in seen]
    defined = [value for value in values if "undefined" not in value]
    if not defined:
        return "never evaluated"
    answers = {value["boolValue"] for value in defined if "boolValue" in value}
    return " and ".join(name for truth, name in TRUTHS if answers and truth not in answers)

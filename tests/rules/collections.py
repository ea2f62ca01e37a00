"""Every collection there is: from docs/data-model.md, and how the sources spell paths.

The security rules are tried on a document of each, so the page has to be complete: what the
product writes and the page does not name is found in the sources.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ROOT / "functions" / "creditbase"
PAGE = ROOT / "docs" / "data-model.md"
WORD = re.compile(r"[a-z_]+")
VARIABLE = re.compile(r"\{[^{}]*\}")
NAMES_OF_NO_COLLECTION = {
    "billing": "what an id is made of",
    "call": "what an id is made of",
    "granted": "what an id is made of",
    "low": "what an id is made of",
    "owner": "what an id is made of",
    "plan": "what an id is made of",
    "project": "what an id is made of, and a caller's name in limits",
    "request": "what an id is made of",
    "subscription": "what an id is made of",
    "traces": "a trace of Cloud Logging",
    "user": "a caller's name in limits",
}
"""Texts that look like the path of a document and are none, each with what it is."""


def documented() -> tuple[str, ...]:
    """Return the paths of the page's table, with their variables."""
    table = PAGE.read_text(encoding="utf-8").split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return tuple(path for row in rows for path in re.findall(r"`([^`]+)`", row))


def document_of(path: str) -> str:
    """Return a document of a collection: the one that everything of `p1` and `c1` is about."""
    named = {"{p}": "p1", "{c}": "c1", "{uid}": "owner", "{customer_id}": "c1"}
    return VARIABLE.sub(lambda found: named.get(found[0], "x"), path)


def collections_of(path: str) -> set[str]:
    """Return the names of the collections that a path goes through."""
    segments = path.split("/")
    first = 1 if VARIABLE.search(segments[0]) else 0  # a path above that is not spelt here
    return set(segments[first::2])


def collections_in(source: str) -> set[str]:
    """Return the names of the collections whose documents' paths a module spells."""
    spelt = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.JoinedStr)]
    paths = [path for path in map(_text, spelt) if _is_document(path)]
    return {name for path in paths for name in collections_of(path)}


def _text(node: ast.JoinedStr) -> str:
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
    )


def _is_document(text: str) -> bool:
    """Return whether words and variables take turns, and a variable comes last."""
    segments = text.split("/")
    words = segments[-2::-2]
    names = segments[-1::-2]
    return (
        bool(words)
        and all(WORD.fullmatch(word) for word in words)
        and all(VARIABLE.search(name) for name in names)
    )

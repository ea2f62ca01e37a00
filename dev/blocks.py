"""Every fenced block of the documents, and how each is shown to be true.

A block's class follows from its language, or from the comment right before it:

| comment | class |
|---|---|
| none, `sh` or `python` | run against the stack, page by page, in order |
| `<!-- with … -->`, `sh` | run, too; what it names, as a customer of yours, is put in |
| none, `text` right after such a block | what that block printed |
| none, `json`, `sql`, `html` | parsed, or held to its source |
| `<!-- typed: … -->`, or `console` | parsed: commands of ours, of `make`, `curl` |
| `<!-- cloud -->` | commands of other tools, with flags from a checked-in list |
| `<!-- drawing -->` | a picture made of letters |
| `<!-- printed by make demo -->` | held to the chapters of the demonstration |
| `<!-- printed by make test -->` | held to the parts of the suite |
| `<!-- rules -->` | security rules: braces match, claims are those that are set |

A block of `sh` in a runbook is played by its drill, one of `PLAYED` by its test: of
docs/command-line.md each `console` is typed, and what it prints is compared.
Anything else has no class.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dev.layout import ROOT

FENCE = re.compile(
    r"(?:^<!-- (?P<comment>[^\n]*?) -->\n+)?^(?P<indent> *)```(?P<language>\w*)[^\n]*\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
INDENTED = re.compile(r"(?:\A|\n)\n((?: {4}[^\s*\-\d|][^\n]*\n)+)(?=\n|\Z)")
OF_COMMENT = {
    ("cloud", "sh"): "cloud",
    ("drawing", "text"): "drawing",
    ("printed by make demo", "text"): "demo",
    ("printed by make test", "text"): "suite",
    ("rules", "text"): "rules",
}
OF_LANGUAGE = {"sh": "run", "python": "run", "json": "json", "sql": "sql", "html": "html"}

PLAYED = {
    "docs/clients.md": {
        "python": "tests/clients/test_documents.py",
        "ts": "tests/clients/test_typescript.py",
    },
    "docs/command-line.md": {"console": "tests/command_line/test_documents.py"},
}
"""Pages whose blocks of a language have a test of their own."""


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, what it says, and what shows it to be true."""

    page: str
    line: int
    language: str
    text: str
    kind: str
    """Its class, or nothing."""

    @property
    def place(self) -> str:
        """Return where a person finds it."""
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Return all documents whose blocks are held to something."""
    beside = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
    return [*(page for page in beside if page.exists()), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    before = ""
    for found in FENCE.finditer(text):
        language, comment = found["language"], found["comment"] or ""
        kind = _kind(page, comment, language, before)
        said = re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE)
        line = text.count("\n", 0, found.start("language")) + 1
        yield Block(page, line, language, said, kind)
        before = kind


def _kind(page: str, comment: str, language: str, before: str) -> str:
    if page in PLAYED and language in PLAYED[page] and not comment:
        return "played"
    if language == "console" or (comment.startswith("typed") and language == "sh"):
        return "typed"
    if comment.startswith("with ") and language == "sh":
        return "run"
    if (comment, language) in OF_COMMENT:
        return OF_COMMENT[comment, language]
    if comment:
        return ""
    if page.startswith("docs/runbooks/"):
        return "drill" if language == "sh" else ""
    if language == "text":
        return "printed" if before == "run" else ""
    return OF_LANGUAGE.get(language, "")


def all_blocks() -> list[Block]:
    """Return the blocks of all documents."""
    return [
        block
        for page in pages()
        for block in blocks_of(page.relative_to(ROOT).as_posix(), page.read_text())
    ]


def indented(text: str) -> list[str]:
    """Return what would be a block without a fence: it has no language, and no class."""
    return INDENTED.findall(FENCE.sub("", text))


def commands(text: str) -> list[str]:
    """Return the commands of a block of `sh`: lines that go on are put together."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def fits(pattern: str, printed: str) -> bool:
    """Whether what was printed is as the page shows it: `…` is anything, digits vary."""
    parts = [re.escape(re.sub(r"\d+", "0", part)) for part in pattern.strip().split("…")]
    return (
        re.fullmatch(r".*?".join(parts), re.sub(r"\d+", "0", printed.strip()), re.DOTALL)
        is not None
    )

"""No block of the documents escapes: each is run, or held to what it is about."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

from creditbase.admin import command
from dev import blocks, suite
from dev.blocks import Block
from dev.layout import ROOT

ALL = blocks.all_blocks()
KNOWN: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "cloud_commands.json").read_text()
)
OURS = "python -m creditbase.admin "


def of(kind: str) -> list[object]:
    """Return the blocks of a class, as parameters of a test."""
    return [pytest.param(block, id=block.place) for block in ALL if block.kind == kind]


def test_every_block_has_a_class() -> None:
    """A block that nothing holds to anything rots unseen (dev/blocks.py lists the classes)."""
    assert [block.place for block in ALL if not block.kind] == []
    assert len(ALL) > 30


def test_no_block_hides_behind_indentation() -> None:
    """A block without a fence is a block all the same."""
    found = {str(page): blocks.indented(page.read_text()) for page in blocks.pages()}

    assert {page: texts for page, texts in found.items() if texts} == {}


def test_what_has_no_class_is_seen() -> None:
    """The two rules above do not sleep."""
    page = "docs/x.md"
    unnamed = "```\nls\n```\n"
    strange = "<!-- whatever -->\n```sh\nls\n```\n"
    lonely = "```text\nhello\n```\n"

    for text in (unnamed, strange, lonely):
        assert [block.kind for block in blocks.blocks_of(page, text)] == [""]
    assert blocks.indented("Type:\n\n    make demo\n\nthen") == ["    make demo\n"]


def test_what_was_printed_is_compared_loosely() -> None:
    """Figures that vary are no fault; other words are."""
    assert blocks.fits('{"id": 7, …}', '{"id": 12345, "a": 1}')
    assert not blocks.fits('{"id": 7, …}', '{"error": 7}')


@pytest.mark.parametrize("block", of("json"))
def test_json_is_json(block: Block) -> None:
    """What is shown can be pasted."""
    json.loads(block.text)


@pytest.mark.parametrize("block", of("cloud"))
def test_commands_of_other_tools_have_only_flags_that_these_know(block: Block) -> None:
    """Nobody has an account in a test: commands and flags are held to a list."""
    for line in blocks.commands(block.text):
        words = shlex.split(line.rpartition(" | ")[2])
        name = next((it for it in KNOWN if words[: len(it.split())] == it.split()), "")
        assert name, f"{block.place}: {line} is not in cloud_commands.json"
        flags = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert flags <= set(KNOWN[name]), f"{block.place}: {line}"


@pytest.mark.parametrize("block", of("typed"))
def test_commands_that_are_not_run_are_understood(
    block: Block, capsys: pytest.CaptureFixture[str]
) -> None:
    """Our own parser takes them; `make` has the target; a request has its route."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for line in blocks.commands(block.text):
        words = [word for word in shlex.split(line) if not re.match(r"[A-Z_]+=", word)]
        if line.startswith(OURS):
            arguments = shlex.split(line.removeprefix(OURS).partition(" > ")[0])
            command._parser().parse_args(arguments)
        elif words[0] == "make":
            assert set(words[1:2]) <= set(targets), f"{block.place}: {line}"
        elif words[0] == "curl":
            assert_is_a_route(block, words)
        else:
            known = {
                "python",
                "git",
                "cd",
                ".venv/bin/python",
                "pre-commit",
                "npm",
                "cp",
                "creditbase",
            }
            assert words[0] in known, f"{block.place}: {line}"


def assert_is_a_route(block: Block, words: list[str]) -> None:
    """Fail where a request of a page has no route."""
    paths = yaml.load((ROOT / "docs/openapi.yaml").read_text(), yaml.CSafeLoader)["paths"]
    address = next(word for word in words if ("/" in word and "://" in word) or word[0] == "$")
    path = "/" + re.sub(r"^(https?://)?[^/]*/", "", address).partition("?")[0]
    method = words[words.index("-X") + 1].lower() if "-X" in words else "get"
    for route, operations in paths.items():
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route)), path):
            assert method in operations, f"{block.place}: {method} {path}"
            return
    raise AssertionError(f"{block.place}: there is no route {path}")


@pytest.mark.parametrize("block", of("html"))
def test_pages_show_only_elements_that_there_are(block: Block) -> None:
    """An element that was renamed would show nothing."""
    sources = "".join(
        file.read_text() for file in (ROOT / "web/src").rglob("*.ts") if "gen" not in file.name
    )
    for tag in BeautifulSoup(block.text, "html.parser").find_all(re.compile("-")):
        assert f"'{tag.name}'" in sources, f"{block.place}: {tag.name}"


@pytest.mark.parametrize("block", of("sql"))
def test_queries_are_of_the_page_whose_recipe_is_tested(block: Block) -> None:
    """tests/admin/test_recipe.py holds them to entries."""
    assert block.page == "docs/analytics.md"


@pytest.mark.parametrize("block", of("demo"))
def test_the_demonstration_has_the_chapters_that_are_shown(block: Block) -> None:
    """What is shown is what was printed once: its chapters are those of today."""
    told = re.findall(r"^\d+\. (.*)$", block.text, flags=re.MULTILINE)
    sources = "".join(file.read_text() for file in (ROOT / "dev").glob("*.py"))

    assert [title for title in told if title not in sources] == []


@pytest.mark.parametrize("block", of("suite"))
def test_the_suite_has_the_parts_that_are_shown(block: Block) -> None:
    """A part that is gone would be looked for."""
    told = re.findall(r"^│ (\w[^│]*?) +│", block.text, flags=re.MULTILINE)
    source = Path(str(suite.__file__)).read_text()
    known = source.replace('f"pytest {ALONE}"', f'"pytest {suite.ALONE}"') + '"all"'

    assert [name for name in told if f'"{name}"' not in known] == []


@pytest.mark.parametrize("block", of("rules"))
def test_rules_ask_for_claims_that_are_set(block: Block) -> None:
    """A claim with another name would let nobody in."""
    asked = re.findall(r"token\.get\('(\w+)'", block.text)

    assert block.text.count("{") == block.text.count("}")
    assert asked
    assert set(asked) <= {"plan", "features"}


@pytest.mark.parametrize(
    ("page", "test"),
    [(page, test) for page, tests in blocks.PLAYED.items() for test in tests.values()],
)
def test_a_page_with_a_test_of_its_own_is_read_by_it(page: str, test: str) -> None:
    """A page that is left to another test, and forgotten there, would rot."""
    assert Path(page).name in (ROOT / test).read_text()

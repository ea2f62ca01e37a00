"""docs/proof.md says what is there: each promise, each path, each figure that is claimed."""

import re
from pathlib import Path

from dev.layout import ROOT
from tests import proof_page
from tests.figures import MINIMA, Figure, keep
from tests.proof_page import PAGE, block_of

PROMISES = 43


def test_every_promise_has_its_row_once_and_in_order() -> None:
    """A promise without a row is not shown, one with two is told twice."""
    rows = re.findall(r"^\| P(\d\d) \|", PAGE.read_text(), flags=re.MULTILINE)

    assert rows == [f"{number:02}" for number in range(1, PROMISES + 1)]


def test_every_test_that_is_named_is_there() -> None:
    """A command that finds nothing shows nothing."""
    named = set(re.findall(r"tests/[\w/]+(?:\.py)?", PAGE.read_text()))
    targets = set(re.findall(r"`make (\w+)", PAGE.read_text()))
    makefile = (ROOT / "Makefile").read_text()

    assert {path for path in named if not (ROOT / path).exists()} == set()
    assert {target for target in targets if f"\n{target}: " not in makefile} == set()


def test_the_incidents_are_those_of_the_teeth() -> None:
    """A killer that was renamed, or a bug that was added, is on the page."""
    assert block_of(PAGE.read_text(), "incidents") == proof_page.incidents()


def test_what_is_claimed_stands_on_the_page_and_was_reached() -> None:
    """The table is of a run in which nothing fell short."""
    rows = re.findall(r"^\| (T\d+ [^|]+) \| ([\d,]+) \|", PAGE.read_text(), flags=re.MULTILINE)
    told = {name: int(count.replace(",", "")) for name, count in rows}

    assert {name for name, least in MINIMA.items() if told.get(name, 0) < least} == set()


def test_a_figure_is_a_row_and_the_small_ones_of_a_tier_are_one() -> None:
    """Forty kinds of fault would hide the seven figures that are claimed."""
    found = [
        Figure("T1 operations", 20_000, ("0:5", "5:10")),
        Figure("T1 reply lost", 12),
        Figure("T1 killed", 7),
        Figure("T8 assertions", 300),
    ]

    lines = proof_page.figures(found, {"T1 operations"}, "abc").splitlines()

    assert lines[0] == "Commit `abc`."
    assert [line.split(" | ")[:2] for line in lines[4:]] == [
        ["| T1 operations", "20,000"],
        ["| T8 assertions", "300"],
        ["| T1 what happened to them, by kind", "reply lost 12, killed 7"],
    ]


def test_figures_of_one_run_are_read_back(tmp_path: Path) -> None:
    """As the run kept them, with the commit they are of."""
    keep([Figure("T9 b", 2, ("s",)), Figure("T1 a", 1)], tmp_path)

    found, commit = proof_page.kept(tmp_path)

    assert found == [Figure("T1 a", 1), Figure("T9 b", 2, ("s",))]
    assert len(commit) == 12


def test_a_block_is_written_between_its_marks() -> None:
    """And nothing else of the page changes."""
    page = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n"

    assert proof_page.put_in(page, "x", "new") == "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n"
    assert block_of(page, "x") == "old"

"""docs/scale.md says what operations cost: the very figures that other tests count."""

import re

import pytest

from dev.layout import ROOT
from tests import costs

PAGE = ROOT / "docs" / "scale.md"
READ_CENTS, WRITE_CENTS = 30, 90
"""Of a million documents, in the region and on the date that the page names."""
ROW = r"^\| ([^|]+) \| (\d) \| (\d) \| (\d) \| ([\d.]+) \|"
"""An operation, its RPCs, reads and writes, and the dollars of a million of it."""
ROWS = {
    "charge, warm": costs.CHARGE_WARM,
    "charge, first in a process": costs.CHARGE_COLD,
    "charge that also publishes": costs.CHARGE_FIRST,
    "the same key again, first in a process": costs.REPLAY_COLD,
    "hold": costs.HOLD_WARM,
    "its extension": costs.EXTEND_WARM,
    "its end (capture or void)": costs.END_WARM,
    "the end of the last open hold": costs.LAST_END_WARM,
    "showing a hold": costs.HOLD_SHOWN,
    "refusal (402)": costs.REFUSAL_WARM,
    "model call through the gateway": costs.MODEL_CALL_WARM,
    "`GET /usage/me`, published": costs.USAGE_ME_HIT,
    "`GET /usage/me`, worked out": costs.USAGE_ME_MISS,
}


@pytest.fixture(scope="module")
def page() -> str:
    """Return the page."""
    return PAGE.read_text()


def test_the_page_says_what_the_tests_count_and_what_it_costs(page: str) -> None:
    """A change of an operation's documents changes the page, or fails here."""
    lines = re.findall(
        r"^\| ([^|]+) \| (\d) \| (\d) \| (\d) \| ([\d.]+) \|", page, re.MULTILINE
    )
    told = {
        name: (int(rpcs), int(reads), int(writes)) for name, rpcs, reads, writes, _ in lines
    }
    dollars = {name: text for name, *_, text in lines}

    assert told == ROWS
    for name, (_, reads, writes) in ROWS.items():
        cents = reads * READ_CENTS + writes * WRITE_CENTS
        assert dollars[name] == f"{cents // 100}.{cents % 100:02}", name


def test_every_test_and_decision_that_is_pointed_at_is_there(page: str) -> None:
    """A claim that points nowhere is only a claim."""
    tests = set(re.findall(r"tests/[\w/]+\.py", page))
    decisions = set(re.findall(r"decisions/[\w-]+\.md", page))

    assert tests
    assert decisions
    assert {path for path in tests if not (ROOT / path).is_file()} == set()
    assert {path for path in decisions if not (ROOT / "docs" / path).is_file()} == set()

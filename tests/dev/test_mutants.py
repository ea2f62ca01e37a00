"""Mutants: each is one small bug in one place, and a survivor without a reason is a failure."""

import ast
import json

import pytest

from dev.mutants import __main__ as command
from dev.mutants.operators import mutants_of
from dev.mutants.running import ROOT

TEXT = '''"""A module."""


def clamp(amount: int, most: int = 3) -> int:
    """Return it, no more than the most."""
    if amount > most and amount:
        return most
    return max(0, amount + 1)
'''


def test_each_mutant_is_one_change_and_the_module_is_whole_again() -> None:
    """A change that stayed would make every later mutant two bugs."""
    before = ast.unparse(ast.parse(TEXT))
    seen = set()

    for mutant in mutants_of("a.py", TEXT):
        seen.add(ast.unparse(mutant.code))
        last = mutant

    assert ast.unparse(last.code) == before
    assert before not in seen
    assert any("amount >= most" in text for text in seen)
    assert any("amount > most or amount" in text for text in seen)
    assert any("min(0, amount + 1)" in text for text in seen)
    assert any("max(0, amount - 1)" in text for text in seen)
    assert any("if False" in text for text in seen)


def test_every_mutant_has_a_name_of_its_own() -> None:
    """The list of those that are explained goes by name, whatever moves around them."""
    names = [mutant.name for mutant in mutants_of("a.py", TEXT)]

    assert len(names) == len(set(names)) >= 8


@pytest.mark.parametrize(
    ("survivors", "explained", "is_good"), [(0, 0, True), (1, 1, True), (1, 0, False)]
)
def test_who_survives_is_explained(
    survivors: int, explained: int, is_good: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """However many were killed beside it."""
    lines = [{"name": f"killed {n}", "outcome": "killed"} for n in range(99)]
    lines += [{"name": f"alive {n}", "outcome": "survived"} for n in range(survivors)]

    assert command.judge(lines, {f"alive {n}": "why" for n in range(explained)}) is is_good
    assert ("survives: alive 0" in capsys.readouterr().out) is (not is_good)


def test_what_is_explained_is_still_there() -> None:
    """A reason for a line that has changed explains nothing any more."""
    known = {
        mutant.name
        for part in command.TESTS_OF
        for name in command.modules_of(part)
        for mutant in mutants_of(name, (ROOT / name).read_text())
    }
    listed = json.loads(command.EQUIVALENT.read_text())

    assert set(listed) <= known
    assert all(listed.values())

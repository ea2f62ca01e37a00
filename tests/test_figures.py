"""Counts of what was tried: added up, kept, and held against what is claimed."""

import json
from pathlib import Path

import pytest

from tests import figures
from tests.figures import Figure


@pytest.fixture
def listening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let this test's counts go to a file of its own."""
    path = tmp_path / "counts.jsonl"
    monkeypatch.setenv(figures.VARIABLE, str(path))
    return path


def test_counts_of_all_processes_are_added_up(listening: Path) -> None:
    """Each worker sees a part; a promise is about all of it."""
    figures.count("T0 apples", 2, seed=7)
    figures.count("T0 apples", 3, seed=5)
    figures.count("T0 pears")

    assert figures.so_far() == [Figure("T0 apples", 5, ("5", "7")), Figure("T0 pears", 1)]


def test_without_a_run_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that counts can be used outside of a run."""
    monkeypatch.delenv(figures.VARIABLE, raising=False)

    figures.count("T0 apples")

    assert figures.so_far() == []


def test_fewer_than_claimed_is_a_shortfall() -> None:
    """Also where nothing was counted at all, as after a test was renamed."""
    found = [Figure("a", 9), Figure("b", 10)]

    lines = figures.shortfalls(found, {"a": 10, "b": 10, "c": 1})

    assert [line.split(":")[0] for line in lines] == ["a", "c"]


def test_a_figure_is_kept_with_its_seeds_and_commit(tmp_path: Path) -> None:
    """Whoever reads the proof reruns exactly this."""
    figures.keep([Figure("T6 bad inputs", 214, ("s1",))], tmp_path)

    told = json.loads((tmp_path / "t6-bad-inputs.json").read_text())
    assert (told["name"], told["count"], told["seeds"]) == ("T6 bad inputs", 214, ["s1"])
    assert len(told["commit"]) == 12

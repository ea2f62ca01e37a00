"""The one clock: real time, moved by a file."""

import time
from pathlib import Path

import pytest

from stripe_local.clock import CLOCK_FILE_VARIABLE, Clock


def test_without_a_file_it_is_now(tmp_path: Path) -> None:
    """In the demonstration nobody moves the clock."""
    assert abs(Clock().now_s() - time.time()) < 60
    assert abs(Clock(tmp_path / "none").now_s() - time.time()) < 60


def test_the_file_moves_it_whenever_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backend reads the same file, so both live in the same time."""
    path = tmp_path / "offset"
    monkeypatch.setenv(CLOCK_FILE_VARIABLE, str(path))
    clock = Clock.from_environment()

    for offset_s in (86_400, -86_400, 31_536_000):
        path.write_text(f"{offset_s}\n")
        assert abs(clock.now_s() - offset_s - time.time()) < 60
    path.unlink()
    assert abs(clock.now_s() - time.time()) < 60


def test_a_file_that_is_just_being_written_changes_nothing(tmp_path: Path) -> None:
    """A moment of an empty file must not throw everyone back a year."""
    path = tmp_path / "offset"
    path.write_text("31536000")
    clock = Clock(path)
    before_s = clock.now_s()

    path.write_text("")

    assert abs(clock.now_s() - before_s) < 60


def test_an_environment_without_a_file_has_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty name is no name."""
    monkeypatch.setenv(CLOCK_FILE_VARIABLE, "")

    assert abs(Clock.from_environment().now_s() - time.time()) < 60

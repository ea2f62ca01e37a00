"""The clock moves in development only, and everything moves with it."""

import os
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from creditbase.runtime import clock

NEAR = timedelta(minutes=5)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a development clock that is not there yet."""
    found = tmp_path / "clock"
    monkeypatch.delenv("K_SERVICE", raising=False)
    monkeypatch.delenv("CREDITBASE_ENV", raising=False)
    monkeypatch.setenv("FUNCTIONS_EMULATOR", "true")
    monkeypatch.setenv("CREDITBASE_CLOCK_FILE", str(found))
    return found


def offset() -> timedelta:
    """Return by how much business time differs from real time, to whole minutes."""
    return timedelta(minutes=round((clock.now() - clock.real_now()) / timedelta(minutes=1)))


def test_the_file_moves_time_forward_and_back(file: Path) -> None:
    """Each change counts from the next request on; no file is no offset."""
    found = [offset()]
    for text in ("86400", "-3600\n", "", "2678400"):
        file.write_text(text)
        os.utime(file, ns=(len(found), len(found)))  # two writes in one tick of the file system
        found.append(offset())
    file.unlink()
    found.append(offset())

    assert found == [
        timedelta(0),
        timedelta(days=1),
        timedelta(hours=-1),
        timedelta(0),
        timedelta(days=31),
        timedelta(0),
    ]


def test_time_is_aware_and_utc(file: Path) -> None:
    """A naive instant near money is a bug."""
    assert clock.now().tzinfo is clock.real_now().tzinfo is UTC


def test_production_does_not_look_at_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write a file must not be able to renew everybody's credits."""
    file.write_text("86400")
    monkeypatch.setenv("CREDITBASE_ENV", "production")

    assert offset() == timedelta(0)


def test_a_file_that_did_not_change_is_not_read_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One `stat` for each request, and nothing more."""
    file.write_text("86400")
    clock.now()
    monkeypatch.setattr(Path, "read_text", _unread)

    assert offset() == timedelta(days=1)


def _unread(self: Path, *args: object, **kwargs: object) -> str:
    raise AssertionError(self)

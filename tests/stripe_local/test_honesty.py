"""What a server writes down of itself, for whoever runs the tests."""

import json
from pathlib import Path

import pytest

from stripe_local.honesty import FLAWS_VARIABLE, Honesty, flaws_so_far
from stripe_local.transcript import Transcript

NO_LIST = json.dumps({"object": "list", "data": []}).encode()
NO_EVENT = json.dumps({"object": "event", "data": {}}).encode()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of flaws that only this test reads."""
    named = tmp_path / "flaws.txt"
    monkeypatch.setenv(FLAWS_VARIABLE, str(named))
    return named


def test_whatever_is_said_wrong_is_written_down_once(file: Path) -> None:
    """With the test that heard it: a run of the whole suite names nothing else."""
    transcript = Transcript()
    assert flaws_so_far() == []

    for thing in ("thing_1234567890abc", "thing_abc1234567890"):
        transcript.note_answer(f"GET /v1/things/{thing}", 200, NO_LIST)
    transcript.note_webhook("thing.made", NO_EVENT)

    flaws = flaws_so_far()
    assert flaws == file.read_text().splitlines()
    assert sum("GET /v1/things/{id}: answer: no list object" in flaw for flaw in flaws) == 1
    assert any(flaw.startswith("thing.made: event.id: missing") for flaw in flaws)
    assert all("test_honesty.py::test_whatever" in flaw for flaw in flaws)


def test_what_is_right_and_what_nobody_asks_about_is_not_written(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for development looks at nothing, and no test run means no name of one."""
    Transcript().note_answer("GET /v1/x", 404, b'{"error": {"type": "api_error"}}')
    assert not file.exists()
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    Honesty(file).check("GET /v1/things", 200, NO_LIST)
    assert flaws_so_far() == ["GET /v1/things: answer: no list object"]

    monkeypatch.delenv(FLAWS_VARIABLE)
    Transcript().note_answer("GET /v1/things", 200, b"not even JSON")

    assert flaws_so_far() == []

"""Typing a command, and reading what it answered."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from command_line.app import main


@dataclass(frozen=True)
class Typed:
    """What came of a command: its status, its output, and what was said beside it."""

    status: int
    out: str
    said: str

    @property
    def answer(self) -> dict[str, Any]:
        """Return the one object of `--json`; anything else on standard output is a fault."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def result(self) -> dict[str, Any]:
        """Return what the answer says."""
        found: dict[str, Any] = self.answer["result"]
        return found


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> Typed:
    """Run what a person would have typed."""
    capsys.readouterr()
    status = main(words)
    out, said = capsys.readouterr()
    return Typed(status, out, said)

"""Holds everything that is said against Stripe's own types, where that is asked for.

`CREDITBASE_STRIPE_FLAWS` names a file. Each answer and each payload that is not what Stripe's
types allow is written down there, once; whoever runs the tests reads it at the end.
"""

import hashlib
import json
import os
import re
import threading
from pathlib import Path

from stripe_local.wire.annotations import flaws_in_answer, flaws_in_event

FLAWS_VARIABLE = "CREDITBASE_STRIPE_FLAWS"
_TEST_VARIABLE = "PYTEST_CURRENT_TEST"
_AN_ID = re.compile(r"\b[a-z]+(_[a-z]+)*_\w{12,}")


def flaws_so_far() -> list[str]:
    """Return what was written down by all servers that write to the file of the environment."""
    named = os.environ.get(FLAWS_VARIABLE)
    file = Path(named) if named else None
    return file.read_text("utf-8").splitlines() if file and file.is_file() else []


class Honesty:
    """What one server has said that Stripe would not."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._written: set[str] = set()
        self._seen: set[bytes] = set()
        self._lock = threading.Lock()

    @classmethod
    def from_environment(cls) -> "Honesty":
        """Return what writes to the file that the environment names, or looks at nothing."""
        named = os.environ.get(FLAWS_VARIABLE)
        return cls(Path(named) if named else None)

    def check(self, about: str, status: int | None, body: bytes) -> None:
        """Look at an answer with its status, or at a payload, which has none."""
        if self._file is None or self._is_known(status, body):
            return
        said = json.loads(body)
        flaws = flaws_in_event(said) if status is None else flaws_in_answer(status, said)
        for flaw in flaws:
            self._write(_AN_ID.sub("{id}", f"{about}: {flaw}"))

    def _is_known(self, status: int | None, body: bytes) -> bool:
        """Return whether the very same was looked at before: most is asked again and again."""
        mark = hashlib.blake2b(body, digest_size=16, key=str(status).encode()).digest()
        with self._lock:
            is_known = mark in self._seen
            self._seen.add(mark)
        return is_known

    def _write(self, flaw: str) -> None:
        with self._lock:
            if self._file is None or flaw in self._written:
                return
            self._written.add(flaw)
            where = os.environ.get(_TEST_VARIABLE, "")
            with self._file.open("a", encoding="utf-8") as file:
                file.write(f"{flaw} [{where.split(' ')[0]}]\n" if where else f"{flaw}\n")

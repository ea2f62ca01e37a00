"""The batch job: typed as its README says, and killed half-way."""

import secrets
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from creditbase_client import Creditbase, FirebaseUser
from dev.client import Customer
from dev.layout import ROOT
from tests.examples.reading import Place

pytestmark = pytest.mark.stack

README = "examples/batch-job/README.md"
LINES = ROOT / "examples/batch-job/lines.txt"
COUNT = len(LINES.read_text().splitlines())
SOON_S = 60


def test_its_readme_does_what_it_says(tmp_path: Path, stack_env: dict[str, str]) -> None:
    """From top to bottom, as a reader types it."""
    Place.at(tmp_path, stack_env).type(README)


def test_killed_half_way_and_run_again_it_charges_each_line_once(
    tmp_path: Path, stack_env: dict[str, str]
) -> None:
    """Killed with no warning; and the last file is lost, though its line was charged."""
    place = Place.at(tmp_path, stack_env)
    user = Customer.sign_up(stack_env, f"{secrets.token_hex(6)}@example.com", "secret-1")
    token = user.headers["Authorization"].removeprefix("Bearer ")
    signed_in = FirebaseUser(token, stack_env["APP_CHECK_TOKEN"])
    with Creditbase(stack_env["HUB_URL"], signed_in) as hub:
        hub.usage_me()
        out = tmp_path / "out"
        job = [
            "examples/batch-job/job.py",
            f"job of {user.uid}",
            user.uid,
            str(LINES),
            str(out),
        ]
        command = [sys.executable, *job]

        # given a job that is killed after its fourth line
        first = subprocess.Popen(command, cwd=place.folder, env=place.env)
        turn = threading.Event()
        for _ in range(SOON_S * 200):
            if (out / "0004.txt").exists() or first.poll() is not None:
                break
            turn.wait(0.005)
        first.kill()
        assert first.wait() == -9, "it was still at work"
        written = sorted(out.glob("*.txt"))
        assert 4 <= len(written) < COUNT
        written[-1].unlink()

        # when it is run again
        again = subprocess.run(
            command, cwd=place.folder, env=place.env, capture_output=True, text=True, check=True
        )

        # then every line is there, and was paid for once
        assert again.stdout == f"{COUNT - len(written) + 1} lines summarised.\n"
        assert len(list(out.glob("*.txt"))) == COUNT
        taken = [row for row in hub.iterate_ledger() if row["kind"] == "capture"]
        assert len(taken) == COUNT

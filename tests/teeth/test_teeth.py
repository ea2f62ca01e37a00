"""The tests have teeth: each seeded bug is found by the test that is named beside it.

A suite that is green says nothing until one has seen it red. Each row of `incidents.py`,
`preconditions.py`, `core.py` and `clients.py` is a bug that somebody made, or could make; its
killer is an ordinary test of the suite, which passes, and fails by an assertion while the bug
is there.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.layout import ROOT
from stripe_local import honesty
from tests.teeth import biting
from tests.teeth.biting import BUGS, KILLED
from tests.teeth.clients import CLIENTS
from tests.teeth.core import CORE
from tests.teeth.incidents import INCIDENTS
from tests.teeth.preconditions import PRECONDITIONS

GROUPS = {
    "preconditions": PRECONDITIONS,
    "incidents": INCIDENTS,
    "core": CORE,
    "clients": CLIENTS,
}
BUGS_MIN = 40
INCIDENT_COUNT = 27
WITHIN_S = 240


@pytest.mark.firestore
@pytest.mark.parametrize("group", GROUPS)
def test_every_seeded_bug_is_found(group: str, firestore_host: str, tmp_path: Path) -> None:
    """By the test that is named, by an assertion, and only while the bug is there."""
    bugs = GROUPS[group]
    told = tmp_path / "told.json"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    env = {
        **kept,
        biting.BUGS_VARIABLE: json.dumps(list(bugs)),
        biting.FILE_VARIABLE: str(told),
        # What a local Stripe says with a bug in us is no flaw of its own.
        honesty.FLAWS_VARIABLE: str(tmp_path / "flaws.txt"),
        "FIRESTORE_EMULATOR_HOST": firestore_host,
    }
    options = ["-p", "tests.teeth.biting", "-p", "no:cacheprovider", "-o", "timeout=0", "-q"]
    killers = dict.fromkeys(bug.killer for bug in bugs.values())

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--tb=native", *killers],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )

    assert told.is_file(), done.stdout + done.stderr
    found = json.loads(told.read_text())
    wrong = [f"{name}: {why}" for name, why in found.items() if why != KILLED]
    assert not wrong, "\n".join(wrong)
    assert found.keys() == bugs.keys()


def test_there_are_enough_of_them() -> None:
    """Forty at least, one for each incident of the list among them, and no name twice."""
    told = {name.split()[0] for name in INCIDENTS}

    assert len(BUGS) == sum(map(len, GROUPS.values())) >= BUGS_MIN
    assert told == {f"I-{number:02}" for number in range(1, INCIDENT_COUNT + 1)}

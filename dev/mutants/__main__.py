"""`make mutants`: the pure core with one small bug at a time; who survives must be explained.

`make mutants ARGS="ledger/domain/grants.py"` takes modules whose path has one of the words;
`OF=6` takes every sixth mutant only. What came of each goes to `.run/mutants.jsonl`.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from dev.layout import BIN, ROOT
from dev.mutants import running

CORE = Path("functions/creditbase")
TESTS_OF = {
    "ledger/domain": ("tests/ledger", "tests/metering/test_receipts.py"),
    "kernel": ("tests/kernel", "tests/ledger", "tests/metering"),
    "subscriptions/domain": ("tests/subscriptions",),
    "metering/domain.py": ("tests/metering", "tests/ledger/test_pricing.py"),
    "payments/domain.py": ("tests/payments/test_domain.py",),
    "payments/undoing.py": ("tests/payments/test_returns.py",),
    "payments/refilling.py": ("tests/payments/test_refilling.py",),
    "payments/tier_reckoning.py": ("tests/payments/test_tier_reckoning.py",),
}
"""Which tests look at a part of the core without a store."""
EQUIVALENT = ROOT / "dev" / "mutants" / "equivalent.json"
"""Mutants that no test can find, each with the reason."""
KILLED_PERCENT_MIN = 95


def modules_of(part: str) -> list[str]:
    """Return the modules of a part of the core."""
    place = ROOT / CORE / part
    found = sorted(place.glob("*.py")) if place.is_dir() else [place]
    return [str(path.relative_to(ROOT)) for path in found if path.name != "__init__.py"]


def run(modules: list[str], tests: tuple[str, ...], file: Path) -> int:
    """Run the mutants of some modules; return pytest's status."""
    env = {
        **os.environ,
        running.MODULES_VARIABLE: json.dumps(modules),
        running.FILE_VARIABLE: str(file),
        running.PACE_VARIABLE: os.environ.get("OF", "1"),
    }
    options = ["-p", "dev.mutants.running", "-p", "no:cacheprovider", "-o", "timeout=0", "-q"]
    options += ["--tb=native", "-m", "not firestore and not stack and not soak"]
    command = [str(BIN / "python"), "-m", "pytest", *options, *tests]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def judge(lines: list[dict[str, str]], equivalent: dict[str, str]) -> bool:
    """Say who survived; return whether enough were killed and the rest is explained."""
    outcomes = Counter(line["outcome"] for line in lines)
    alive = [line["name"] for line in lines if line["outcome"] in {"survived", "no test"}]
    unexplained = [name for name in alive if name not in equivalent]
    for name in unexplained:
        print(f"survives: {name}")
    possible = len(lines) - (len(alive) - len(unexplained))
    killed = possible - len(unexplained)
    print(f"{killed} of {possible} killed; {dict(outcomes)}")
    return not unexplained and killed * 100 >= KILLED_PERCENT_MIN * possible


def main(words: list[str]) -> int:
    """Run what was asked for; return the exit status."""
    file = ROOT / ".run" / "mutants.jsonl"
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    for part, tests in TESTS_OF.items():
        modules = [
            name
            for name in modules_of(part)
            if not words or any(word in name for word in words)
        ]
        if modules and run(modules, tests, file):
            return 1
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    equivalent = json.loads(EQUIVALENT.read_text())
    return 0 if judge(lines, equivalent) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

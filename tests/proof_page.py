"""The parts of docs/proof.md that are counted and not written: figures, and incidents.

`python -m tests.proof_page` writes them anew, from what the last whole run left in
`.run/figures` and from the rows of `tests/teeth`.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from dev.layout import ROOT
from tests.figures import FOLDER, MINIMA, Figure
from tests.teeth.incidents import INCIDENTS

PAGE = ROOT / "docs" / "proof.md"
COMMANDS = {
    "T1": "tests/simulation",
    "T2": "tests/kernel",
    "T3": "tests/proof/test_state_machine.py",
    "T4": "tests/proof",
    "T5": "tests/proof/test_bank.py",
    "T6": "tests/contract",
    "T7": "tests/payments/test_schedules.py",
    "T8": "tests/rules",
    "T9": "tests/contract/test_matrix.py",
    "T10": "tests/contract",
}
"""What tries a figure again, by its tier: the ARGS of `make test`."""
IN_ONE_ROW = {
    "T1": "T1 what happened to them, by kind",
    "T4": "T4 cells of the fault matrix, by kind",
    "T5": "T5 what broke for the bank, by kind",
}
"""Tiers of many small figures: those that nothing is claimed of stand in one row."""


def incidents() -> str:
    """Return the table of incidents: what the bug was, and which test finds it."""
    lines = ["| incident, as a bug of ours | found by |", "|---|---|"]
    for title, bug in INCIDENTS.items():
        file, *names = bug.killer.split("::")
        lines.append(f"| {title} | `{file}` {' '.join(names)} |")
    return "\n".join(lines)


def figures(found: Iterable[Figure], claimed: Iterable[str], commit: str) -> str:
    """Return the table of figures: what is claimed by itself, the rest of a tier in a row."""
    lines = [
        f"Commit `{commit}`.",
        "",
        "| figure | count | seeds | again |",
        "|---|---|---|---|",
    ]
    small: dict[str, list[Figure]] = {}
    for figure in found:
        tier = figure.name.partition(" ")[0]
        if tier in IN_ONE_ROW and figure.name not in claimed:
            small.setdefault(tier, []).append(figure)
        else:
            seeds = ", ".join(figure.seeds)
            lines.append(f"| {figure.name} | {figure.count:,} | {seeds} | {_again(tier)} |")
    for tier, ones in small.items():
        told = ", ".join(f"{one.name.split(' ', 1)[1]} {one.count:,}" for one in ones)
        lines.append(f"| {IN_ONE_ROW[tier]} | {told} | | {_again(tier)} |")
    return "\n".join(lines)


def _again(tier: str) -> str:
    return f'`make test ARGS="{COMMANDS[tier]}"`'


def put_in(page: str, block: str, text: str) -> str:
    """Return the page with another text between the marks of a block."""
    begin, end = f"<!-- {block} -->\n", f"<!-- /{block} -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    found, times = pattern.subn(lambda _: f"{begin}{text}\n{end}", page)
    assert times == 1, block
    return found


def block_of(page: str, block: str) -> str:
    """Return what stands between the marks of a block."""
    return page.partition(f"<!-- {block} -->\n")[2].partition(f"\n<!-- /{block} -->")[0]


def kept(folder: Path = FOLDER) -> tuple[list[Figure], str]:
    """Return the figures of the last whole run, and its commit."""
    told = [json.loads(file.read_text()) for file in folder.glob("*.json")]
    found = [Figure(each["name"], each["count"], tuple(each["seeds"])) for each in told]
    commits = {each["commit"] for each in told}
    assert len(commits) == 1, f"figures of several commits in {folder}: {sorted(commits)}"
    return sorted(found, key=lambda each: each.name), commits.pop()


def main() -> None:
    """Write the page anew."""
    found, commit = kept()
    page = put_in(PAGE.read_text(), "incidents", incidents())
    PAGE.write_text(put_in(page, "figures", figures(found, MINIMA, commit)))


if __name__ == "__main__":
    main()

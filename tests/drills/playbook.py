"""Play a runbook: its commands, as they stand on the page, in its order, to the last one.

A page of docs/runbooks has its commands in blocks of `sh`. Ours run in this process; those of
other tools (`firebase`, `gcloud`, `git`) are played by a stand-in of the drill. A command
that no drill plays, or that is refused, fails the drill: a page that rots is noticed.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import pytest

from creditbase.admin.command import main
from dev.layout import ROOT

PAGES = ROOT / "docs/runbooks"
OURS = "python -m creditbase.admin "
StandIn = Callable[[str], None]


def commands_of(page: Path) -> dict[str, list[str]]:
    """Return the commands of a page by heading; lines that go on are put together."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^## ", page.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
        lines = "".join(blocks).replace("\\\n", " ").splitlines()
        commands = [line.strip() for line in lines if line.strip() and line[0] != "#"]
        if commands:
            found[heading.strip()] = commands
    return found


@dataclass
class Playbook:
    """A runbook that is being played."""

    page: str
    capsys: pytest.CaptureFixture[str]
    stand_ins: Mapping[str, StandIn] = field(default_factory=dict)
    """What plays the commands of other tools, by their first words."""

    def __post_init__(self) -> None:
        self._left = commands_of(PAGES / f"{self.page}.md")
        assert self._left, "a runbook has commands"

    def play(self, heading: str, **values: object) -> list[str]:
        """Run the commands under a heading; return what each one printed.

        `values` are what a person puts for `$NAME` on the page.
        """
        assert heading == next(iter(self._left)), f"next is {next(iter(self._left))}"
        return [self._run(command, values) for command in self._left.pop(heading)]

    def end(self) -> None:
        """Say that the page was played; fails where it goes on."""
        assert not self._left, f"nobody played {list(self._left)}"

    def _run(self, command: str, values: Mapping[str, object]) -> str:
        said = Template(command).substitute(
            {name: shlex.quote(str(value)) for name, value in values.items()}
        )
        self.capsys.readouterr()
        if said.startswith(OURS):
            arguments = shlex.split(said.removeprefix(OURS))
            assert main(arguments) == 0, f"{said}: {self.capsys.readouterr().err}"
        else:
            self._stand_in(said)(said)
        return self.capsys.readouterr().out

    def _stand_in(self, said: str) -> StandIn:
        for begins, play in self.stand_ins.items():
            if said.startswith(begins):
                return play
        raise AssertionError(f"nobody plays {said!r} of {self.page}")


Open = Callable[..., Playbook]
"""Opens a page by its name, with what plays the commands of other tools."""

"""What a command answers: facts for scripts, a view for people, and the exit status."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from command_line.target import Target

DONE, REFUSED, NOT_UNDERSTOOD, DIFFERS, NOT_REACHED, STOPPED = 0, 1, 2, 3, 4, 130


class Failure(Exception):
    """A command that could not do it: why, and what to do about it."""

    def __init__(self, code: str, message: str, fix: str = "", status: int = REFUSED) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fix = fix
        self.status = status

    def fields(self) -> dict[str, str]:
        """Return it as it stands in an answer."""
        return {"code": self.code, "message": self.message, "fix": self.fix}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command."""

    result: Mapping[str, Any]
    view: RenderableType = ""
    status: int = DONE


@dataclass(slots=True)
class Session:
    """One command that runs: what it is about, and how it speaks."""

    command: str
    is_json: bool = False
    is_sure: bool = False
    project: str = ""
    """The real project that was named; only commands without a target read it."""
    target: Target | None = None
    out: Console = field(default_factory=lambda: Console(highlight=False))
    said: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))

    def say(self, text: str) -> None:
        """Tell a person something, beside the result."""
        self.said.print(text, markup=False, soft_wrap=True)

    @property
    def is_attended(self) -> bool:
        """Return whether a person is there to be asked."""
        return sys.stdin.isatty() and not (self.is_json or self.is_sure)

    def ask(self, question: str, offered: str) -> str:
        """Return what a person answers; an empty line takes what is offered.

        Raises:
            Failure: the person left.
        """
        self.said.print(
            f"{question}{f' [{offered}]' if offered else ''}: ", end="", markup=False
        )
        line = sys.stdin.readline()
        if not line:
            raise Failure("NOT_MEANT", "nothing was changed")
        return line.strip() or offered

    def confirm(self, deed: str) -> None:
        """Make sure that a change of a real project is meant.

        Raises:
            Failure: nobody said yes.
        """
        assert self.target is not None
        if not self.target.is_real:
            return
        self.say(f"{deed}, in the real project {self.target.project}")
        if self.is_sure:
            return
        if not sys.stdin.isatty():
            raise Failure("NOT_MEANT", "nobody is there to ask", "add --yes if it is meant")
        self.said.print("Go on? [y/N] ", end="", markup=False)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise Failure("NOT_MEANT", "nothing was changed")

    @contextmanager
    def progress(self, title: str, total: int | None = None) -> Iterator[Any]:
        """Show a bar on standard error, if a person is watching; yield what moves it on."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        is_watched = self.said.is_terminal and not self.is_json
        bar = Progress(*columns, console=self.said, disable=not is_watched, transient=True)
        with bar:
            task = bar.add_task(title, total=total)
            yield lambda step=1: bar.advance(task, step)

    def close(self, answer: Answer) -> int:
        """Print what came of it and return the exit status."""
        if self.is_json:
            self._print_json({"ok": answer.status == DONE, "result": dict(answer.result)})
        elif answer.view:
            self.out.print(answer.view, soft_wrap=isinstance(answer.view, str | Text))
        return answer.status

    def fail(self, failure: Failure) -> int:
        """Print why it could not be done and return the exit status."""
        if self.is_json:
            self._print_json({"ok": False, "error": failure.fields()})
            return failure.status
        self.said.print(
            f"refused: {failure.message}", markup=False, style="red", soft_wrap=True
        )
        if failure.fix:
            self.said.print(f"   do:   {failure.fix}", markup=False, soft_wrap=True)
        return failure.status

    def _print_json(self, fields: Mapping[str, Any]) -> None:
        target = None if self.target is None else self.target.fields()
        whole = {"command": self.command, "target": target, **fields}
        sys.stdout.write(json.dumps(whole, indent=2, ensure_ascii=False) + "\n")

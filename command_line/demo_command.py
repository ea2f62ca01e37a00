"""The command `demo`: what `make demo` shows, reached by name."""

import contextlib
import os
import sys
from typing import Annotated

import typer

from command_line.answers import NOT_UNDERSTOOD, REFUSED, Answer, Failure, Session
from command_line.frame import command
from dev import demo, install
from dev.layout import NUMBER_MAX, ROOT


def take(app: typer.Typer) -> None:
    """Add what may be typed."""
    command(app, "demo", needs_target=False)(show_demo)


def show_demo(
    session: Session,
    ends: Annotated[bool, typer.Option("--exit", help="End after the story.")] = False,
    stack: Annotated[int | None, typer.Option(min=0, max=NUMBER_MAX, help="Which one.")] = None,
) -> Answer:
    """Show the whole system with a scripted customer, in emulators; stays up until Ctrl-C."""
    if session.project:
        text = "the demonstration has a project of its own, and touches no real one"
        raise Failure("NO_REAL_PROJECT", text, "creditbase demo", NOT_UNDERSTOOD)
    if missing := what_is_missing():
        text = f"not there, or of another day: {', '.join(missing)}"
        raise Failure("NOT_INSTALLED", text, f"make -C {ROOT} install")
    if stack is not None:
        os.environ["CREDITBASE_STACK"] = str(stack)
    os.environ["DEMO_EXIT"] = "1" if ends or session.is_json else ""
    # With --json nothing but the answer is on standard output: the story goes beside it.
    with contextlib.redirect_stdout(sys.stderr if session.is_json else sys.stdout):
        status = demo.main()
    if status:
        text = "the story did not come to its end; what is above says where"
        raise Failure("DISAPPOINTED", text, "the logs are in .run", REFUSED)
    return Answer({"is_whole": True})


def what_is_missing() -> list[str]:
    """Return what a checkout lacks that the demonstration runs on, by its title."""
    return [part.title for part in (*install.parts(), install.site()) if not part.is_current()]

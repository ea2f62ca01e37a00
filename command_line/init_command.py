"""The command `init`: asks, shows what it would write, writes it, and says what is next."""

import inspect
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from command_line.answers import DIFFERS, DONE, NOT_UNDERSTOOD, Answer, Failure, Session
from command_line.frame import command
from command_line.setup.files import Planned, known_answers, plan_files
from command_line.setup.next_steps import Step, next_steps
from command_line.setup.questions import QUESTIONS, NotUsable, Question, check_project
from command_line.setup.tools import Tool, look
from dev.layout import ROOT

FOLDER_HELP = "The checkout to write into (where you are, else that of this command)."
YES = {"y", "Y", "yes"}
DRY_HELP = "Show what would be written, and write nothing. Status 3: something would."


def take(app: typer.Typer) -> None:
    """Add what may be typed: an option for each question."""
    options = [
        inspect.Parameter(
            it.key,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[str | None, typer.Option(it.option, help=f"{it.text}.")],
            default=None,
        )
        for it in QUESTIONS
    ]
    own = list(inspect.signature(init).parameters.values())[:-1]
    init.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    command(app, "init", needs_target=False)(init)


def init(
    session: Session,
    folder: Annotated[Path | None, typer.Option(help=FOLDER_HELP)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=DRY_HELP)] = False,
    **given: str | None,
) -> Answer:
    """Set up an environment: asks, writes its configuration, checks tools, says what is next.

    With --yes nothing is asked: what is not given stays, or is as offered.
    """
    folder = folder or (Path() if _is_checkout(Path()) else ROOT)
    if not _is_checkout(folder):
        text = f"{folder} is no checkout of Creditbase: it has no firebase.json"
        raise Failure("NO_CHECKOUT", text, "cd to the checkout, or --folder", NOT_UNDERSTOOD)
    project = _project(session)
    answers = ask_all(session, project, given, known_answers(folder, project))
    planned = plan_files(folder, project, answers)
    changes = [it for it in planned if it.action != "same"]
    meant = [] if dry_run else _meant(session, changes)
    for it in meant:
        _write(folder, it)
    written = [it.path for it in meant]
    tools = look(ROOT, os.environ)
    steps = next_steps(project, answers)
    is_short = any(not it.is_good for it in tools) or (dry_run and changes)
    result = {
        "project": project,
        "answers": answers,
        "files": [{"path": it.path, "action": it.action, "diff": it.diff} for it in planned],
        "written": written,
        "tools": [asdict(it) for it in tools],
        "next": [asdict(it) for it in steps],
    }
    view = _view(planned, written, tools, steps)
    return Answer(result, view, DIFFERS if is_short else DONE)


def _is_checkout(folder: Path) -> bool:
    return (folder / "firebase.json").is_file()


def _project(session: Session) -> str:
    project = session.project
    if not project and session.is_attended:
        project = session.ask("Firebase project id", "none")
    try:
        check_project(project)
    except ValueError as fault:
        text = f"a Firebase project is needed: {fault}"
        raise Failure("PROJECT_MISSING", text, "--project ID", NOT_UNDERSTOOD) from fault
    return project


def ask_all(
    session: Session, project: str, given: Mapping[str, str | None], known: Mapping[str, str]
) -> dict[str, str]:
    """Return an answer to every question that matters: typed, said, as it stands, or offered.

    Raises:
        Failure: an answer cannot be used, or it is a secret.
    """
    answers = {"project": project}
    for it in QUESTIONS:
        if not it.is_asked(answers):
            continue
        typed = given[it.key]
        offered = known.get(it.key, "") or it.offered(answers)
        if typed is None and session.is_attended:
            answers[it.key] = _asked(session, it, offered)
            continue
        try:
            answers[it.key] = it.read(offered if typed is None else typed)
        except NotUsable as fault:
            fix = f"{it.option} …, or creditbase init --help"
            raise Failure("NOT_USABLE", str(fault), fix, NOT_UNDERSTOOD) from fault
    del answers["project"]
    return answers


def _asked(session: Session, question: Question, offered: str) -> str:
    while True:
        try:
            return question.read(session.ask(question.text, offered))
        except NotUsable as fault:
            session.say(f"  {fault}")


def _meant(session: Session, changes: list[Planned]) -> list[Planned]:
    """Return the files to write: new ones, and those whose change was shown and is meant.

    Raises:
        Failure: nobody is there to ask; then nothing is written at all.
    """
    meant = []
    for it in changes:
        if it.action == "changed":
            session.say(it.diff)
            if not (session.is_sure or session.is_attended):
                text = f"{it.path} is there and differs; nothing was written"
                raise Failure("NOT_MEANT", text, "add --yes if it is meant")
            if session.is_attended and session.ask(f"Change {it.path}?", "n") not in YES:
                continue
        meant.append(it)
    return meant


def _write(folder: Path, planned: Planned) -> None:
    """Write a file whole or not at all."""
    file = folder / planned.path
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = file.with_name(f"{file.name}.new")
    whole.write_text(planned.after, encoding="utf-8")
    whole.replace(file)


def _view(
    planned: list[Planned], written: list[str], tools: list[Tool], steps: list[Step]
) -> str:
    lines = ["Files"]
    for it in planned:
        left = "" if it.path in written or it.action == "same" else " (not written)"
        lines.append(f"  {it.action:<8} {it.path}{left}")
    lines += ["", "Tools", *map(str, tools), "", "Next"]
    for number, step in enumerate(steps, start=1):
        lines.append(f"  {number}. {step.title}")
        lines += [f"     {text}" for text in step.commands]
    return "\n".join(lines)

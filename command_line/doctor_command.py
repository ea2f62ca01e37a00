"""The command `doctor`: what is not as it should be, each with what to type."""

from dataclasses import asdict

import typer
from rich.text import Text

from command_line.answers import DIFFERS, DONE, Answer, Session
from command_line.doctor.facts import Facts, Finding
from command_line.doctor.gathering import gather
from command_line.doctor.judgement import judge
from command_line.frame import command

MARKS = {
    "error": ("error  ", "bold red"),
    "warning": ("warning", "yellow"),
    "unseen": ("unseen ", "cyan"),
}


def take(app: typer.Typer) -> None:
    """Add what may be typed."""

    @command(app, "doctor")
    def doctor(session: Session) -> Answer:
        """Name everything that is missing or wrong, each with the command that mends it."""
        assert session.target is not None
        facts = gather(session.target)
        return answer_of(facts, judge(facts))


def answer_of(facts: Facts, findings: tuple[Finding, ...]) -> Answer:
    """Return the report; its status tells a script whether there is an error."""
    counts = {kind: sum(it.severity == kind for it in findings) for kind in MARKS}
    result = {
        "errors": counts["error"],
        "warnings": counts["warning"],
        "unseen": counts["unseen"],
        "findings": [asdict(it) for it in findings],
    }
    head = f"{facts.project} ({'emulator' if facts.is_emulated else 'real'})"
    tail = ", ".join(
        f"{number} {word}{'' if number == 1 or word == 'unseen' else 's'}"
        for word, number in counts.items()
    )
    title = Text(f"creditbase doctor: {head}\n")
    view = Text("\n").join([title, *map(_view, findings), Text(tail)])
    return Answer(result, view, DIFFERS if counts["error"] else DONE)


def _view(finding: Finding) -> Text:
    mark, style = MARKS[finding.severity]
    text = Text(mark, style=style)
    text.append(f"  {finding.message}\n", style="default")
    text.append(f"         {finding.fix}\n", style="dim")
    return text

"""The words of notices: a subject, a text, and the same as a page. Templates in `templates/`.

A template's first line is the subject, its second the label of the link, the rest paragraphs.
"""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from creditbase.kernel.records import dataclass
from creditbase.subscriptions.domain.notices import Notice

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice in words."""

    subject: str
    text: str
    html: str


def write_letter(notice: Notice, *, app_name: str, billing_url: str) -> Letter:
    """Return the words of a notice. Without an address there is no link."""
    written = (
        _templates()
        .get_template(f"{notice.kind}.txt")
        .render(**notice.facts, app_name=app_name)
    )
    subject, button, rest = (part.strip() for part in written.split("\n", 2))
    paragraphs = [" ".join(part.split()) for part in rest.split("\n\n") if part.strip()]
    html = (
        _templates()
        .get_template("layout.html")
        .render(
            subject=subject,
            paragraphs=paragraphs,
            button=button,
            billing_url=billing_url,
            app_name=app_name,
        )
    )
    link = [f"{button}: {billing_url}"] if billing_url else []
    return Letter(subject, "\n\n".join([*paragraphs, *link, app_name]) + "\n", html)


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

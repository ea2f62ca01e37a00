"""docs/command-line.md is typed from top to bottom: each example prints what stands there."""

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from command_line.app import app
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.ledger.use_cases import lanes
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.use_cases import first_touch
from dev import blocks, demo, install
from dev.layout import ROOT
from tests.command_line.test_commands import names_of
from tests.command_line.test_init import checkout, programs
from tests.command_line.typed import typed

__all__ = ["checkout", "programs"]

Capsys = pytest.CaptureFixture[str]
PAGE = "docs/command-line.md"
FILES = {"version": "rates.json", "segments": "population.json"}
"""What the JSON of the page is called, by its first field."""
KEY = re.compile(r"key_[0-9a-f]{24}")
REFUSED = ("refused: ", '"ok": false')
BESIDE = {"creditbase demo"}
"""What has no example whose output is compared: it takes minutes."""


@dataclass(frozen=True)
class Example:
    """A command as the page has it, and what it prints."""

    place: str
    text: str
    printed: str


def examples() -> Iterator[Example]:
    """Yield the examples of the page, in their order."""
    for block in blocks.blocks_of(PAGE, (ROOT / PAGE).read_text()):
        if block.kind == "played":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, printed = part.partition("\n")
                yield Example(block.place, command, printed)


def narrow(text: str) -> str:
    """Return a text without what only puts columns below each other."""
    return "\n".join(re.sub(r" +", " ", line).rstrip() for line in text.splitlines())


@pytest.fixture
def desk(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder where everything is typed: a checkout with the files of the page."""
    for block in blocks.blocks_of(PAGE, (ROOT / PAGE).read_text()):
        if block.kind == "json":
            (checkout / FILES[next(iter(json.loads(block.text)))]).write_text(block.text)
    monkeypatch.chdir(checkout)
    return checkout


@pytest.mark.firestore
@pytest.mark.usefixtures("firestore_host", "project", "shop", "desk")
def test_what_is_typed_prints_what_the_page_shows(
    capsys: Capsys,
) -> None:
    """In one project, in one sitting; a failure shows itself, or its status is asked for."""
    for name in ("hub", "acme"):
        ensure_project(name, now=real_now())
    shared_cache().forget()
    push_catalog(HUB_PROJECT_ID, read_catalog(ROOT / "catalog.json"))
    lanes.cache_clear()
    first_touch("u_alice", now=real_now())
    status, last, key_id = 0, 0, ""

    for example in examples():
        if example.text == "echo $?":
            assert example.printed.strip() == str(status or last), example.place
            status = last = 0
            continue
        assert status == 0, f"{example.place}: {status} before {example.text}"
        words = shlex.split(example.text.replace("$KEY_ID", key_id))
        found = typed(capsys, *words[1:])

        seen = found.said + found.out
        assert blocks.fits(narrow(example.printed), narrow(seen)), f"{example.place}: {seen}"
        assert "Traceback" not in seen
        status, key_id = found.status, (KEY.findall(seen) or [key_id])[-1]
        if any(word in example.printed for word in REFUSED):
            assert status in {1, 2}, f"{example.place}: {status}"
            last, status = status, 0
    assert status == 0


def test_every_command_has_an_example() -> None:
    """One that is only described is not tried."""
    shown = [shlex.split(it.text) for it in examples()]

    for name in names_of(typer.main.get_command(app), "creditbase"):
        words = name.split()
        assert name in BESIDE or any(it[: len(words)] == words for it in shown), name


def test_the_demonstration_is_made_s_own(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its status is the story's; with --json the story is told beside the answer."""
    asked: list[str] = []

    def story() -> int:
        sys.stdout.write("1. A customer signs up\n")
        asked.append(os.environ["DEMO_EXIT"])
        return len(asked) - 1

    monkeypatch.setenv("DEMO_EXIT", "")
    monkeypatch.setattr(demo, "main", story)
    monkeypatch.setattr(install.Part, "is_current", lambda _: True)

    told, failed = typed(capsys, "demo", "--json"), typed(capsys, "demo", "--exit")

    assert (told.status, told.result, asked[0]) == (0, {"is_whole": True}, "1")
    assert "A customer signs up" in told.said
    assert failed.status == 1
    assert "Traceback" not in failed.said


def test_the_demonstration_says_what_it_needs(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is installed, and where a real project is named."""
    monkeypatch.setattr(install.Part, "is_current", lambda _: False)

    found = typed(capsys, "demo", "--json")
    real = typed(capsys, "demo", "--project", "acme-prod", "--json")

    assert found.answer["error"]["code"] == "NOT_INSTALLED"
    assert "web app" in found.answer["error"]["message"]
    assert "install" in found.answer["error"]["fix"]
    assert real.answer["error"]["code"] == "NO_REAL_PROJECT"

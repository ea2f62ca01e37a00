"""The installer: nothing twice, nothing half, and a missing tool is named."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dev import install
from dev.install import Missing, Part

MakePart = Callable[..., Part]


@pytest.fixture
def make_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePart:
    """Return a maker of small parts in a folder of their own."""
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "LOGS", tmp_path / "logs")
    (tmp_path / "logs").mkdir()
    (tmp_path / "needs.txt").write_text("a==1\n")

    def make(code: str = "open('target/tool', 'w').close()", tool: str = "tool") -> Part:
        return Part(
            title="tools",
            target=tmp_path / "target",
            sources=("needs.txt",),
            must_have=(tool,),
            commands=lambda _: [[sys.executable, "-c", code]],
        )

    return make


class TestIsCurrent:
    """Whether there is anything to install."""

    def test_a_second_run_has_nothing_to_do(self, make_part: MakePart) -> None:
        """The second `make demo` starts at once."""
        assert not make_part().is_current()

        install.install([make_part()])

        assert make_part().is_current()

    def test_a_changed_requirement_installs_again(
        self, make_part: MakePart, tmp_path: Path
    ) -> None:
        """Whoever pulls a new pin gets it by the next command."""
        install.install([make_part()])

        (tmp_path / "needs.txt").write_text("a==2\n")

        assert not make_part().is_current()
        assert not make_part().must_start_fresh()

    def test_a_changed_file_below_a_folder_installs_again(
        self, make_part: MakePart, tmp_path: Path
    ) -> None:
        """The web app is built from folders; what the build itself writes there counts not."""
        (tmp_path / "src" / "app").mkdir(parents=True)
        (tmp_path / "src" / "app" / "main.tsx").write_text("one")
        part = replace(make_part(), sources=("src",))
        install.install([part])

        (tmp_path / "src" / "app" / "schema.gen.ts").write_text("made")
        assert part.is_current()

        (tmp_path / "src" / "app" / "main.tsx").write_text("two")
        assert not part.is_current()

        install.install([part])
        (tmp_path / "src" / "page.tsx").write_text("new")
        assert not part.is_current()

    def test_a_missing_program_installs_again(
        self, make_part: MakePart, tmp_path: Path
    ) -> None:
        """A stamp is not believed where what it stands for is gone."""
        install.install([make_part()])

        (tmp_path / "target" / "tool").unlink()

        assert not make_part().is_current()

    def test_a_moved_folder_is_made_again(self, make_part: MakePart, tmp_path: Path) -> None:
        """The programs of an environment carry its path in their first line."""
        install.install([make_part()])
        stamp = tmp_path / "target" / install.STAMP
        stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "path": "/elsewhere"}))

        assert make_part().must_start_fresh()


class TestInstall:
    """Installing, and failing to."""

    def test_a_half_install_is_made_again(self, make_part: MakePart, tmp_path: Path) -> None:
        """The machine was switched off while it installed; the next run repairs it."""
        part = make_part("open('target/tool', 'w').close(); raise SystemExit('no space left')")
        with pytest.raises(RuntimeError, match=r"status 1(.|\n)*no space left"):
            install.install([part])
        (tmp_path / "target" / "half").touch()

        assert make_part().must_start_fresh()
        install.install([make_part()])

        assert make_part().is_current()
        assert not (tmp_path / "target" / "half").exists()

    def test_a_success_without_the_programs_is_a_failure(self, make_part: MakePart) -> None:
        """An installer's status 0 is not enough."""
        with pytest.raises(RuntimeError, match="installed, but without other"):
            install.install([make_part(tool="other")])

    def test_a_failure_ends_what_installs_beside_it(
        self, make_part: MakePart, tmp_path: Path
    ) -> None:
        """No npm goes on in the background when pip has failed."""
        slow = make_part("import time; time.sleep(600)")
        slow.target = tmp_path / "slow"
        failing = make_part("raise SystemExit(3)")

        with pytest.raises(RuntimeError, match="status 3"):
            install.install([slow, failing])

        assert slow.process is not None
        assert slow.process.poll() is not None


class TestCheckMachine:
    """What only the owner of the machine can install."""

    def test_a_missing_node_is_named_with_the_fix(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A newcomer is told what to install, not shown a traceback."""
        monkeypatch.setenv("PATH", "/nowhere")

        with pytest.raises(Missing, match=r"Node 20 or newer(.|\n)*node was not found"):
            install.check_machine()

    def test_an_old_node_is_named_with_its_version(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The Firebase tools fail on an old Node with a riddle; we say it plainly."""
        for name in ("node", "npm"):
            (tmp_path / name).write_text("#!/bin/sh\necho v16.20.0\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

        with pytest.raises(Missing, match=r"Node 20 or newer is needed(.|\n)*v16\.20\.0"):
            install.check_machine()

    def test_another_python_is_named_with_the_fix(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The functions' runtime is Python 3.11, so the tests' is too."""
        monkeypatch.setattr(sys, "version_info", (3, 13, 1))

        with pytest.raises(Missing, match=r"Python 3\.11 is needed(.|\n)*3\.13\.1"):
            install.check_machine()

"""Programs in the background end for sure, and nothing else ends with them."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dev import background
from dev.background import MARK, Failed, Program

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf', flush=True)
time.sleep(600)
""",
]
DETACHING = [
    sys.executable,
    "-c",
    """
import subprocess, sys, time
sleep = [sys.executable, '-c', 'import time; time.sleep(600)']
subprocess.Popen(sleep, start_new_session=True)
print('detached', flush=True)
time.sleep(600)
""",
]


@pytest.fixture
def mark() -> Iterator[str]:
    """Return a mark of this test alone, and leave nothing that carries it."""
    made = background.fresh_mark()
    yield made
    background.end(made, politely={}, within_s=0.2)


def started(folder: Path, mark: str, command: list[str], words: bytes = b"") -> Program:
    """Start a command with the mark, and wait until it has said its words."""
    env = {**os.environ, MARK: mark}
    program = background.start("it", command, log=folder / "it.log", cwd=folder, env=env)
    background.wait_until(
        lambda: words in program.log.read_bytes(), program=program, within_s=30, what="it"
    )
    return program


class TestEnd:
    """Ending everything with one mark."""

    def test_ends_the_program_and_what_left_its_group(self, tmp_path: Path, mark: str) -> None:
        """The Firestore emulator's Java leaves the group; it must not stay behind."""
        started(tmp_path, mark, DETACHING, b"detached")
        assert len(background.marked(mark)) == 2

        killed = background.end(mark, politely={})

        assert killed == 0
        assert background.marked(mark) == []

    def test_ends_nobody_else(self, tmp_path: Path, mark: str) -> None:
        """Another stack on the same machine goes on."""
        other = background.fresh_mark()
        program = started(tmp_path, other, SLEEP)
        started(tmp_path, mark, SLEEP)

        background.end(mark, politely={})

        assert program.process.poll() is None
        background.end(other, politely={})

    def test_kills_what_does_not_listen(self, tmp_path: Path, mark: str) -> None:
        """`make down` comes back, whatever a program thinks of it."""
        started(tmp_path, mark, DEAF, b"deaf")

        killed = background.end(mark, politely={}, within_s=1)

        assert killed == 1
        assert background.marked(mark) == []

    def test_speaks_to_a_group_in_its_own_words(self, tmp_path: Path, mark: str) -> None:
        """The Firebase tools end in order on SIGINT only."""
        listening = "import time\ntry: time.sleep(600)\nexcept KeyboardInterrupt: print('bye')"
        command = [sys.executable, "-u", "-c", "print('here')\n" + listening]
        program = started(tmp_path, mark, command, b"here")

        background.end(mark, politely={program.process.pid: signal.SIGINT})

        assert "bye" in program.log.read_text()


def test_a_program_bound_to_us_ends_when_we_are_killed(tmp_path: Path, mark: str) -> None:
    """No process stays behind, even if the command that started it was killed."""
    starter = (
        "import os, sys, time; from pathlib import Path; from dev import background; "
        "background.start('it', [sys.executable, '-c', 'import time; time.sleep(600)'], "
        "log=Path(sys.argv[1]), cwd=Path('/'), env=os.environ, ends_with_us=15); "
        "print('started', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", starter, str(tmp_path / "it.log")]
    root = Path(__file__).parents[2]
    env = {**os.environ, MARK: mark, "PYTHONPATH": str(root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env, cwd=root) as parent:
        assert parent.stdout is not None
        try:
            is_ready, _, _ = select.select([parent.stdout], [], [], 60)
            assert is_ready, "it says nothing"
            parent.stdout.readline()
            children = psutil.Process(parent.pid).children()
            assert len(children) == 1
        finally:
            parent.kill()

    gone, alive = psutil.wait_procs(children, timeout=20)
    assert (len(gone), alive) == (1, [])


class TestStart:
    """Starting a program and waiting for it."""

    def test_a_failed_start_shows_the_last_words(self, tmp_path: Path, mark: str) -> None:
        """Whoever types `make up` sees the reason, not only that there is one."""
        command = [sys.executable, "-c", "import sys; sys.exit('the disk is full')"]
        env = {**os.environ, MARK: mark}
        program = background.start("disk", command, log=tmp_path / "l", cwd=tmp_path, env=env)

        with pytest.raises(Failed, match=r"disk ended with status 1(.|\n)*the disk is full"):
            background.wait_until(lambda: False, program=program, within_s=30, what="disk")

    def test_waiting_has_an_end(self, tmp_path: Path, mark: str) -> None:
        """A server that hangs is reported, with its log."""
        program = started(tmp_path, mark, SLEEP)

        with pytest.raises(Failed, match="it is not ready after 0 s"):
            background.wait_until(lambda: False, program=program, within_s=0, what="it")


def test_an_interrupted_run_in_view_ends_in_order(tmp_path: Path, mark: str) -> None:
    """Ctrl-C during `make test` lets pytest sum up, and then nothing is left of it."""
    program = (
        "import time\ntry: print('begun', flush=True); time.sleep(600)\n"
        "except KeyboardInterrupt: print('summed up', flush=True)"
    )
    runner = (
        "import os, sys; from pathlib import Path; from dev import background; "
        "background.signals_end_the_program(); "
        "background.run_in_view([sys.executable, '-c', sys.argv[1]], "
        "cwd=Path('/'), env=os.environ)"
    )
    root = Path(__file__).parents[2]
    env = {**os.environ, MARK: mark, "PYTHONPATH": str(root)}
    log = tmp_path / "said"
    with log.open("wb") as said:
        parent = subprocess.Popen(
            [sys.executable, "-c", runner, program], stdout=said, stderr=said, env=env, cwd=root
        )
    until = time.monotonic() + 30
    while b"begun" not in log.read_bytes() and time.monotonic() < until:
        time.sleep(0.05)
    assert len(background.marked(mark)) == 2

    parent.send_signal(signal.SIGINT)

    assert parent.wait(timeout=30) != 0
    assert b"summed up" in log.read_bytes()
    assert background.marked(mark) == []

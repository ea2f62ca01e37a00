"""Programs in the background: each in a process group of its own, with a log, surely ended.

Every program carries a mark in its environment, `CREDITBASE_RUN`, that its children inherit.
What leaves its process group (the Firestore emulator's Java does) is found by that mark.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "CREDITBASE_RUN"
STOP_WITHIN_S = 8
"""Nothing here has anything to save; a worker with open gRPC channels may never leave."""
BOUND = Path(__file__).resolve().with_name("bound.py")


_ours: list[subprocess.Popen[bytes]] = []


class Failed(Exception):
    """A program did not start, or ended too early; the text says which, with its last words."""


@dataclass(frozen=True)
class Program:
    """A program that was started: its name, its process and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def require_alive(self) -> None:
        """Raise with the last lines of the log if it has ended.

        Raises: Failed.
        """
        status = self.process.poll()
        if status is not None:
            raise Failed(f"{self.name} ended with status {status}.\n{tail(self.log)}")


def tail(log: Path, lines: int = 25) -> str:
    """Return the last lines of a log, indented, under its name."""
    try:
        text = log.read_text(errors="replace").strip()
    except FileNotFoundError:
        text = ""
    last = text.splitlines()[-lines:] or ["(nothing was written)"]
    return f"The last lines of {log}:\n" + "\n".join(f"  {line}" for line in last)


def fresh_mark() -> str:
    """Return a mark that no other run carries."""
    return secrets.token_hex(8)


def start(
    name: str,
    command: list[str],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str],
    ends_with_us: int = 0,
) -> Program:
    """Start a program in a process group of its own; its words go to `log`.

    `ends_with_us` is a signal that the program gets (on Linux) when we end in whatever way,
    SIGKILL included; 0 lets it outlive us. Call from the main thread only: the kernel ties
    that signal to the thread.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as words:
        process = subprocess.Popen(
            _bound(command, ends_with_us),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _ours.append(process)
    return Program(name, process, log)


def run_in_view(
    command: list[str], *, cwd: Path, env: Mapping[str, str], patience_s: float = 15
) -> int:
    """Run a program whose words a person reads as they come; return its exit status.

    If we are interrupted, it is interrupted too, and gets `patience_s` to end in order.
    """
    with in_view(command, cwd=cwd, env=env, patience_s=patience_s) as process:
        return process.wait()


@contextlib.contextmanager
def in_view(
    command: list[str], *, cwd: Path, env: Mapping[str, str], patience_s: float = 15
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program whose words a person reads as they come, while we do something else.

    If the block is left by an exception, it is interrupted, and gets `patience_s` as above.
    """
    process = subprocess.Popen(
        _bound(command, signal.SIGTERM),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    except BaseException:
        with undisturbed(), contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=patience_s)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _bound(command: list[str], number: int) -> list[str]:
    """Return a command that gets a signal when we end, by way of `dev/bound.py`.

    Not by `preexec_fn`: that forks, and a fork of a process with open gRPC channels may abort
    before it becomes the program.
    """
    if not number or sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", str(BOUND), str(number), str(os.getpid()), *command]


def wait_until(
    is_ready: Callable[[], bool], *, program: Program, within_s: float, what: str
) -> None:
    """Wait until something is ready, as long as its program lives.

    Raises: Failed.
    """
    until = time.monotonic() + within_s
    while not is_ready():
        program.require_alive()
        if time.monotonic() > until:
            raise Failed(f"{what} is not ready after {within_s:.0f} s.\n{tail(program.log)}")
        time.sleep(0.1)


def marked(mark: str) -> list[psutil.Process]:
    """Return every living process that carries this mark, but for ourselves."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if (
                process.pid != os.getpid()
                and process.environ().get(MARK) == mark
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
    return found


def end(mark: str, *, politely: Mapping[int, int], within_s: float = STOP_WITHIN_S) -> int:
    """End every process with this mark; return how many had to be killed.

    `politely` maps process groups to the signal that they understand best; the rest gets
    SIGTERM. What is left after `within_s` is killed.
    """
    alive = marked(mark)
    groups = {group for process in alive if (group := _group(process)) is not None}
    for group in groups & set(politely):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, politely[group])
    # A polite group ends its own children in order; the others are told at once.
    for process in alive:
        if _group(process) not in politely and not _has_ancestor(process, set(politely)):
            _signal(process, signal.SIGTERM)
    until = time.monotonic() + within_s
    while (left := marked(mark)) and time.monotonic() < until:
        if until - time.monotonic() < within_s * 0.5:
            for process in left:
                _signal(process, signal.SIGTERM)
        _reap()
        time.sleep(0.1)
    for process in left:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=5)
    _reap()
    return len(left)


def _group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def _has_ancestor(process: psutil.Process, pids: set[int]) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(parent.pid in pids for parent in process.parents())
    return False


def _signal(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.Error):
        process.send_signal(number)


def _reap() -> None:
    """Take leave of the programs that we started and that have ended."""
    _ours[:] = [process for process in _ours if process.poll() is None]


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Finish cleaning up although Ctrl-C is pressed again."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def signals_end_the_program() -> None:
    """Let SIGTERM and a closed terminal unwind like Ctrl-C, so that cleaning up happens.

    A shell starts what it puts in the background deaf to Ctrl-C, and so all its children;
    we take the signal back.
    """

    def stop(number: int, _: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    signal.signal(signal.SIGINT, signal.default_int_handler)

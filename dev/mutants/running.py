"""A plug-in of pytest's: every mutant of some modules, against the tests that go through it.

The tests are collected once and run once, to see which of them enter which function and how
long they take. Then each mutant lives in a fork of this process: it has the bug in the
function's code, runs the tests that enter it, the fastest first, and ends with the first
that fails. Starting nothing, it costs some hundredths of a second.
"""

import functools
import gc
import json
import os
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from dev.mutants.operators import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[2]
MODULES_VARIABLE = "CREDITBASE_MUTANTS"
FILE_VARIABLE = "CREDITBASE_MUTANTS_FILE"
PACE_VARIABLE = "CREDITBASE_MUTANTS_OF"
COMPUTES_AT_MOST_S = 90
LIVES_AT_MOST_S = 400
SURVIVED = 0
KILLED = 1
CACHED = type(functools.cache(lambda: None))

Place = tuple[str, str]
"""A function: its file and its qualified name."""


class Watch:
    """Which functions of the modules the running test enters."""

    def __init__(self, paths: frozenset[str]) -> None:
        self._paths = paths
        self.entered: set[Place] = set()

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Take note of a call; called by the interpreter."""
        code = frame.f_code
        if event == "call" and code.co_filename in self._paths:
            self.entered.add((code.co_filename, code.co_qualname.partition(".<locals>")[0]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run the tests once, then the mutants; write down who survived."""
    if session.testsfailed:
        raise session.Interrupted("a test cannot be collected")
    settings.register_profile(
        "mutants", settings.get_profile("house"), phases=(Phase.explicit, Phase.generate)
    )
    settings.load_profile("mutants")
    names = json.loads(os.environ[MODULES_VARIABLE])
    paths = frozenset(str(ROOT / name) for name in names)
    tests = _measure([it for it in session.items if _is_pure(it)], paths)
    file = Path(os.environ[FILE_VARIABLE])
    _living()
    gc.freeze()  # so that a fork copies less
    gc.disable()
    for name in names:
        for number, mutant in enumerate(mutants_of(name, (ROOT / name).read_text())):
            if number % int(os.environ.get(PACE_VARIABLE, "1")):
                continue
            chosen = tests.get((str(ROOT / name), mutant.function), [])
            line = {"name": mutant.name, "line": mutant.line, "tests": len(chosen)}
            line["outcome"] = _outcome(mutant, chosen)
            with file.open("a") as found:
                found.write(json.dumps(line) + "\n")
    return True


def _is_pure(item: pytest.Item) -> bool:
    """Return whether a test may run in a fork: it talks to no emulator and to no server."""
    return "firestore_host" not in getattr(item, "fixturenames", ())


def _measure(items: list[pytest.Item], paths: frozenset[str]) -> dict[Place, list[pytest.Item]]:
    """Return the tests that enter each function, the fastest first."""
    found: defaultdict[Place, list[tuple[float, int, pytest.Item]]] = defaultdict(list)
    for number, item in enumerate(items):
        watch = Watch(paths)
        started_at = time.perf_counter()
        sys.setprofile(watch)
        try:
            is_good = _passes(item)
        finally:
            sys.setprofile(None)
        if not is_good:
            raise pytest.Session.Interrupted(f"{item.nodeid} fails without any mutant")
        took_s = time.perf_counter() - started_at
        for place in watch.entered:
            found[place].append((took_s, number, item))
    return {place: [it[-1] for it in sorted(rows)] for place, rows in found.items()}


def _passes(item: pytest.Item) -> bool:
    again: Any = item  # the only way to run an item again is no part of its published type
    again._initrequest()  # noqa: SLF001 - as above
    reports = runtestprotocol(item, log=False, nextitem=None)
    return not any(report.failed for report in reports)


def _outcome(mutant: Mutant, tests: list[pytest.Item]) -> str:
    """Return what became of a mutant."""
    if not tests:
        return "no test"
    child = os.fork()
    if child == 0:
        _live(mutant, tests)
    until = time.monotonic() + LIVES_AT_MOST_S
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)
    if os.WIFSIGNALED(status):
        return "timeout"
    return {SURVIVED: "survived", KILLED: "killed"}.get(os.WEXITSTATUS(status), "broken")


def _live(mutant: Mutant, tests: list[pytest.Item]) -> None:
    """Be the mutant, in a process of its own, until a test fails; does not return."""
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        # Computing for ever is a failure, too; waiting for others is none.
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, COMPUTES_AT_MOST_S)
        if not put(mutant):
            os._exit(3)
        for test in tests:
            if not _passes(test):
                os._exit(KILLED)
        os._exit(SURVIVED)
    except BaseException:  # noqa: BLE001 - a mutant that makes pytest itself fail is seen
        os._exit(KILLED)


def put(mutant: Mutant) -> bool:
    """Give every living function of that name the mutant's code; return whether one has it."""
    path = str(ROOT / mutant.path)
    codes = _codes(compile(mutant.code, path, "exec"))
    functions, cached = _living()
    found = functions.get((path, mutant.function, mutant.first_line), [])
    for one in found:
        one.__code__ = codes[mutant.function, mutant.first_line]
    for one in cached:
        one.cache_clear()
    return bool(found)


@functools.cache
def _living() -> tuple[dict[tuple[str, str, int], list[FunctionType]], list[Any]]:
    """Return the functions of this process by place, and what of ours remembers answers."""
    functions: dict[tuple[str, str, int], list[FunctionType]] = {}
    cached: list[Any] = []
    for one in gc.get_objects():
        if isinstance(one, FunctionType):
            code = one.__code__
            place = (code.co_filename, code.co_qualname, code.co_firstlineno)
            functions.setdefault(place, []).append(one)
        elif isinstance(one, CACHED) and str(one.__module__).startswith("creditbase"):
            cached.append(one)
    return functions, cached


def _codes(code: CodeType) -> dict[tuple[str, int], CodeType]:
    """Return every code inside a module's, by its qualified name and its first line."""
    found = {(code.co_qualname, code.co_firstlineno): code}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _codes(constant)
    return found

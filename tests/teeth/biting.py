"""A plug-in of pytest's: each bug's killer runs green, and then with the bug in the product.

All in one process, because starting one costs more than most killers take. `test_teeth.py`
calls it: `pytest -p tests.teeth.biting KILLER...`, with the names of the rows in
`BUGS_VARIABLE`. What each row came to is written to `FILE_VARIABLE` as JSON.
"""

import importlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from _pytest.nodes import Node
from _pytest.runner import runtestprotocol

from creditbase.runtime import protobuf
from tests.seeded import seeded_bug
from tests.teeth.clients import CLIENTS
from tests.teeth.core import CORE
from tests.teeth.incidents import INCIDENTS
from tests.teeth.preconditions import PRECONDITIONS
from tests.teeth.rows import Bug

BUGS_VARIABLE = "CREDITBASE_TEETH"
FILE_VARIABLE = "CREDITBASE_TEETH_FILE"
KILLED = "killed"

BUGS = {**PRECONDITIONS, **INCIDENTS, **CORE, **CLIENTS}

_failures: list[pytest.ExceptionInfo[BaseException]] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember why the running test fails, which its report tells in words only."""
    if call.excinfo is not None:
        _failures.append(call.excinfo)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Run each row's killer without the bug and with it; write what came of it."""
    if session.testsfailed:
        raise session.Interrupted("a killer cannot be collected")
    bugs = {name: BUGS[name] for name in json.loads(os.environ[BUGS_VARIABLE])}
    # One killer after the other, so that what they share is made once.
    order = {killer: place for place, killer in enumerate(map(killer_of, session.items))}
    told = {name: f"no test {it.killer}" for name, it in bugs.items() if it.killer not in order}
    rows: list[tuple[str, pytest.Item]] = [
        (name, item)
        for name in sorted(bugs.keys() - told.keys(), key=lambda it: order[bugs[it].killer])
        for item in session.items
        if killer_of(item) == bugs[name].killer
    ]
    ends: list[Node] = [*(item for _, item in rows[1:]), session]
    for (name, item), after in zip(rows, ends, strict=bool(rows)):
        if told.get(name) != KILLED:
            told[name] = bite(bugs[name], item, after=after)
        else:
            session._setupstate.teardown_exact(after.parent or after)  # type: ignore[arg-type]
    Path(os.environ[FILE_VARIABLE]).write_text(json.dumps(told))
    return True


def killer_of(item: pytest.Item) -> str:
    """Return how rows name a test: all its cases by one name, or one case by its own."""
    whole = item.nodeid.partition("[")[0]
    return item.nodeid if "test_second_writer" in whole else whole


def bite(bug: Bug, item: pytest.Item, *, after: Node) -> str:
    """Return `KILLED` if the test is green, and fails by an assertion while the bug is there.

    `after` is what is run next: what it needs, too, stays set up.
    """
    before = fail(item, after=item)
    if before:
        fail(item, after=after)
        return f"fails without the bug: {before[0].exconly()}"
    with blind_writes(), seeded_bug(function_of(bug.where), bug.good, bug.bad):
        found = fail(item, after=after)
    if not found:
        return "survives"
    if not isinstance(found[0].value, AssertionError | pytest.fail.Exception):
        return f"fails by no assertion: {found[0].exconly()}"
    return KILLED


@contextmanager
def blind_writes() -> Iterator[None]:
    """Let a write that is given no version have no condition, as the store allows."""
    write_version = protobuf.write_version

    def unless_none(into: Any, version: Any) -> None:
        if version is not None:
            write_version(into, version)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protobuf, "write_version", unless_none)
        yield


def fail(item: pytest.Item, *, after: Node) -> list[pytest.ExceptionInfo[BaseException]]:
    """Run a test, again if need be, and return why it failed: nothing if it did not."""
    _failures.clear()
    item._initrequest()  # type: ignore[attr-defined]  # the only way to run an item again
    # Of what is next only the chain of its parents is asked; an item's own must be undone.
    keeps = after.parent if isinstance(after, pytest.Item) else after
    runtestprotocol(item, log=False, nextitem=keeps)  # type: ignore[arg-type]
    return list(_failures)


def function_of(where: str) -> Callable[..., Any]:
    """Return the function at `module:name` or `module:Class.name`; of a property its getter."""
    module, _, name = where.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = vars(found)[part] if isinstance(found, type) else getattr(found, part)
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    if isinstance(found, property):
        found = found.fget
    found = getattr(found, "__wrapped__", found)
    function: Callable[..., Any] = found
    return function

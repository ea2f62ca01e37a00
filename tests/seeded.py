"""Seeded bugs: one line of the product is another for a while, so that a test shows its teeth.

The function stays the same object and gets other code, so that whoever has it calls the bug.
"""

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def seeded_bug(function: Callable[..., Any], good: str, bad: str) -> Iterator[None]:
    """Let a function have a bug: the text `good`, which is in it once, is `bad`."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(good) == 1, f"{good!r} is {source.count(good)} times in {function}"
    scope: dict[str, Any] = {}
    place = inspect.getsourcefile(function) or "seeded"
    names = vars(inspect.getmodule(function)) | {"__name__": "seeded"}
    exec(compile(source.replace(good, bad), place, "exec"), names, scope)  # noqa: S102 - our own
    plain = function.__code__
    made = scope[function.__name__]
    body: Any = made.fget if isinstance(made, property) else made
    function.__code__ = body.__code__
    try:
        yield
    finally:
        function.__code__ = plain

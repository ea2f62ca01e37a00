"""Streams: answers that are written while they come to be, and what happens at their end.

The server asks for piece after piece, and calls `close` when the last is out or the caller
is gone (PEP 3333). That is the one moment that comes in every case but a process's death.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Protocol

from creditbase.runtime import log


class Stream(Protocol):
    """An answer that is written while it comes to be.

    `close` is called exactly when nothing more will be asked for: after the last piece, or
    when the caller is gone. Whatever has to be settled is settled in it at the latest.
    """

    @property
    def content_type(self) -> str:
        """Return the type of what is written."""

    @property
    def code(self) -> str:
        """Return what went wrong on the way, for the log; empty where nothing did."""

    def __iter__(self) -> Iterator[bytes]:
        """Return itself."""

    def __next__(self) -> bytes:
        """Return the next piece."""

    def close(self) -> None:
        """End it, once; repeating is harmless."""


class Written:
    """A stream on its way out: its log lines have the request's fields, its end is logged.

    No generator: one that was never asked for a piece would not run its end.
    """

    def __init__(
        self, stream: Stream, fields: Mapping[str, str], at_end: Callable[[str], None]
    ) -> None:
        self._stream = stream
        self._fields = fields
        self._ends = ExitStack()
        self._ends.callback(lambda: at_end(stream.code))
        self._ends.callback(stream.close)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with log.fields(**self._fields):
            return next(self._stream)

    def close(self) -> None:
        """Settle what has to be, and say that the request is over."""
        with log.fields(**self._fields), self._ends.pop_all():
            pass

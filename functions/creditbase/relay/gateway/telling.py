"""Telling a caller: an answer as one object, or written line by line while it comes.

A writer knows a dialect. Headers go out within a few seconds, because callers repeat a
request that has none: an object that takes longer begins with spaces, which JSON allows.
"""

import json
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import field
from typing import Protocol

from creditbase.kernel.records import dataclass
from creditbase.relay.gateway.asks import Json
from creditbase.relay.gateway.bounding import Quantities
from creditbase.relay.gateway.pieces import (
    Finish,
    FinishReason,
    Piece,
    Refused,
    Report,
    Text,
    Thought,
    ToolCall,
)
from creditbase.relay.gateway.pump import Mark
from creditbase.relay.gateway.run import Run
from creditbase.relay.gateway.upstream_http import UpstreamFailed
from creditbase.runtime.doors import Refusal, refuse_flat
from creditbase.runtime.http import Reply

HEADERS_WITHIN_S = 2.5
"""How long the first word, or a whole object, is waited for before headers are sent."""
SIGN_OF_LIFE_EVERY_S = 5.0


@dataclass(slots=True)
class Parts:
    """A text that comes in parts: put together once, since each `+=` would copy all of it."""

    parts: list[str] = field(default_factory=list)

    def add(self, part: str) -> None:
        """Take a part in."""
        self.parts.append(part)

    def __str__(self) -> str:
        return "".join(self.parts)


@dataclass(slots=True)
class AssembledCall:
    """A call of the caller's own function, put together from its parts."""

    call_id: str = ""
    name: str = ""
    arguments: Parts = field(default_factory=Parts)


@dataclass(slots=True)
class Assembly:
    """An answer put together from its pieces."""

    finish: FinishReason = "stop"
    calls: dict[int, AssembledCall] = field(default_factory=dict)
    _text: Parts = field(default_factory=Parts)
    _thoughts: Parts = field(default_factory=Parts)
    _refusal: Parts = field(default_factory=Parts)

    @property
    def text(self) -> str:
        """Return what the model said."""
        return str(self._text)

    @property
    def thoughts(self) -> str:
        """Return what it thought on the way."""
        return str(self._thoughts)

    @property
    def refusal(self) -> str:
        """Return how it declined; empty where it did not."""
        return str(self._refusal)

    def add(self, piece: Piece) -> None:
        """Take a piece in."""
        match piece:
            case Text():
                self._text.add(piece.text)
            case Thought():
                self._thoughts.add(piece.text)
            case Refused():
                self._refusal.add(piece.text)
            case Finish():
                self.finish = piece.reason
            case ToolCall():
                call = self.calls.setdefault(piece.index, AssembledCall())
                call.call_id = call.call_id or piece.call_id
                call.name = call.name or piece.name
                call.arguments.add(piece.arguments)
            case _:  # usage is the meter's
                return

    def tool_calls(self) -> list[Json]:
        """Return the calls of the caller's functions, in the model's order."""
        return [self._tool_call(index) for index in sorted(self.calls)]

    def _tool_call(self, index: int) -> Json:
        call = self.calls[index]
        whole = ToolCall(index, call.call_id, call.name, str(call.arguments))
        return tool_call(whole)


def tool_call(call: ToolCall) -> Json:
    """Return a call of a function, as both dialects write it."""
    return {
        "id": call.call_id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


class Writer(Protocol):
    """A dialect's way to tell an answer. Empty bytes are not sent."""

    @property
    def content_type(self) -> str:
        """Return the type of its streams."""

    def whole(self, answer: Assembly, used: Quantities) -> Json:
        """Return the answer as one object."""

    def start(self) -> bytes:
        """Return how a stream begins."""

    def piece(self, piece: Piece) -> bytes:
        """Return a piece as the stream has it."""

    def sign_of_life(self) -> bytes:
        """Return something that means nothing."""

    def end(self, answer: Assembly, used: Quantities) -> bytes:
        """Return how a stream ends."""

    def failed(self, refusal: Refusal) -> bytes:
        """Return how a stream ends that failed on its way."""


class Told:
    """A stream to a caller that ends its run with it, however it ends."""

    def __init__(
        self, run: Run, lines: Generator[bytes, None, None], content_type: str
    ) -> None:
        self.content_type = content_type
        self._run = run
        self._lines = lines

    @property
    def code(self) -> str:
        """Return what went wrong, if something did."""
        return self._run.code

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._lines)

    def close(self) -> None:
        """Capture what was used, if that was not done."""
        self._run.close()
        self._lines.close()


def reply_with(run: Run, writer: Writer) -> Reply:
    """Send the ask, and answer: with one object, or with a stream where that was asked for.

    Raises:
        BillingError: the provider refuses, or does not answer; nothing is taken.
    """
    with ExitStack() as ends:
        ends.callback(run.close)  # whatever goes wrong here: no hold is forgotten
        reply = _reply(run, writer)
        if reply.stream is not None:
            ends.pop_all()  # who reads the stream will close it
    return reply


def _reply(run: Run, writer: Writer) -> Reply:
    run.begin()
    answer = Assembly()
    lines: Generator[bytes, None, None]
    try:
        if run.ask.streams:
            lines = _stream(run, writer, _first(run))
            return Reply(body=None, stream=Told(run, lines, writer.content_type))
        if _gather(run, answer, until_s=HEADERS_WITHIN_S):
            return Reply(body=writer.whole(answer, run.finish()))
    except UpstreamFailed as failure:
        run.fail(failure, was_told=False)
        raise failure.refusal from failure
    lines = _late(run, writer, answer)
    return Reply(body=None, stream=Told(run, lines, "application/json"))


def _first(run: Run) -> Piece | Mark:
    """Wait a while for the first word, so that a refusal still has a status of its own."""
    found = run.take(within_s=HEADERS_WITHIN_S)
    while isinstance(found, Report):
        found = run.take(within_s=HEADERS_WITHIN_S - run.age_s)
    return found


def _gather(run: Run, answer: Assembly, *, until_s: float) -> bool:
    """Put together what comes until then; return whether that is all."""
    while run.age_s < until_s:
        found = run.take(within_s=until_s - run.age_s)
        if found is Mark.END:
            return True
        if not isinstance(found, Mark):
            answer.add(found)
    return False


def _late(run: Run, writer: Writer, answer: Assembly) -> Generator[bytes, None, None]:
    """Yield one object that takes its time. It breaks off where the provider does.

    Raises:
        UpstreamFailed: the status is out already, and a broken connection is no answer.
    """
    yield b" "
    try:
        while not _gather(run, answer, until_s=run.age_s + SIGN_OF_LIFE_EVERY_S):
            yield b" "
    except UpstreamFailed as failure:
        run.fail(failure, was_told=False)
        raise
    used = run.finish()
    yield line_of(writer.whole(answer, used))


def _stream(run: Run, writer: Writer, found: Piece | Mark) -> Generator[bytes, None, None]:
    """Yield the answer while it comes."""
    answer = Assembly()
    yield writer.start()
    try:
        while found is not Mark.END:
            line = writer.sign_of_life() if isinstance(found, Mark) else writer.piece(found)
            if not isinstance(found, Mark):
                answer.add(found)
            if line:
                yield line
            found = run.take(within_s=SIGN_OF_LIFE_EVERY_S)
    except UpstreamFailed as failure:
        run.fail(failure, was_told=run.meter.written_bytes > 0)
        yield writer.failed(refuse_flat(failure.refusal))
        return
    used = run.finish()
    yield writer.end(answer, used)


def line_of(value: object) -> bytes:
    """Return compact JSON, which has no line break inside."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

"""The wire between the client and Firestore: counts every RPC, and breaks them on demand.

Stands at the gRPC boundary, under every retry and wrapper of the client, so what it counts
is what is billed, and what it breaks is what a network breaks.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.cloud.firestore_v1 import base_client

from creditbase.runtime import firestore

LATE_S = 0.15
"""How late a request arrives that was given up."""


class BrokenRpc(grpc.RpcError):
    """What the client sees of an RPC that broke."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(str(code))
        self._code = code

    def code(self) -> grpc.StatusCode:
        """Return the status."""
        return self._code

    def details(self) -> str:
        """Return a text."""
        return "broken by the test"

    def trailing_metadata(self) -> tuple[()]:
        """Return nothing."""
        return ()

    def result(self) -> None:
        """Fail, as a call does whose result is asked for."""
        raise self


@dataclass(frozen=True)
class Rpc:
    """One RPC as it went out: its name, the documents asked for, the writes sent."""

    name: str
    reads: int
    writes: int
    paths: tuple[str, ...] = ()
    """The documents that it names, read or written."""


if TYPE_CHECKING:
    # Generic in the stubs only.
    _UnaryInterceptor = grpc.UnaryUnaryClientInterceptor[Any, Any]
    _StreamInterceptor = grpc.UnaryStreamClientInterceptor[Any, Any]
else:
    _UnaryInterceptor = grpc.UnaryUnaryClientInterceptor
    _StreamInterceptor = grpc.UnaryStreamClientInterceptor

Send = Callable[[], Any]
Fault = Callable[[Send], Any]


def lost_request(send: Send) -> Any:
    """Never reaches the server."""
    del send
    raise BrokenRpc(grpc.StatusCode.UNAVAILABLE)


def lost_reply(send: Send) -> Any:
    """Is done by the server; the client never hears of it."""
    send()
    raise BrokenRpc(grpc.StatusCode.UNAVAILABLE)


def duplicate(send: Send) -> Any:
    """Arrives twice; the client hears the second answer."""
    send()
    return send()


def abort(send: Send) -> Any:
    """Is refused by the server for contention."""
    del send
    raise BrokenRpc(grpc.StatusCode.ABORTED)


def abort_after(send: Send) -> Any:
    """Is done, and called aborted all the same."""
    send()
    raise BrokenRpc(grpc.StatusCode.ABORTED)


def time_out(send: Send) -> Any:
    """Is given up, never to arrive."""
    del send
    raise BrokenRpc(grpc.StatusCode.DEADLINE_EXCEEDED)


def time_out_late(send: Send) -> Any:
    """Is given up, and arrives afterwards: the worst there is."""

    def later() -> None:
        time.sleep(LATE_S)
        with contextlib.suppress(grpc.RpcError):  # too late to win, as it should be
            send()

    thread = threading.Thread(target=later)
    LATE.append(thread)
    thread.start()
    raise BrokenRpc(grpc.StatusCode.DEADLINE_EXCEEDED)


LATE: list[threading.Thread] = []
"""Requests that are still on their way."""


CODES = (
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNKNOWN,
)
"""What a store says when it cannot tell whether something was done."""


def breaking(code: grpc.StatusCode, *, is_done: bool) -> Fault:
    """Return the fault of a request that ends with a code, and was done or was not."""

    def fault(send: Send) -> Any:
        if is_done:
            send()
        raise BrokenRpc(code)

    fault.__name__ = f"{code.name.lower()}_{'after' if is_done else 'before'}"
    return fault


def kill_before(send: Send) -> Any:
    """The process dies before the request leaves."""
    os.kill(os.getpid(), signal.SIGKILL)
    return send()


def kill_after(send: Send) -> Any:
    """The process dies when the server has done it, before it can tell anybody."""
    send()
    os.kill(os.getpid(), signal.SIGKILL)


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        lost_request,
        lost_reply,
        duplicate,
        abort,
        abort_after,
        time_out,
        time_out_late,
    )
}
COMMIT_FAULTS: tuple[Fault, ...] = (
    *(breaking(code, is_done=is_done) for code in CODES for is_done in (False, True)),
    duplicate,
    time_out_late,
)
"""Every way in which a commit breaks: six codes before and after it was done, twice, late."""
READ_FAULTS: tuple[Fault, ...] = (
    *(breaking(code, is_done=False) for code in CODES),
    breaking(grpc.StatusCode.UNAVAILABLE, is_done=True),
    duplicate,
)
KILLS: dict[str, Fault] = {fault.__name__: fault for fault in (kill_before, kill_after)}


@dataclass
class Wire(_UnaryInterceptor, _StreamInterceptor):
    """Counts RPCs, and applies a fault to the one with the given index."""

    rpcs: list[Rpc] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    aims: dict[tuple[str, int], Fault] = field(default_factory=dict)
    """Faults of the n-th `commit` or the n-th `read`, whatever comes between."""
    delay_s: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Forget what was counted, and break nothing."""
        with self._lock:
            self.rpcs.clear()
            self.faults.clear()
            self.aims.clear()
            self.delay_s.clear()

    def wait_for_late(self) -> None:
        """Return when everything that was given up has arrived after all."""
        while LATE:
            thread = LATE.pop()
            thread.join(timeout=30)
            assert not thread.is_alive()

    @property
    def counts(self) -> tuple[int, int, int]:
        """Return how many RPCs went out, with how many reads and writes."""
        rpcs = list(self.rpcs)
        return len(rpcs), sum(r.reads for r in rpcs), sum(r.writes for r in rpcs)

    @property
    def commits(self) -> int:
        """Return how many commits went out."""
        return sum(rpc.name == "Commit" for rpc in list(self.rpcs))

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        """Count and break a unary call."""

        def send() -> Any:
            call = continuation(details, request)
            call.result()
            return call

        return self._pass(details, request, send)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        """Count and break a call with many answers, all taken before any is passed on."""
        return self._pass(details, request, lambda: _Kept(list(continuation(details, request))))

    def _pass(self, details: Any, request: Any, send: Send) -> Any:
        name = details.method.rpartition("/")[2]
        read = list(request.documents) if name == "BatchGetDocuments" else []
        sent = list(request.writes) if name == "Commit" else []
        names = [*read, *(write.update.name or write.delete for write in sent)]
        paths = tuple(name.partition("/documents/")[2] for name in names)
        with self._lock:
            fault = self.faults.pop(len(self.rpcs), None)
            if self.aims:
                kind = "commit" if name == "Commit" else "read"
                number = sum((rpc.name == "Commit") == (kind == "commit") for rpc in self.rpcs)
                fault = self.aims.pop((kind, number), fault)
            self.rpcs.append(Rpc(name, len(read), len(sent), paths))
        if name in self.delay_s:
            time.sleep(self.delay_s[name])
        return send() if fault is None else fault(send)


class _Kept:
    """Answers that have all arrived."""

    def __init__(self, answers: list[Any]) -> None:
        self._answers = iter(answers)

    def __iter__(self) -> Iterator[Any]:
        return self._answers

    def __next__(self) -> Any:
        return next(self._answers)

    def trailing_metadata(self) -> tuple[()]:
        """Return nothing."""
        return ()

    def add_done_callback(self, done: Callable[[Any], None]) -> None:
        """Call back at once: it is done."""
        done(self)


def install(wire: Wire) -> Callable[[], None]:
    """Put the wire under every client made from now on; return how to take it out."""
    library: Any = base_client.BaseClient
    plain = library._emulator_channel

    def wired(client: Any, transport: Any) -> Any:
        return grpc.intercept_channel(plain(client, transport), wire)

    library._emulator_channel = wired
    firestore.client.cache_clear()

    def remove() -> None:
        library._emulator_channel = plain
        firestore.client.cache_clear()

    return remove

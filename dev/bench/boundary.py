"""What stands between every client and Firestore: latency that is put in, and a count.

An interceptor on the gRPC channel, so that a library transaction and a commit of ours pass the
same way, whatever layers are above it. The emulator has no quorum and no network: with the
latencies of a region put in, round trips decide, as they do there.
"""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.cloud.firestore_v1 import base_client

from creditbase.runtime import firestore

REGION_MS: Mapping[str, int] = {"BeginTransaction": 5, "BatchGetDocuments": 8, "Commit": 20}
"""Assumed, as in a region: before each RPC of that name its client waits so long."""

if TYPE_CHECKING:
    # Generic in the stubs only.
    _UnaryInterceptor = grpc.UnaryUnaryClientInterceptor[Any, Any]
    _StreamInterceptor = grpc.UnaryStreamClientInterceptor[Any, Any]
else:
    _UnaryInterceptor = grpc.UnaryUnaryClientInterceptor
    _StreamInterceptor = grpc.UnaryStreamClientInterceptor


@dataclass
class Turns:
    """When each document may be committed next, at so many commits a second."""

    commits_hz: int
    free_at_s: dict[str, float] = field(default_factory=dict)

    def wait_s(self, names: list[str], now_s: float) -> float:
        """Take the next turn of all these documents; return how long it is until then."""
        at_s = max([now_s, *(self.free_at_s.get(name, now_s) for name in names)])
        self.free_at_s.update(dict.fromkeys(names, at_s + 1 / self.commits_hz))
        return at_s - now_s


@dataclass
class Boundary(_UnaryInterceptor, _StreamInterceptor):
    """Counts what passes, and lets it wait."""

    latency_ms: Mapping[str, int] = field(default_factory=dict)
    turns: Turns | None = None
    counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, latency_ms: Mapping[str, int], commits_hz: int = 0) -> None:
        """Count from nothing, with other latencies; 0 commits a second is no limit."""
        with self._lock:
            self.latency_ms = dict(latency_ms)
            self.turns = Turns(commits_hz) if commits_hz else None
            self.counts.clear()

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        """Let a call with one answer pass."""
        self._pass(details, request)
        return continuation(details, request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        """Let a call with many answers pass."""
        self._pass(details, request)
        return continuation(details, request)

    def _pass(self, details: Any, request: Any) -> None:
        name = details.method.rpartition("/")[2]
        wait_s = self.latency_ms.get(name, 0) / 1000
        with self._lock:
            self.counts["rpcs"] += 1
            if name == "BatchGetDocuments":
                self.counts["reads"] += len(request.documents)
            if name == "Commit":
                self.counts["commits"] += 1
                self.counts["writes"] += len(request.writes)
                if self.turns is not None:
                    written = [write.update.name or write.delete for write in request.writes]
                    wait_s += self.turns.wait_s(written, time.monotonic())
        if wait_s > 0:
            time.sleep(wait_s)


def install() -> Boundary:
    """Put a boundary under every client that this program makes from now on."""
    boundary = Boundary()
    library: Any = base_client.BaseClient
    plain = library._emulator_channel  # noqa: SLF001 - the one place where all channels are made

    def guarded(client: Any, transport: Any) -> Any:
        return grpc.intercept_channel(plain(client, transport), boundary)

    library._emulator_channel = guarded  # noqa: SLF001 - as above
    firestore.client.cache_clear()
    return boundary

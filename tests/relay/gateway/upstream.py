"""A provider that does what a test tells it to, over real HTTP: also to break off and hang.

It keeps every request it got. A script is a list of steps, taken for the next request.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.together import join_all

Json = dict[str, Any]
HANG_AT_MOST_S = 60


@dataclass(frozen=True)
class Hang:
    """Say nothing until the test lets go, or the caller goes."""

    until: threading.Event | None = None
    """What lets go of this one alone."""


class Reset:
    """Drop the connection in the middle of the answer."""


Step = bytes | Hang | Reset


@dataclass
class Scripted:
    """What one request is answered with."""

    steps: list[Step]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeProvider:
    """The running server, its scripts and what it was asked."""

    url: str
    scripts: list[Scripted] = field(default_factory=list)
    asked: list[Json] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    dropped: threading.Event = field(default_factory=threading.Event)
    """Set when a caller was seen to have gone."""

    def will(self, *steps: Step, status: int = 200, **headers: str) -> None:
        """Answer the next request so."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.scripts.append(Scripted(list(steps), status, named))

    def refuses(self, status: int, body: object, **headers: str) -> None:
        """Refuse the next request."""
        self.will(json.dumps(body).encode(), status=status, **headers)

    def forget(self) -> None:
        """Be as new."""
        self.let_go.set()
        self.scripts.clear()
        self.asked.clear()
        self.headers.clear()
        self.let_go = threading.Event()
        self.dropped.clear()


def chunk(text: str = "", *, finish: str | None = None, **delta: object) -> bytes:
    """Return one chunk of an OpenAI stream."""
    said = {**({"content": text} if text else {}), **delta}
    return sent({"choices": [{"index": 0, "delta": said, "finish_reason": finish}]})


def sent(value: object) -> bytes:
    """Return an event that carries JSON."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def usage_chunk(prompt: int, completion: int, **details: object) -> bytes:
    """Return the last chunk of an OpenAI stream: the usage."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **details,
    }
    return sent({"choices": [], "usage": usage})


DONE = b"data: [DONE]\n\n"


def event(name: str, **value: object) -> bytes:
    """Return an event of an Anthropic stream."""
    return f"event: {name}\n".encode() + sent({"type": name, **value})


HALF = (chunk("word " * 8), chunk("more " * 8))
"""Eighty bytes of an answer: twenty tokens by the counting rule."""
HALF_TOKENS = 20


class Handler(BaseHTTPRequestHandler):
    """Takes a request in, and follows the next script."""

    protocol_version = "HTTP/1.1"
    provider: FakeProvider

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        """Answer."""
        provider = self.provider
        body = self.rfile.read(int(self.headers["Content-Length"]))
        provider.asked.append(json.loads(body))
        provider.headers.append({name.lower(): text for name, text in self.headers.items()})
        script, let_go = provider.scripts.pop(0), provider.let_go
        self.send_response(script.status)
        for name, text in script.headers.items():
            self.send_header(name, text)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for step in script.steps:
                self._take(step, let_go)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            provider.dropped.set()
            self.close_connection = True

    def _take(self, step: Step, let_go: threading.Event) -> None:
        if isinstance(step, bytes):
            self.wfile.write(f"{len(step):x}\r\n".encode() + step + b"\r\n")
            self.wfile.flush()
        elif isinstance(step, Reset):
            raise ConnectionResetError
        else:
            self._hang(step.until or let_go)

    def _hang(self, let_go: threading.Event) -> None:
        self.connection.settimeout(0.05)
        for _ in range(HANG_AT_MOST_S * 20):
            if let_go.is_set():
                break
            try:
                if not self.connection.recv(1):
                    raise ConnectionResetError
            except TimeoutError:
                continue
        self.connection.settimeout(None)


@contextmanager
def running() -> Iterator[FakeProvider]:
    """Run the server until the block ends."""
    provider = FakeProvider("")
    handler = type("Bound", (Handler,), {"provider": provider})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield provider
    finally:
        provider.let_go.set()
        server.shutdown()
        server.server_close()
        join_all([thread])

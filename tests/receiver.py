"""A developer's own server: it takes what is posted to it, and answers as a test wants."""

import contextlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from standardwebhooks import Webhook as Verifier

from creditbase.runtime.settings import settings
from tests.together import join_all


@dataclass(frozen=True)
class Taken:
    """A request that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> dict[str, object]:
        """Return what was told, if the library finds that the secret signed it."""
        told: dict[str, object] = Verifier(secret).verify(self.body, self.headers)
        return told


@dataclass
class Receiver:
    """What arrived, and how the next requests are answered; 200 when nothing is planned."""

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    plan: list[Callable[[http.server.BaseHTTPRequestHandler], None]] = field(
        default_factory=list
    )
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{self.port}/hooks"

    def will(
        self, *answers: "int | Callable[[http.server.BaseHTTPRequestHandler], None]"
    ) -> None:
        """Answer the next requests so: with a status, or as a function does."""
        self.plan = [saying(a) if isinstance(a, int) else a for a in answers]


def saying(
    status: int, body: bytes = b"ok", **headers: str
) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    """Return an answer."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(body)

    return answer


def dripping(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Answer a byte at a time, for ever: each is in time, and all of them never are."""
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b".")
            handler.wfile.flush()
            time.sleep(0.02)


def slamming(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Say nothing, and close."""
    handler.close_connection = True


@contextlib.contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a port of its own."""
    receiver = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take a request."""
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            names = {name.lower(): value for name, value in self.headers.items()}
            with receiver.lock:
                receiver.taken.append(Taken(self.path, names, body))
                answer = receiver.plan.pop(0) if receiver.plan else saying(200)
            answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        join_all([thread])
        server.server_close()


@pytest.fixture(scope="module")
def _receiver() -> Iterator[Receiver]:
    """Return the one receiver of these tests."""
    with receiving() as made:
        yield made


@pytest.fixture
def receiver(_receiver: Receiver) -> Receiver:
    """Return a developer's server with nothing taken yet."""
    settings.cache_clear()
    _receiver.taken.clear()
    _receiver.will()
    return _receiver

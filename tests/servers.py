"""A function under functions-framework with production settings, as load and kills want it.

The functions emulator starts a process per concurrent request, so nothing about threads,
queues or process deaths can be seen there (platform.md 3).
"""

import contextlib
import os
import signal
import socket
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from dev import background
from dev.layout import FUNCTIONS, ROOT
from tests.together import at_once

FRAMEWORK = FUNCTIONS / "venv" / "bin" / "functions-framework"
READY_WITHIN_S = 60
THREADS = 80
RETRIES_MAX = 60


@dataclass
class Answer:
    """A definite answer, and how often it had to be asked for."""

    status: int
    body: dict[str, Any]
    tries: int
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Meter:
    """A running `meter`, asked as a back end asks it: retrying with the same key."""

    url: str
    secret_key: str
    customer_id: str = ""
    program: background.Program | None = None
    _local: threading.local = field(default_factory=threading.local)

    def post(self, path: str, body: dict[str, Any], *, key: str = "", **headers: str) -> Answer:
        """Ask until the answer is definite: 503 and broken connections are repeated."""
        tries = 0
        while True:
            tries += 1
            try:
                reply = self._session().post(
                    f"{self.url}/api/v1{path}",
                    json=body,
                    headers={
                        "X-ModelRelay-Api-Key": self.secret_key,
                        "Idempotency-Key": key or uuid.uuid4().hex,
                        **({} if tries > 1 else headers),
                    },
                    timeout=30,
                )
            except requests.ConnectionError:
                self._local.session = None
                reply = None
            if reply is not None and reply.status_code not in {500, 502, 503}:
                return Answer(reply.status_code, reply.json(), tries, dict(reply.headers))
            if tries >= RETRIES_MAX:
                raise AssertionError(f"no definite answer after {tries} tries: {reply}")
            threading.Event().wait(min(1.0, 0.05 * tries))

    def charge(self, key: str, nanos: int, **headers: str) -> Answer:
        """Charge this meter's customer."""
        body = {"customer_id": self.customer_id, "amount_nanos": nanos}
        return self.post("/charges", body, key=key, **headers)

    def hold(self, key: str, nanos: int, **headers: str) -> Answer:
        """Place a hold on this meter's customer."""
        body = {"customer_id": self.customer_id, "amount_nanos": nanos}
        return self.post("/holds", body, key=key, **headers)

    def _session(self) -> requests.Session:
        if getattr(self._local, "session", None) is None:
            self._local.session = requests.Session()
        session: requests.Session = self._local.session
        return session


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(
    target: str, *, project: str, source: Path = FUNCTIONS / "main.py", **env: str
) -> Iterator[tuple[str, background.Program]]:
    """Run a function with production settings until the block ends; yield its address."""
    port = free_port()
    log = Path(tempfile.mkdtemp(prefix="creditbase-")) / f"{target}.log"
    environment = {
        **os.environ,
        "GCLOUD_PROJECT": project,
        "THREADS": str(THREADS),
        "PYTHONPATH": f"{FUNCTIONS}{os.pathsep}{ROOT}",
        **env,
    }
    command = [str(FRAMEWORK), "--target", target, "--source", str(source)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    program = background.start(
        target, command, log=log, cwd=FUNCTIONS, env=environment, ends_with_us=signal.SIGKILL
    )
    try:
        background.wait_until(
            lambda: _answers(port), program=program, within_s=READY_WITHIN_S, what=target
        )
        yield f"http://127.0.0.1:{port}", program
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.process.pid, signal.SIGKILL)
        program.process.wait(timeout=20)


def _answers(port: int) -> bool:
    try:
        requests.get(f"http://127.0.0.1:{port}/api/v1/ready", timeout=2)
    except requests.RequestException:
        return False
    return True


def in_parallel(count: int, work: Callable[[int], Answer]) -> list[Answer]:
    """Run work in that many threads at once and return every answer, in order."""
    return at_once(count, work)

"""A store of its own behind a wire that can be cut, and a real `meter` in front of it."""

import contextlib
import json
import os
import signal
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from dev import background, firestore_emulator

START_WITHIN_S = 90
ABORT = struct.pack("ii", 1, 0)
"""To linger for no time: a socket that is closed so is reset."""


@dataclass
class Cable:
    """Forwards connections to a port; on demand all of them are reset."""

    to_port: int
    port: int = 0
    resets: int = 0
    is_plugged_in: bool = True
    _server: socket.socket = field(default_factory=socket.socket)
    _ends: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._server.bind(("127.0.0.1", 0))
        self._server.listen(64)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        """Cut every connection there is, without a word."""
        with self._lock:
            ends, self._ends = self._ends, []
        self.resets += bool(ends)
        for end in ends:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        """Take no more connections, and cut those there are."""
        self._server.close()
        self.reset()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            try:
                if not self.is_plugged_in:
                    raise ConnectionRefusedError
                far = socket.create_connection(("127.0.0.1", self.to_port), timeout=10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._ends += [near, far]
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=ends, daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while sent := source.recv(65_536):
                target.sendall(sent)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.close()


@dataclass
class Store:
    """An emulator that can be frozen, killed, and brought back from an export."""

    project: str
    port: int
    folder: Path
    program: background.Program | None = None
    exports: int = 0

    def start(self) -> None:
        """Start it, empty."""
        log = self.folder / "firestore.log"
        self.program = firestore_emulator.start_bare(
            self.port, log=log, ends_with_us=signal.SIGKILL
        )
        background.wait_until(
            lambda: firestore_emulator.is_listening(self.port),
            program=self.program,
            within_s=START_WITHIN_S,
            what="The Firestore emulator",
        )
        firestore_emulator.warm_up(self.port)

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self.program is not None
        os.kill(self.program.process.pid, number)

    def kill(self) -> None:
        """Kill it; all that it knows is lost."""
        assert self.program is not None
        self.send(signal.SIGKILL)
        self.program.process.wait(timeout=20)

    def export(self) -> None:
        """Write everything to files."""
        self.exports += 1
        name = f"kept{self.exports}"
        self._order("export", {"export_directory": str(self.folder), "export_name": name})

    def bring_back(self) -> None:
        """Start again, from what was exported."""
        self.start()
        found = next(self.folder.glob(f"kept{self.exports}/*.overall_export_metadata"))
        self._order("import", {"export_directory": str(found)})

    def _order(self, what: str, given: dict[str, str]) -> None:
        named = {"database": f"projects/{self.project}/databases/(default)", **given}
        answered = requests.post(
            f"http://127.0.0.1:{self.port}/emulator/v1/projects/{self.project}:{what}",
            data=json.dumps(named),
            headers={"Content-Type": "application/json"},
            timeout=60,
        )
        assert answered.ok, answered.text


@contextmanager
def own_store(project: str) -> Iterator[tuple[Store, Cable]]:
    """Run a store until the block ends; yield it, and the cable that leads to it."""
    port = firestore_emulator.free_port()
    store = Store(project, port, Path(tempfile.mkdtemp(prefix="creditbase-")))
    store.start()
    cable = Cable(port)
    try:
        yield store, cable
    finally:
        cable.close()
        with contextlib.suppress(ProcessLookupError):
            store.send(signal.SIGCONT)
        store.kill()

"""The one clock: real time, moved by an offset, which the clock file shares with others.

Signatures do not use it: the receiver of a webhook checks them against real time.
"""

import os
import threading
import time
from pathlib import Path

CLOCK_FILE_VARIABLE = "CREDITBASE_CLOCK_FILE"
_Version = tuple[int, int, int]


class Clock:
    """Tells Stripe's time in whole seconds. Asking costs one `stat` of the clock file."""

    def __init__(self, offset_path: Path | None = None) -> None:
        self._offset_path = offset_path
        self._offset_s = 0
        self._read: _Version | None = None
        self._lock = threading.Lock()

    @classmethod
    def from_environment(cls) -> "Clock":
        """Return the clock that follows the file named by the environment, if there is one."""
        named = os.environ.get(CLOCK_FILE_VARIABLE)
        return cls(Path(named) if named else None)

    def now_s(self) -> int:
        """Return the seconds since 1970 that Stripe believes in."""
        return int(time.time()) + self._current_offset_s()

    def move_to(self, at_s: int) -> None:
        """Move everybody who follows the clock file to a moment, from which time goes on."""
        with self._lock:
            self._offset_s = at_s - int(time.time())
            if self._offset_path is not None:
                written = self._offset_path.with_name(f".{self._offset_path.name}.new")
                written.write_text(f"{self._offset_s}\n")
                written.replace(self._offset_path)  # whole or not at all: others are reading

    def _current_offset_s(self) -> int:
        if self._offset_path is None:
            with self._lock:
                return self._offset_s
        try:
            stat = self._offset_path.stat()
        except FileNotFoundError:
            return 0
        version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        with self._lock:
            if version != self._read:
                written = self._offset_path.read_text().strip()
                if written:  # a writer may have emptied the file and not yet filled it
                    self._offset_s = int(written)
                    self._read = version
            return self._offset_s

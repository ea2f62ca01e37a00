"""The one clock: real time, moved by the offset in the clock file.

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

    def _current_offset_s(self) -> int:
        if self._offset_path is None:
            return 0
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

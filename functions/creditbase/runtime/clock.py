"""The clock: real time, moved by an offset in development so that months can pass.

`CREDITBASE_CLOCK_FILE` names a file that holds a whole number of seconds to add; a missing
or empty file adds nothing. It counts only where the store is an emulator. Credentials keep
real time: they are verified against keys and libraries that know no offset.
"""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from creditbase.runtime.emulator import is_emulated

_Stamp = tuple[str, int, int, int]


class _Offset:
    """The offset as last read, and the stamp of the file it was read from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._offset = timedelta(0)

    def read(self, name: str) -> timedelta:
        """Return the offset that the file holds: one `stat`, and a read when it changed."""
        try:
            found = Path(name).stat()
        except FileNotFoundError:
            return timedelta(0)
        stamp = (name, found.st_mtime_ns, found.st_size, found.st_ino)
        with self._lock:
            if stamp != self._stamp:
                text = Path(name).read_text(encoding="ascii").strip()
                self._offset = timedelta(seconds=int(text or "0"))
                self._stamp = stamp
            return self._offset


_OFFSET = _Offset()


def now() -> datetime:
    """Return the instant at which business happens: aware UTC, offset included."""
    name = os.environ.get("CREDITBASE_CLOCK_FILE", "")
    if not name or not is_emulated():
        return real_now()
    return real_now() + _OFFSET.read(name)


def real_now() -> datetime:
    """Return the real instant in UTC, for credentials and for measuring."""
    return datetime.now(UTC)

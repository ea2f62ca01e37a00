"""The pump: reads an upstream in a thread of its own, so that its reader can do more than wait.

Whoever takes pieces out is never held up by a silent provider: it can keep its caller's
connection alive, notice that the caller has gone, and report what was used so far. And where
a caller takes its time to read, the thread sees to it that the call goes on.
"""

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator
from enum import Enum

from creditbase.kernel.errors import BillingError, Unavailable
from creditbase.relay.gateway.pieces import Piece
from creditbase.relay.gateway.upstream_http import Cancel, UpstreamFailed

PIECES_WAITING_MAX = 256
LOOK_EVERY_S = 0.5
NAME = "pump"
"""Of its thread."""


class Mark(Enum):
    """What can be found where a piece is looked for."""

    SILENCE = "silence"
    END = "end"


class Pump:
    """Pieces of one answer, in order, then `END` or the failure that ended it."""

    def __init__(
        self,
        source: Callable[[Cancel], Iterator[Piece]],
        while_nobody_takes: Callable[[], None],
    ) -> None:
        self._source = source
        self._while_nobody_takes = while_nobody_takes
        self._cancel = Cancel()
        self._found: queue.Queue[Piece | Mark | UpstreamFailed] = queue.Queue(
            PIECES_WAITING_MAX
        )

    def start(self) -> None:
        """Begin to read. The thread's log lines have the fields of the request."""
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._read,), name=NAME, daemon=True).start()

    def take(self, *, within_s: float) -> Piece | Mark:
        """Return what comes next, or `SILENCE` where nothing comes in time.

        Raises:
            UpstreamFailed: the answer has ended before its end.
        """
        try:
            found = self._found.get(timeout=max(0.0, within_s))
        except queue.Empty:
            return Mark.SILENCE
        if isinstance(found, UpstreamFailed):
            raise found
        return found

    def stop(self) -> None:
        """Let the provider stop; what it has written and nobody took is let go."""
        self._cancel.set()

    def _read(self) -> None:
        last: Mark | UpstreamFailed = UpstreamFailed(Unavailable(), "a bug of the reader")
        try:
            for piece in self._source(self._cancel):
                self._put(piece)
                if self._cancel.is_set:
                    return
            last = Mark.END
        except UpstreamFailed as failure:
            last = failure
        except BillingError as refusal:
            last = UpstreamFailed(refusal, "refused before it was sent")
        finally:
            self._put(last)
        while not self._cancel.wait(LOOK_EVERY_S):
            self._while_nobody_takes()

    def _put(self, found: Piece | Mark | UpstreamFailed) -> None:
        while not self._cancel.is_set:
            try:
                return self._found.put(found, timeout=LOOK_EVERY_S)
            except queue.Full:
                self._while_nobody_takes()
        return None

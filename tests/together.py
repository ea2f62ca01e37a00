"""What happens at the same moment, in threads that no test waits for without end.

A pool as a context, a `join()` and a barrier wait for ever for a thread that hangs, also after
pytest's alarm, which comes once. These say where the thread stands instead.
"""

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

WITHIN_S = 120.0
"""Longer than anything takes that does not hang."""

T = TypeVar("T")


def at_once(count: int, work: Callable[[int], T], *, within_s: float = WITHIN_S) -> list[T]:
    """Do work in that many threads at the same moment; return what it came to, in order.

    What a thread raises is raised here.
    """
    gate = threading.Barrier(count)
    came_to: dict[int, T] = {}
    failures: list[BaseException] = []

    def one(number: int) -> None:
        try:
            gate.wait(within_s)
            came_to[number] = work(number)
        except BaseException as failure:  # noqa: BLE001 - carried to the test's own thread
            failures.append(failure)

    run_all([partial(one, number) for number in range(count)], within_s=within_s)
    if failures:
        raise failures[0]
    return [came_to[number] for number in range(count)]


def run_all(tasks: Iterable[Callable[[], object]], *, within_s: float = WITHIN_S) -> None:
    """Run each in a thread of its own, until all have ended."""
    threads = [threading.Thread(target=task, daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    join_all(threads, within_s=within_s)


def join_all(threads: Iterable[threading.Thread], *, within_s: float = WITHIN_S) -> None:
    """Wait for threads to end; fail with where they stand if they do not."""
    until = time.monotonic() + within_s
    waited_for = list(threads)
    for thread in waited_for:
        thread.join(max(0.0, until - time.monotonic()))
    left = [thread for thread in waited_for if thread.is_alive()]
    assert not left, f"after {within_s:.0f} s still at work:\n" + "\n".join(map(_place, left))


def _place(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    stack = "".join(traceback.format_stack(frame)) if frame is not None else "nowhere\n"
    return f"{thread.name}:\n{stack}"

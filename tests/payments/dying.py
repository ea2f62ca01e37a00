"""A process that tops wallets up, and dies by SIGKILL where it is told to.

`python -m tests.payments.dying` reads a line for each top-up, makes a process of its own for
it, and answers how that ended. Forked before anything is connected, so a death costs no start.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from creditbase.accounts.domain import CustomerRef
from creditbase.payments.auto_topups import refill
from dev.layout import FUNCTIONS, ROOT
from tests.wire import KILLS, Wire, install

WITHIN_S = 60
"""Longer than any top-up takes, its process's start included."""


@dataclass(frozen=True)
class Dying:
    """The process that makes the others."""

    asked: IO[str]
    answers: IO[str]

    def refill(self, ref: CustomerRef, *, now: datetime, before_rpc: int) -> bool:
        """Top up, in a process that dies before that RPC; return whether it came so far."""
        order = [ref.project_id, ref.customer_id, now.isoformat(), before_rpc]
        self.asked.write(json.dumps(order) + "\n")
        self.asked.flush()
        is_answered, _, _ = select.select([self.answers], [], [], WITHIN_S)
        assert is_answered, f"the process that dies before RPC {before_rpc} hangs"
        ended = int(self.answers.readline())
        assert ended in {0, -9}
        return ended == -9


@contextlib.contextmanager
def dying_on_demand() -> Iterator[Dying]:
    """Run the process that makes the others, in the environment of now, until the end."""
    env = {**os.environ, "PYTHONPATH": f"{FUNCTIONS}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.payments.dying"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=env,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Dying(process.stdin, process.stdout)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with a child that hangs


def _serve() -> None:
    for line in sys.stdin:
        project_id, customer_id, now, before_rpc = json.loads(line)
        child = os.fork()
        if not child:
            wire = Wire(faults={before_rpc: KILLS["kill_before"]})
            install(wire)
            refill(CustomerRef(project_id, customer_id), now=datetime.fromisoformat(now))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()

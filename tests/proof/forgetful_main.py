"""The webhook as deployed, which can be told to forget what it knows of wallets, and to die.

A test that puts documents back to an earlier state does what never happens to a real process:
what its snapshots say, "this was done", is then no longer so. `X-Test-Kill: after:1` means
SIGKILL when the second RPC from then on is done. Only tests start this.
"""

from typing import Any

from flask import Request

import main as deployed
from creditbase.ledger.use_cases import lanes
from tests.wire import KILLS, Wire, install

WIRE = Wire()
install(WIRE)


def billing_webhook(request: Request) -> Any:
    """Serve `billing_webhook`; with `X-Test-Forget`, only forget."""
    if request.headers.get("X-Test-Forget"):
        lanes.cache_clear()
        return "", 204
    asked = request.headers.get("X-Test-Kill", "")
    if asked:
        when, _, index = asked.partition(":")
        WIRE.reset()
        WIRE.faults[int(index)] = KILLS[f"kill_{when}"]
    return deployed.billing_webhook(request)

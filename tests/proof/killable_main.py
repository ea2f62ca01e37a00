"""The functions as deployed, with a wire that kills the process where a request asks for it.

`X-Test-Kill: after:1` means: SIGKILL ourselves when the second RPC of this request has been
done by the server, before anybody hears of it. Only tests start this.
"""

from typing import Any

from flask import Request

import main as deployed
from tests.wire import KILLS, Wire, install

WIRE = Wire()
install(WIRE)


def meter(request: Request) -> Any:
    """Serve `meter`, set to die at the RPC that the request names."""
    _arm(request)
    return deployed.meter(request)


def billing_webhook(request: Request) -> Any:
    """Serve `billing_webhook`, set to die at the RPC that the request names."""
    _arm(request)
    return deployed.billing_webhook(request)


def _arm(request: Request) -> None:
    WIRE.reset()
    asked = request.headers.get("X-Test-Kill", "")
    if asked:
        when, _, index = asked.partition(":")
        WIRE.faults[int(index)] = KILLS[f"kill_{when}"]

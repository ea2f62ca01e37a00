"""A server whose one function refuses in every way of the hub, for the real web SDK to read.

The running stack cannot be brought into every state on demand, so here the operation behind
the real door raises what it is asked for. Prints its address and what to expect as one line
of JSON, and ends with its standard input.
"""

import dataclasses
import json
import logging
import sys
import threading

from werkzeug.datastructures import Headers
from werkzeug.serving import make_server

from creditbase.hub.door import HUB
from creditbase.runtime.doors import unlimited
from creditbase.runtime.http import Call, Reply
from creditbase.runtime.identity import Authenticator, Caller, CallerKind
from creditbase.runtime.routes import Route
from tests.hub.test_errors import CASES
from tests.runtime.doubles import serving


class Anybody(Authenticator):
    """Lets everybody in: who is let in has its own tests."""

    def __init__(self) -> None:
        super().__init__(project_id="hub")

    def identify(self, headers: Headers, route: Route) -> Caller:
        """Return a user."""
        del headers, route
        return Caller(kind=CallerKind.FIREBASE, project_id="hub", uid="u1")


def refuse(call: Call) -> Reply:
    """Raise the case that is asked for; beyond the last one, a bug."""
    number = call.body["number"]
    assert isinstance(number, int)
    raise CASES[number].error


def main() -> None:
    """Serve until standard input ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    door = dataclasses.replace(HUB, authenticator=Anybody(), limit_for=unlimited)
    app = serving("usage_me", door, refuse).application
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    expected = [
        {"status": c.status, "code": c.code, "firebase": c.firebase, "facts": dict(c.facts)}
        for c in CASES
    ]
    bug = {"status": 500, "code": "INTERNAL", "firebase": "INTERNAL", "facts": {}}
    hello = {"url": f"http://127.0.0.1:{server.server_port}/", "cases": [*expected, bug]}
    sys.stdout.write(json.dumps(hello) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()

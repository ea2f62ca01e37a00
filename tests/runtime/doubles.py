"""Small operations behind real doors, for tests of the border itself."""

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from creditbase.kernel.errors import Unauthenticated
from creditbase.runtime.doors import Door
from creditbase.runtime.http import Call, Operation, Reply, endpoint
from creditbase.runtime.identity import Authenticator, Caller, CallerKind
from creditbase.runtime.routes import Route
from tests.runtime.wiring import client_of


class Greeter(Authenticator):
    """Knows callers by what they say: identity itself has its own tests."""

    def __init__(self) -> None:
        super().__init__(project_id="hub")

    def identify(self, headers: Headers, route: Route) -> Caller:
        """Return the caller that `X-Api-Key` names; refuse `bad` and nobody."""
        del route
        name = headers.get("X-Api-Key", "")
        if name in {"", "bad"}:
            raise Unauthenticated("Missing or invalid API key")
        return Caller(kind=CallerKind.API_KEY, project_id="hub", uid=name)


def echo(call: Call) -> Reply:
    """Answer what the operation was given."""
    return Reply(
        body={
            "route": call.route.name,
            "uid": call.caller.uid,
            "body": call.body,
            "path": dict(call.path),
            "raw": call.raw.decode("latin-1"),
            "request_id": call.request_id,
        }
    )


def failing(error: BaseException) -> Operation:
    """Return an operation that raises."""

    def operation(call: Call) -> Reply:
        del call
        raise error

    return operation


def serving(function: str, door: Door, operation: Operation = echo) -> FlaskClient:
    """Return a client of an operation deployed under this name."""

    def named(call: Call) -> Reply:
        return operation(call)

    named.__name__ = named.__qualname__ = function
    decorate: Callable[[Operation], Any] = endpoint(function, door=door)
    return client_of(decorate(named))

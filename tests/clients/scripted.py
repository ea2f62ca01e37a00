"""A server that gives the answers it was told to, and remembers what it was asked."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

Step = Callable[[httpx.Request], httpx.Response]


def says(status: int, body: Any = None, **headers: str) -> Step:
    """Answer with a status and a body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, json=body, headers=named)


def refuses(status: int, code: str, **headers: str) -> Step:
    """Answer as the server refuses."""
    body = {"error": code, "code": code, "message": "No.", "request_id": "req_1"}
    return says(status, body, **headers)


def breaks(kind: type[httpx.TransportError]) -> Step:
    """Lose the connection, before or after the server was asked."""

    def step(request: httpx.Request) -> httpx.Response:
        raise kind("lost", request=request)

    return step


@dataclass
class Script(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """What the client takes for the network."""

    steps: list[Step]
    asked: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with the next step."""
        request.read()
        self.asked.append(request)
        return self.steps[len(self.asked) - 1](request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer with the next step."""
        return self.handle_request(request)

    @property
    def keys(self) -> list[str | None]:
        """Return the idempotency keys that were sent, in order."""
        return [one.headers.get("Idempotency-Key") for one in self.asked]

    @property
    def bodies(self) -> list[Any]:
        """Return what was sent, in order."""
        return [json.loads(one.content) if one.content else None for one in self.asked]

    @property
    def paths(self) -> list[str]:
        """Return what was asked for, in order."""
        return [one.url.path for one in self.asked]

"""Puts the application on a port of this machine, and of no other."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from stripe_local.app import CUT_CONNECTION, make_app
from stripe_local.clock import Clock
from stripe_local.world import Settings, World

HOST = "127.0.0.1"
_GRACE_S = 2
_KEEP_ALIVE_S = 600
"""Longer than any caller rests: a connection that is closed just as it is used again breaks."""


class _CuttableProtocol(H11Protocol):
    """Lets a request cut its own connection, as networks do."""

    def connection_made(self, transport: Any) -> None:
        """Leave the way to cut this connection in the state of its requests."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, CUT_CONNECTION: transport.abort}


class LocalStripe(uvicorn.Server):
    """One server: bound when made, so that its address is known before it runs.

    Raises:
        OSError: the port is in use.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        port: int = 0,
        public_url: str | None = None,
        on_ready: Callable[[str], None] | None = None,
    ) -> None:
        self._socket = _bind(port)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        self.world = World(
            settings, public_url=public_url or self.url, clock=Clock.from_environment()
        )
        self._on_ready = on_ready
        super().__init__(
            uvicorn.Config(
                make_app(self.world),
                http=_CuttableProtocol,
                lifespan="on",
                log_level="warning",
                timeout_graceful_shutdown=_GRACE_S,
                timeout_keep_alive=_KEEP_ALIVE_S,
                ws="none",
            )
        )

    def serve_until_stopped(self) -> None:
        """Serve until a signal comes, or `should_exit` is set."""
        self.run(sockets=[self._socket])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so once requests are answered."""
        await super().startup(sockets)
        if self.started and self._on_ready is not None:
            await asyncio.to_thread(self._on_ready, self.url)


def _bind(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only on sockets that name their protocol; without it, each
    # answer waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()  # at once, or another server could still take the same port
    except OSError:
        listener.close()
        raise
    return listener

"""The web application: the API, the hosted page and the switches, on one address."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import anyio.to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive

from stripe_local.api import Answer, ApiRequest, answer
from stripe_local.control.routes import ROUTES
from stripe_local.pages import authentication_page, checkout_page, invoice_page, portal_page
from stripe_local.world import World

CUT_CONNECTION = "stripe_local.cut_connection"
"""Where the server leaves, in the state of a request, the way to cut its connection."""

_THREADS = 200
"""More than ever wait at once: a payer waits here until the shop has heard of the payment."""


def make_app(world: World) -> Starlette:
    """Return the application over a world, which it starts and stops."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        world.start()
        yield
        world.close()

    app = Starlette(
        routes=[
            Route("/v1/{path:path}", _api, methods=["GET", "POST", "DELETE"]),
            Route("/c/pay/{session_id}", checkout_page.show, methods=["GET"]),
            Route("/c/pay/{session_id}", checkout_page.submit, methods=["POST"]),
            Route("/3ds/{intent_id}", authentication_page.show, methods=["GET"]),
            Route("/3ds/{intent_id}", authentication_page.submit, methods=["POST"]),
            Route("/i/{invoice_id}", invoice_page.show, methods=["GET"]),
            Route("/i/{invoice_id}", invoice_page.submit, methods=["POST"]),
            Route("/p/session/{session_id}", portal_page.show, methods=["GET"]),
            Route("/p/session/{session_id}", portal_page.submit, methods=["POST"]),
            *ROUTES,
        ],
        lifespan=lifespan,
    )
    app.state.world = world
    return app


async def _api(request: Request) -> Response:
    asked = ApiRequest(
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        body=await request.body(),
        headers=request.headers,
    )
    given = await run_in_threadpool(answer, request.app.state.world, asked)
    if given.lost is not None:
        await _lose(request, given)
    return Response(given.body, given.status, given.headers, "application/json")


async def _lose(request: Request, given: Answer) -> None:
    """Let an answer not arrive: keep the client waiting, then or at once hang up."""
    if given.lost == "hang":
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_gone(request.receive), given.lost_for_s)
    cut: Callable[[], None] = getattr(request.state, CUT_CONNECTION)
    cut()
    await _gone(request.receive)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

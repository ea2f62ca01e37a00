"""The addresses of the switches, and who may turn them."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stripe_local.control import switches
from stripe_local.wire.errors import ApiError
from stripe_local.wire.resource import Resource
from stripe_local.world import World

_LOOPBACK = {"127.0.0.1", "::1", "localhost", "testclient"}

Switch = Callable[[World, Request, bytes], Resource]


def _route(method: str, path: str, switch: Switch) -> Route:
    async def endpoint(request: Request) -> Response:
        if not _is_local(request):
            return JSONResponse({"error": "only for callers on this machine"}, 403)
        body = await request.body()
        try:
            told = await run_in_threadpool(switch, request.app.state.world, request, body)
        except ValidationError as problem:
            reasons: list[Any] = problem.errors(include_url=False, include_context=False)
            return JSONResponse({"error": reasons}, 400)
        except ApiError as refusal:
            return JSONResponse({"error": refusal.message}, refusal.status)
        return JSONResponse(told)

    return Route(f"/_sim{path}", endpoint, methods=[method], name=switch.__name__)


def _is_local(request: Request) -> bool:
    """Return whether the caller is on this machine, and knows it: no page from elsewhere."""
    host = request.url.hostname or ""
    client = request.client.host if request.client else ""
    is_cross_site = request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}
    return host in _LOOPBACK and client in _LOOPBACK and not is_cross_site


ROUTES = [
    _route("GET", "/health", switches.health),
    _route("GET", "/state", switches.state),
    _route("GET", "/transcript", switches.transcript),
    _route("GET", "/deliveries", switches.deliveries),
    _route("POST", "/settle", switches.settle),
    _route("POST", "/events/{event_id}/duplicate", switches.duplicate),
    _route("POST", "/deliveries/drop", switches.drop),
    _route("POST", "/deliveries/hold", switches.hold),
    _route("POST", "/deliveries/delay", switches.delay),
    _route("POST", "/deliveries/shuffle", switches.shuffle),
    _route("POST", "/deliveries/release", switches.release),
    _route("DELETE", "/deliveries/detours", switches.send_straight),
    _route("POST", "/faults", switches.arm),
    _route("DELETE", "/faults", switches.disarm),
    _route("POST", "/clock", switches.clock),
    _route("POST", "/dunning", switches.dunning),
    _route("POST", "/refunds/{refund_id}/fail", switches.fail_refund),
    _route("POST", "/disputes", switches.dispute),
    _route("POST", "/disputes/{dispute_id}/close", switches.decide_dispute),
    _route("POST", "/sessions/{session_id}/pay_later", switches.pay_later),
    _route("POST", "/sessions/{session_id}/settle", switches.settle_payment),
    _route("POST", "/reset", switches.reset),
]

"""The switches of a test, under `/_sim`: look, wait, lose, repeat, fail, start over.

Nothing of this exists at Stripe. It answers only callers on this machine.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stripe_local import checkout
from stripe_local.account import Dunning
from stripe_local.billing import reversals
from stripe_local.faults import Fault, Moment, Outcome
from stripe_local.wire.errors import ApiError
from stripe_local.wire.parameter_types import API_VERSION
from stripe_local.wire.resource import Resource
from stripe_local.world import World

_LOOPBACK = {"127.0.0.1", "::1", "localhost", "testclient"}


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SettleOrder(_Order):
    """Wait for the webhooks."""

    timeout_s: float = Field(default=10, ge=0, le=300)
    about: str | None = None
    """Wait only for events about this object."""


class DuplicateOrder(_Order):
    """Send an event again, although it was taken."""

    copies: int = Field(default=1, ge=1, le=100)
    as_new_event: bool = False
    """Make another event for the same change, as Stripe sometimes does."""


class DropOrder(_Order):
    """Lose deliveries: they are not sent, and not retried."""

    count: int = Field(default=1, ge=0, le=10_000)
    types: list[str] | None = None
    """Only of these event types."""


class FaultOrder(_Order):
    """Let API requests fail; the meanings are those of `faults.Fault`."""

    outcome: Outcome
    moment: Moment = "before"
    count: int = Field(default=1, ge=1, le=10_000)
    method: Literal["GET", "POST", "DELETE"] | None = None
    path_prefix: str = "/v1/"
    seconds: float = Field(default=30, gt=0, le=600)


class ClockOrder(_Order):
    """Let time pass."""

    to: int | None = Field(default=None, ge=0)
    by_s: int | None = Field(default=None, ge=0)


class DunningOrder(_Order):
    """What to do about subscriptions whose payment fails."""

    retry_after_days: list[int] = Field(default=[3, 5, 7], max_length=8)
    at_last: Literal["cancel", "unpaid", "past_due"] = "cancel"


class DisputeOrder(_Order):
    """Dispute a charge, whole or in part."""

    charge: str
    reason: str = "fraudulent"
    amount: int | None = Field(default=None, ge=1)


class DecisionOrder(_Order):
    """How a dispute ends."""

    outcome: Literal["won", "lost"]


class SettlementOrder(_Order):
    """How a delayed payment ends."""

    outcome: Literal["paid", "failed"]


OrderT = TypeVar("OrderT", bound=_Order)


def health(_world: World, _request: Request, _body: bytes) -> Resource:
    """Say that the server answers, and for which version of the API."""
    return {"status": "ok", "api_version": API_VERSION}


def state(world: World, _request: Request, _body: bytes) -> Resource:
    """Tell what there is and what is still to happen."""
    with world.account.lock:
        counts = world.account.store.counts()
    return {
        "objects": counts,
        "deliveries_pending": world.deliveries.pending_count(),
        "requests_in_progress": world.keys.in_progress_count(),
        "faults": [asdict(fault) for fault in world.faults.armed()],
        "now": world.clock.now_s(),
    }


def transcript(world: World, request: Request, _body: bytes) -> Resource:
    """Tell what was said, in pages: `?after=` the last number that is known."""
    after = int(request.query_params.get("after", "0"))
    limit = min(int(request.query_params.get("limit", "500")), 1_000)
    said = world.transcript.after(after, limit)
    return {"utterances": [each.told() for each in said]}


def deliveries(world: World, request: Request, _body: bytes) -> Resource:
    """Tell what became of the deliveries, of all or of one `?event=`."""
    return {"deliveries": world.deliveries.told(request.query_params.get("event"))}


def settle(world: World, _request: Request, body: bytes) -> Resource:
    """Wait until every webhook is taken or given up."""
    order = _read(SettleOrder, body)
    is_settled = world.deliveries.wait_until_settled(order.timeout_s, about=order.about)
    return {
        "settled": is_settled,
        "pending": world.deliveries.pending_count(),
        "lost": world.deliveries.lost_count(order.about),
    }


def duplicate(world: World, request: Request, body: bytes) -> Resource:
    """Send an event again, as itself or as its twin."""
    order = _read(DuplicateOrder, body)
    with world.account.lock:
        event = world.account.store.at_address("event", request.path_params["event_id"])
        sent = [
            world.account.duplicate(event, as_new_event=order.as_new_event)["id"]
            for _ in range(order.copies)
        ]
    return {"sent": sent}


def drop(world: World, _request: Request, body: bytes) -> Resource:
    """Lose the next deliveries."""
    order = _read(DropOrder, body)
    types = None if order.types is None else frozenset(order.types)
    world.deliveries.drop_next(order.count, types)
    return {"dropping": order.count}


def arm(world: World, _request: Request, body: bytes) -> Resource:
    """Let the next API requests fail."""
    order = _read(FaultOrder, body)
    world.faults.arm(Fault(**order.model_dump()))
    return {"faults": [asdict(fault) for fault in world.faults.armed()]}


def clock(world: World, _request: Request, body: bytes) -> Resource:
    """Let time pass: to a moment, or by so many seconds. Answers when it has passed."""
    order = _read(ClockOrder, body)
    to_s = order.to if order.to is not None else world.clock.now_s() + (order.by_s or 0)
    world.travel(to_s)
    return {"now": world.clock.now_s()}


def dunning(world: World, _request: Request, body: bytes) -> Resource:
    """Choose how failed payments of subscriptions are tried again, and what comes at last."""
    order = _read(DunningOrder, body)
    world.account.dunning = Dunning(tuple(order.retry_after_days), order.at_last)
    return {"dunning": asdict(world.account.dunning)}


def fail_refund(world: World, request: Request, _body: bytes) -> Resource:
    """Let a refund fail, days after it was made."""
    with world.account.lock:
        return reversals.fail_refund(world.account, request.path_params["refund_id"])


def dispute(world: World, _request: Request, body: bytes) -> Resource:
    """Let a payer dispute a charge."""
    order = _read(DisputeOrder, body)
    with world.account.lock:
        charge = world.account.store.at_address("charge", order.charge)
        return reversals.open_dispute(
            world.account, charge, reason=order.reason, amount=order.amount
        )


def decide_dispute(world: World, request: Request, body: bytes) -> Resource:
    """Let the bank decide a dispute."""
    order = _read(DecisionOrder, body)
    with world.account.lock:
        found = world.account.store.at_address("dispute", request.path_params["dispute_id"])
        return reversals.close_dispute(world.account, found, is_won=order.outcome == "won")


def pay_later(world: World, request: Request, _body: bytes) -> Resource:
    """Complete a session whose payment is still under way."""
    with world.account.lock:
        session_id = request.path_params["session_id"]
        session = world.account.store.at_address("checkout.session", session_id)
        return checkout.pay_later(world.account, session)


def settle_payment(world: World, request: Request, body: bytes) -> Resource:
    """Let a payment that is under way arrive or fail."""
    order = _read(SettlementOrder, body)
    with world.account.lock:
        session_id = request.path_params["session_id"]
        session = world.account.store.at_address("checkout.session", session_id)
        return checkout.settle(world.account, session, is_paid=order.outcome == "paid")


def disarm(world: World, _request: Request, _body: bytes) -> Resource:
    """Let no more requests fail, and let slow ones go on."""
    world.faults.disarm()
    return {"faults": []}


def reset(world: World, _request: Request, _body: bytes) -> Resource:
    """Start over with an empty account."""
    world.reset()
    return {"reset": True}


Switch = Callable[[World, Request, bytes], Resource]


def _read(model: type[OrderT], body: bytes) -> OrderT:
    return model.model_validate_json(body or b"{}")


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
    _route("GET", "/health", health),
    _route("GET", "/state", state),
    _route("GET", "/transcript", transcript),
    _route("GET", "/deliveries", deliveries),
    _route("POST", "/settle", settle),
    _route("POST", "/events/{event_id}/duplicate", duplicate),
    _route("POST", "/deliveries/drop", drop),
    _route("POST", "/faults", arm),
    _route("DELETE", "/faults", disarm),
    _route("POST", "/clock", clock),
    _route("POST", "/dunning", dunning),
    _route("POST", "/refunds/{refund_id}/fail", fail_refund),
    _route("POST", "/disputes", dispute),
    _route("POST", "/disputes/{dispute_id}/close", decide_dispute),
    _route("POST", "/sessions/{session_id}/pay_later", pay_later),
    _route("POST", "/sessions/{session_id}/settle", settle_payment),
    _route("POST", "/reset", reset),
]

"""What each switch does."""

from dataclasses import asdict

from starlette.requests import Request

from stripe_local import checkout
from stripe_local.account import Dunning
from stripe_local.billing import reversals
from stripe_local.control.orders import (
    ClockOrder,
    DecisionOrder,
    DelayOrder,
    DisputeOrder,
    DropOrder,
    DunningOrder,
    DuplicateOrder,
    FaultOrder,
    HoldOrder,
    ReleaseOrder,
    SelectedOrder,
    SettlementOrder,
    SettleOrder,
    ShuffleOrder,
    read,
)
from stripe_local.faults import Fault
from stripe_local.webhooks.detours import Detour, Way
from stripe_local.wire.errors import InvalidState
from stripe_local.wire.parameter_types import API_VERSION
from stripe_local.wire.resource import Resource
from stripe_local.world import World


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
        "deliveries_held": world.deliveries.held_count(),
        "detours": _detours(world)["detours"],
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
    """Wait until every webhook is taken or given up. What is held is not waited for."""
    order = read(SettleOrder, body)
    is_settled = world.deliveries.wait_until_settled(order.timeout_s, about=order.about)
    return {
        "settled": is_settled,
        "pending": world.deliveries.pending_count(),
        "held": world.deliveries.held_count(),
        "lost": world.deliveries.lost_count(order.about),
    }


def duplicate(world: World, request: Request, body: bytes) -> Resource:
    """Send an event again, as itself or as its twin."""
    order = read(DuplicateOrder, body)
    with world.account.lock:
        event = world.account.store.at_address("event", request.path_params["event_id"])
        sent = [
            world.account.duplicate(event, as_new_event=order.as_new_event)["id"]
            for _ in range(order.copies)
        ]
    return {"sent": sent}


def drop(world: World, _request: Request, body: bytes) -> Resource:
    """Lose the next deliveries."""
    order = read(DropOrder, body)
    if order.count:
        _detour(world, "drop", order, count=order.count)
    return _detours(world)


def hold(world: World, _request: Request, body: bytes) -> Resource:
    """Keep deliveries to come back, until they are released."""
    order = read(HoldOrder, body)
    _detour(world, "hold", order, count=order.count)
    return _detours(world)


def delay(world: World, _request: Request, body: bytes) -> Resource:
    """Send deliveries to come later."""
    order = read(DelayOrder, body)
    _detour(world, "delay", order, count=order.count, seconds=order.seconds)
    return _detours(world)


def shuffle(world: World, _request: Request, body: bytes) -> Resource:
    """Send the deliveries of the next seconds in a random order, when these are over."""
    order = read(ShuffleOrder, body)
    _detour(world, "shuffle", order, seconds=order.seconds, seed=order.seed)
    return _detours(world)


def release(world: World, _request: Request, body: bytes) -> Resource:
    """Send what is held, each delivery once the one before it has been tried."""
    order = read(ReleaseOrder, body)
    missing = [each for each in order.events or [] if not world.deliveries.holds(each)]
    if missing:
        raise InvalidState(f"Nothing is held of {', '.join(missing)}.")
    if order.hold_no_more:
        world.deliveries.call_off()
    released = world.deliveries.release(order.order, seed=order.seed, events=order.events)
    return {"released": released, "held": world.deliveries.held_count()}


def send_straight(world: World, _request: Request, _body: bytes) -> Resource:
    """Call off all detours. What is held stays held."""
    world.deliveries.call_off()
    return _detours(world)


def _detour(
    world: World,
    way: Way,
    order: SelectedOrder,
    *,
    count: int | None = None,
    seconds: float = 0,
    seed: int = 0,
) -> None:
    types = None if order.types is None else frozenset(order.types)
    objects = None if order.objects is None else frozenset(order.objects)
    world.deliveries.order(Detour(way, types, objects, count, seconds, seed))


def _detours(world: World) -> Resource:
    """Tell which detours are still to be taken, and how much is held."""
    return {
        "detours": [
            {
                **asdict(detour),
                "types": None if detour.types is None else sorted(detour.types),
                "objects": None if detour.objects is None else sorted(detour.objects),
            }
            for detour in world.deliveries.ordered()
        ],
        "held": world.deliveries.held_count(),
    }


def arm(world: World, _request: Request, body: bytes) -> Resource:
    """Let the next API requests fail."""
    order = read(FaultOrder, body)
    world.faults.arm(Fault(**order.model_dump()))
    return {"faults": [asdict(fault) for fault in world.faults.armed()]}


def clock(world: World, _request: Request, body: bytes) -> Resource:
    """Let time pass: to a moment, or by so many seconds. Answers when it has passed."""
    order = read(ClockOrder, body)
    to_s = order.to if order.to is not None else world.clock.now_s() + (order.by_s or 0)
    world.travel(to_s)
    return {"now": world.clock.now_s()}


def dunning(world: World, _request: Request, body: bytes) -> Resource:
    """Choose how failed payments of subscriptions are tried again, and what comes at last."""
    order = read(DunningOrder, body)
    world.account.dunning = Dunning(tuple(order.retry_after_days), order.at_last)
    return {"dunning": asdict(world.account.dunning)}


def fail_refund(world: World, request: Request, _body: bytes) -> Resource:
    """Let a refund fail, days after it was made."""
    with world.account.lock:
        return reversals.fail_refund(world.account, request.path_params["refund_id"])


def dispute(world: World, _request: Request, body: bytes) -> Resource:
    """Let a payer dispute a charge."""
    order = read(DisputeOrder, body)
    with world.account.lock:
        charge = world.account.store.at_address("charge", order.charge)
        return reversals.open_dispute(
            world.account, charge, reason=order.reason, amount=order.amount
        )


def decide_dispute(world: World, request: Request, body: bytes) -> Resource:
    """Let the bank decide a dispute."""
    order = read(DecisionOrder, body)
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
    order = read(SettlementOrder, body)
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

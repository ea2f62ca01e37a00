"""A subscription brought to another plan at Stripe, without a page of Stripe's.

Beside `stripe_gateway`, whose client and rules it shares. A move is one POST or several; each
has a key made of the move's own and of the step, so a move that is repeated is made once.
"""

from typing import Any

from creditbase.payments.plan_moves import PlanMove
from creditbase.payments.stripe_gateway import ask, client, id_of


def make_move(move: PlanMove, *, key: str) -> bool:
    """Make a move, once; return whether it was made: a card may decline.

    What manages the subscription lets go first, also where the card declines then.

    Raises:
        Conflict: nothing will come of this key any more.
        NotFound: what is to be changed is gone.
        Unavailable: Stripe did not answer; the same key may be repeated.
    """
    if move.schedule_id:
        release = client().v1.subscription_schedules.release
        ask(lambda: release(move.schedule_id, options=_keyed(key, "release")))
    match move.kind:
        case "change":
            return bool(_update(move, _changed(move), _keyed(key, "change"), declines=True))
        case "change_later":
            _plan(move, key)
        case "leave":
            _update(move, {"cancel_at_period_end": True}, _keyed(key, "leave"))
        case "end":
            cancel = client().v1.subscriptions.cancel
            ask(lambda: cancel(move.subscription_id, options=_keyed(key, "end")))
        case "stay":
            _go_on(move, key)
    return True


def _changed(move: PlanMove) -> Any:
    return {
        "items": [{"id": move.item_id, "price": move.price_id}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "error_if_incomplete",
        "cancel_at_period_end": False,
    }


def _plan(move: PlanMove, key: str) -> None:
    """Let the price follow at the end of the period.

    A schedule of a subscription begins with its running period alone; what follows is a request
    of its own. After one period of the new price it lets go, and the subscription goes on.
    """
    _go_on(move, key)
    schedules = client().v1.subscription_schedules
    begun: Any = {"from_subscription": move.subscription_id}
    made = ask(lambda: schedules.create(params=begun, options=_keyed(key, "schedule")))
    running = made["phases"][0]
    kept = [{"discount": id_of(one["discount"])} for one in running["discounts"] or []]
    discounts: Any = {"discounts": kept} if kept else {}
    params: Any = {
        "end_behavior": "release",
        "proration_behavior": "none",
        "phases": [
            {
                "items": [{"price": move.price_before_id, "quantity": 1}],
                "start_date": running["start_date"],
                "end_date": running["end_date"],
                **discounts,
            },
            {
                "items": [{"price": move.price_id, "quantity": 1}],
                "duration": {"interval": "month", "interval_count": 1},
                "proration_behavior": "none",
                **discounts,
            },
        ],
    }
    ask(lambda: schedules.update(made["id"], params=params, options=_keyed(key, "plan")))


def _go_on(move: PlanMove, key: str) -> None:
    if move.is_ending:
        _update(move, {"cancel_at_period_end": False}, _keyed(key, "stay"))


def _update(move: PlanMove, params: Any, options: Any, *, declines: bool = False) -> Any:
    update = client().v1.subscriptions.update
    return ask(
        lambda: update(move.subscription_id, params=params, options=options), declines=declines
    )


def _keyed(key: str, step: str) -> Any:
    return {"idempotency_key": f"admin-plan:{key}:{step}"}

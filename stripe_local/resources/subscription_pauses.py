"""Pausing subscriptions on request, and resuming paused ones."""

from stripe.params import SubscriptionPauseParams, SubscriptionResumeParams

from stripe_local.billing import pausing
from stripe_local.billing.pausing import Return
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.resource import Resource

_AT = "/v1/subscriptions/{id}"


def pause(call: Call) -> Resource:
    """Pause a subscription: its time stands still, and nothing is invoiced."""
    params = call.params
    subscription = call.account.store.at_address("subscription", call.object_id)
    unused = params.get("bill_for", {}).get("unused_time_from", {"type": "now"})
    pausing.pause(
        call.account,
        subscription,
        unused["type"],
        call.cause,
        is_invoiced=params.get("invoicing_behavior") == "invoice",
    )
    return subscription


def resume(call: Call) -> Resource:
    """Resume a paused subscription; where something is due, once its invoice is dealt with."""
    params = call.params
    subscription = call.account.store.at_address("subscription", call.object_id)
    wish = Return(
        is_anchored_now=params.get("billing_cycle_anchor", {"type": "now"})["type"] == "now",
        proration=params.get("proration_behavior", "create_prorations"),
        pays_at_once=params.get("payment_behavior") == "resume_on_payment_success",
    )
    pausing.resume(call.account, subscription, wish, call.cause)
    return subscription


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint(
        "POST",
        f"{_AT}/pause",
        SubscriptionPauseParams,
        _EXPAND | {"bill_for.unused_time_from", "invoicing_behavior", "type"},
        pause,
    ),
    Endpoint(
        "POST",
        f"{_AT}/resume",
        SubscriptionResumeParams,
        _EXPAND | {"billing_cycle_anchor", "payment_behavior", "proration_behavior"},
        resume,
    ),
)

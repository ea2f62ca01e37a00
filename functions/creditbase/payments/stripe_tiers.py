"""Stripe's subscriptions to tiers, begun and changed without a page of Stripe's.

Beside `stripe_gateway`, whose client and rules it shares. Each POST's idempotency key is that
of the change it carries out: a change that is repeated is made once.
"""

from typing import Any

from creditbase.kernel.errors import NotFound
from creditbase.payments.stripe_gateway import ask, client, id_of
from creditbase.payments.tier_moves import Begin, Leave, Modify, Stay


def method_on_file(stripe_customer_id: str) -> str:
    """Return what a customer can be charged by without asking; empty where there is nothing.

    The default of the customer, else the newest that is kept: one question, because what is
    kept can bring its customer along.
    """
    params: Any = {"limit": 1, "expand": ["data.customer"]}
    v1 = client().v1
    try:
        kept = ask(lambda: v1.customers.payment_methods.list(stripe_customer_id, params=params))
    except NotFound:  # a customer that is gone lists nothing
        return ""
    if not kept["data"]:
        return ""
    newest = kept["data"][0]
    default = (newest["customer"].get("invoice_settings") or {}).get("default_payment_method")
    return id_of(default) or id_of(newest)


def carry_out(move: Begin | Modify | Leave | Stay, *, key: str) -> bool:
    """Make a change at Stripe, once; return whether it was made: a card may decline.

    A card that declines, or wants its owner there, changes nothing at all.

    Raises:
        Conflict: nothing will come of this key any more.
        NotFound: what is to be changed is gone.
        Unavailable: Stripe did not answer; the same key may be repeated.
    """
    return bool(ask(lambda: _request(move, {"idempotency_key": key}), declines=True))


def _request(move: Begin | Modify | Leave | Stay, options: Any) -> Any:
    subscriptions = client().v1.subscriptions
    if isinstance(move, Begin):
        return subscriptions.create(params=_begun(move), options=options)
    params: Any
    match move:
        case Modify():
            params = {
                "items": [{"id": move.item_id, "price": move.price_id}],
                "proration_behavior": "always_invoice",
                "payment_behavior": "error_if_incomplete",
                "cancel_at_period_end": False,
                "metadata": {"tier": move.tier_id, "next_tier": ""},
            }
            if move.prorated_from_s:
                params["proration_date"] = move.prorated_from_s
        case Leave():
            metadata = {"next_tier": move.next_tier_id}
            params = {"cancel_at_period_end": True, "metadata": metadata}
        case Stay():
            params = {"cancel_at_period_end": False, "metadata": {"next_tier": ""}}
    return subscriptions.update(move.subscription_id, params=params, options=options)


def _begun(move: Begin) -> Any:
    params: dict[str, Any] = {
        "customer": move.stripe_customer_id,
        "items": [{"price": move.price_id}],
        "default_payment_method": move.method_id,
        "payment_behavior": "error_if_incomplete",
        "metadata": {
            "project": move.project_id,
            "customer": move.customer_id,
            "kind": "subscription",
            "tier": move.tier_id,
        },
    }
    if move.trial_days:
        params["trial_period_days"] = move.trial_days
        end = {"missing_payment_method": "cancel"}
        params["trial_settings"] = {"end_behavior": end}
    return params

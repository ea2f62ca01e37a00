"""What Stripe is asked to sell: a plan's price, a Checkout session for it, its expiry.

Prices of Stripe never change, so a plan has one per amount, found by a lookup key. Its
metadata names the project and the plan for ever; that is how a subscription is read back.
"""

from typing import Any

from creditbase.catalog.domain import Plan
from creditbase.kernel.errors import Conflict, NotFound, Unavailable
from creditbase.payments.domain import Buyer, Order, StripeSession, metadata_of
from creditbase.payments.stripe_gateway import ask, client, read_session


def ensure_price(project_id: str, plan: Plan, currency: str) -> str:
    """Return the price that a plan is sold by, made now if there is none.

    Raises:
        Unavailable: Stripe does not answer, or remembers a failure of its own.
    """
    key = f"{project_id}:{plan.code}:{currency}:{plan.price_cents}"
    wanted: Any = {"lookup_keys": [key], "active": True, "limit": 1}
    found = ask(lambda: client().v1.prices.list(params=wanted))["data"]
    if found:
        return str(found[0]["id"])
    metadata = {"project": project_id, "plan": plan.code}
    made: Any = {
        "currency": currency,
        "unit_amount": plan.price_cents,
        "recurring": {"interval": "month"},
        "lookup_key": key,
        "metadata": metadata,
        "product_data": {"name": f"{plan.name}: {plan.credits:,} credits a month"},
    }
    options: Any = {"idempotency_key": f"price:{key}:{plan.name}:{plan.credits}"}
    try:
        answered = ask(lambda: client().v1.prices.create(params=made, options=options))
    except Conflict as failure:
        raise Unavailable from failure
    return str(answered["id"])


def create_subscription_session(
    buyer: Buyer, order: Order, price_id: str, *, number: int
) -> StripeSession:
    """Make the Checkout session of a customer's plan of that number, exactly once.

    Raises:
        Conflict: nobody will get a session by this number any more; take the next.
    """
    metadata = metadata_of(buyer, order)
    returns_to = f"{order.site_url}/billing"
    params: Any = {
        "mode": "subscription",
        "customer": buyer.stripe_customer_id,
        "client_reference_id": buyer.reference,
        "line_items": [{"quantity": 1, "price": price_id}],
        "metadata": metadata,
        "subscription_data": {"metadata": metadata},
        "success_url": f"{returns_to}?checkout=success&session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{returns_to}?checkout=cancelled",
    }
    options: Any = {"idempotency_key": f"subscribe:{buyer.customer_id}:{number}"}
    answered = ask(lambda: client().v1.checkout.sessions.create(params=params, options=options))
    return read_session(answered)


def expire_session(session_id: str) -> None:
    """End an open session, so that two plans are not bought side by side."""
    options: Any = {"idempotency_key": f"expire:{session_id}"}
    try:
        ask(lambda: client().v1.checkout.sessions.expire(session_id, options=options))
    except (Conflict, NotFound):
        return

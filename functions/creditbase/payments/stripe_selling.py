"""Stripe's pages for a plan: a Checkout session, its expiry, and the customer portal."""

from typing import Any

from creditbase.kernel.errors import Conflict, NotFound
from creditbase.payments.domain import Buyer, Order, StripeSession, metadata_of
from creditbase.payments.stripe_gateway import ask, client, read_session


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
        "subscription_data": {"metadata": metadata, **_trial_of(order)},
        "success_url": f"{returns_to}?checkout=success&session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{returns_to}?checkout=cancelled",
    }
    options: Any = {"idempotency_key": f"subscribe:{buyer.customer_id}:{number}"}
    answered = ask(lambda: client().v1.checkout.sessions.create(params=params, options=options))
    return read_session(answered)


def _trial_of(order: Order) -> dict[str, Any]:
    """Return what makes it begin with a trial; without a card in the end it is just over."""
    if not order.trial_days:
        return {}
    return {
        "trial_period_days": order.trial_days,
        "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
    }


def expire_session(session_id: str) -> None:
    """End an open session, so that two plans are not bought side by side."""
    options: Any = {"idempotency_key": f"expire:{session_id}"}
    try:
        ask(lambda: client().v1.checkout.sessions.expire(session_id, options=options))
    except (Conflict, NotFound):
        return


def create_portal_session(
    stripe_customer_id: str, configuration_id: str, *, return_url: str, visit: str
) -> str:
    """Return a customer's address in the portal: a bearer link, never logged, soon stale.

    Raises:
        NotFound: Stripe has no such customer, or no such configuration.
        Conflict: this visit gets no page any more; another one does.
    """
    params: Any = {
        "customer": stripe_customer_id,
        "configuration": configuration_id,
        "return_url": return_url,
    }
    options: Any = {"idempotency_key": f"portal:{stripe_customer_id}:{visit}"}
    v1 = client().v1
    answered = ask(lambda: v1.billing_portal.sessions.create(params=params, options=options))
    return str(answered["url"])

"""Stripe's pages for a plan: a Checkout session, its expiry, and the customer portal."""

from typing import Any

from creditbase.kernel.errors import Conflict, NotFound
from creditbase.kernel.ids import sha256_hex
from creditbase.payments.domain import Buyer, Order, StripeSession, metadata_of
from creditbase.payments.site import BILLING_PATH
from creditbase.payments.stripe_gateway import ask, client, read_session


def create_subscription_session(
    buyer: Buyer, order: Order, price_id: str, *, number: int
) -> StripeSession:
    """Make the Checkout session of a customer's plan of that number, exactly once.

    Raises:
        Conflict: nobody will get a session by this number any more; take the next.
    """
    params = {
        "customer": buyer.stripe_customer_id,
        "client_reference_id": buyer.reference,
        **_sold(buyer, order, price_id),
    }
    return _create(params, key=f"subscribe:{buyer.customer_id}:{number}")


def create_open_session(
    project_id: str, order: Order, price_id: str, *, visit: str
) -> StripeSession:
    """Make a Checkout session that asks who pays. `visit` names the request for it.

    Raises:
        Conflict: this visit gets no session any more; another one does.
    """
    nobody = Buyer(project_id=project_id, customer_id="", uid="", stripe_customer_id="")
    asked = sha256_hex(f"{visit}\n{order.success_url}\n{order.cancel_url}")
    key = f"open:{project_id}:{order.tier}:{asked}"
    return _create(_sold(nobody, order, price_id), key=key)


def _sold(buyer: Buyer, order: Order, price_id: str) -> dict[str, Any]:
    metadata = metadata_of(buyer, order)
    returns_to = f"{order.site_url}{BILLING_PATH}"
    success_url = f"{returns_to}?checkout=success&session_id={{CHECKOUT_SESSION_ID}}"
    return {
        "mode": "subscription",
        "line_items": [{"quantity": 1, "price": price_id}],
        "metadata": metadata,
        "subscription_data": {"metadata": metadata, **_trial_of(order)},
        "success_url": order.success_url or success_url,
        "cancel_url": order.cancel_url or f"{returns_to}?checkout=cancelled",
    }


def _create(params: Any, *, key: str) -> StripeSession:
    options: Any = {"idempotency_key": key}
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

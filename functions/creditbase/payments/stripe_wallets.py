"""What a wallet asks of Stripe: a page for any amount, a saved card, a charge by it."""

import json
from collections.abc import Callable
from typing import Any

import stripe

from creditbase.kernel.errors import NotFound, Unavailable
from creditbase.kernel.records import dataclass
from creditbase.payments.domain import Buyer, Order, StripeSession, metadata_of
from creditbase.payments.stripe_gateway import ask, client, id_of, read_session
from creditbase.payments.stripe_lists import PAGE_MAX, whole_list


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletPayment:
    """A payment of a saved card, as Stripe shows it."""

    payment_id: str
    status: str
    amount_cents: int
    received_cents: int
    currency: str
    is_live: bool
    stripe_customer_id: str
    number: int
    """Which of the customer's automatic top-ups it is; 0 of any other payment."""
    project_id: str = ""
    customer_id: str = ""
    decline_code: str = ""
    """Why the newest try failed; empty where none did."""

    @property
    def is_paid(self) -> bool:
        """Return whether the money is there."""
        return self.status == "succeeded"

    @property
    def is_over(self) -> bool:
        """Return whether it will never be paid by itself."""
        return self.status in {"canceled", "requires_payment_method", "requires_action"}


def create_wallet_session(buyer: Buyer, order: Order, *, number: int) -> StripeSession:
    """Make the Checkout session of a customer's top-up of that number, exactly once.

    The card is kept for payments that nobody is there for: it is what an automatic top-up
    is paid by, and the page tells the payer.

    Raises:
        Conflict: nobody will get a session by this number any more; take the next.
    """
    metadata = metadata_of(buyer, order)
    price: Any = {
        "currency": order.currency,
        "unit_amount": order.amount_cents,
        "product_data": {"name": order.name},
    }
    params: Any = {
        "mode": "payment",
        "customer": buyer.stripe_customer_id,
        "client_reference_id": buyer.reference,
        "line_items": [{"quantity": 1, "price_data": price}],
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata, "setup_future_usage": "off_session"},
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
    }
    options: Any = {"idempotency_key": f"topup:{buyer.customer_id}:{number}"}
    answered = ask(lambda: client().v1.checkout.sessions.create(params=params, options=options))
    return read_session(answered)


def find_saved_card(stripe_customer_id: str) -> str:
    """Return the card that payments are to be made by; empty where there is none.

    The one that the customer has set as the default, else the newest.
    """
    try:
        customer = ask(lambda: client().v1.customers.retrieve(stripe_customer_id))
        chosen = id_of((customer.get("invoice_settings") or {}).get("default_payment_method"))
        if chosen:
            return chosen
        params: Any = {"type": "card", "limit": PAGE_MAX}
        listing = client().v1.customers.payment_methods
        found = ask(lambda: listing.list(stripe_customer_id, params=params))["data"]
    except NotFound:  # of a customer that is gone Stripe shows a stub, and lists nothing
        return ""
    newest = max(found, key=lambda one: (one["created"], one["id"]), default=None)
    return "" if newest is None else str(newest["id"])


def charge_saved_card(
    buyer: Buyer, order: Order, method_id: str, *, number: int
) -> WalletPayment:
    """Pay an automatic top-up of that number by a saved card, once, whatever is repeated.

    Raises:
        Conflict: the number is used up by other parameters, or by a failure of Stripe's own.
        Unavailable: nobody knows; the same may be asked again.
    """
    params: Any = {
        "amount": order.amount_cents,
        "currency": order.currency,
        "customer": buyer.stripe_customer_id,
        "payment_method": method_id,
        "confirm": True,
        "off_session": True,
        "description": order.name,
        "metadata": {**metadata_of(buyer, order), "number": str(number)},
    }
    options: Any = {"idempotency_key": f"autotopup:{buyer.customer_id}:{number}"}
    v1 = client().v1
    answered = _ask_to_pay(lambda: v1.payment_intents.create(params=params, options=options))
    return _payment(answered)


def load_wallet_payment(payment_id: str) -> WalletPayment:
    """Return a payment as Stripe has it now.

    Raises:
        NotFound: Stripe has no such payment.
    """
    return _payment(ask(lambda: client().v1.payment_intents.retrieve(payment_id)))


def find_charged(buyer: Buyer, *, number: int, since_s: int) -> WalletPayment | None:
    """Return the payment of an automatic top-up that was asked for, if Stripe has it.

    Raises:
        NotFound: Stripe has no such customer.
    """
    params = {
        "customer": buyer.stripe_customer_id,
        "created": {"gte": since_s},
        "limit": PAGE_MAX,
    }
    payments = map(_payment, whole_list(client().v1.payment_intents.list, params))
    wanted = (buyer.customer_id, number)
    return next((one for one in payments if (one.customer_id, one.number) == wanted), None)


def give_up_payment(payment_id: str) -> None:
    """Cancel a payment that was not made, so that nothing can make it later."""
    options: Any = {"idempotency_key": f"cancel:{payment_id}"}
    ask(lambda: client().v1.payment_intents.cancel(payment_id, options=options))


def _ask_to_pay(call: Callable[[], Any]) -> dict[str, Any]:
    """Run a call that pays at once, and return the payment, made or declined.

    Raises:
        Conflict, Unavailable: as `ask`.
    """
    declined: list[dict[str, Any]] = []

    def attempt() -> Any:
        try:
            return call()
        except stripe.CardError as failure:
            told: Any = failure.json_body or {}
            shown = told.get("error", {}).get("payment_intent")
            if shown is not None:
                declined.append(json.loads(json.dumps(shown)))
            raise

    answered = ask(attempt, declines=True)
    if answered or declined:
        return answered or declined[0]
    raise Unavailable


def _payment(shown: dict[str, Any]) -> WalletPayment:
    metadata = shown.get("metadata") or {}
    error = shown.get("last_payment_error") or {}
    is_ours = metadata.get("kind") == "topup" and metadata.get("tier") == "auto"
    number = metadata.get("number", "") if is_ours else ""
    return WalletPayment(
        payment_id=shown["id"],
        status=shown["status"],
        amount_cents=shown["amount"],
        received_cents=shown["amount_received"],
        currency=shown["currency"],
        is_live=shown["livemode"],
        stripe_customer_id=id_of(shown["customer"]),
        number=int(number) if number.isdecimal() else 0,
        project_id=metadata.get("project", ""),
        customer_id=metadata.get("customer", ""),
        decline_code=error.get("code") or "",
    )

"""The only module that speaks to Stripe's SDK. Plain typed values go in and out.

Every POST has an idempotency key made of the business action, so a repeat after a lost reply
makes nothing twice. Every answer is read as the JSON it is: the SDK's objects are no
dictionaries, and some of their figures are of types that the store refuses.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import stripe

from creditbase.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from creditbase.kernel.ids import sha256_hex
from creditbase.payments.domain import (
    Buyer,
    Event,
    Order,
    StripeCustomer,
    StripeSession,
    metadata_of,
)
from creditbase.payments.site import BILLING_PATH
from creditbase.payments.stripe_wire import RETRIES_MAX, Wire, last_answer
from creditbase.runtime.emulator import LIVE_KEY_PREFIXES, refuse_unsafe_environment
from creditbase.runtime.log import alert
from creditbase.runtime.settings import STRIPE_SECRET_KEY

API_VERSION = "2026-10-28.endive"
SIGNATURE_AGE_S_MAX = 300
EVENT_ID = re.compile(r"evt_[A-Za-z0-9_]{1,250}")
WORD = re.compile(r"[A-Za-z0-9_.-]{0,255}")
"""Everything else that is kept of an event: types, versions, ids of objects."""

log = logging.getLogger(__name__)

T = TypeVar("T")


@cache
def client() -> stripe.StripeClient:
    """Return this process's client, made on first use: its parts cost more than its import.

    What its calls return is empty: `ask` runs them and returns what Stripe answered.
    `STRIPE_API_BASE` names another server that speaks the API, never together with a live key.

    Raises:
        Unavailable: the secret key is not set.
    """
    secret = STRIPE_SECRET_KEY.value()
    refuse_unsafe_environment()
    base = os.environ.get("STRIPE_API_BASE", "")
    return stripe.StripeClient(
        secret,
        stripe_version=API_VERSION,
        base_addresses={"api": base} if base else None,
        max_network_retries=RETRIES_MAX,
        http_client=Wire(),
    )


def is_live() -> bool:
    """Return whether our key moves real money.

    Raises:
        Unavailable: the secret key is not set.
    """
    return STRIPE_SECRET_KEY.value().startswith(LIVE_KEY_PREFIXES)


# ---- customers and sessions ------------------------------------------------------------------


def create_customer(
    *, project_id: str, customer_id: str, uid: str, email: str = "", number: int = 0
) -> StripeCustomer:
    """Make the Stripe customer of a customer, exactly once whoever asks.

    `number` counts those before it that were deleted at Stripe.

    The hub gives no e-mail: the Checkout page asks for it. Where one is given the page does
    not; it is in the key, because it could change between two tries.

    Raises:
        Unavailable: also where Stripe remembers a failure of its own. If the customer was
            made all the same, its `customer.created` links it, and the next try finds it.
    """
    named = {"uid": uid, "project": project_id, "customer": customer_id}
    params: Any = {"metadata": {name: value for name, value in named.items() if value}}
    key = f"customer:{customer_id}" + (f":{number}" if number else "")
    if email:
        params["email"] = email
        key += f":{sha256_hex(email)[:16]}"
    options: Any = {"idempotency_key": key}
    try:
        answered = ask(lambda: client().v1.customers.create(params=params, options=options))
    except Conflict as failure:
        raise Unavailable from failure
    return _customer(answered)


def load_customer(stripe_customer_id: str) -> StripeCustomer:
    """Return a customer as Stripe has it now.

    Raises:
        NotFound: Stripe has no such customer.
    """
    return _customer(ask(lambda: client().v1.customers.retrieve(stripe_customer_id)))


def delete_customer(stripe_customer_id: str) -> None:
    """Delete a customer at Stripe, which ends its subscriptions; once or often.

    Raises:
        Unavailable: it is not known to be deleted; to be repeated.
    """
    options: Any = {"idempotency_key": f"delete:{stripe_customer_id}"}
    try:
        ask(lambda: client().v1.customers.delete(stripe_customer_id, options=options))
    except NotFound:
        return
    except Conflict as failure:
        # Remembered is a failure of Stripe's own: whether it did it all the same is asked.
        if not load_customer(stripe_customer_id).is_deleted:
            raise Unavailable from failure


def payer_email(stripe_customer_id: str) -> str:
    """Return the address that the payer gave to Stripe; empty where it has none."""
    try:
        found = ask(lambda: client().v1.customers.retrieve(stripe_customer_id))
    except NotFound:
        return ""
    return found.get("email") or ""


def create_topup_session(buyer: Buyer, order: Order, *, number: int) -> StripeSession:
    """Make the Checkout session of a customer's top-up of that number, exactly once.

    Raises:
        Conflict: nobody will get a session by this number any more; take the next.
    """
    metadata = metadata_of(buyer, order)
    returns_to = f"{order.site_url}{BILLING_PATH}"
    answered = ask(
        lambda: client().v1.checkout.sessions.create(
            params={
                "mode": "payment",
                "customer": buyer.stripe_customer_id,
                "client_reference_id": buyer.reference,
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": order.currency,
                            "unit_amount": order.amount_cents,
                            "product_data": {
                                "name": f"{order.name}: {order.credits:,} credits"
                            },
                        },
                    }
                ],
                "metadata": metadata,
                "payment_intent_data": {"metadata": metadata},
                "success_url": f"{returns_to}?topup=success&session_id={{CHECKOUT_SESSION_ID}}",
                "cancel_url": f"{returns_to}?topup=cancelled",
            },
            options={"idempotency_key": f"topup:{buyer.customer_id}:{number}"},
        )
    )
    return read_session(answered)


def load_session(session_id: str) -> StripeSession:
    """Return a Checkout session as Stripe has it now.

    Raises:
        NotFound: Stripe has no such session.
    """
    return read_session(ask(lambda: client().v1.checkout.sessions.retrieve(session_id)))


def ask(call: Callable[[], Any], *, declines: bool = False) -> dict[str, Any]:
    """Run one call and return its answer as plain values; nothing where a card may decline.

    Raises:
        NotFound: there is no such object.
        Conflict: the idempotency key is used up: by other parameters, or by a failure.
        Unavailable: Stripe did not answer, refused our key, or had trouble of its own.
        NotInTime: our caller waits no longer; what was asked may have been done.
    """
    try:
        call()
    except stripe.IdempotencyError as failure:
        raise Conflict("Stripe knows this action with other parameters") from failure
    except stripe.InvalidRequestError as failure:
        if failure.code == "resource_missing":
            raise NotFound("Stripe has no such object") from failure
        facts = _trace(failure)
        alert("stripe_refused_request", "Stripe refused a request of ours", **facts)
        raise Unavailable from failure
    except stripe.StripeError as failure:
        if declines and isinstance(failure, stripe.CardError):
            return {}
        if _is_replayed(failure):
            raise Conflict("Stripe remembers a failure for this action") from failure
        log.warning("Stripe did not serve a request", extra=_trace(failure))
        raise Unavailable from failure
    return last_answer()


def _is_replayed(failure: stripe.StripeError) -> bool:
    """Return whether this is an earlier failure again, which Stripe keeps for a day."""
    headers = {name.lower(): value for name, value in (failure.headers or {}).items()}
    return headers.get("idempotent-replayed") == "true"


def _trace(failure: stripe.StripeError) -> dict[str, Any]:
    """Return what Stripe's support would ask for. Never the text: it may quote parameters."""
    return {
        "stripe_error": type(failure).__name__,
        "stripe_status": failure.http_status,
        "stripe_code": failure.code,
        "stripe_request_id": failure.request_id,
    }


def _customer(answered: Mapping[str, Any]) -> StripeCustomer:
    return StripeCustomer(
        stripe_customer_id=answered["id"],
        is_live=answered.get("livemode", False),
        is_deleted=answered.get("deleted", False),
        metadata=answered.get("metadata") or {},
    )


def read_session(answered: Mapping[str, Any]) -> StripeSession:
    """Return the session of Stripe's answer."""
    return StripeSession(
        session_id=answered["id"],
        mode=answered["mode"],
        status=answered["status"] or "",
        payment_status=answered["payment_status"],
        is_live=answered["livemode"],
        currency=answered["currency"] or "",
        amount_subtotal_cents=_whole(answered["amount_subtotal"]),
        amount_total_cents=_whole(answered["amount_total"]),
        stripe_customer_id=id_of(answered["customer"]),
        payment_id=id_of(answered["payment_intent"]),
        client_reference_id=answered["client_reference_id"] or "",
        metadata=answered["metadata"] or {},
        payer_email=(answered["customer_details"] or {}).get("email") or "",
        url=answered.get("url") or "",
    )


def _whole(amount_cents: object) -> int:
    return amount_cents if type(amount_cents) is int else -1


def id_of(reference: str | Mapping[str, Any] | None) -> str:
    """Return the id of an expandable field: a string, the object itself, or nothing."""
    if isinstance(reference, Mapping):
        return str(reference["id"])
    return reference or ""


# ---- events ----------------------------------------------------------------------------------


class NotFromStripe(InvalidRequest):
    """The signature does not hold, or what was signed is no event. Never worth a retry."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="INVALID_SIGNATURE")


def verify_event(raw: bytes, signature: str, *, secrets: Sequence[str], now_s: int) -> Event:
    """Return the event that Stripe signed with any of the secrets, within five minutes.

    The SDK itself accepts timestamps of any future and answers some malformed input with
    errors of other kinds; here everything but success is one refusal.

    Raises:
        NotFromStripe: anything else.
    """
    if not any(_is_signed(raw, signature, secret) for secret in secrets):
        raise NotFromStripe("The signature does not hold")
    if abs(_timestamp_s(signature) - now_s) > SIGNATURE_AGE_S_MAX:
        raise NotFromStripe("The signature is too old, or from the future")
    return read_event(raw)


def _is_signed(raw: bytes, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(raw, signature, secret, tolerance=None)
    except (stripe.SignatureVerificationError, ValueError, TypeError, AttributeError):
        return False
    return True


def _timestamp_s(signature: str) -> int:
    """Return the first `t` of a header that was verified, as the SDK reads it."""
    stamps = [part[2:] for part in signature.split(",") if part.startswith("t=")]
    return int(stamps[0])


@cache
def notice_thin() -> None:
    """Say once that the endpoint was set to send thin events."""
    alert("stripe_endpoint", "Stripe's endpoint sends thin events", told="v2.core.event")


def release_of(api_version: str) -> str:
    """Return the release's name of a version; the version itself where it has none."""
    return api_version.rpartition(".")[2]


def read_event(raw: bytes) -> Event:
    """Return the event of a text that is known to be Stripe's.

    Raises:
        NotFromStripe: it is no event.
        InvalidRequest: it is a thin one, which says only that something happened.
    """
    try:
        given = json.loads(raw)
        if given["object"] == "v2.core.event":
            notice_thin()
            raise InvalidRequest("Thin events are not taken: send snapshots")
        held = given["data"]["object"]
        event = Event(
            event_id=given["id"],
            type=given["type"],
            is_live=given["livemode"],
            account=given.get("account") or "",
            api_version=given.get("api_version") or "",
            object_id=held.get("id") or "",
            object_type=held["object"],
            payload=raw.decode(),
            stripe_customer_id=_customer_of(held),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as failure:
        raise NotFromStripe("This is no event") from failure
    words = (
        *(event.type, event.account, event.api_version, event.object_id),
        *(event.object_type, event.stripe_customer_id),
    )
    is_event = (
        given.get("object") == "event"
        and isinstance(event.is_live, bool)
        and isinstance(event.event_id, str)
        and EVENT_ID.fullmatch(event.event_id) is not None
        and all(isinstance(word, str) and WORD.fullmatch(word) for word in words)
    )
    if not is_event:
        raise NotFromStripe("This is no event")
    return event


def _customer_of(held: Mapping[str, Any]) -> str:
    """Return the customer that an object of an event is, or names."""
    return held["id"] if held["object"] == "customer" else id_of(held.get("customer"))

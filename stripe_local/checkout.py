"""Paying for a Checkout session, and what ends one: the payment, or its time."""

import copy
from datetime import UTC, datetime

from stripe_local.account import Account
from stripe_local.cards import Card, Decline, TestCard, recognise
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.resources.charges import new_charge
from stripe_local.resources.customers import new_customer
from stripe_local.resources.payment_intents import new_payment_intent
from stripe_local.resources.payment_methods import COUNTRY, new_payment_method
from stripe_local.wire.errors import CardRefused, InvalidState
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_PAYER = words("address business_name email individual_name name phone tax_ids")


def known_payer(email: str | None) -> Resource:
    """Return what a session tells of a payer of whom only the e-mail address is known."""
    return {**dict.fromkeys(_PAYER), "email": email, "tax_exempt": "none"}


def pay(
    account: Account, session: Resource, card: Card, *, typed_email: str | None, cause: Cause
) -> Resource:
    """Pay for an open session with a card, and return the session, now complete.

    Raises:
        InvalidState: the session is not open any more.
        CardRefused: the card did not pay. The session stays open for another.
    """
    _require_open(session, "paid")
    now = datetime.fromtimestamp(account.now_s(), UTC)
    known = recognise(card, year=now.year, month=now.month)
    email = (session["customer_details"] or {}).get("email") or typed_email

    if session["customer_creation"] == "always" and known.decline is None:
        customer = account.store.add(new_customer({"email": email}, account.now_s()))
        account.record("customer.created", customer, cause)
        session["customer"] = customer["id"]
    intent = _payment_intent(account, session, cause)
    method = account.store.add(
        new_payment_method(card, known, email=email, now_s=account.now_s())
    )
    _charge(account, intent, method, known, cause)
    return _complete(account, session, email)


def expire(account: Account, session: Resource, cause: Cause) -> Resource:
    """End an open session without a payment.

    Raises:
        InvalidState: it is not open any more.
    """
    _require_open(session, "expired")
    del account.open_until[session["id"]]
    session.update(status="expired", url=None)
    account.record("checkout.session.expired", session, cause)
    return session


def expire_what_is_due(account: Account) -> None:
    """End the sessions whose time has come."""
    now_s = account.now_s()
    due = [each for each, until_s in account.open_until.items() if until_s <= now_s]
    for session_id in due:
        expire(account, account.store.at_address("checkout.session", session_id), BY_ITSELF)


def _require_open(session: Resource, wish: str) -> None:
    if session["status"] != "open":
        raise InvalidState(
            f'Only Checkout Sessions with a status in ["open"] can be {wish}. This Checkout '
            f"Session has a status of {session['status']}."
        )


def _payment_intent(account: Account, session: Resource, cause: Cause) -> Resource:
    """Return the session's payment intent: made at the first try, used for all later ones."""
    intent = account.store.find("payment_intent", session["payment_intent"])
    if intent is None:
        intent = new_payment_intent(
            session["amount_total"],
            session["currency"],
            account.baskets[session["id"]].payment_intent,
            now_s=account.now_s(),
        )
        intent["customer"] = session["customer"]
        account.store.add(intent)
        session["payment_intent"] = intent["id"]
        account.record("payment_intent.created", intent, cause)
    intent["customer"] = session["customer"]
    return intent


def _charge(
    account: Account, intent: Resource, method: Resource, known: TestCard, cause: Cause
) -> None:
    charge = account.store.add(new_charge(intent, method, known.decline, now_s=account.now_s()))
    if known.decline is not None:
        raise _declined(account, intent, charge, known.decline, cause)
    intent.update(
        amount_received=intent["amount"],
        last_payment_error=None,
        latest_charge=charge["id"],
        payment_method=method["id"],
        status="succeeded",
    )
    account.record("charge.succeeded", charge, cause)
    account.record("payment_intent.succeeded", intent, cause)


def _declined(
    account: Account, intent: Resource, charge: Resource, decline: Decline, cause: Cause
) -> CardRefused:
    """Note a decline on the payment intent, tell of it, and return the error to raise."""
    method = account.store.at_address("payment_method", charge["payment_method"])
    refusal = CardRefused(
        decline.message,
        code=decline.code,
        facts={
            "advice_code": decline.advice_code,
            "charge": charge["id"],
            "decline_code": decline.decline_code,
            "payment_method": method,
        },
    )
    error = refusal.envelope(cause.request_id or "")["error"]
    del error["request_log_url"]
    intent.update(latest_charge=charge["id"], last_payment_error=error)
    account.record("charge.failed", charge, cause)
    account.record("payment_intent.payment_failed", intent, cause)
    refusal.facts["payment_intent"] = copy.deepcopy(intent)
    return refusal


def _complete(account: Account, session: Resource, email: str | None) -> Resource:
    address = dict.fromkeys(words("city line1 line2 postal_code state"))
    del account.open_until[session["id"]]
    session.update(
        collected_information=dict.fromkeys(
            words("business_name individual_name shipping_details")
        ),
        customer_details={
            **known_payer(email),
            "address": {**address, "country": COUNTRY},
            "tax_ids": [],
        },
        payment_status="paid",
        status="complete",
        url=None,
    )
    account.record("checkout.session.completed", session, BY_ITSELF)
    return session

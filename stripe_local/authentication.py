"""3-D Secure: what happens when the bank has seen the owner of a card, or could not.

Whoever shows the page at `/3ds/{intent}` ends it with `authenticate`.
"""

from dataclasses import dataclass
from urllib.parse import urlencode

from stripe_local import checkout
from stripe_local.account import Account
from stripe_local.billing import collecting
from stripe_local.billing.payments import fail_authentication, try_to_pay
from stripe_local.events import Cause
from stripe_local.resources.payment_methods import keep_or_spend
from stripe_local.setting_up import set_up
from stripe_local.wire.errors import InvalidState, missing_at_address
from stripe_local.wire.resource import Resource


@dataclass(frozen=True)
class Authenticated:
    """What an authentication has led to."""

    intent: Resource
    session: Resource | None
    """The Checkout session that it was for, complete if all went well."""
    return_url: str | None
    """Where the payer is sent, with what has become of the intent; None for nowhere."""


def find_intent(account: Account, intent_id: str) -> Resource:
    """Return a payment or setup intent, for the page to show what it is about.

    Raises:
        ResourceMissing: there is none.
    """
    for name in ("payment_intent", "setup_intent"):
        found = account.store.find(name, intent_id)
        if found is not None:
            return found
    raise missing_at_address("payment_intent", intent_id)


def authenticate(
    account: Account, intent_id: str, *, is_successful: bool, cause: Cause
) -> Authenticated:
    """End the authentication of a payer, and go on with what waited for it.

    On success the payment is tried, the card is kept, the invoice is paid or the Checkout
    session is completed, whichever the intent was for. On a failure it waits for another card.
    The caller holds the lock of the account.

    Raises:
        ResourceMissing: there is no such intent.
        InvalidState: nobody is to be authenticated for it.
        CardRefused: the payer is who he says, and the card does not pay all the same.
    """
    intent = find_intent(account, intent_id)
    if intent["status"] != "requires_action":
        raise InvalidState(
            f"This intent has a status of {intent['status']}: nobody is to be authenticated."
        )
    session = checkout.session_awaiting(account, intent_id)
    back = _return_url(intent, is_successful=is_successful)
    if not is_successful:
        fail_authentication(account, intent, cause)
        return Authenticated(intent, session, back)
    if intent["object"] == "setup_intent":
        set_up(account, intent, cause)
    if session is not None:
        checkout.go_on(account, session, cause)
        intent["customer"] = session["customer"]
    elif intent["object"] == "payment_intent":
        _pay(account, intent, cause)
    return Authenticated(intent, session, back)


def _pay(account: Account, intent: Resource, cause: Cause) -> None:
    method = account.store.at_address("payment_method", intent["payment_method"])
    for payment in account.store.newest_first("invoice_payment"):
        if payment["payment"]["payment_intent"] == intent["id"]:
            invoice = account.store.at_address("invoice", payment["invoice"])
            collecting.pay(account, invoice, cause, method=method, is_authenticated=True)
            return
    try_to_pay(account, intent, method, cause, is_authenticated=True)
    keep_or_spend(account, intent, method, cause)


def _return_url(intent: Resource, *, is_successful: bool) -> str | None:
    told = (intent["next_action"] or {}).get("redirect_to_url")
    if told is None:
        return None
    name = intent["object"]
    query = {
        name: intent["id"],
        f"{name}_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if is_successful else "failed",
    }
    address: str = told["return_url"]
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

"""Trying a card: what it leaves on the payment intent, and who is told."""

import copy

from stripe_local.account import Account
from stripe_local.billing.reversals import open_dispute
from stripe_local.cards import ACTION_NOT_WANTED, AUTHENTICATION_REQUIRED, Decline
from stripe_local.events import Cause
from stripe_local.resources.charges import new_charge
from stripe_local.wire.errors import ActionRequired, CardRefused
from stripe_local.wire.resource import Resource


def needs_authentication(account: Account, method: Resource) -> bool:
    """Return whether the bank behind a card wants to see its owner before it pays."""
    wanted = account.cards[method["id"]].authentication
    is_set_up = method["id"] in account.set_up_methods
    return wanted == "always" or (wanted == "until_set_up" and not is_set_up)


def try_to_pay(
    account: Account,
    intent: Resource,
    method: Resource,
    cause: Cause,
    *,
    is_authenticated: bool = False,
    is_off_session: bool = False,
) -> Resource:
    """Charge a payment method for a payment intent, and return the charge.

    `is_off_session` says that the payer is not there to be authenticated.

    Raises:
        CardRefused: the card did not pay. The payment intent waits for another.
        ActionRequired: the payer has to be authenticated first.
    """
    decline = account.cards[method["id"]].decline
    if not is_authenticated and needs_authentication(account, method):
        if not is_off_session:
            raise ask_payer(account, intent, method, cause)
        decline = AUTHENTICATION_REQUIRED
    charge = account.store.add(
        new_charge(
            intent, method, decline, now_s=account.now_s(), is_authenticated=is_authenticated
        )
    )
    if decline is not None:
        raise _declined(account, intent, charge, decline, cause)
    intent.update(
        amount_received=intent["amount"],
        last_payment_error=None,
        latest_charge=charge["id"],
        next_action=None,
        payment_method=method["id"],
        status="succeeded",
    )
    if intent["setup_future_usage"] is not None:
        account.set_up_methods.add(method["id"])
    account.record("charge.succeeded", charge, cause)
    account.record("payment_intent.succeeded", intent, cause)
    if account.cards[method["id"]].is_disputed:
        account.agenda.plan(
            "dispute", charge["id"], account.now_s(), lambda: _dispute(account, charge)
        )
    return charge


def decline_unattended(
    account: Account, intent: Resource, method: Resource, cause: Cause
) -> CardRefused:
    """Let a payment fail whose payer would have to act; return the error to raise."""
    decline = ACTION_NOT_WANTED
    charge = new_charge(intent, method, decline, now_s=account.now_s())
    return _declined(account, intent, account.store.add(charge), decline, cause)


def ask_payer(
    account: Account,
    intent: Resource,
    method: Resource,
    cause: Cause,
    *,
    return_url: str | None = None,
) -> ActionRequired:
    """Let an intent wait until the payer was authenticated, and return the error to raise.

    The page for that is at `/3ds/{intent}`; it ends with `authentication.authenticate`.
    """
    name = intent["object"]
    intent.update(
        next_action=_next_action(account, intent, return_url),
        payment_method=method["id"],
        status="requires_action",
    )
    account.record(f"{name}.requires_action", intent, cause)
    return ActionRequired(
        "This payment requires additional user action before it can be completed "
        "successfully. Payment can be completed using the PaymentIntent associated with the "
        "invoice.",
        code="invoice_payment_intent_requires_action",
        facts={name: copy.deepcopy(intent)},
    )


def _next_action(account: Account, intent: Resource, return_url: str | None) -> Resource:
    address = f"{account.profile.public_url}/3ds/{intent['id']}"
    if return_url is not None:
        told = {"return_url": return_url, "url": address}
        return {"redirect_to_url": told, "type": "redirect_to_url"}
    return {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"stripe_js": address, "type": "three_d_secure_redirect"},
    }


def fail_authentication(account: Account, intent: Resource, cause: Cause) -> None:
    """Note that the payer could not be authenticated: the intent waits for another card."""
    is_payment = intent["object"] == "payment_intent"
    method = account.store.at_address("payment_method", intent["payment_method"])
    error = {
        "code": f"{intent['object']}_authentication_failure",
        "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
        "message": "We are unable to authenticate your payment method. Please choose a "
        "different payment method and try again.",
        "payment_method": copy.deepcopy(method),
        "type": "invalid_request_error",
    }
    intent.update(next_action=None, payment_method=None, status="requires_payment_method")
    intent["last_payment_error" if is_payment else "last_setup_error"] = error
    told = "payment_intent.payment_failed" if is_payment else "setup_intent.setup_failed"
    account.record(told, intent, cause)


def _dispute(account: Account, charge: Resource) -> None:
    open_dispute(account, charge)


def _declined(
    account: Account, intent: Resource, charge: Resource, decline: Decline, cause: Cause
) -> CardRefused:
    """Note a decline on the payment intent, tell of it, and return the error to raise."""
    method = account.store.at_address("payment_method", charge["payment_method"])
    refusal = _refusal(decline, method, {"charge": charge["id"]})
    intent.update(
        latest_charge=charge["id"],
        last_payment_error=without_log(refusal, cause),
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    account.record("charge.failed", charge, cause)
    account.record("payment_intent.payment_failed", intent, cause)
    refusal.facts["payment_intent"] = copy.deepcopy(intent)
    return refusal


def refusal_of(account: Account, method: Resource, facts: Resource) -> CardRefused:
    """Return what is said of a card that the bank declines."""
    decline = account.cards[method["id"]].decline
    assert decline is not None
    return _refusal(decline, method, facts)


def unattended_refusal(method: Resource) -> CardRefused:
    """Return what is said of a card whose bank wants to see its owner, who is not there."""
    return _refusal(AUTHENTICATION_REQUIRED, method, {})


def _refusal(decline: Decline, method: Resource, facts: Resource) -> CardRefused:
    return CardRefused(
        decline.message,
        code=decline.code,
        facts={
            "advice_code": decline.advice_code,
            "decline_code": decline.decline_code,
            "payment_method": copy.deepcopy(method),
            **facts,
        },
    )


def without_log(refusal: CardRefused, cause: Cause) -> Resource:
    """Return a refusal as an intent keeps it."""
    error: Resource = refusal.envelope(cause.request_id or "")["error"]
    del error["request_log_url"]
    return error

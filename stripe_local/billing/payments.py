"""Trying a card: what it leaves on the payment intent, and who is told."""

import copy

from stripe_local.account import Account
from stripe_local.billing.reversals import open_dispute
from stripe_local.events import Cause
from stripe_local.resources.charges import new_charge
from stripe_local.wire.errors import CardRefused
from stripe_local.wire.resource import Resource


def try_to_pay(account: Account, intent: Resource, method: Resource, cause: Cause) -> Resource:
    """Charge a payment method for a payment intent, and return the charge.

    Raises:
        CardRefused: the card did not pay. The payment intent waits for another.
    """
    decline = account.cards[method["id"]].decline
    charge = account.store.add(new_charge(intent, method, decline, now_s=account.now_s()))
    if decline is not None:
        raise _declined(account, intent, charge, cause)
    intent.update(
        amount_received=intent["amount"],
        last_payment_error=None,
        latest_charge=charge["id"],
        payment_method=method["id"],
        status="succeeded",
    )
    account.record("charge.succeeded", charge, cause)
    account.record("payment_intent.succeeded", intent, cause)
    if account.cards[method["id"]].is_disputed:
        account.agenda.plan(
            "dispute", charge["id"], account.now_s(), lambda: _dispute(account, charge)
        )
    return charge


def _dispute(account: Account, charge: Resource) -> None:
    open_dispute(account, charge)


def _declined(
    account: Account, intent: Resource, charge: Resource, cause: Cause
) -> CardRefused:
    """Note a decline on the payment intent, tell of it, and return the error to raise."""
    method = account.store.at_address("payment_method", charge["payment_method"])
    refusal = refusal_of(account, method, {"charge": charge["id"]})
    intent.update(
        latest_charge=charge["id"],
        last_payment_error=_without_log(refusal, cause),
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


def _without_log(refusal: CardRefused, cause: Cause) -> Resource:
    error: Resource = refusal.envelope(cause.request_id or "")["error"]
    del error["request_log_url"]
    return error

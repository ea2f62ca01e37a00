"""Keeping a card for payments to come: what a setup intent is for."""

import copy

from stripe_local.account import Account
from stripe_local.billing.payments import (
    ask_payer,
    needs_authentication,
    refusal_of,
    without_log,
)
from stripe_local.events import Cause
from stripe_local.resources.payment_methods import attach_to
from stripe_local.wire.resource import Resource


def confirm(
    account: Account, setup: Resource, cause: Cause, *, return_url: str | None = None
) -> Resource:
    """Try to keep the card of a setup intent; its owner may have to be seen first.

    Raises:
        CardRefused: the bank declines it even for keeping.
    """
    method = account.store.at_address("payment_method", setup["payment_method"])
    if not account.cards[method["id"]].can_be_kept:
        refusal = refusal_of(account, method, {})
        setup.update(
            last_setup_error=without_log(refusal, cause),
            payment_method=None,
            status="requires_payment_method",
        )
        account.record("setup_intent.setup_failed", setup, cause)
        refusal.facts["setup_intent"] = copy.deepcopy(setup)
        raise refusal
    if needs_authentication(account, method):
        ask_payer(account, setup, method, cause, return_url=return_url)
        return setup
    return set_up(account, setup, cause)


def set_up(account: Account, setup: Resource, cause: Cause) -> Resource:
    """Let a setup intent succeed: its card is kept, for payments without its owner."""
    method = account.store.at_address("payment_method", setup["payment_method"])
    account.set_up_methods.add(method["id"])
    customer = account.store.find("customer", setup["customer"])
    if customer is not None:
        attach_to(account, method, customer, cause)
    setup.update(last_setup_error=None, next_action=None, status="succeeded")
    account.record("setup_intent.succeeded", setup, cause)
    return setup


def cancel(
    account: Account, setup: Resource, cause: Cause, *, reason: str | None = None
) -> Resource:
    """Let nothing be kept by a setup intent any more."""
    setup.update(cancellation_reason=reason, next_action=None, status="canceled")
    account.record("setup_intent.canceled", setup, cause)
    return setup

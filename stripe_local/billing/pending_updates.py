"""Changes of items that are made only once they are paid: Stripe's pending updates."""

from stripe_local.account import Account, PendingUpdate
from stripe_local.billing import (
    change_invoices,
    collecting,
    invoicing,
    standing,
    subscribing,
)
from stripe_local.billing.item_changes import Decided
from stripe_local.billing.subscription_shape import period_of
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.wire.errors import InvalidParameter, not_imitated
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_WAITS_S = 23 * 3_600
_TAKEN = frozenset(
    words("billing_cycle_anchor expand items off_session payment_behavior")
    + words("proration_behavior proration_date")
)
_NOT_IMITATED = frozenset(words("discounts metadata trial_end"))
_NOTHING_ELSE = words(
    "billing_cycle_anchor cancel_at_period_end discount discounts metadata subscription_items "
    "trial_end trial_from_plan"
)


def check_parameters(params: Parameters) -> None:
    """Refuse what cannot be asked for together with a change that waits for its payment.

    Raises:
        InvalidParameter: Stripe does not take it, or the stand-in does not.
    """
    if params.get("payment_behavior") != "pending_if_incomplete":
        return
    for name in params:
        if name in _NOT_IMITATED:
            raise not_imitated(name, "what waits as a pending update")
        if name not in _TAKEN:
            raise InvalidParameter(
                "When `payment_behavior` is set to `pending_if_incomplete`, you can only pass "
                f"the parameters supported by pending updates. `{name}` is not one of them.",
                param=name,
            )


def ask(
    account: Account,
    subscription: Resource,
    decided: Decided,
    cause: Cause,
    *,
    is_off_session: bool,
) -> None:
    """Bill a change, and make it once that is paid: now, or within 23 hours."""
    discard(account, subscription, cause)
    invoice = change_invoices.draft(account, subscription, decided.lines)
    invoice["auto_advance"] = False

    def apply(because: Cause) -> None:
        if decided.anchor is not None:
            subscription["billing_cycle_anchor"] = decided.anchor
        was_told = subscription["pending_update"] is not None
        changes = {
            "items": {**subscription["items"], "data": decided.rows},
            "latest_invoice": invoice["id"],
            "pending_update": None,
        }
        standing.change(account, subscription, changes, because)
        if was_told:
            kind = "customer.subscription.pending_update_applied"
            account.record(kind, subscription, because)
        subscribing.plan_turn(account, subscription)

    account.pending_updates[subscription["id"]] = PendingUpdate(invoice["id"], apply)
    collecting.announce(account, invoice, cause)
    invoicing.finalize(account, invoice, cause)
    collecting.collect(account, invoice, cause, is_off_session=is_off_session)
    if subscription["id"] in account.pending_updates:
        _wait(account, subscription, invoice, decided, cause)


def _wait(
    account: Account, subscription: Resource, invoice: Resource, decided: Decided, cause: Cause
) -> None:
    """Tell of a change that waits, and plan its end."""
    expires_at = min(account.now_s() + _WAITS_S, period_of(subscription)[1])
    shown = {
        **dict.fromkeys(_NOTHING_ELSE),
        "billing_cycle_anchor": decided.anchor,
        "expires_at": expires_at,
        "subscription_items": decided.rows,
    }
    changes = {"latest_invoice": invoice["id"], "pending_update": shown}
    standing.change(account, subscription, changes, cause)

    def expire() -> None:
        discard(account, subscription, BY_ITSELF)
        kind = "customer.subscription.pending_update_expired"
        account.record(kind, subscription, BY_ITSELF)

    account.agenda.plan("pending_update", subscription["id"], expires_at, expire)


def discard(account: Account, subscription: Resource, cause: Cause) -> None:
    """Let go of a change that waits, if there is one: its invoice is void."""
    waiting = account.pending_updates.get(subscription["id"])
    if waiting is not None:
        invoice = account.store.at_address("invoice", waiting.invoice_id)
        invoicing.void(account, invoice, cause)

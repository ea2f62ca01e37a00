"""What can change about a subscription under way: its end, its trial, its items."""

from typing import Any

from stripe_local.account import Account
from stripe_local.billing import (
    change_invoices,
    collecting,
    invoicing,
    pending,
    pending_updates,
    period_lines,
    standing,
    subscribing,
)
from stripe_local.billing.invoice_shape import Line
from stripe_local.billing.item_changes import ItemChange, Manner, decide
from stripe_local.billing.subscription_shape import (
    period_of,
)
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.wire.errors import InvalidParameter, InvalidState, not_imitated
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource


def set_cancellation(
    account: Account,
    subscription: Resource,
    given: Parameters,
    cause: Cause,
    **others: Any,
) -> None:
    """Set or take back the end of a subscription, along with other changes, as one event.

    Raises:
        InvalidParameter: an end that is over already.
    """
    changes: Resource = dict(others)
    details = dict(subscription["cancellation_details"])
    if given.get("cancel_at_period_end") is True or given.get("cancel_at"):
        at_period_end = given.get("cancel_at_period_end") is True
        end_s = period_of(subscription)[1] if at_period_end else given["cancel_at"]
        if not isinstance(end_s, int):
            raise not_imitated("cancel_at", str(end_s))
        if end_s <= account.now_s():
            raise InvalidParameter(
                "Invalid timestamp: must be in the future.", param="cancel_at"
            )
        changes |= {"cancel_at_period_end": at_period_end, "cancel_at": end_s}
        changes["canceled_at"] = subscription["canceled_at"] or account.now_s()
        details["reason"] = "cancellation_requested"
    elif given.get("cancel_at_period_end") is False or given.get("cancel_at") == "":
        changes |= {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None}
        details = dict.fromkeys(details)
    for name, value in (given.get("cancellation_details") or {}).items():
        details[name] = value or None
    changes["cancellation_details"] = details
    standing.change(account, subscription, changes, cause)
    subscribing.plan_turn(account, subscription)


def set_trial_end(
    account: Account,
    subscription: Resource,
    end_s: int | None,
    manner: Manner,
    cause: Cause,
) -> None:
    """End a trial now, or at another time.

    Raises:
        InvalidState: it is over already.
    """
    customer = account.store.at_address("customer", subscription["customer"])
    if end_s is None:
        if subscription["status"] != "trialing":
            return
        now_s = account.now_s()
        account.agenda.cancel("trial_will_end", subscription["id"])
        subscription.update(billing_cycle_anchor=now_s, trial_end=now_s)
        account.record("customer.subscription.trial_will_end", subscription, cause)
        if subscribing.ends_with_trial(account, subscription):
            return
        invoice = subscribing.renew(
            account, subscription, customer, reason="subscription_update", cause=cause
        )
        is_absent = manner.is_off_session
        collecting.settle_now(account, invoice, cause, is_off_session=is_absent)
        return
    if subscription["status"] != "trialing":
        raise InvalidState(
            "The local Stripe does not imitate a trial for a subscription that is under way."
        )
    start_s = period_of(subscription)[0]
    changes = {
        "billing_cycle_anchor": end_s,
        "items": period_lines.moved(subscription, (start_s, end_s)),
        "trial_end": end_s,
    }
    standing.change(account, subscription, changes, cause)
    subscribing.plan_turn(account, subscription)
    subscribing.plan_notice(account, subscription)


def plan_collection(account: Account, subscription: Resource) -> None:
    """Plan the end of a pause of collection, if there is one and it has an end."""
    paused = subscription["pause_collection"]
    if paused is None or paused["resumes_at"] is None:
        account.agenda.cancel("resume", subscription["id"])
        return

    def collect_again() -> None:
        standing.change(account, subscription, {"pause_collection": None}, BY_ITSELF)

    account.agenda.plan("resume", subscription["id"], paused["resumes_at"], collect_again)


def change_items(
    account: Account,
    subscription: Resource,
    wanted: list[ItemChange],
    manner: Manner,
    cause: Cause,
) -> None:
    """Change what is subscribed to, from now on, and bill the difference as asked.

    Raises:
        CardRefused: the difference was not paid, and the request wants all or nothing.
        InvalidParameter: prices that do not go together, or nothing left.
    """
    decided = decide(account, subscription, wanted, manner)
    customer = account.store.at_address("customer", subscription["customer"])
    owed = sum(line.amount for line in decided.lines) + customer["balance"]
    if decided.is_billed_now and owed > 0 and manner.payment == "error_if_incomplete":
        collecting.require_card(
            account, customer, subscription, is_off_session=manner.is_off_session
        )
    if decided.is_billed_now and owed > 0 and manner.payment == "pending_if_incomplete":
        is_absent = manner.is_off_session
        pending_updates.ask(account, subscription, decided, cause, is_off_session=is_absent)
        return
    pending_updates.discard(account, subscription, cause)
    if decided.anchor is not None:
        subscription["billing_cycle_anchor"] = decided.anchor
    changes: Resource = {"items": {**subscription["items"], "data": decided.rows}}
    if decided.is_billed_now:
        _bill(account, subscription, changes, decided.lines, cause, manner=manner)
    else:
        standing.change(account, subscription, changes, cause)
        for line in decided.lines:
            pending.keep_for_later(account, customer, subscription, line, cause)
    subscribing.plan_turn(account, subscription)


def _bill(
    account: Account,
    subscription: Resource,
    changes: Resource,
    lines: list[Line],
    cause: Cause,
    *,
    manner: Manner,
) -> None:
    """Invoice a change at once, and collect it, unless it waits for somebody to pay."""
    invoice = change_invoices.begin(account, subscription, lines, changes, cause)
    if manner.payment != "default_incomplete":
        is_absent = manner.is_off_session
        collecting.settle_now(account, invoice, cause, is_off_session=is_absent)
        return
    invoicing.finalize(account, invoice, cause)
    if invoice["status"] == "open":
        standing.change(account, subscription, {"status": "past_due"}, cause)

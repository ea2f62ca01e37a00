"""The life of a subscription: it begins, turns from period to period, and ends."""

from collections.abc import Sequence

from stripe_local.account import Account
from stripe_local.billing import (
    collecting,
    discounting,
    invoicing,
    pending,
    period_lines,
    previewing,
    scheduling,
    standing,
)
from stripe_local.billing.periods import DAY_S, boundary
from stripe_local.billing.subscription_shape import (
    Terms,
    Wanted,
    items_of,
    new_subscription,
    period_of,
)
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.wire.errors import CardRefused
from stripe_local.wire.resource import Resource

_NOTICE_S = 3 * DAY_S
_INCOMPLETE_S = 23 * 3_600


def begin(
    account: Account,
    customer: Resource,
    wanted: Sequence[Wanted],
    terms: Terms,
    cause: Cause,
    *,
    paid_by: Resource | None = None,
    session_id: str | None = None,
) -> Resource:
    """Begin a subscription with its first invoice, which waits unless it is paid already.

    `session_id` names the Checkout session behind it, where there is one.
    """
    now_s = account.now_s()
    recurring = wanted[0].price["recurring"]
    end_s = terms.trial_end or boundary(now_s, recurring, 1)
    subscription = new_subscription(customer, wanted, terms, (now_s, end_s), now_s)
    is_trial = terms.trial_end is not None
    lines = period_lines.whole_period_lines(account, items_of(subscription), is_trial=is_trial)
    if session_id is None:
        lines += pending.lines_kept(account, customer, None, subscription["currency"])
    account.store.add(subscription)
    made = discounting.attach(account, subscription, terms.discounts, session_id=session_id)
    invoice = invoicing.draft(
        account,
        customer,
        subscription,
        lines,
        currency=subscription["currency"],
        reason="subscription_create",
        period=(now_s, now_s),
    )
    is_owed = invoice["total"] + customer["balance"] > 0
    if is_owed and paid_by is None and not is_trial:
        subscription["status"] = "incomplete"
    subscription["latest_invoice"] = invoice["id"]
    account.record("customer.subscription.created", subscription, cause)
    discounting.tell(account, made, cause)
    collecting.announce(account, invoice, cause)
    invoicing.finalize(account, invoice, cause, paid_by=paid_by)
    if subscription["status"] == "incomplete":
        _plan_expiry(account, subscription)
    plan_turn(account, subscription)
    plan_notice(account, subscription)
    return subscription


def pay_first(
    account: Account, subscription: Resource, cause: Cause, *, is_off_session: bool
) -> None:
    """Try to pay the first invoice with the card at hand; a failure leaves it incomplete."""
    invoice = account.store.at_address("invoice", subscription["latest_invoice"])
    if invoice["status"] != "open":
        return
    invoice.update(attempt_count=1, attempted=True)
    try:
        collecting.pay(account, invoice, cause, is_off_session=is_off_session)
    except CardRefused as refusal:
        collecting.note_failed_try(account, invoice, refusal, cause)


def plan_turn(account: Account, subscription: Resource) -> None:
    """Plan what happens at the end of the period, or at an earlier end of everything."""
    at_s: int | None = period_of(subscription)[1]
    end_s: int | None = subscription["cancel_at"]
    if subscription["status"] == "paused":
        at_s = end_s  # its periods do not turn
    elif end_s is not None:
        at_s = min(period_of(subscription)[1], end_s)
    if at_s is None:
        account.agenda.cancel("turn", subscription["id"])
    else:
        account.agenda.plan(
            "turn", subscription["id"], at_s, lambda: turn(account, subscription)
        )
    previewing.plan_notice(account, subscription)


def plan_notice(account: Account, subscription: Resource) -> None:
    """Plan the notice of a trial's end, or give it at once for a short trial."""
    account.agenda.cancel("trial_will_end", subscription["id"])
    if subscription["status"] != "trialing":
        return

    def give() -> None:
        if subscription["status"] == "trialing":
            account.record("customer.subscription.trial_will_end", subscription, BY_ITSELF)

    at_s = subscription["trial_end"] - _NOTICE_S
    if at_s <= account.now_s():
        give()
    else:
        account.agenda.plan("trial_will_end", subscription["id"], at_s, give)


def _plan_expiry(account: Account, subscription: Resource) -> None:
    def expire() -> None:
        invoice = account.store.at_address("invoice", subscription["latest_invoice"])
        standing.forget(account, subscription)
        if invoice["status"] in {"open", "uncollectible"}:
            invoicing.void(account, invoice, BY_ITSELF)
        ended = {"ended_at": account.now_s(), "status": "incomplete_expired"}
        standing.change(account, subscription, ended, BY_ITSELF)

    at_s = account.now_s() + _INCOMPLETE_S
    account.agenda.plan("incomplete", subscription["id"], at_s, expire)


def turn(account: Account, subscription: Resource) -> None:
    """Let a period end: the subscription ends with it, or goes on into the next."""
    now_s = account.now_s()
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= now_s:
        standing.end(account, subscription, BY_ITSELF)
        return
    customer = account.store.at_address("customer", subscription["customer"])
    if subscription["status"] == "trialing" and ends_with_trial(account, subscription):
        return
    renew(account, subscription, customer)


def ends_with_trial(account: Account, subscription: Resource) -> bool:
    """End or pause a subscription after its trial, where nothing can pay and that is wanted."""
    customer = account.store.at_address("customer", subscription["customer"])
    if invoicing.default_method(account, customer, subscription) is not None:
        return False
    behaviour = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if behaviour == "cancel":
        standing.end(account, subscription, BY_ITSELF)
    elif behaviour == "pause":
        pause(account, subscription, "trial_end_without_payment_method", BY_ITSELF)
    return bool(behaviour != "create_invoice")


def pause(account: Account, subscription: Resource, why: str, cause: Cause) -> None:
    """Pause a subscription: no more invoices, no more periods, until it is resumed."""
    details = {
        "paused": {
            "subscription": {"type": why},
            "transitioned_at": account.now_s(),
            "type": "subscription",
        }
    }
    subscription.update(status="paused", status_details=details)
    plan_turn(account, subscription)
    account.record("customer.subscription.paused", subscription, cause)


def renew(
    account: Account,
    subscription: Resource,
    customer: Resource,
    *,
    reason: str = "subscription_cycle",
    cause: Cause = BY_ITSELF,
) -> Resource:
    """Begin the next period, and draft its invoice."""
    now_s, before = account.now_s(), period_of(subscription)
    upcoming = period_lines.next_period(account, subscription, now_s)
    if upcoming.is_planned:
        scheduling.release(account, subscription, BY_ITSELF)
    invoice = invoicing.draft(
        account,
        customer,
        subscription,
        upcoming.lines,
        currency=subscription["currency"],
        reason=reason,
        period=(before[0], now_s),
    )
    paused = subscription["pause_collection"]
    if subscription["status"] == "unpaid" or (paused and paused["behavior"] == "keep_as_draft"):
        invoice["auto_advance"] = False
    elif reason == "subscription_cycle":
        invoice["automatically_finalizes_at"] = now_s + invoicing.DRAFT_S
    status = subscription["status"]
    changes = {
        "items": upcoming.items,
        "latest_invoice": invoice["id"],
        "status": "active" if status in {"trialing", "paused"} else status,
    }
    standing.change(account, subscription, changes, cause)
    collecting.announce(account, invoice, cause)
    plan_turn(account, subscription)
    return invoice

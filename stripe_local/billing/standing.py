"""How a subscription stands: what payments do to it, and how it ends."""

from stripe_local.account import Account, PendingUpdate, Resumption
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.wire.resource import Resource

ENDED = frozenset({"canceled", "incomplete_expired"})
_OF_A_SUBSCRIPTION = (
    "turn",
    "trial_will_end",
    "upcoming",
    "incomplete",
    "pending_update",
    "resume",
    "resumption",
)
_OF_AN_INVOICE = ("finalize", "retry")
_UNPAID = frozenset({"incomplete", "past_due", "unpaid"})


def change(
    account: Account, subscription: Resource, changes: Resource, cause: Cause
) -> Resource:
    """Change a subscription, with its event unless nothing is different."""
    return account.update(subscription, changes, "customer.subscription.updated", cause)


def subscription_of(account: Account, invoice: Resource) -> Resource | None:
    """Return the subscription that an invoice bills."""
    parent = invoice["parent"]
    if parent is None:
        return None
    return account.store.find("subscription", parent["subscription_details"]["subscription"])


def invoices_of(account: Account, subscription: Resource) -> list[Resource]:
    """Return the invoices of a subscription, newest first."""
    return [
        invoice
        for invoice in account.store.newest_first("invoice")
        if invoice["parent"] is not None
        and invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]
    ]


def note_paid(account: Account, invoice: Resource, cause: Cause) -> None:
    """Let a subscription recover when its latest invoice is paid, and its customer too."""
    resume(account, invoice, "active")
    subscription = subscription_of(account, invoice)
    waiting = _waiting(account, invoice)
    if waiting is not None and subscription is not None:
        _let_go(account, subscription)
        waiting.apply(cause)
    if (
        subscription is not None
        and subscription["status"] in _UNPAID
        and subscription["latest_invoice"] == invoice["id"]
    ):
        account.agenda.cancel("incomplete", subscription["id"])
        change(account, subscription, {"status": "active"}, cause)
    owes = any(
        each["status"] == "open" and each["attempted"]
        for each in account.store.newest_first("invoice")
        if each["customer"] == invoice["customer"]
    )
    if not owes:
        _set_delinquent(account, invoice, False, cause)


def note_written_off(account: Account, invoice: Resource, cause: Cause) -> None:
    """Let a subscription be in good standing again when its latest invoice is written off."""
    resume(account, invoice, "active")
    subscription = subscription_of(account, invoice)
    if (
        subscription is not None
        and subscription["status"] in {"past_due", "unpaid"}
        and subscription["latest_invoice"] == invoice["id"]
    ):
        change(account, subscription, {"status": "active"}, cause)


def note_failed(account: Account, invoice: Resource, cause: Cause) -> None:
    """Let a subscription fall behind when a payment for it fails."""
    if _waiting(account, invoice) is not None:
        return  # what it was to pay for did not happen
    awaited = _awaited(account, invoice)
    if awaited is not None and not awaited.is_tried_again:
        resume(account, invoice, "past_due")
    subscription = subscription_of(account, invoice)
    if subscription is not None and subscription["status"] in {"active", "trialing"}:
        change(account, subscription, {"status": "past_due"}, cause)
    _set_delinquent(account, invoice, True, cause)


def resume(account: Account, invoice: Resource, status: str) -> None:
    """Let a paused subscription go on whose resumption waited for this invoice."""
    awaited = _awaited(account, invoice)
    if awaited is not None:
        stay_paused(account, invoice)
        awaited.go_on(status)


def stay_paused(account: Account, invoice: Resource) -> None:
    """Let a subscription wait no longer for an invoice to go on, if it does."""
    subscription = subscription_of(account, invoice)
    if subscription is not None and _awaited(account, invoice) is not None:
        account.agenda.cancel("resumption", subscription["id"])
        del account.resumptions[subscription["id"]]


def stay_unchanged(account: Account, invoice: Resource, cause: Cause) -> None:
    """Let a subscription wait no longer for an invoice to change, if it does."""
    subscription = subscription_of(account, invoice)
    if subscription is not None and _waiting(account, invoice) is not None:
        _let_go(account, subscription)
        change(account, subscription, {"pending_update": None}, cause)


def _let_go(account: Account, subscription: Resource) -> None:
    account.agenda.cancel("pending_update", subscription["id"])
    del account.pending_updates[subscription["id"]]


def _waiting(account: Account, invoice: Resource) -> PendingUpdate | None:
    subscription = subscription_of(account, invoice)
    found = account.pending_updates.get(subscription["id"]) if subscription else None
    return found if found is not None and found.invoice_id == invoice["id"] else None


def _awaited(account: Account, invoice: Resource) -> Resumption | None:
    subscription = subscription_of(account, invoice)
    found = account.resumptions.get(subscription["id"]) if subscription else None
    return found if found is not None and found.invoice_id == invoice["id"] else None


def give_up(account: Account, invoice: Resource) -> None:
    """Do what the account's owner chose for when the last try has failed."""
    subscription = subscription_of(account, invoice)
    if subscription is None or subscription["status"] != "past_due":
        return
    if account.dunning.at_last == "cancel":
        end(account, subscription, BY_ITSELF, reason="payment_failed")
    elif account.dunning.at_last == "unpaid":
        change(account, subscription, {"status": "unpaid"}, BY_ITSELF)


def end(
    account: Account, subscription: Resource, cause: Cause, *, reason: str | None = None
) -> Resource:
    """End a subscription now. Its unpaid invoices are no longer collected by themselves."""
    now_s = account.now_s()
    subscription.update(
        canceled_at=subscription["canceled_at"] or now_s,
        ended_at=now_s,
        status="canceled",
    )
    schedule = account.store.find("subscription_schedule", subscription["schedule"])
    if schedule is not None:
        schedule.update(canceled_at=now_s, current_phase=None, status="canceled")
        account.record("subscription_schedule.canceled", schedule, cause)
    if reason is not None:
        subscription["cancellation_details"]["reason"] = reason
    forget(account, subscription)
    account.record("customer.subscription.deleted", subscription, cause)
    return subscription


def forget(account: Account, subscription: Resource) -> None:
    """Let nothing more happen by itself about a subscription and its unpaid invoices."""
    account.resumptions.pop(subscription["id"], None)
    account.pending_updates.pop(subscription["id"], None)
    subscription["pending_update"] = None
    for what in _OF_A_SUBSCRIPTION:
        account.agenda.cancel(what, subscription["id"])
    for invoice in invoices_of(account, subscription):
        if invoice["status"] in {"draft", "open"}:
            stop_collecting(account, invoice)


def leave(account: Account, customer: Resource, cause: Cause) -> Resource:
    """Let a customer go for good, with all subscriptions; return the stub that stays."""
    for subscription in account.store.newest_first("subscription"):
        is_theirs = subscription["customer"] == customer["id"]
        if is_theirs and subscription["status"] not in ENDED:
            end(account, subscription, cause)
    for invoice in account.store.newest_first("invoice"):
        is_theirs = invoice["customer"] == customer["id"]
        if is_theirs and invoice["status"] in {"draft", "open"}:
            stop_collecting(account, invoice)
    stub = account.store.delete(customer)
    account.record("customer.deleted", customer, cause)
    return stub


def stop_collecting(account: Account, invoice: Resource) -> None:
    """Let an invoice wait for somebody to deal with it."""
    for what in _OF_AN_INVOICE:
        account.agenda.cancel(what, invoice["id"])
    changes = {
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
    }
    account.update(invoice, changes, "invoice.updated", BY_ITSELF)


def _set_delinquent(
    account: Account, invoice: Resource, is_delinquent: bool, cause: Cause
) -> None:
    customer = account.store.find("customer", invoice["customer"])
    if customer is not None and "deleted" not in customer:
        account.update(customer, {"delinquent": is_delinquent}, "customer.updated", cause)

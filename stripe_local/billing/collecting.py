"""Collecting what an invoice asks for: on its schedule, or when somebody asks."""

from stripe_local.account import Account
from stripe_local.billing import discounting, invoicing, standing
from stripe_local.billing.payments import (
    needs_authentication,
    refusal_of,
    try_to_pay,
    unattended_refusal,
)
from stripe_local.billing.periods import DAY_S
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.wire.errors import ActionRequired, CardRefused, InvalidState
from stripe_local.wire.resource import Resource

_CAN_BE_PAID = frozenset({"open", "uncollectible"})


def announce(account: Account, invoice: Resource, cause: Cause) -> None:
    """Tell of a draft, and let it be finalised after its hour if that is its way."""
    if _collects_by_itself(invoice):
        invoice["next_payment_attempt"] = invoice["automatically_finalizes_at"]
    account.record("invoice.created", invoice, cause)
    subscription = standing.subscription_of(account, invoice)
    if subscription is not None:
        discounting.let_go_of_used(account, subscription, invoice)
    plan_finalization(account, invoice)


def plan_finalization(account: Account, invoice: Resource) -> None:
    """Plan what a draft's time will come for, if it has one."""
    at_s = invoice["automatically_finalizes_at"]
    if at_s is None:
        account.agenda.cancel("finalize", invoice["id"])
        return
    account.agenda.plan(
        "finalize", invoice["id"], at_s, lambda: finalize_and_collect(account, invoice)
    )


def finalize_and_collect(account: Account, invoice: Resource) -> None:
    """Do with a draft what its time has come for."""
    invoicing.finalize(account, invoice, BY_ITSELF)
    if invoice["status"] == "open":
        _collect_or_let_go(account, invoice)


def require_card(
    account: Account,
    customer: Resource,
    subscription: Resource | None,
    *,
    is_off_session: bool,
) -> None:
    """Refuse what could not be paid for at once, before anything is done about it.

    Raises:
        CardRefused: the card does not pay, or not without its owner.
        InvalidState: there is none.
    """
    method = invoicing.default_method(account, customer, subscription)
    if method is None:
        raise InvalidState(
            "This customer has no attached payment source or default payment method.",
            code="resource_missing",
        )
    if account.cards[method["id"]].decline is not None:
        raise refusal_of(account, method, {})
    if needs_authentication(account, method):
        raise unattended_refusal(method) if is_off_session else _asked_for()


def _asked_for() -> ActionRequired:
    return ActionRequired(
        "Payment for this subscription requires additional user action before it can be "
        "completed successfully. Payment can be completed using the PaymentIntent associated "
        "with `subscription.latest_invoice`.",
        code="subscription_payment_intent_requires_action",
    )


def settle_now(
    account: Account, invoice: Resource, cause: Cause, *, is_off_session: bool = False
) -> None:
    """Finalise and collect a draft that has no hour to wait, unless collection is paused."""
    subscription = standing.subscription_of(account, invoice)
    paused = subscription and subscription["pause_collection"]
    if paused and paused["behavior"] == "keep_as_draft":
        account.update(invoice, {"auto_advance": False}, "invoice.updated", cause)
        return
    invoicing.finalize(account, invoice, cause)
    if invoice["status"] == "open":
        _collect_or_let_go(account, invoice, cause, is_off_session=is_off_session)


def _collect_or_let_go(
    account: Account,
    invoice: Resource,
    cause: Cause = BY_ITSELF,
    *,
    is_off_session: bool = False,
) -> None:
    """Collect an open invoice, unless its subscription's collection is paused."""
    subscription = standing.subscription_of(account, invoice)
    paused = subscription and subscription["pause_collection"]
    if not _collects_by_itself(invoice):
        account.record("invoice.sent", invoice, cause)
    elif paused and paused["behavior"] == "void":
        invoicing.void(account, invoice, cause)
    elif paused and paused["behavior"] == "mark_uncollectible":
        invoicing.mark_uncollectible(account, invoice, cause, reason="subscription_paused")
    else:
        collect(account, invoice, cause, is_off_session=is_off_session)


def finalize_on_demand(account: Account, invoice: Resource, cause: Cause) -> Resource:
    """Open a draft before its time; it is collected when it would have been, or in an hour."""
    at_s = invoice["automatically_finalizes_at"] or account.now_s() + invoicing.DRAFT_S
    collects = invoice["auto_advance"] and _collects_by_itself(invoice)
    invoice["next_payment_attempt"] = at_s if collects else None
    invoicing.finalize(account, invoice, cause)
    if invoice["status"] == "open" and collects:
        account.agenda.plan(
            "retry", invoice["id"], at_s, lambda: _collect_or_let_go(account, invoice)
        )
    return invoice


def plan_collection(account: Account, invoice: Resource, cause: Cause) -> None:
    """Let an open invoice be collected by itself from now on, or no longer."""
    at_s = None
    if invoice["auto_advance"] and _collects_by_itself(invoice):
        at_s = invoice["next_payment_attempt"] or account.now_s() + invoicing.DRAFT_S
        account.agenda.plan(
            "retry", invoice["id"], at_s, lambda: _collect_or_let_go(account, invoice)
        )
    else:
        account.agenda.cancel("retry", invoice["id"])
    account.update(invoice, {"next_payment_attempt": at_s}, "invoice.updated", cause)


def _collects_by_itself(invoice: Resource) -> bool:
    return bool(invoice["collection_method"] == "charge_automatically")


def pay(
    account: Account,
    invoice: Resource,
    cause: Cause,
    *,
    method: Resource | None = None,
    is_authenticated: bool = False,
    is_off_session: bool = False,
) -> Resource:
    """Try once to pay an invoice that is owed.

    `is_off_session` says that a payer whom the bank wants to see is not there to be asked.

    Raises:
        CardRefused: the card did not pay, or there is none.
        ActionRequired: the payer has to be authenticated first.
        InvalidState: the invoice is not open.
    """
    if invoice["status"] not in _CAN_BE_PAID:
        said = "already paid" if invoice["status"] == "paid" else "not open"
        raise InvalidState(f"Invoice is {said}")
    subscription = standing.subscription_of(account, invoice)
    customer = account.store.at_address("customer", invoice["customer"])
    method = method or invoicing.default_method(account, customer, subscription, invoice)
    if method is None:
        raise CardRefused("Cannot charge a customer that has no active card", code="missing")
    intent = invoicing.intent_of(account, invoice)
    try_to_pay(
        account,
        intent,
        method,
        cause,
        is_authenticated=is_authenticated,
        is_off_session=is_off_session,
    )
    invoicing.mark_paid(account, invoice, intent, cause)
    if subscription is not None and _is_to_keep(subscription):
        changes = {"default_payment_method": method["id"]}
        standing.change(account, subscription, changes, cause)
    return invoice


def _is_to_keep(subscription: Resource) -> bool:
    """Return whether the card that pays for a subscription is to pay the next time, too."""
    return bool(
        subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    )


def pay_on_demand(
    account: Account, invoice: Resource, cause: Cause, *, method: Resource | None = None
) -> Resource:
    """Try to pay an invoice because somebody asks to.

    The first try of all counts for the schedule, whoever makes it; later ones by hand do not,
    and leave the next try of the schedule where it is.

    Raises:
        CardRefused: the card did not pay, or there is none.
        InvalidState: the invoice is not open.
    """
    is_first_try = invoice["status"] == "open" and invoice["attempt_count"] == 0
    if is_first_try:
        invoice.update(attempt_count=1, attempted=True)
    try:
        return pay(account, invoice, cause, method=method)
    except CardRefused as refusal:
        if is_first_try:
            note_failed_try(account, invoice, refusal, cause)
        else:
            _tell_of_failure(account, invoice, refusal, cause)
        raise


def collect(
    account: Account,
    invoice: Resource,
    cause: Cause = BY_ITSELF,
    *,
    is_off_session: bool = False,
) -> None:
    """Try to pay an open invoice on the schedule; plan the next try when that fails."""
    invoice.update(attempt_count=invoice["attempt_count"] + 1, attempted=True)
    try:
        pay(account, invoice, cause, is_off_session=is_off_session)
    except CardRefused as refusal:
        note_failed_try(account, invoice, refusal, cause)


def _tell_of_failure(
    account: Account, invoice: Resource, refusal: CardRefused, cause: Cause
) -> None:
    account.record("invoice.payment_failed", invoice, cause)
    if isinstance(refusal, ActionRequired):
        account.record("invoice.payment_action_required", invoice, cause)


def note_failed_try(
    account: Account, invoice: Resource, refusal: CardRefused, cause: Cause
) -> None:
    """Tell that a try of the schedule has failed, and plan the next, or give up."""
    next_at = _next_try_at(account, invoice)
    if next_at is None:
        account.agenda.cancel("retry", invoice["id"])
    else:
        account.agenda.plan("retry", invoice["id"], next_at, lambda: collect(account, invoice))
    changes = {"next_payment_attempt": next_at}
    account.update(invoice, changes, "invoice.updated", cause)
    _tell_of_failure(account, invoice, refusal, cause)
    standing.note_failed(account, invoice, cause)
    if next_at is None and invoice["auto_advance"]:
        standing.give_up(account, invoice)


def _next_try_at(account: Account, invoice: Resource) -> int | None:
    """Return when a failed payment is tried again; None when that was the last time."""
    tries, days = invoice["attempt_count"], account.dunning.retry_after_days
    is_left_alone = not invoice["auto_advance"]
    if is_left_alone or invoice["billing_reason"] == "subscription_create" or tries > len(days):
        return None
    wait_days: int = days[tries - 1]
    return account.now_s() + wait_days * DAY_S

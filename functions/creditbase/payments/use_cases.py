"""What is done with Stripe: start a top-up, take an event, grant what was paid."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache

from creditbase.accounts.domain import CustomerRef
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import InvalidRequest, NotFound, Unavailable
from creditbase.payments import inbox_store, store, stripe_gateway
from creditbase.payments.auto_topups import mirror_payment
from creditbase.payments.domain import (
    APPLIED,
    SUBSCRIPTION,
    Event,
    Intent,
    Order,
    Outcome,
    Payment,
    decide_intent,
    decide_session,
    find_conflict,
    is_ours,
    order_of,
)
from creditbase.payments.granting import check_room, grant_payment
from creditbase.payments.leaving import came_late, give_back
from creditbase.payments.linking import ensure_stripe_customer, link_customer, unlink_customer
from creditbase.payments.mirroring import (
    mirror_customer,
    mirror_invoice,
    mirror_schedule,
    mirror_subscription,
)
from creditbase.payments.returning import mirror_return
from creditbase.payments.sessions import StartedTopup, ask_for_session
from creditbase.payments.site import site_url
from creditbase.payments.welcoming import welcome_payer
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Ambiguous, Lost, Version, commit
from creditbase.runtime.log import alert

log = logging.getLogger(__name__)


# ---- starting a top-up -----------------------------------------------------------------------


def start_topup(ref: CustomerRef, tier: str, *, now: datetime) -> StartedTopup:
    """Return a Checkout session for a pack. Twins and retries share one session.

    Raises:
        InvalidRequest: there is no such pack, or the wallet cannot hold so much more.
        NotFound: there is no such customer.
        Unavailable: Stripe or the store did not answer; the same request may be repeated.
    """
    order = _order(ref.project_id, tier)
    check_room(ref, order, field="amount")
    buyer = ensure_stripe_customer(ref, now=now)
    session = ask_for_session(
        buyer,
        order,
        look=lambda: _count_intent(ref, order),
        ask=lambda number: stripe_gateway.create_topup_session(buyer, order, number=number),
        now=now,
    )
    return StartedTopup(session, order)


def _order(project_id: str, tier: str) -> Order:
    catalog = load_catalog(project_id)
    if tier not in catalog.packs:
        raise InvalidRequest(
            "The amount must be the name of a pack", field="amount", reason="INVALID_TOPUP_TIER"
        )
    return order_of(catalog.packs[tier], currency=catalog.currency, site_url=site_url())


def _count_intent(ref: CustomerRef, order: Order) -> Intent:
    def attempt() -> Attempt[Intent]:
        account = store.load_account(ref)
        newest = account.intent_of(order.kind)
        intent = decide_intent(newest, order)
        is_known = intent == newest
        return Attempt(intent, () if is_known else store.writes_for_intent(account, intent))

    return commit_or_retry(attempt)


# ---- taking an event -------------------------------------------------------------------------


def receive_event(
    raw: bytes, signature: str, *, secrets: Sequence[str], real_now: datetime, now: datetime
) -> Outcome | None:
    """Prove an event, store it once, act on it. None: it was finished before.

    Returning means that we own it. What fails on the way escapes, so that Stripe sends the
    event again; one that is stored and unfinished is then handled again.

    Raises:
        NotFromStripe: it is not from Stripe; sending it again will not help.
        Unavailable, Contention: not finished; send it again.
    """
    event = stripe_gateway.verify_event(
        raw, signature, secrets=secrets, now_s=int(real_now.timestamp())
    )
    if event.api_version:
        notice_version(event.api_version)
    return take_event(event, now=now)


@cache
def notice_version(api_version: str) -> None:
    """Say once where the endpoint speaks another release of the API than we do.

    Harmless, since only ids are read of what it sends; but nobody chose it.
    """
    if stripe_gateway.release_of(api_version) != stripe_gateway.release_of(
        stripe_gateway.API_VERSION
    ):
        alert("stripe_endpoint", "Stripe's endpoint has another API version", told=api_version)


def take_event(event: Event, *, now: datetime) -> Outcome | None:
    """Store an event that is known to be Stripe's once, and act on it; as `receive_event`."""
    stored = _store_event(event, now=now)
    if stored.is_finished:
        return None
    outcome = act_on(event, now=now)
    finish_event(event, outcome, stored.version, now=now)
    return outcome


def finish_event(event: Event, outcome: Outcome, version: Version, *, now: datetime) -> None:
    """Say how an event ended, in the log and in the inbox.

    Raises:
        Unavailable: it is not known to be written; the event may be handled again.
    """
    facts = {
        "stripe_event": event.event_id,
        "stripe_type": event.type,
        "stripe_object": event.object_id,
        "reason": outcome.reason,
    }
    if outcome.status == "quarantined":
        alert("stripe_event_quarantined", "stripe event quarantined", **facts)
    elif outcome.status == "applied":
        log.info("stripe event applied", extra=facts)
    else:  # another application's, say: the inbox has it, and that is enough
        log.debug("stripe event ignored", extra=facts)
    try:
        commit(inbox_store.writes_for_end(event, outcome, version, now=now))
    except Lost:
        return  # a twin has finished it
    except Ambiguous as failure:
        raise Unavailable from failure


def _store_event(event: Event, *, now: datetime) -> inbox_store.Stored:
    """Return the event of the inbox, stored now if it was not.

    Raises:
        Unavailable: it is not known to be stored.
    """
    found = None
    # Of who was erased nothing is written down again, whatever Stripe still tells.
    is_erased = store.is_erased_payer(event.stripe_customer_id)
    try:
        version = commit(inbox_store.writes_for_arrival(event, is_erased=is_erased, now=now))
        return inbox_store.Stored(is_finished=False, version=version)
    except (Lost, Ambiguous):
        found = inbox_store.find_event(event.event_id)
    if found is None:
        raise Unavailable
    return found


def act_on(event: Event, *, now: datetime) -> Outcome:
    """Act on an event of the inbox; doing so again changes nothing more.

    Raises:
        Unavailable, Contention: not finished; to be handled again.
    """
    if event.account:
        return Outcome("quarantined", "connected_account")
    if event.is_live != stripe_gateway.is_live():
        return Outcome("quarantined", "livemode")
    handler = HANDLERS.get(event.type)
    if handler is None:
        return Outcome("ignored")
    return handler(event, now) if event.object_id else Outcome("quarantined", "no_object")


def _mirror_session(event: Event, now: datetime) -> Outcome:
    """Bring a session's mirror up to date, and grant what was paid."""
    record = store.find_session(event.object_id)
    if record is None:
        return _unrecorded(event)
    if record.finds_customer and not record.customer_id:
        return welcome_payer(record, now=now)
    ref = CustomerRef(record.project_id, record.customer_id)

    def attempt() -> Attempt[tuple[Outcome, Payment | None, bool]]:
        # The version first, then Stripe: whatever changes in between makes the commit fail.
        account = store.load_account(ref)
        session = stripe_gateway.load_session(event.object_id)
        known = store.load_known(session.session_id, session.payment_id)
        mirrored = decide_session(known.record, session, now=now)
        payment = mirrored.payment
        if payment is not None and known.payment is not None:
            conflict = find_conflict(known.payment, payment)
            if conflict:
                refused = Outcome("quarantined", f"mismatch:{conflict}")
                return Attempt((refused, None, False), ())
        first = known.payment or payment
        is_late = first is not None and came_late(account, first)
        writes = store.writes_for_mirror(account, known, mirrored.record, payment)
        return Attempt((mirrored.outcome, payment, is_late), writes)

    try:
        outcome, payment, is_late = commit_or_retry(attempt)
    except NotFound:
        return Outcome("quarantined", "no_such_object")
    if payment is not None:
        grant_payment(payment, now=now)
    if payment is not None and is_late:
        give_back(payment)
    if record.kind == SUBSCRIPTION and outcome == APPLIED:
        return mirror_customer(record.stripe_customer_id, now=now)
    return outcome


def _unrecorded(event: Event) -> Outcome:
    """Judge a session that we have no record of: another application's, or a lost one."""
    try:
        session = stripe_gateway.load_session(event.object_id)
    except NotFound:
        return Outcome("ignored", "no_such_object")
    if is_ours(session) and session.payment_status != "unpaid":
        return Outcome("quarantined", "no_record")
    return Outcome("ignored", "not_ours")


Handler = Callable[[Event, datetime], Outcome]
HANDLERS: dict[str, Handler] = {
    "checkout.session.completed": _mirror_session,
    "checkout.session.async_payment_succeeded": _mirror_session,
    "checkout.session.async_payment_failed": _mirror_session,
    "checkout.session.expired": _mirror_session,
    "customer.created": link_customer,
    "customer.deleted": unlink_customer,
    "customer.subscription.created": mirror_subscription,
    "customer.subscription.updated": mirror_subscription,
    "customer.subscription.deleted": mirror_subscription,
    "customer.subscription.trial_will_end": mirror_subscription,
    "customer.subscription.paused": mirror_subscription,
    "customer.subscription.resumed": mirror_subscription,
    "customer.subscription.pending_update_applied": mirror_subscription,
    "customer.subscription.pending_update_expired": mirror_subscription,
    "subscription_schedule.created": mirror_schedule,
    "subscription_schedule.updated": mirror_schedule,
    "subscription_schedule.released": mirror_schedule,
    "subscription_schedule.canceled": mirror_schedule,
    "subscription_schedule.completed": mirror_schedule,
    "subscription_schedule.aborted": mirror_schedule,
    "invoice.created": mirror_invoice,
    "invoice.paid": mirror_invoice,
    "invoice.payment_failed": mirror_invoice,
    "invoice.voided": mirror_invoice,
    "invoice.marked_uncollectible": mirror_invoice,
    "charge.refunded": mirror_return,
    "refund.updated": mirror_return,
    "refund.failed": mirror_return,
    "charge.dispute.created": mirror_return,
    "charge.dispute.updated": mirror_return,
    "charge.dispute.funds_withdrawn": mirror_return,
    "charge.dispute.funds_reinstated": mirror_return,
    "charge.dispute.closed": mirror_return,
    "payment_intent.succeeded": mirror_payment,
    "payment_intent.payment_failed": mirror_payment,
    "payment_intent.requires_action": mirror_payment,
    "payment_intent.canceled": mirror_payment,
}
"""What is done about an event, by its type; all others are recorded as ignored."""

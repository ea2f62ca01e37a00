"""Starting a subscription: one open session per customer, none where a plan is running."""

from collections.abc import Sequence
from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.catalog.domain import Plan
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import Conflict, InvalidRequest, NotFound, Unavailable
from creditbase.payments import selling, store, stripe_billing, stripe_selling
from creditbase.payments.domain import (
    SUBSCRIPTION,
    Buyer,
    Intent,
    Order,
    StripeSession,
    decide_intent,
)
from creditbase.payments.linking import ensure_stripe_customer
from creditbase.payments.sessions import ask_for_session, session_of
from creditbase.payments.site import site_url
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.settings import settings
from creditbase.subscriptions.domain.mirror import Subscription
from creditbase.subscriptions.domain.trials import email_claim, offered_days
from creditbase.subscriptions.store import load_claims


def start_checkout(ref: CustomerRef, plan_code: str, *, now: datetime) -> StripeSession:
    """Return a Checkout session for a plan. Twins and retries share one session.

    Raises:
        InvalidRequest: there is no such plan to buy.
        Conflict: the customer has a subscription; plans are changed in the portal.
        NotFound: there is no such customer.
        Unavailable: Stripe or the store did not answer, or the plan's price is being changed;
            the same request may be repeated.
    """
    catalog = load_catalog(ref.project_id)
    plan = catalog.plans.get(plan_code)
    if plan is None or not plan.can_be_bought:
        raise InvalidRequest(
            "The plan must be one that is sold", field="plan", reason="INVALID_PLAN"
        )
    buyer = ensure_stripe_customer(ref, now=now)
    seen = refuse_second(ref.project_id, buyer.stripe_customer_id)
    trial_days = _trial_days(ref, plan, seen)
    order = _order_of(plan, currency=catalog.currency, trial_days=trial_days)
    return open_session(buyer, order, selling.ensure_price(catalog, plan), now=now)


def open_session(buyer: Buyer, order: Order, price_id: str, *, now: datetime) -> StripeSession:
    """Return the open session of an order; one that is open for another order is ended.

    Raises:
        NotFound: there is no such customer.
        Unavailable: Stripe or the store did not answer; the same request may be repeated.
    """
    ref = CustomerRef(buyer.project_id, buyer.customer_id)

    def look() -> StripeSession | Intent | None:
        newest = store.load_account(ref).intent_of(SUBSCRIPTION)
        return _leave_open(newest, order) or _count_after(ref, newest, order)

    return ask_for_session(
        buyer,
        order,
        look=look,
        ask=lambda number: stripe_selling.create_subscription_session(
            buyer, order, price_id, number=number
        ),
        now=now,
    )


def close_page(ref: CustomerRef) -> None:
    """End the page on which a customer could still buy a second subscription, if one is open.

    Raises:
        Unavailable: Stripe or the store did not answer.
    """
    session = session_of(store.load_account(ref).intent_of(SUBSCRIPTION))
    if session is not None and session.status == "open":
        stripe_selling.expire_session(session.session_id)


def _order_of(plan: Plan, *, currency: str, trial_days: int) -> Order:
    return Order(
        tier=plan.code,
        name=plan.name,
        credits=plan.credits,
        amount_cents=plan.price_cents,
        currency=currency,
        site_url=site_url(),
        kind=SUBSCRIPTION,
        trial_days=trial_days,
    )


def _trial_days(ref: CustomerRef, plan: Plan, seen: Sequence[Subscription]) -> int:
    """Return the days of trial to offer: what would be refused in the end is not offered."""
    days = plan.trial_days_or(settings().trial_days)
    if not days:
        return 0
    account = store.load_account(ref)
    claims = email_claim(ref.project_id, account.customer.email)
    owners = load_claims(ref.project_id, claims).values()
    is_claimed = any(owner != ref.customer_id for owner in owners)
    return offered_days(days, kept=account.trial, seen=seen, is_claimed=is_claimed)


def refuse_second(project_id: str, stripe_customer_id: str) -> Sequence[Subscription]:
    """Return the customer's subscriptions, all of them over.

    Raises:
        Conflict: Stripe itself has a subscription, whatever its events have told us yet.
        Unavailable: its customer was deleted just now; the next request makes another.
    """
    try:
        seen = stripe_billing.list_subscriptions(project_id, stripe_customer_id)
    except NotFound as failure:
        raise Unavailable from failure
    if any(one.is_live and one.plan_code for one in seen):
        raise Conflict("There is a subscription already", reason="SUBSCRIPTION_EXISTS")
    return seen


def _count_after(ref: CustomerRef, seen: Intent | None, order: Order) -> Intent | None:
    """Return the number to ask Stripe with; None where another purchase was faster.

    Only what was looked at may be followed: a twin's session, open meanwhile, is not passed
    over, and a twin that has a number but no session yet is joined.
    """

    def attempt() -> Attempt[Intent | None]:
        account = store.load_account(ref)
        newest = account.intent_of(SUBSCRIPTION)
        intent = decide_intent(newest, order)
        if intent == newest:
            return Attempt(intent, ())
        if newest != seen:
            return Attempt(None, ())
        return Attempt(intent, store.writes_for_intent(account, intent))

    return commit_or_retry(attempt)


def _leave_open(newest: Intent | None, order: Order) -> StripeSession | None:
    """Return the newest session where it is open for the same order; end it for another."""
    session = session_of(newest)
    if newest is None or session is None or session.status != "open" or not session.url:
        return None
    if newest.order == order:
        return session
    stripe_selling.expire_session(session.session_id)
    return None

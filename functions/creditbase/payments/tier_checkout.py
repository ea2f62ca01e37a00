"""Selling tiers on Stripe's page: to a customer that is known, or to whoever comes.

The relay's two flows. Customer first: its Stripe customer is made before the page. Stripe
first: the page asks who pays, and what is paid makes the customer (relay-api.md 5 and 6).
"""

from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.catalog.domain.tiers import Tier
from creditbase.kernel.errors import Conflict, NotFound, Unavailable
from creditbase.payments import store, stripe_selling
from creditbase.payments.domain import (
    SUBSCRIPTION,
    Buyer,
    Order,
    StripeSession,
    record_of,
)
from creditbase.payments.linking import ensure_stripe_customer
from creditbase.payments.subscribing import open_session, refuse_second
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.subscriptions.domain.trials import offered_days


def start_tier_checkout(
    ref: CustomerRef, tier: Tier, *, success_url: str, cancel_url: str, now: datetime
) -> StripeSession:
    """Return a Checkout session for a tier. Twins and repeats share one while it is open.

    Raises:
        Conflict: Stripe cannot sell the tier, or bills the customer for one already.
        NotFound: there is no such customer.
        Unavailable: Stripe or the store did not answer; the same request may be repeated.
    """
    refuse_unsold(tier)
    buyer = ensure_stripe_customer(ref, now=now)
    seen = refuse_second(ref.project_id, buyer.stripe_customer_id)
    kept = store.load_account(ref).trial
    trial_days = offered_days(tier.trial_days or 0, kept=kept, seen=seen, is_claimed=False)
    order = _order(tier, trial_days, success_url=success_url, cancel_url=cancel_url)
    return open_session(buyer, order, tier.billing_price_ref, now=now)


def start_open_checkout(
    tier: Tier, *, success_url: str, cancel_url: str, visit: str, now: datetime
) -> StripeSession:
    """Return a Checkout session for a tier that asks who pays.

    `visit` names the request: two people who want the same must not share a page.

    Raises:
        Conflict: Stripe cannot sell the tier.
        Unavailable: Stripe or the store did not answer.
    """
    refuse_unsold(tier)
    order = _order(tier, tier.trial_days or 0, success_url=success_url, cancel_url=cancel_url)
    try:
        session = stripe_selling.create_open_session(
            tier.project_id, order, tier.billing_price_ref, visit=visit
        )
    except (Conflict, NotFound) as failure:
        raise Unavailable from failure
    nobody = Buyer(project_id=tier.project_id, customer_id="", uid="", stripe_customer_id="")
    record = record_of(nobody, order, session, now=now)

    def attempt() -> Attempt[None]:
        is_kept = store.find_session(record.session_id) is not None
        return Attempt(None, () if is_kept else store.writes_for_open_session(record))

    commit_or_retry(attempt)
    return session


def refuse_unsold(tier: Tier) -> None:
    """Refuse a tier that Stripe does not sell.

    Raises:
        Conflict: it has no price at Stripe.
    """
    if not tier.can_be_bought:
        raise Conflict("tier has no billing pricing configured")


def _order(tier: Tier, trial_days: int, *, success_url: str, cancel_url: str) -> Order:
    return Order(
        tier=tier.tier_id,
        name=tier.display_name,
        credits=0,
        amount_cents=tier.price_amount_cents or 0,
        currency=tier.price_currency,
        site_url="",
        kind=SUBSCRIPTION,
        trial_days=trial_days,
        success_url=success_url,
        cancel_url=cancel_url,
    )

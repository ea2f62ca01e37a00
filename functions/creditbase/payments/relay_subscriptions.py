"""What the other rooms ask of a relay customer's subscriptions."""

from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.payments import store, stripe_billing
from creditbase.payments.tier_changing import subscriptions_of


def end_now(ref: CustomerRef, now: datetime) -> None:
    """End all that Stripe bills a customer for, at once: the customer is deleted.

    Raises:
        NotFound: there is no such customer.
        Unavailable: Stripe did not answer; to be repeated.
    """
    del now
    for one in subscriptions_of(store.load_account(ref)):
        if one.is_live:
            stripe_billing.cancel_subscription(one.subscription_id)

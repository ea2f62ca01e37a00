"""Asking Stripe for an automatic top-up: paid once under its number, whoever asks how often."""

from datetime import datetime, timedelta

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import Conflict, NotFound, Unavailable
from creditbase.payments import stripe_wallets
from creditbase.payments.domain import AUTOMATIC, Buyer
from creditbase.payments.refill_settings import live_account
from creditbase.payments.refill_store import auto_topup_of
from creditbase.payments.refilling import NO_METHOD, Refill, is_still_wanted
from creditbase.payments.stripe_wallets import WalletPayment
from creditbase.payments.wallet_topups import CURRENCY, wallet_order

KEY_LIFETIME = timedelta(hours=23)
"""How long Stripe is sure to know a key; after that its own list is asked."""
DOUBT = timedelta(minutes=10)
"""How long Stripe's list is given to show a payment that somebody may be asking for."""


def charge(ref: CustomerRef, refill: Refill, *, now: datetime) -> WalletPayment | None:
    """Return the payment, made now or before; None where nobody will ever pay that number.

    What is not wanted any more is only looked for: it may have been paid before.

    Raises:
        NotFound: the customer was deleted.
        Unavailable: nobody knows yet.
    """
    account = live_account(ref)
    customer = account.customer
    buyer = Buyer(
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        uid=customer.uid,
        stripe_customer_id=refill.stripe_customer_id or customer.stripe_customer_id,
    )
    if not is_still_wanted(auto_topup_of(account)):
        return _known_at_last(buyer, refill, now=now)
    if now >= refill.begun_at + KEY_LIFETIME:
        known = _find_charged(buyer, refill)
        if known is not None:
            return known
    order = wallet_order(refill.amount_cents, tier=AUTOMATIC)
    try:
        asked = stripe_wallets.charge_saved_card(
            buyer, order, refill.method_id, number=refill.number
        )
    except Conflict:
        # Stripe remembers a failure of its own for this number: its list tells what is true.
        return _known_at_last(buyer, refill, now=now)
    except NotFound:
        return _never_paid(buyer, refill)
    # A repeat is answered as the first one was, whatever has become of the payment since.
    return asked if asked.is_paid else stripe_wallets.load_wallet_payment(asked.payment_id)


def _known_at_last(buyer: Buyer, refill: Refill, *, now: datetime) -> WalletPayment | None:
    """Return what Stripe's list shows, once it shows whatever was asked for.

    Raises:
        Unavailable: it is too early to tell that there is nothing.
    """
    known = _find_charged(buyer, refill)
    if known is None and now < refill.begun_at + DOUBT:
        raise Unavailable
    return known


def _find_charged(buyer: Buyer, refill: Refill) -> WalletPayment | None:
    since_s = int((refill.begun_at - timedelta(hours=1)).timestamp())
    try:
        return stripe_wallets.find_charged(buyer, number=refill.number, since_s=since_s)
    except NotFound:  # of whom Stripe knows nothing any more, it lists nothing
        return None


def _never_paid(buyer: Buyer, refill: Refill) -> WalletPayment:
    """Return what stands for a card or a customer that is gone at Stripe: nothing was paid."""
    return WalletPayment(
        payment_id="",
        status="canceled",
        amount_cents=refill.amount_cents,
        received_cents=0,
        currency=CURRENCY,
        is_live=False,
        stripe_customer_id=buyer.stripe_customer_id,
        number=refill.number,
        decline_code=NO_METHOD,
    )

"""Second subscriptions: of two live ones the dearer counts; the other ends and is paid back.

Paid back is what was not used. Two pages that were opened at once can be paid one after the
other: whoever spends the cheaper plan's credits between has had what the money was for.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from creditbase.kernel.errors import Unavailable
from creditbase.kernel.ids import expiry_entry_id
from creditbase.ledger.domain.draft import Known
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.payments import stripe_billing, stripe_refunds
from creditbase.runtime.log import alert
from creditbase.subscriptions.domain.mirror import Invoice
from creditbase.subscriptions.domain.owed import grant_ids_of


def end_surplus(wallet: WalletRef, subscription_id: str, invoices: Iterable[Invoice]) -> None:
    """End a second live subscription and give its money back; somebody should know.

    The wallet must have been told of the subscription that counts.

    Raises:
        Unavailable: not finished, or this one counts by now; to be looked at again.
    """
    bills = [bill for bill in invoices if bill.subscription_id == subscription_id]
    newest = max(bills, key=lambda bill: bill.age, default=None)
    grant_ids = grant_ids_of(newest) if newest is not None else []
    loaded = find_wallet(wallet, [*grant_ids, *map(expiry_entry_id, grant_ids)])
    if loaded is not None and loaded.wallet.terms.origin == subscription_id:
        raise Unavailable  # another process has seen since that the other one is over
    alert(
        "two_subscriptions",
        "two live subscriptions: one is cancelled and refunded",
        subscription=subscription_id,
    )
    if newest is not None and newest.is_paid:
        part = _unused_part(grant_ids, {} if loaded is None else loaded.known)
        stripe_refunds.refund_invoice(newest.invoice_id, part=part)
    stripe_billing.cancel_subscription(subscription_id)


def _unused_part(grant_ids: Sequence[str], known: Known) -> Fraction:
    """Return the part of a bill's credits that nobody used: all, where it brought none.

    What was left of them has lapsed, since the wallet is on the other subscription now; that
    entry never changes, so asking again comes to the same. What work still holds is used.
    """
    granted, lapsed = (
        sum(entry.amount_nanos for entry in map(known.get, names) if entry is not None)
        for names in (grant_ids, [*map(expiry_entry_id, grant_ids)])
    )
    return Fraction(lapsed, granted) if granted else Fraction(1)

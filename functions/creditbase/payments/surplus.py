"""Second subscriptions: of two live ones the dearer counts; the other ends and is paid back.

Paid back is what was not used. Two pages that were opened at once can be paid one after the
other: whoever spends the cheaper plan's credits, or the cheaper tier's limit, between has had
what the money was for.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from creditbase.catalog.domain.tiers import Tiers
from creditbase.kernel.errors import Unavailable
from creditbase.kernel.ids import expiry_entry_id
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.draft import Known
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet, load_left_window
from creditbase.payments import stripe_billing, stripe_refunds
from creditbase.runtime.log import alert
from creditbase.subscriptions.domain.leftover import leftover_of
from creditbase.subscriptions.domain.mirror import Invoice, Subscription
from creditbase.subscriptions.domain.owed import grant_ids_of


def end_surplus(
    wallet: WalletRef,
    one: Subscription,
    invoices: Iterable[Invoice],
    *,
    by: Subscription,
    tiers: Tiers | None,
) -> None:
    """End a second live subscription and give its money back; somebody should know.

    The wallet must have been told of the subscription `by` that counts. `tiers` are the relay
    project's; None for the hub.

    Raises:
        Unavailable: not finished, or this one counts by now; to be looked at again.
    """
    bills = bills_to_pay_back(one, invoices)
    grant_ids = {bill.invoice_id: grant_ids_of(bill) for bill in bills}
    every_id = [grant_id for ids in grant_ids.values() for grant_id in ids]
    loaded = find_wallet(wallet, [*every_id, *map(expiry_entry_id, every_id)])
    if loaded is not None and loaded.wallet.terms.origin == one.subscription_id:
        raise Unavailable  # another process has seen since that the other one is over
    alert(
        "two_subscriptions",
        "two live subscriptions: one is cancelled and refunded",
        subscription=one.subscription_id,
    )
    known: Known = {} if loaded is None else loaded.known
    for bill in bills:
        if tiers is None:
            part = _unused_credits(grant_ids[bill.invoice_id], known)
        else:
            part = _unused_limit(wallet, one, bill, by=by, tiers=tiers)
        stripe_refunds.refund_invoice(bill.invoice_id, part=part)
    stripe_billing.cancel_subscription(one.subscription_id)


def bills_to_pay_back(one: Subscription, invoices: Iterable[Invoice]) -> list[Invoice]:
    """Return the paid bills of the running period that nothing was given back of, newest first.

    The newest; and where it only adds to the one before, as an upgrade's does, that one too.
    """
    mine = (bill for bill in invoices if bill.subscription_id == one.subscription_id)
    found: list[Invoice] = []
    for bill in sorted(mine, key=lambda bill: bill.age, reverse=True):
        if not bill.is_paid:
            break
        found.append(bill)
        if not _adds_to_another(one, bill):
            break
    return found


def _adds_to_another(one: Subscription, bill: Invoice) -> bool:
    """Return whether a bill credits a part of the running period, and sells more than that."""
    cents = [line.amount_cents for line in bill.lines if line.end_at == one.period.end_at]
    return any(it < 0 for it in cents) and sum(cents) > 0


def _unused_credits(grant_ids: Sequence[str], known: Known) -> Fraction:
    """Return the part of a bill's credits that nobody used: all, where it brought none.

    What was left of them has lapsed, since the wallet is on the other subscription now; that
    entry never changes, so asking again comes to the same. What work still holds is used.
    """
    granted, lapsed = (
        sum(entry.amount_nanos for entry in map(known.get, names) if entry is not None)
        for names in (grant_ids, [*map(expiry_entry_id, grant_ids)])
    )
    return Fraction(lapsed, granted) if granted else Fraction(1)


def _unused_limit(
    wallet: WalletRef, one: Subscription, bill: Invoice, *, by: Subscription, tiers: Tiers
) -> Fraction:
    """Return the part of a bill's limit that nobody used; none of what is over."""
    leftover = leftover_of(one, bill, tiers, by=by)
    if leftover is None:
        return Fraction(0)
    return leftover.unused_part(_used_nanos(wallet, one, leftover.month))


def _used_nanos(wallet: WalletRef, one: Subscription, month: Window) -> int:
    """Return what was used of a window that was left; what work still holds is used.

    A window that goes on as the other subscription's, begun in the same second, counts there.

    Raises:
        Unavailable: the wallet is on this very subscription: what was seen is outdated.
    """
    on, left = load_left_window(wallet, month)
    if on.origin == one.subscription_id:
        raise Unavailable
    return 0 if left is None else left.included_spent_nanos + left.included_held_nanos

"""The invoices of what changes within a period: of items, of pauses, of their ends."""

from stripe_local.account import Account
from stripe_local.billing import collecting, invoicing, standing
from stripe_local.billing.invoice_shape import Line
from stripe_local.events import Cause
from stripe_local.wire.resource import Resource


def draft(account: Account, subscription: Resource, lines: list[Line]) -> Resource:
    """Make the draft of a change, not yet told of."""
    now_s = account.now_s()
    return invoicing.draft(
        account,
        account.store.at_address("customer", subscription["customer"]),
        subscription,
        lines,
        currency=subscription["currency"],
        reason="subscription_update",
        period=(now_s, now_s),
    )


def begin(
    account: Account,
    subscription: Resource,
    lines: list[Line],
    changes: Resource,
    cause: Cause,
    *,
    is_collected: bool = True,
) -> Resource:
    """Change a subscription along with naming the draft of it, and tell of both."""
    invoice = draft(account, subscription, lines)
    invoice["auto_advance"] = is_collected
    standing.change(account, subscription, {**changes, "latest_invoice": invoice["id"]}, cause)
    collecting.announce(account, invoice, cause)
    return invoice

"""Invoices that are not made yet: what the next one of a subscription would be."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from stripe_local.account import Account
from stripe_local.basket import Chosen
from stripe_local.billing import discounting, item_changes, pending, period_lines
from stripe_local.billing.invoice_shape import Line, new_invoice
from stripe_local.billing.invoicing import DRAFT_S
from stripe_local.billing.item_changes import ItemChange, Manner
from stripe_local.billing.periods import DAY_S, boundary
from stripe_local.billing.subscription_shape import (
    Terms,
    Wanted,
    items_of,
    new_subscription,
    period_of,
)
from stripe_local.events import BY_ITSELF
from stripe_local.wire.errors import ResourceMissing
from stripe_local.wire.resource import Resource

UPCOMING = "upcoming_in_"
"""How the id of a preview begins: nothing can be found by it."""
_NOTICE_S = 7 * DAY_S
_GOES_ON = frozenset({"active", "past_due", "trialing"})


@dataclass(frozen=True)
class Wish:
    """What would be changed about a subscription, to see what it costs."""

    items: list[ItemChange] = field(default_factory=list)
    manner: Manner = field(default_factory=Manner)
    ends: bool | None = None
    """Whether it would end with its period; None leaves that as it is."""
    extra: Sequence[Line] = ()
    discounts: Sequence[Chosen] | None = None
    """Coupons in place of those that it has; None leaves these as they are."""


def preview(account: Account, subscription: Resource, wish: Wish) -> Resource:
    """Return the invoice that a subscription would bring next, after a change or as it is.

    Raises:
        ResourceMissing: nothing is to come.
    """
    customer = account.store.at_address("customer", subscription["customer"])
    tried = wish.discounts
    changed, owed = subscription, list(wish.extra)
    if wish.items:
        decided = item_changes.decide(account, subscription, wish.items, wish.manner)
        owed += decided.lines
        if decided.is_billed_now:
            now_s = account.now_s()
            return _shown(account, customer, subscription, owed, (now_s, now_s), tried=tried)
        rows = {**subscription["items"], "data": decided.rows}
        changed = {**subscription, "items": rows}
    start_s, turn_s = period_of(subscription)
    ends = _ends(subscription, turn_s) if wish.ends is None else wish.ends
    if ends or subscription["status"] not in _GOES_ON:
        owed += pending.lines_kept(account, customer, subscription, subscription["currency"])
        if not owed:
            raise nothing_upcoming(customer)
        return _shown(account, customer, subscription, owed, (start_s, turn_s), tried=tried)
    following = period_lines.next_period(account, changed, turn_s)
    lines = owed + following.lines
    return _shown(account, customer, changed, lines, (start_s, turn_s), tried=tried)


def preview_new(
    account: Account,
    customer: Resource,
    wanted: Sequence[Wanted],
    terms: Terms,
    extra: Sequence[Line] = (),
) -> Resource:
    """Return the first invoice that a new subscription would bring."""
    now_s = account.now_s()
    first_end_s = boundary(now_s, wanted[0].price["recurring"], 1)
    period = (now_s, terms.trial_end or first_end_s)
    subscription = new_subscription(customer, wanted, terms, period, now_s)
    lines = period_lines.whole_period_lines(
        account, items_of(subscription), is_trial=terms.trial_end is not None
    )
    lines += [*extra, *pending.lines_kept(account, customer, None, subscription["currency"])]
    return _shown(account, customer, None, lines, (now_s, now_s), tried=terms.discounts)


def preview_items(
    account: Account, customer: Resource, extra: Sequence[Line], currency: str
) -> Resource:
    """Return the invoice of what waits for a customer without a subscription.

    Raises:
        ResourceMissing: nothing does.
    """
    lines = [*extra, *pending.lines_kept(account, customer, None, currency)]
    if not lines:
        raise nothing_upcoming(customer)
    now_s = account.now_s()
    return _shown(account, customer, None, lines, (now_s, now_s))


def nothing_upcoming(customer: Resource) -> ResourceMissing:
    """Return the refusal to show an invoice that will not come."""
    return ResourceMissing(
        f"No upcoming invoices for customer: {customer['id']}", code="invoice_upcoming_none"
    )


def plan_notice(account: Account, subscription: Resource) -> None:
    """Plan the notice of the next renewal, a week before it; shorter periods have none."""
    account.agenda.cancel("upcoming", subscription["id"])
    start_s, turn_s = period_of(subscription)
    at_s = turn_s - _NOTICE_S
    if subscription["status"] not in _GOES_ON:
        return
    if at_s <= max(start_s, account.now_s()) or _ends(subscription, turn_s):
        return

    def give() -> None:
        if subscription["status"] not in _GOES_ON:
            return
        upcoming = preview(account, subscription, Wish())
        del upcoming["id"]
        account.record("invoice.upcoming", upcoming, BY_ITSELF)

    account.agenda.plan("upcoming", subscription["id"], at_s, give)


def _ends(subscription: Resource, turn_s: int) -> bool:
    return subscription["cancel_at"] is not None and subscription["cancel_at"] <= turn_s


def _shown(
    account: Account,
    customer: Resource,
    subscription: Resource | None,
    lines: Sequence[Line],
    period: tuple[int, int],
    *,
    tried: Sequence[Chosen] | None = None,
) -> Resource:
    """Return an invoice that is nowhere kept, as of the moment at which it would be made."""
    invoice = new_invoice(
        customer,
        subscription,
        lines,
        currency=lines[0].price["currency"],
        reason="upcoming",
        period=period,
        now_s=period[1],
    )
    if tried is None:
        discounting.take_off_own(account, subscription, invoice)
    else:
        discounting.try_on(account, tried, subscription, invoice)
    shown_id = UPCOMING + invoice["id"].removeprefix("in_")
    for row in invoice["lines"]["data"]:
        row.update(id=f"il_tmp_{row['id'].removeprefix('il_')}", invoice=shown_id)
    owed = max(invoice["total"] + customer["balance"], 0)
    invoice.update(
        id=shown_id,
        account_name=account.profile.merchant,
        amount_due=owed,
        amount_remaining=owed,
        next_payment_attempt=period[1] + DRAFT_S,
        starting_balance=customer["balance"],
    )
    invoice["lines"]["url"] = f"/v1/invoices/{shown_id}/lines"
    return invoice

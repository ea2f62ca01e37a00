"""Subscriptions that are paused on request, and paused ones that go on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stripe_local.account import Account, Resumption
from stripe_local.billing import (
    change_invoices,
    collecting,
    invoicing,
    pending,
    period_lines,
    subscribing,
)
from stripe_local.billing.invoice_shape import Line
from stripe_local.billing.item_changes import proration
from stripe_local.billing.periods import period_after
from stripe_local.billing.subscription_shape import items_of, period_of
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.wire.errors import InvalidState
from stripe_local.wire.resource import Resource

_CAN_BE_PAUSED = frozenset({"active", "past_due"})
_WAITS_S = 23 * 3_600
"""How long a resumption waits for somebody to try to pay its invoice."""


@dataclass(frozen=True)
class Return:
    """How a paused subscription is to go on."""

    is_anchored_now: bool = True
    """Whether a whole period begins now, or the rest of the one that would be under way."""
    proration: Literal["create_prorations", "always_invoice", "none"] = "create_prorations"
    pays_at_once: bool = False
    """Whether the request tries to pay, and only a success lets the subscription go on."""


def pause(
    account: Account,
    subscription: Resource,
    credited_from: Literal["now", "item_current_period_start", "none"],
    cause: Cause,
    *,
    is_invoiced: bool,
) -> None:
    """Pause a subscription on request, and give back what was paid for the time to come.

    Raises:
        InvalidState: it is not under way, or has a schedule.
    """
    if subscription["status"] not in _CAN_BE_PAUSED:
        raise InvalidState(
            f"You cannot pause a subscription with status {subscription['status']}."
        )
    if subscription["schedule"] is not None:
        raise InvalidState("You cannot pause a subscription that a schedule manages.")
    customer = account.store.at_address("customer", subscription["customer"])
    if credited_from != "none":
        from_s = period_of(subscription)[0] if credited_from != "now" else account.now_s()
        credits_given = [
            proration(account, subscription, item, from_s, sign=-1)
            for item in items_of(subscription)
        ]
        if is_invoiced:  # it becomes the customer's credit
            invoice = change_invoices.begin(account, subscription, credits_given, {}, cause)
            invoicing.finalize(account, invoice, cause)
        else:
            for line in credits_given:
                pending.keep_for_later(account, customer, subscription, line, cause)
    subscribing.pause(account, subscription, "pause_requested", cause)


def resume(account: Account, subscription: Resource, wish: Return, cause: Cause) -> None:
    """Let a paused subscription go on: at once, or when its invoice is dealt with.

    Raises:
        InvalidState: it is not paused, or is about to go on already.
    """
    if subscription["status"] != "paused":
        raise InvalidState(
            f"Subscription {subscription['id']} is not paused: its status is "
            f"{subscription['status']}."
        )
    if subscription["id"] in account.resumptions:
        raise InvalidState("The invoice of an earlier resumption is still open.")
    anchor_s = account.now_s() if wish.is_anchored_now else subscription["billing_cycle_anchor"]
    recurring = items_of(subscription)[0]["price"]["recurring"]
    items = period_lines.moved(subscription, period_after(anchor_s, recurring, account.now_s()))
    customer = account.store.at_address("customer", subscription["customer"])
    moved = {**subscription, "items": items}
    lines = _lines(account, moved, wish)

    def go_on(status: str, because: Cause = BY_ITSELF) -> None:
        subscription.update(billing_cycle_anchor=anchor_s, items=items, status=status)
        subscription.pop("status_details", None)
        account.record("customer.subscription.resumed", subscription, because)
        subscribing.plan_turn(account, subscription)

    if not wish.is_anchored_now and wish.proration != "always_invoice":
        for line in lines:
            pending.keep_for_later(account, customer, subscription, line, cause)
        go_on("active", cause)
        return
    lines += pending.lines_kept(account, customer, subscription, subscription["currency"])
    _await(account, subscription, lines, wish, go_on=go_on, cause=cause)


def _lines(account: Account, moved: Resource, wish: Return) -> list[Line]:
    """Return what the time costs in which a subscription goes on."""
    if wish.is_anchored_now:
        return period_lines.whole_period_lines(account, items_of(moved))
    if wish.proration == "none":
        return []
    now_s = account.now_s()
    return [proration(account, moved, item, now_s, sign=1) for item in items_of(moved)]


def _await(
    account: Account,
    subscription: Resource,
    lines: list[Line],
    wish: Return,
    *,
    go_on: Callable[[str], None],
    cause: Cause,
) -> None:
    """Open the invoice of a resumption, and let the subscription wait for it."""
    now_s = account.now_s()
    invoice = change_invoices.begin(
        account, subscription, lines, {}, cause, is_collected=wish.pays_at_once
    )
    account.resumptions[subscription["id"]] = Resumption(
        invoice["id"], go_on, is_tried_again=wish.pays_at_once
    )
    invoicing.finalize(account, invoice, cause)
    if invoice["status"] != "open":
        return
    if wish.pays_at_once:
        collecting.collect(account, invoice, cause)
        return

    def let_it_be() -> None:
        invoicing.void(account, invoice, BY_ITSELF)

    account.agenda.plan("resumption", subscription["id"], now_s + _WAITS_S, let_it_be)

"""What can change about a subscription under way: its end, its trial, its items."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from stripe_local.account import Account
from stripe_local.basket import quote
from stripe_local.billing import collecting, invoicing, standing, subscribing
from stripe_local.billing.invoice_shape import Line
from stripe_local.billing.payments import refusal_of
from stripe_local.billing.periods import boundary
from stripe_local.billing.subscription_shape import (
    Wanted,
    items_of,
    new_item,
    period_of,
    plan_of,
)
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.wire.errors import InvalidParameter, InvalidState, not_imitated
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource

Proration = Literal["create_prorations", "always_invoice", "none"]


@dataclass(frozen=True)
class Manner:
    """How a change of items is to be billed."""

    proration: Proration = "create_prorations"
    payment: str = "allow_incomplete"
    proration_date: int | None = None


@dataclass(frozen=True)
class ItemChange:
    """One change: of an item that is there, of a new one, or the end of one (no price)."""

    item: Resource | None
    price: Resource | None
    quantity: int


def manner_of(params: Parameters) -> Manner:
    """Return how a request wants a change of items to be billed."""
    return Manner(
        proration=params.get("proration_behavior", "create_prorations"),
        payment=params.get("payment_behavior", "allow_incomplete"),
        proration_date=params.get("proration_date"),
    )


def set_cancellation(
    account: Account,
    subscription: Resource,
    given: Parameters,
    cause: Cause,
    **others: Any,
) -> None:
    """Set or take back the end of a subscription, along with other changes, as one event.

    Raises:
        InvalidParameter: an end that is over already.
    """
    changes: Resource = dict(others)
    details = dict(subscription["cancellation_details"])
    if given.get("cancel_at_period_end") is True or given.get("cancel_at"):
        at_period_end = given.get("cancel_at_period_end") is True
        end_s = period_of(subscription)[1] if at_period_end else given["cancel_at"]
        if not isinstance(end_s, int):
            raise not_imitated("cancel_at", str(end_s))
        if end_s <= account.now_s():
            raise InvalidParameter(
                "Invalid timestamp: must be in the future.", param="cancel_at"
            )
        changes |= {"cancel_at_period_end": at_period_end, "cancel_at": end_s}
        changes["canceled_at"] = subscription["canceled_at"] or account.now_s()
        details["reason"] = "cancellation_requested"
    elif given.get("cancel_at_period_end") is False or given.get("cancel_at") == "":
        changes |= {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None}
        details = dict.fromkeys(details)
    for name, value in (given.get("cancellation_details") or {}).items():
        details[name] = value or None
    changes["cancellation_details"] = details
    standing.change(account, subscription, changes, cause)
    if subscription["status"] != "paused":
        subscribing.plan_turn(account, subscription)


def set_trial_end(
    account: Account, subscription: Resource, end_s: int | None, cause: Cause
) -> None:
    """End a trial now, or at another time.

    Raises:
        InvalidState: it is over already.
    """
    customer = account.store.at_address("customer", subscription["customer"])
    if end_s is None:
        if subscription["status"] != "trialing":
            return
        now_s = account.now_s()
        ended = {"billing_cycle_anchor": now_s, "trial_end": now_s}
        subscription.update(ended)
        invoice = subscribing.renew(
            account, subscription, customer, reason="subscription_update", cause=cause
        )
        invoicing.finalize(account, invoice, cause)
        if invoice["status"] == "open":
            collecting.collect(account, invoice, cause)
        return
    if subscription["status"] != "trialing":
        raise InvalidState(
            "The local Stripe does not imitate a trial for a subscription that is under way."
        )
    start_s = period_of(subscription)[0]
    changes = {
        "billing_cycle_anchor": end_s,
        "items": subscribing.moved(subscription, (start_s, end_s)),
        "trial_end": end_s,
    }
    standing.change(account, subscription, changes, cause)
    subscribing.plan_turn(account, subscription)
    subscribing.plan_notice(account, subscription)


def plan_resumption(account: Account, subscription: Resource) -> None:
    """Plan the end of a pause of collection that has one."""

    def resume() -> None:
        standing.change(account, subscription, {"pause_collection": None}, BY_ITSELF)

    at_s = subscription["pause_collection"]["resumes_at"]
    account.agenda.plan("resume", subscription["id"], at_s, resume)


def change_items(
    account: Account,
    subscription: Resource,
    wanted: list[ItemChange],
    manner: Manner,
    cause: Cause,
) -> None:
    """Change what is subscribed to, from now on, and bill the difference as asked.

    Raises:
        CardRefused: the difference was not paid, and the request wants all or nothing.
        InvalidParameter: prices that do not go together, or nothing left.
    """
    rows, lines = _changed(account, subscription, wanted, manner)
    subscribing.check_wanted([Wanted(row["price"], row["quantity"]) for row in rows], "items")
    if manner.payment == "pending_if_incomplete":
        raise not_imitated("payment_behavior", manner.payment)
    old, new = items_of(subscription)[0]["price"], rows[0]["price"]
    has_new_rhythm = _rhythm(old) != _rhythm(new)
    is_trial = subscription["status"] == "trialing"
    is_billed = has_new_rhythm or (manner.proration == "always_invoice" and bool(lines))
    if is_billed and not is_trial and manner.payment == "error_if_incomplete":
        _check_card(account, subscription)
    if has_new_rhythm and not is_trial:
        now_s = account.now_s()
        period = (now_s, boundary(now_s, new["recurring"], 1))
        for row in rows:
            row.update(current_period_start=period[0], current_period_end=period[1])
        subscription["billing_cycle_anchor"] = now_s
        lines = [line for line in lines if line.amount < 0]
        lines += subscribing.whole_period_lines(account, rows)
    changes: Resource = {"items": {**subscription["items"], "data": rows}}
    customer = account.store.at_address("customer", subscription["customer"])
    if not lines or is_trial:
        standing.change(account, subscription, changes, cause)
    elif is_billed:
        _bill(account, subscription, changes, lines, cause)
    else:
        standing.change(account, subscription, changes, cause)
        for line in lines:
            invoicing.keep_for_later(account, customer, subscription, line, cause)
    subscribing.plan_turn(account, subscription)


def _bill(
    account: Account,
    subscription: Resource,
    changes: Resource,
    lines: list[Line],
    cause: Cause,
) -> None:
    """Invoice a change at once, and collect it."""
    customer = account.store.at_address("customer", subscription["customer"])
    now_s = account.now_s()
    invoice = invoicing.draft(
        account,
        customer,
        subscription,
        lines,
        reason="subscription_update",
        period=(now_s, now_s),
    )
    standing.change(account, subscription, {**changes, "latest_invoice": invoice["id"]}, cause)
    collecting.announce(account, invoice, cause)
    invoicing.finalize(account, invoice, cause)
    if invoice["status"] == "open":
        collecting.collect(account, invoice, cause)


def _changed(
    account: Account, subscription: Resource, wanted: list[ItemChange], manner: Manner
) -> tuple[list[Resource], list[Line]]:
    """Return the items after a change, and the lines that make up for the difference."""
    rows = {item["id"]: dict(item) for item in items_of(subscription)}
    period, lines = period_of(subscription), []
    at_s = manner.proration_date or account.now_s()
    if not period[0] <= at_s <= period[1]:
        raise InvalidParameter(
            "Cannot specify proration date outside of current subscription period",
            param="proration_date",
        )
    has_prorations = manner.proration != "none" and subscription["status"] != "trialing"
    for change in wanted:
        item = change.item
        if item is not None and has_prorations and _differs(item, change):
            lines.append(_proration(account, subscription, item, at_s, sign=-1))
        if change.price is None:
            assert item is not None
            del rows[item["id"]]
            continue
        row = _row(subscription, change, period, account.now_s())
        rows[row["id"]] = row
        if has_prorations and (item is None or _differs(item, change)):
            lines.append(_proration(account, subscription, row, at_s, sign=1))
    if not rows:
        raise InvalidParameter(
            "A subscription must have at least one active plan.", param="items"
        )
    return list(rows.values()), lines


def _row(
    subscription: Resource, change: ItemChange, period: tuple[int, int], now_s: int
) -> Resource:
    assert change.price is not None
    if change.item is None:
        return new_item(
            subscription["id"], Wanted(change.price, change.quantity), period, now_s
        )
    return {
        **change.item,
        "plan": plan_of(change.price),
        "price": change.price,
        "quantity": change.quantity,
    }


def _differs(item: Resource, change: ItemChange) -> bool:
    if change.price is None:
        return True
    return bool(
        item["price"]["id"] != change.price["id"] or item["quantity"] != change.quantity
    )


def _proration(
    account: Account, subscription: Resource, item: Resource, at_s: int, *, sign: Literal[-1, 1]
) -> Line:
    """Return the line for the rest of the period: what is given back, or what is to be paid."""
    start_s, end_s = period_of(subscription)
    whole = quote(item["price"], item["quantity"]).amount_total
    exact = Decimal(whole) * (end_s - at_s) / (end_s - start_s)
    amount = sign * int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    what = "Unused" if sign < 0 else "Remaining"
    name = subscribing.product_name(account, item["price"])
    return Line(
        item["price"],
        item["quantity"],
        (at_s, end_s),
        amount,
        f"{what} time on {name}",
        {},
        item_id=item["id"],
        is_proration=True,
        credited=_credited(account, subscription, item) if sign < 0 else None,
    )


def _credited(account: Account, subscription: Resource, item: Resource) -> Resource | None:
    """Return the invoice and the lines that were paid for what is given back."""
    for invoice in standing.invoices_of(account, subscription):
        ids = [
            line["id"]
            for line in invoice["lines"]["data"]
            if line["parent"]["subscription_item_details"] is not None
            and line["parent"]["subscription_item_details"]["subscription_item"] == item["id"]
            and line["amount"] > 0
        ]
        if ids:
            return {"invoice": invoice["id"], "invoice_line_items": ids}
    return None


def _rhythm(price: Resource) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def _check_card(account: Account, subscription: Resource) -> None:
    customer = account.store.at_address("customer", subscription["customer"])
    method = invoicing.default_method(account, customer, subscription)
    if method is None:
        raise InvalidState(
            "This customer has no attached payment source or default payment method.",
            code="resource_missing",
        )
    if account.cards[method["id"]].decline is not None:
        raise refusal_of(account, method, {})

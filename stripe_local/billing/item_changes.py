"""What a change of a subscription's items comes to. Nothing is changed here: only decided."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from stripe_local.account import Account
from stripe_local.basket import quote
from stripe_local.billing import discounting, period_lines, standing
from stripe_local.billing.invoice_shape import Line
from stripe_local.billing.periods import boundary
from stripe_local.billing.subscription_shape import (
    Wanted,
    items_of,
    new_item,
    period_of,
    plan_of,
)
from stripe_local.wire.errors import InvalidParameter
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource

Proration = Literal["create_prorations", "always_invoice", "none"]


@dataclass(frozen=True)
class Manner:
    """How a change of items is to be billed."""

    proration: Proration = "create_prorations"
    payment: str = "allow_incomplete"
    proration_date: int | None = None
    is_off_session: bool = False
    """Whether the payer is not there to be authenticated."""
    begins_period: bool = False
    """Whether new periods begin now, also where the rhythm stays."""


@dataclass(frozen=True)
class ItemChange:
    """One change: of an item that is there, of a new one, or the end of one (no price)."""

    item: Resource | None
    price: Resource | None
    quantity: int


@dataclass(frozen=True)
class Decided:
    """What becomes of the items, and what that costs."""

    rows: list[Resource]
    lines: list[Line]
    """What is to be invoiced: now, or by the next invoice."""
    is_billed_now: bool
    anchor: int | None = None
    """The anchor of new periods, where they begin now: by another rhythm, or as asked."""


def manner_of(params: Parameters) -> Manner:
    """Return how a request wants a change of items to be billed."""
    return Manner(
        proration=params.get("proration_behavior", "create_prorations"),
        payment=params.get("payment_behavior", "allow_incomplete"),
        proration_date=params.get("proration_date"),
        is_off_session=bool(params.get("off_session")),
        begins_period=params.get("billing_cycle_anchor", {}).get("type") == "now",
    )


def decide(
    account: Account, subscription: Resource, wanted: list[ItemChange], manner: Manner
) -> Decided:
    """Return what a change of items comes to, now.

    Raises:
        InvalidParameter: prices that do not go together, or nothing left.
    """
    rows, lines = _changed(account, subscription, wanted, manner)
    period_lines.check_wanted([Wanted(row["price"], row["quantity"]) for row in rows], "items")
    if subscription["status"] == "trialing":
        return Decided(rows, [], is_billed_now=False)
    old, new = items_of(subscription)[0]["price"], rows[0]["price"]
    if _rhythm(old) == _rhythm(new) and not manner.begins_period:
        is_billed = manner.proration == "always_invoice" and bool(lines)
        return Decided(rows, lines, is_billed_now=is_billed)
    now_s = account.now_s()
    end_s = boundary(now_s, new["recurring"], 1)
    for row in rows:
        row.update(current_period_start=now_s, current_period_end=end_s)
    credits_given = [line for line in lines if line.amount < 0]
    whole = period_lines.whole_period_lines(account, rows)
    return Decided(rows, credits_given + whole, is_billed_now=True, anchor=now_s)


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
            lines.append(proration(account, subscription, item, at_s, sign=-1))
        if change.price is None:
            assert item is not None
            del rows[item["id"]]
            continue
        row = _row(subscription, change, period, account.now_s())
        rows[row["id"]] = row
        if has_prorations and (item is None or _differs(item, change)):
            lines.append(proration(account, subscription, row, at_s, sign=1))
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


def proration(
    account: Account, subscription: Resource, item: Resource, at_s: int, *, sign: Literal[-1, 1]
) -> Line:
    """Return the line for the rest of the period: what is given back, or what is to be paid."""
    start_s, end_s = period_of(subscription)
    whole = _to_pay(account, subscription, item)
    if sign < 0:
        billed = _billed(account, subscription, item)
        whole = whole if billed is None else billed
    exact = Decimal(whole) * (end_s - at_s) / (end_s - start_s)
    amount = sign * int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    what = "Unused" if sign < 0 else "Remaining"
    name = period_lines.product_name(account, item["price"])
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


def _to_pay(account: Account, subscription: Resource, item: Resource) -> int:
    """Return what a whole period of an item costs, lasting discounts taken off."""
    whole = quote(item["price"], item["quantity"]).amount_total
    return discounting.net_of(account, subscription, whole)


def _billed(account: Account, subscription: Resource, item: Resource) -> int | None:
    """Return what was billed for the period of an item, whatever took something off it."""
    for invoice in standing.invoices_of(account, subscription):
        for line in invoice["lines"]["data"]:
            details = line["parent"]["subscription_item_details"]
            is_its_own = (
                details is not None
                and details["subscription_item"] == item["id"]
                and not details["proration"]
                and line["period"]["start"] == item["current_period_start"]
                and line["pricing"]["price_details"]["price"] == item["price"]["id"]
                and line["quantity"] == item["quantity"]
            )
            if is_its_own:
                off = sum(each["amount"] for each in line["discount_amounts"])
                return int(line["amount"]) - int(off)
    return None


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

"""What a Checkout session sells: kept beside the session, where the API does not show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from stripe_local.currencies import check_total
from stripe_local.ids import new_id
from stripe_local.wire.errors import InvalidParameter
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.resource import Resource


@dataclass(frozen=True)
class Chosen:
    """A coupon that somebody chose, and the code by which it was chosen, if there was one."""

    coupon: Resource
    code: Resource | None = None

    def shown(self) -> Resource:
        """Return what a Checkout session shows of it."""
        code_id = self.code["id"] if self.code else None
        return {"coupon": self.coupon["id"], "promotion_code": code_id}


@dataclass(frozen=True)
class Awaiting:
    """A payer of a session who is to be authenticated, and with what."""

    intent_id: str
    method_id: str
    email: str | None


@dataclass
class Basket:
    """The line items of a session, and what its payment or subscription will be given."""

    line_items: tuple[Resource, ...]
    payment_intent: Mapping[str, Any]
    subscription: Mapping[str, Any] | None = None
    discounts: tuple[Chosen, ...] = ()
    awaiting: Awaiting | None = None
    intent_id: str | None = None
    """The payment intent, once somebody has tried to pay."""

    def price_up(self) -> int:
        """Let the lines come to what the discounts leave of them; return what those take."""
        left = left_of([line["amount_subtotal"] for line in self.line_items], self.discounts)
        for line, amount in zip(self.line_items, left, strict=True):
            line.update(amount_discount=line["amount_subtotal"] - amount, amount_total=amount)
        return sum(line["amount_discount"] for line in self.line_items)


@dataclass(frozen=True)
class Quote:
    """One line before anything is made of it: what it comes to."""

    amount_total: int
    currency: str


def quote(price: Resource, quantity: int) -> Quote:
    """Return what a quantity comes to, rounded half up to the smallest unit."""
    exact = Decimal(price["unit_amount_decimal"]) * quantity
    return Quote(int(exact.quantize(Decimal(1), ROUND_HALF_UP)), price["currency"])


def total_of(quotes: Sequence[Quote], *, may_be_free: bool = False) -> Quote:
    """Return the sum of the lines.

    Raises:
        InvalidParameter: more than one currency, or a sum that cannot be charged.
    """
    currencies = sorted({each.currency for each in quotes})
    if len(currencies) > 1:
        raise InvalidParameter(
            "All line items must have the same currency: "
            f"{' and '.join(currencies)} were given.",
            param="line_items",
        )
    amount_total = sum(each.amount_total for each in quotes)
    if not may_be_free or amount_total > 0:
        check_total(amount_total, currencies[0])
    return Quote(amount_total, currencies[0])


def new_line_item(
    price: Resource,
    description: str,
    quantity: int,
    metadata: Mapping[str, str],
) -> Resource:
    """Return one line as Stripe shows it."""
    line = quote(price, quantity)
    return {
        "id": new_id("item"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": line.amount_total,
        "amount_tax": 0,
        "amount_total": line.amount_total,
        "currency": line.currency,
        "description": description,
        "metadata": merged_metadata({}, metadata),
        "price": price,
        "quantity": quantity,
    }


def left_of(amounts: Sequence[int], chosen: Sequence[Chosen]) -> list[int]:
    """Return what coupons leave of amounts, one after the other."""
    left = list(amounts)
    for each in chosen:
        off = shares(each.coupon, left)
        left = [amount - share for amount, share in zip(left, off, strict=True)]
    return left


def check_left(left: Sequence[int], currency: str) -> None:
    """Refuse discounts that leave less than a card can pay, and more than nothing.

    Raises:
        InvalidParameter: such a sum.
    """
    if sum(left) > 0:
        check_total(sum(left), currency)


def shares(coupon: Resource, amounts: Sequence[int]) -> list[int]:
    """Return what a coupon takes off each of several amounts, never more than there is."""
    if coupon["percent_off"] is not None:
        percent = Decimal(str(coupon["percent_off"]))
        exact = [Decimal(max(amount, 0)) * percent / 100 for amount in amounts]
        return [int(each.quantize(Decimal(1), ROUND_HALF_UP)) for each in exact]
    left, found = int(coupon["amount_off"]), []
    for amount in amounts:
        found.append(min(left, max(amount, 0)))
        left -= found[-1]
    return found

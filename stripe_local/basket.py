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


@dataclass
class Basket:
    """The line items of a session, and what its payment or subscription will be given."""

    line_items: tuple[Resource, ...]
    payment_intent: Mapping[str, Any]
    subscription: Mapping[str, Any] | None = None
    intent_id: str | None = None
    """The payment intent, once somebody has tried to pay."""


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

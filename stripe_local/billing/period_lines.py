"""What a subscription costs for a period: the lines of its invoice, before anything is made."""

from collections.abc import Sequence
from dataclasses import dataclass

from stripe_local.account import Account
from stripe_local.billing import pending, scheduling
from stripe_local.billing.invoice_shape import Line, line_for
from stripe_local.billing.periods import period_after
from stripe_local.billing.subscription_shape import Wanted, items_of
from stripe_local.wire.errors import InvalidParameter
from stripe_local.wire.resource import Resource


def check_wanted(wanted: Sequence[Wanted], param: str) -> None:
    """Refuse prices that do not go together in one subscription.

    Raises:
        InvalidParameter: none, one that is not recurring, or different currencies or intervals.
    """
    for each in wanted:
        if each.price["type"] != "recurring":
            raise InvalidParameter(
                f"The price specified is set to `type=one_time` but this field only accepts "
                f"prices with `type=recurring` ({each.price['id']}).",
                param=param,
            )
    rhythms = {
        (
            each.price["currency"],
            each.price["recurring"]["interval"],
            each.price["recurring"]["interval_count"],
        )
        for each in wanted
    }
    if len(rhythms) > 1:
        raise InvalidParameter(
            "The local Stripe does not imitate subscriptions whose prices differ in currency "
            "or interval. Stripe itself accepts different intervals.",
            param=param,
        )


def whole_period_lines(
    account: Account, items: Sequence[Resource], *, is_trial: bool = False
) -> list[Line]:
    """Return the lines for the period that the items are in."""
    return [
        line_for(
            item,
            product_name(account, item["price"]),
            (item["current_period_start"], item["current_period_end"]),
            is_trial=is_trial,
        )
        for item in items
    ]


def product_name(account: Account, price: Resource) -> str:
    """Return the name of what a price is for."""
    product = account.store.find("product", price["product"])
    return str(product["name"]) if product is not None and "name" in product else "Product"


@dataclass(frozen=True)
class NextPeriod:
    """What a subscription's next period is made of, and what it costs."""

    items: Resource
    lines: list[Line]
    is_planned: bool
    """Whether a schedule had other plans for it than going on."""


def next_period(account: Account, subscription: Resource, at_s: int) -> NextPeriod:
    """Return the period that begins at a moment, and the lines of its invoice."""
    planned = scheduling.as_planned(account, subscription)
    recurring = items_of(planned)[0]["price"]["recurring"]
    items = moved(planned, period_after(subscription["billing_cycle_anchor"], recurring, at_s))
    lines = whole_period_lines(account, items["data"])
    customer = account.store.at_address("customer", subscription["customer"])
    lines += pending.lines_kept(account, customer, subscription, subscription["currency"])
    return NextPeriod(items, lines, is_planned=planned is not subscription)


def moved(subscription: Resource, period: tuple[int, int]) -> Resource:
    """Return the items of a subscription in another period."""
    rows = [
        {**item, "current_period_start": period[0], "current_period_end": period[1]}
        for item in items_of(subscription)
    ]
    return {**subscription["items"], "data": rows}

"""Discounts: what coupons take off the invoices of a subscription, and for how long."""

from collections.abc import Iterable, Sequence

from stripe_local.account import Account
from stripe_local.basket import Chosen, shares
from stripe_local.billing.invoice_shape import add_up
from stripe_local.billing.periods import boundary
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.ids import new_id
from stripe_local.wire.resource import Resource

_ONE_MONTH = {"interval": "month", "interval_count": 1}


def redeem(chosen: Iterable[Chosen]) -> None:
    """Count redemptions. What was redeemed as often as it may be is not to be had any more."""
    for each in chosen:
        for counted, flag in ((each.coupon, "valid"), (each.code, "active")):
            if counted is None:
                continue
            counted["times_redeemed"] += 1
            if counted["times_redeemed"] == counted["max_redemptions"]:
                counted[flag] = False


def new_discount(
    account: Account,
    chosen: Chosen,
    subscription: Resource | None,
    *,
    customer_id: str | None,
    session_id: str | None = None,
) -> Resource:
    """Return a coupon at work, not yet kept."""
    coupon, now_s = chosen.coupon, account.now_s()
    months = coupon["duration_in_months"]
    return {
        "id": new_id("discount"),
        "object": "discount",
        "checkout_session": session_id,
        "customer": customer_id,
        "customer_account": None,
        "end": boundary(now_s, _ONE_MONTH, months) if months else None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": chosen.code["id"] if chosen.code else None,
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": now_s,
        "subscription": subscription["id"] if subscription else None,
        "subscription_item": None,
    }


def attach(
    account: Account,
    subscription: Resource,
    chosen: Sequence[Chosen],
    *,
    session_id: str | None = None,
) -> list[Resource]:
    """Put coupons to work on a subscription, and return the discounts. Nobody is told yet."""
    made = []
    for each in chosen:
        discount = new_discount(
            account,
            each,
            subscription,
            customer_id=subscription["customer"],
            session_id=session_id,
        )
        made.append(keep(account, discount, each))
        subscription["discounts"] = [*subscription["discounts"], discount["id"]]
        if discount["end"] is not None:
            _plan_end(account, subscription, discount)
    return made


def keep(account: Account, discount: Resource, chosen: Chosen) -> Resource:
    """Keep a discount with the terms of its coupon, which may be deleted meanwhile."""
    account.coupons_at_work[discount["id"]] = dict(chosen.coupon)
    return account.store.add(discount)


def tell(account: Account, made: Iterable[Resource], cause: Cause) -> None:
    """Tell of discounts that were put to work."""
    for discount in made:
        account.record("customer.discount.created", discount, cause)


def add(
    account: Account, subscription: Resource, chosen: Sequence[Chosen], cause: Cause
) -> None:
    """Put coupons to work on a subscription that is under way, with their events."""
    if not chosen:
        return
    before = list(subscription["discounts"])
    made = attach(account, subscription, chosen)
    redeem(chosen)
    after, subscription["discounts"] = subscription["discounts"], before
    account.update(subscription, {"discounts": after}, "customer.subscription.updated", cause)
    tell(account, made, cause)


def _plan_end(account: Account, subscription: Resource, discount: Resource) -> None:
    def stop() -> None:
        detach(account, subscription, [discount["id"]], BY_ITSELF)

    account.agenda.plan("discount", discount["id"], discount["end"], stop)


def detach(
    account: Account, subscription: Resource, discount_ids: Sequence[str], cause: Cause
) -> None:
    """Take discounts off a subscription, with their events."""
    gone = [each for each in subscription["discounts"] if each in discount_ids]
    if not gone:
        return
    left = [each for each in subscription["discounts"] if each not in gone]
    account.update(subscription, {"discounts": left}, "customer.subscription.updated", cause)
    for discount_id in gone:
        account.agenda.cancel("discount", discount_id)
        discount = account.store.at_address("discount", discount_id)
        account.record("customer.discount.deleted", discount, cause)


def at_work(account: Account, subscription: Resource | None) -> list[Resource]:
    """Return the discounts of a subscription, in the order in which they are applied."""
    ids = subscription["discounts"] if subscription else []
    return [account.store.at_address("discount", each) for each in ids]


def take_off(invoice: Resource, discounts: Sequence[tuple[Resource, Resource]]) -> None:
    """Take discounts off a draft, one after the other: each with the coupon behind it."""
    rows = [row for row in invoice["lines"]["data"] if row["discountable"]]
    left = [row["amount"] for row in rows]
    for discount, coupon in discounts:
        off = shares(coupon, left)
        for place, (row, share) in enumerate(zip(rows, off, strict=True)):
            left[place] -= share
            amount = {"amount": share, "discount": discount["id"]}
            row["discount_amounts"].append(amount)
            row["pretax_credit_amounts"].append({**amount, "type": "discount"})
    invoice["discounts"] = [discount["id"] for discount, _ in discounts]
    add_up(invoice)


def take_off_own(account: Account, subscription: Resource | None, invoice: Resource) -> None:
    """Take a subscription's discounts off its draft."""
    found = [
        each
        for each in at_work(account, subscription)
        if each["end"] is None or each["end"] > invoice["created"]
    ]
    if found:
        take_off(invoice, [(each, account.coupons_at_work[each["id"]]) for each in found])


def try_on(
    account: Account, chosen: Sequence[Chosen], subscription: Resource | None, invoice: Resource
) -> None:
    """Take coupons off an invoice that is only shown: no discount is made of them."""
    customer_id = invoice["customer"]
    pairs = [
        (new_discount(account, each, subscription, customer_id=customer_id), each.coupon)
        for each in chosen
    ]
    take_off(invoice, pairs)


def let_go_of_used(account: Account, subscription: Resource, invoice: Resource) -> None:
    """Take off a subscription what was good for one invoice, once it took something off."""
    used = [
        each["discount"]
        for each in invoice["total_discount_amounts"]
        if each["amount"] > 0
        and account.coupons_at_work[each["discount"]]["duration"] == "once"
    ]
    detach(account, subscription, used, BY_ITSELF)


def net_of(account: Account, subscription: Resource, amount: int) -> int:
    """Return what an amount comes to with the lasting discounts in per cent."""
    for discount in at_work(account, subscription):
        coupon = account.coupons_at_work[discount["id"]]
        if coupon["percent_off"] is not None and coupon["duration"] != "once":
            amount -= shares(coupon, [amount])[0]
    return amount

"""Choosing coupons: which a request or a payer names, and whether they can be had."""

from collections.abc import Sequence
from dataclasses import dataclass

from stripe_local.account import Account
from stripe_local.basket import Chosen
from stripe_local.wire.errors import InvalidParameter, exclusive_parameters
from stripe_local.wire.forms import join
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource

UNKNOWN_CODE = "This code is invalid."


@dataclass(frozen=True)
class Purchase:
    """What a discount is wanted for."""

    amount: int
    currency: str
    customer: Resource | None = None


def chosen_of(
    account: Account, given: Sequence[Parameters], purchase: Purchase
) -> list[Chosen]:
    """Return the coupons that a request names, each by its id or by that of a code.

    Raises:
        InvalidParameter: one that does not hold, or not for this purchase.
    """
    found = []
    for row, each in enumerate(given):
        name = join("discounts", str(row))
        chosen = _named(account, each, name)
        _check(account, chosen, purchase, name)
        found.append(chosen)
    return found


def chosen_by_code(account: Account, code: str, purchase: Purchase) -> Chosen:
    """Return the coupon that a payer names with a code, however it is written.

    Raises:
        InvalidParameter: there is no such code, or it does not hold for this purchase.
    """
    for found in account.store.newest_first("promotion_code"):
        if found["code"].casefold() == code.strip().casefold() and found["active"]:
            coupon = account.store.find("coupon", found["promotion"]["coupon"])
            if coupon is not None and "deleted" not in coupon:
                chosen = Chosen(coupon, found)
                _check(account, chosen, purchase, "promotion_code")
                return chosen
    raise InvalidParameter(UNKNOWN_CODE, param="promotion_code")


def _named(account: Account, given: Parameters, name: str) -> Chosen:
    ways = ("coupon", "promotion_code")
    if sum(way in given for way in ways) != 1:
        raise exclusive_parameters([join(name, way) for way in ways])
    if "coupon" in given:
        return Chosen(account.store.referenced("coupon", given["coupon"], join(name, "coupon")))
    at = join(name, "promotion_code")
    code = account.store.referenced("promotion_code", given["promotion_code"], at)
    return Chosen(account.store.referenced("coupon", code["promotion"]["coupon"], at), code)


def _check(account: Account, chosen: Chosen, purchase: Purchase, name: str) -> None:
    """Refuse what is used up, over, or meant for something or somebody else."""
    coupon, code, now_s = chosen.coupon, chosen.code, account.now_s()
    ends = [end for end in (coupon["redeem_by"], code and code["expires_at"]) if end]
    limits = [coupon] if code is None else [coupon, code]
    is_spent = any(
        each["max_redemptions"] is not None
        and each["times_redeemed"] >= each["max_redemptions"]
        for each in limits
    )
    if is_spent or any(end <= now_s for end in ends) or (code and not code["active"]):
        raise InvalidParameter(
            f"Coupon {coupon['id']} is used up or has expired.",
            code="coupon_expired",
            param=name,
        )
    if coupon["currency"] not in {None, purchase.currency}:
        raise InvalidParameter(
            "The coupon is in another currency than what it is to be used for.", param=name
        )
    if code is not None:
        _check_restrictions(account, code, purchase, name)


def _check_restrictions(
    account: Account, code: Resource, purchase: Purchase, name: str
) -> None:
    limits, customer = code["restrictions"], purchase.customer
    customer_id = customer["id"] if customer else None
    if code["customer"] not in {None, customer_id}:
        raise InvalidParameter("This promotion code is for another customer.", param=name)
    least, currency = limits["minimum_amount"], limits["minimum_amount_currency"]
    if least is not None and (purchase.amount < least or purchase.currency != currency):
        raise InvalidParameter(
            "This promotion code cannot be redeemed: the amount is below its minimum.",
            param=name,
        )
    has_paid = any(
        charge["paid"] and charge["customer"] == customer_id
        for charge in account.store.newest_first("charge")
    )
    if limits["first_time_transaction"] and customer is not None and has_paid:
        raise InvalidParameter(
            "This promotion code cannot be redeemed because the associated customer has "
            "prior transactions.",
            param=name,
        )

"""Promotion codes that a payer types on the Checkout page, or takes back."""

from stripe_local.account import Account
from stripe_local.currencies import check_total
from stripe_local.resources.checkout_sessions import discounted
from stripe_local.resources.coupons import discount_on
from stripe_local.wire.errors import ApiError
from stripe_local.wire.resource import Resource


class CodeRefused(Exception):
    """The code takes nothing off. The message is fit for the payer's eyes."""


def code_on(account: Account, session: Resource) -> str:
    """Return the code that takes something off a session; nothing where there is none."""
    ids = [each["promotion_code"] for each in session["discounts"]]
    found = account.store.find("promotion_code", ids[0]) if ids else None
    return found["code"] if found else ""


def apply(account: Account, session: Resource, typed: str) -> None:
    """Take off what a code stands for.

    Raises:
        CodeRefused: it is none, it is used up, or it is not for this session.
    """
    wanted = typed.strip().casefold()
    code = next(
        (
            each
            for each in account.store.newest_first("promotion_code")
            if each["code"].casefold() == wanted and each["active"]
        ),
        None,
    )
    if code is None:
        raise CodeRefused("This code is invalid.")
    amount, currency = session["amount_subtotal"], session["currency"]
    params = {"mode": session["mode"], "discounts": [{"promotion_code": code["id"]}]}
    try:
        discounts, off = discount_on(account, params, amount, currency)
        if amount - off > 0:
            check_total(amount - off, currency)
    except ApiError as refusal:
        raise CodeRefused("This code cannot be used here, or not any more.") from refusal
    _set(account, session, discounts, off)


def remove(account: Account, session: Resource) -> None:
    """Let the session cost what it did without any code."""
    _set(account, session, [], 0)


def _set(account: Account, session: Resource, discounts: list[Resource], off: int) -> None:
    basket = account.baskets[session["id"]]
    basket.line_items = discounted(list(basket.line_items), off)
    session.update(
        amount_total=session["amount_subtotal"] - off,
        discounts=discounts,
        total_details={**session["total_details"], "amount_discount": off},
    )

"""Promotion codes that a payer types on the Checkout page, or takes back."""

from stripe_local.account import Account
from stripe_local.checkout import use_code
from stripe_local.redeeming import UNKNOWN_CODE
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
    if not typed.strip():
        raise CodeRefused(UNKNOWN_CODE)
    try:
        use_code(account, session, typed)
    except ApiError as refusal:
        is_unknown = refusal.message == UNKNOWN_CODE
        said = UNKNOWN_CODE if is_unknown else "This code cannot be used here, or not any more."
        raise CodeRefused(said) from refusal


def remove(account: Account, session: Resource) -> None:
    """Let the session cost what it did without any code."""
    use_code(account, session, "")

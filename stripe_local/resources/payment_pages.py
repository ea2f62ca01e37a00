"""The private endpoint with which Stripe's own page confirms a payment, for scripts."""

from typing import NotRequired, TypedDict

from stripe_local.cards import Card
from stripe_local.checkout import pay, use_code
from stripe_local.resources.customers import check_email
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.resource import Resource


class CardParams(TypedDict):
    """A card as typed."""

    number: str
    exp_month: NotRequired[int]
    exp_year: NotRequired[int]
    cvc: NotRequired[str]


class ConfirmParams(TypedDict):
    """What the page sends when a payer presses its button."""

    card: NotRequired[CardParams]
    email: NotRequired[str]
    promotion_code: NotRequired[str]
    expand: NotRequired[list[str]]


def confirm(call: Call) -> Resource:
    """Pay for a session with a card, and return the session."""
    session = call.account.store.at_address("checkout.session", call.object_id)
    email = call.params.get("email")
    if email is not None:
        check_email(email, "email")
    if "promotion_code" in call.params:
        use_code(call.account, session, call.params["promotion_code"])
    card = Card(**call.params["card"]) if "card" in call.params else None
    return pay(call.account, session, card, typed_email=email, cause=call.cause)


ENDPOINTS = (
    Endpoint(
        "POST",
        "/v1/payment_pages/{id}/confirm",
        ConfirmParams,
        frozenset({"card", "email", "expand", "promotion_code"}),
        confirm,
    ),
)

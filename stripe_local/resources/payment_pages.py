"""The private endpoint with which Stripe's own page confirms a payment, for scripts."""

from typing import Literal, NotRequired, TypedDict

from stripe_local import authentication
from stripe_local.cards import Card
from stripe_local.checkout import awaited_intent, pay, pay_with, use_code
from stripe_local.resources.customers import check_email
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.payment_methods import referenced_method
from stripe_local.wire.errors import InvalidParameter, InvalidState
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words


class CardParams(TypedDict):
    """A card as typed."""

    number: str
    exp_month: NotRequired[int]
    exp_year: NotRequired[int]
    cvc: NotRequired[str]


class ShowParams(TypedDict):
    """Nothing but what every request takes."""

    expand: NotRequired[list[str]]


class ConfirmParams(TypedDict):
    """What the page sends when a payer presses its button."""

    card: NotRequired[CardParams]
    email: NotRequired[str]
    expected_amount: NotRequired[int]
    payment_method: NotRequired[str]
    promotion_code: NotRequired[str]
    expand: NotRequired[list[str]]


def show(call: Call) -> Resource:
    """Return what the page shows: here it is the session, under the session's id."""
    return call.account.store.at_address("checkout.session", call.object_id)


def confirm(call: Call) -> Resource:
    """Pay for a session with a card, typed or made before, and return the session."""
    session = show(call)
    email = call.params.get("email")
    if email is not None:
        check_email(email, "email")
    if "promotion_code" in call.params:
        use_code(call.account, session, call.params["promotion_code"])
    expected = call.params.get("expected_amount", session["amount_total"])
    if expected != session["amount_total"]:
        raise InvalidParameter(
            f"The amount is {session['amount_total']}, not {expected}.", param="expected_amount"
        )
    if "payment_method" in call.params:
        name = "payment_method"
        method = referenced_method(call.account, call.params[name], name)
        return pay_with(call.account, session, method, typed_email=email, cause=call.cause)
    card = Card(**call.params["card"]) if "card" in call.params else None
    return pay(call.account, session, card, typed_email=email, cause=call.cause)


class AuthenticateParams(TypedDict):
    """How the authentication of a payer ends."""

    outcome: Literal["succeeded", "failed"]
    expand: NotRequired[list[str]]


def authenticate(call: Call) -> Resource:
    """Do what the page for 3-D Secure does, for a session or for an intent by itself."""
    account, named = call.account, call.object_id
    session = account.store.find("checkout.session", named)
    intent_id = awaited_intent(account, session) if session is not None else named
    if intent_id is None:
        raise InvalidState("No payer of this Checkout Session is to be authenticated.")
    is_successful = call.params["outcome"] == "succeeded"
    done = authentication.authenticate(
        account, intent_id, is_successful=is_successful, cause=call.cause
    )
    return done.intent if session is None else session


ENDPOINTS = (
    Endpoint("GET", "/v1/payment_pages/{id}", ShowParams, frozenset({"expand"}), show),
    Endpoint(
        "POST",
        "/v1/payment_pages/{id}/authenticate",
        AuthenticateParams,
        frozenset({"expand", "outcome"}),
        authenticate,
    ),
    Endpoint(
        "POST",
        "/v1/payment_pages/{id}/confirm",
        ConfirmParams,
        frozenset(words("card email expand expected_amount payment_method promotion_code")),
        confirm,
    ),
)

"""Payment methods: the card behind a payment, as far as it may be shown."""

from datetime import UTC, datetime

from stripe.params import (
    PaymentMethodAttachParams,
    PaymentMethodCreateParams,
    PaymentMethodDetachParams,
    PaymentMethodListParams,
    PaymentMethodRetrieveParams,
    PaymentMethodUpdateParams,
)

from stripe_local.account import Account
from stripe_local.billing.payments import refusal_of
from stripe_local.cards import Card, TestCard, find_alias, recognise
from stripe_local.events import Cause
from stripe_local.ids import new_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.errors import (
    InvalidState,
    missing_parameter,
    missing_reference,
    not_imitated,
)
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, page_of
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_NO_ADDRESS = dict.fromkeys(words("city country line1 line2 postal_code state"))
COUNTRY = "US"
"""The country of every test card, and of whoever pays with one."""


def billing_details(email: str | None) -> Resource:
    """Return what is known of a payer who typed only an e-mail address."""
    return {
        "address": {**_NO_ADDRESS, "country": COUNTRY},
        "email": email,
        "name": None,
        "phone": None,
        "tax_id": None,
    }


def fingerprint_of(known: TestCard) -> str:
    """Return what is the same whenever the same card pays."""
    return f"local{known.number[-4:]}{known.brand}"[:16].ljust(16, "0")


def new_payment_method(
    card: Card, known: TestCard, *, email: str | None, now_s: int
) -> Resource:
    """Return the payment method that a typed card becomes."""
    return {
        "id": new_id("payment_method"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing_details(email),
        "card": {
            "brand": known.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "pass",
            },
            "country": COUNTRY,
            "display_brand": known.brand,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "fingerprint": fingerprint_of(known),
            "funding": "credit",
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [known.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": now_s,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def known_card(account: Account, card: Card, *, email: str | None) -> Resource:
    """Make the payment method of a typed card.

    Raises:
        CardRefused: it is no test card, or has run out.
    """
    now = datetime.fromtimestamp(account.now_s(), UTC)
    known = recognise(card, year=now.year, month=now.month)
    return _add(account, card, known, email)


def referenced_method(account: Account, method_id: str, param: str) -> Resource:
    """Return the payment method that a parameter names; `pm_card_visa` and its like make one.

    Raises:
        InvalidParameter: there is none.
    """
    known = find_alias(method_id, "pm_card_")
    if known is not None:
        return _add(account, Card(known.number), known, None)
    return account.store.referenced("payment_method", method_id, param)


def attach_to(account: Account, method: Resource, customer: Resource, cause: Cause) -> Resource:
    """Keep a payment method for a customer.

    Raises:
        CardRefused: the bank declines it even for keeping.
        InvalidState: another customer has it.
    """
    if method["customer"] == customer["id"]:
        return method
    if method["customer"] is not None:
        raise InvalidState(
            "The payment method you provided has already been attached to a customer.",
        )
    check_unspent(account, method)
    if not account.cards[method["id"]].can_be_kept:
        raise refusal_of(account, method, {})
    method.update(allow_redisplay="unspecified", customer=customer["id"])
    account.record("payment_method.attached", method, cause)
    return method


def keep_or_spend(account: Account, intent: Resource, method: Resource, cause: Cause) -> None:
    """Keep the card of a payment for its customer where that was asked for.

    A card that paid and was kept for nobody does not pay a second time.
    """
    customer = account.store.find("customer", intent["customer"])
    if intent["setup_future_usage"] is None:
        if method["customer"] is None:
            account.spent_methods.add(method["id"])
    elif customer is not None:
        attach_to(account, method, customer, cause)


def check_unspent(account: Account, method: Resource) -> None:
    """Refuse a card that was used without being kept, or is kept no longer.

    Raises:
        InvalidState: it is such a card.
    """
    if method["id"] in account.spent_methods:
        raise InvalidState(
            "The provided PaymentMethod was previously used with a PaymentIntent without "
            "Customer attachment, shared with a connected account without Customer attachment, "
            "or was detached from a Customer. It may not be used again. To use a PaymentMethod "
            "multiple times, you must attach it to a Customer first."
        )


def create(call: Call) -> Resource:
    """Make a payment method of a card, or of a token that stands for one."""
    params = call.params
    if params.get("type") != "card" or "card" not in params:
        raise (
            missing_parameter("card")
            if params.get("type") == "card"
            else not_imitated("type", params.get("type"))
        )
    given = params["card"]
    if "token" in given:
        known = find_alias(given["token"], "tok_")
        if known is None:
            raise missing_reference("token", given["token"], "card[token]")
        card = Card(known.number)
    else:
        card = Card(**given)
    method = known_card(
        call.account, card, email=params.get("billing_details", {}).get("email")
    )
    method["metadata"] = merged_metadata({}, params.get("metadata"))
    return method


def retrieve(call: Call) -> Resource:
    """Return a payment method."""
    return call.account.store.at_address("payment_method", call.object_id)


def attach(call: Call) -> Resource:
    """Keep a payment method for a customer."""
    store = call.account.store
    if "customer" not in call.params:
        raise missing_parameter("customer")
    customer = store.referenced("customer", call.params["customer"], "customer")
    known = find_alias(call.object_id, "pm_card_")
    method = (
        referenced_method(call.account, call.object_id, "payment_method")
        if known
        else store.at_address("payment_method", call.object_id)
    )
    return attach_to(call.account, method, customer, call.cause)


def detach(call: Call) -> Resource:
    """Let a customer keep a payment method no longer; it is not to be used again."""
    account = call.account
    method = account.store.at_address("payment_method", call.object_id)
    if method["customer"] is None:
        raise InvalidState("The payment method you provided is not attached to a customer.")
    customer = account.store.find("customer", method["customer"])
    account.update(method, {"customer": None}, "payment_method.detached", call.cause)
    account.spent_methods.add(method["id"])
    if customer and "invoice_settings" in customer:
        settings = customer["invoice_settings"]
        if settings["default_payment_method"] == method["id"]:
            changed = {"invoice_settings": {**settings, "default_payment_method": None}}
            account.update(customer, changed, "customer.updated", call.cause)
    return method


def update(call: Call) -> Resource:
    """Change what a payment method is called, or until when its card holds."""
    method, params = retrieve(call), call.params
    if method["customer"] is None:
        raise InvalidState(
            "You must save this PaymentMethod to a customer before you can update it."
        )
    changes: Resource = {}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(method["metadata"], params["metadata"])
    if "card" in params:
        changes["card"] = {**method["card"], **params["card"]}
    return call.account.update(method, changes, "payment_method.updated", call.cause)


def list_methods(call: Call) -> Resource:
    """Return the payment methods of a customer, newest first."""
    params = call.params
    found = [
        method
        for method in call.account.store.newest_first("payment_method")
        if method["customer"] is not None
        and params.get("customer") in {None, method["customer"]}
        and params.get("type") in {None, method["type"]}
    ]
    return page_of(found, params, "/v1/payment_methods")


def _add(account: Account, card: Card, known: TestCard, email: str | None) -> Resource:
    method = new_payment_method(card, known, email=email, now_s=account.now_s())
    account.cards[method["id"]] = known
    return account.store.add(method)


_AT = "/v1/payment_methods"
_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint(
        "POST",
        _AT,
        PaymentMethodCreateParams,
        frozenset(words("billing_details card expand metadata type")),
        create,
    ),
    Endpoint("GET", f"{_AT}/{{id}}", PaymentMethodRetrieveParams, _EXPAND, retrieve),
    Endpoint("GET", _AT, PaymentMethodListParams, PAGING | {"customer", "type"}, list_methods),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}",
        PaymentMethodUpdateParams,
        _EXPAND | {"card.exp_month", "card.exp_year", "metadata"},
        update,
    ),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}/attach",
        PaymentMethodAttachParams,
        frozenset({"customer", "expand"}),
        attach,
    ),
    Endpoint("POST", f"{_AT}/{{id}}/detach", PaymentMethodDetachParams, _EXPAND, detach),
)

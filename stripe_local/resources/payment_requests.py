"""Payment intents made by request: created, changed, confirmed and cancelled."""

from stripe.params import (
    PaymentIntentCancelParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentUpdateParams,
)

from stripe_local.account import Account
from stripe_local.billing.payments import (
    ask_payer,
    decline_unattended,
    needs_authentication,
    try_to_pay,
)
from stripe_local.currencies import check_amount, read_currency
from stripe_local.resources.customers import address_of, check_email
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.payment_intents import new_payment_intent
from stripe_local.resources.payment_methods import (
    check_unspent,
    keep_or_spend,
    referenced_method,
)
from stripe_local.wire.errors import InvalidParameter, InvalidState, not_imitated
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_AT = "/v1/payment_intents"
_OBJECT = "payment_intent"
_UNEXPECTED = "payment_intent_unexpected_state"
_OPEN = frozenset(words("requires_action requires_confirmation requires_payment_method"))
_TEXTS = words(
    "description receipt_email setup_future_usage statement_descriptor "
    "statement_descriptor_suffix"
)
REMOVED = {"payment_method_types": "payment_method_types_no_longer_supported"}
"""What this version of the API took away from the intents, with the code of its refusal."""


def create(call: Call) -> Resource:
    """Make a payment intent, and pay it at once if asked to."""
    params, account = call.params, call.account
    early = sorted(_OF_A_TRY & params.keys())
    if early and not params.get("confirm"):
        raise InvalidParameter(
            f"The parameter {early[0]} can only be used with confirm=true.", param=early[0]
        )
    if params.get("capture_method", "automatic") == "manual":
        raise not_imitated("capture_method", "manual")
    allowed = params.get("allowed_payment_method_types") or ["card"]
    if "card" not in allowed or "card" in (params.get("excluded_payment_method_types") or []):
        raise not_imitated("allowed_payment_method_types", "other methods than cards")
    currency = read_currency(params["currency"], "currency")
    check_amount(params["amount"], currency)
    changes = _changes(call, {"metadata": {}, "customer": None})
    intent = new_payment_intent(params["amount"], currency, {}, now_s=account.now_s())
    automatic = params.get("automatic_payment_methods", {"enabled": True})
    intent.update(
        allowed_payment_method_types=params.get("allowed_payment_method_types"),
        automatic_payment_methods={"allow_redirects": "always", **automatic},
        capture_method=params.get("capture_method", "automatic_async"),
        confirmation_method=params.get("confirmation_method", "automatic"),
        excluded_payment_method_types=params.get("excluded_payment_method_types"),
        **changes,
    )
    account.store.add(intent)
    account.record("payment_intent.created", intent, call.cause)
    return _confirm(call, intent) if params.get("confirm") else intent


def _changes(call: Call, intent: Resource) -> Resource:
    """Return the fields that a request sets."""
    params, account = call.params, call.account
    changes: Resource = {name: params[name] or None for name in _TEXTS if name in params}
    if changes.get("receipt_email"):
        check_email(changes["receipt_email"], "receipt_email")
    if "metadata" in params:
        changes["metadata"] = merged_metadata(intent["metadata"], params["metadata"])
    if "customer" in params:
        named = account.store.referenced("customer", params["customer"], "customer")
        changes["customer"] = named["id"]
    if params.get("shipping"):
        given = params["shipping"]
        shown = {name: given.get(name) for name in words("carrier name phone tracking_number")}
        changes["shipping"] = {**shown, "address": address_of(given["address"])}
    if "payment_method" in params:
        customer_id = changes.get("customer", intent["customer"])
        method = owned_method(account, params["payment_method"], customer_id)
        changes |= {"payment_method": method["id"], "status": "requires_confirmation"}
    return changes


def owned_method(account: Account, method_id: str, customer_id: str | None) -> Resource:
    """Return the card that a request names, unless it is another customer's.

    Raises:
        InvalidParameter: it is, or there is none.
        InvalidState: it was used, or given up, and nobody keeps it.
    """
    method = referenced_method(account, method_id, "payment_method")
    if method["customer"] not in {None, customer_id}:
        raise InvalidParameter(
            f"The provided PaymentMethod is attached to another Customer ({method['customer']}"
            ") than the intent: provide that Customer.",
            param="payment_method",
        )
    check_unspent(account, method)
    return method


def update(call: Call) -> Resource:
    """Change a payment intent that nobody has paid yet. Nobody is told."""
    intent = _found(call)
    params = call.params
    _check_state(intent, _OPEN, "update")
    changes = _changes(call, intent)
    if "currency" in params:
        changes["currency"] = read_currency(params["currency"], "currency")
    if "amount" in params:
        changes["amount"] = params["amount"]
    if {"amount", "currency"} & params.keys():
        changed = {**intent, **changes}
        check_amount(changed["amount"], changed["currency"])
    intent.update(changes)
    return intent


def confirm(call: Call) -> Resource:
    """Pay a payment intent, or say what the payer has to do for that."""
    intent = _found(call)
    _check_state(intent, _OPEN, "confirm")
    intent.update(_changes(call, intent))
    return _confirm(call, intent)


def _confirm(call: Call, intent: Resource) -> Resource:
    """Try to pay.

    Raises:
        CardRefused: the card did not pay, or its owner would have to be there and is not.
        InvalidState: there is no card, or one is to be set up while its owner is away.
    """
    params, account = call.params, call.account
    if params.get("off_session") and intent["setup_future_usage"] is not None:
        raise InvalidState(
            "You cannot confirm with the `off_session` parameter when `setup_future_usage` is "
            "also set on the PaymentIntent because you cannot set up future usages when "
            "processing payments off-session.",
            facts={_OBJECT: dict(intent)},
        )
    if intent["payment_method"] is None:
        raise InvalidState(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You "
            "can either update the PaymentIntent with a payment method and then confirm it "
            "again, or confirm it again directly with a payment method or ConfirmationToken.",
            code=_UNEXPECTED,
            facts={_OBJECT: dict(intent)},
        )
    method = account.store.at_address("payment_method", intent["payment_method"])
    if not params.get("off_session") and needs_authentication(account, method):
        if params.get("error_on_requires_action"):
            raise decline_unattended(account, intent, method, call.cause)
        ask_payer(account, intent, method, call.cause, return_url=params.get("return_url"))
        return intent
    try_to_pay(account, intent, method, call.cause, is_off_session=True)
    keep_or_spend(account, intent, method, call.cause)
    return intent


def cancel(call: Call) -> Resource:
    """Let nobody pay a payment intent any more."""
    account, intent = call.account, _found(call)
    _check_state(intent, _OPEN | {"processing"}, "cancel")
    is_billed = any(
        payment["payment"]["payment_intent"] == intent["id"]
        for payment in account.store.newest_first("invoice_payment")
    )
    is_sold = any(basket.intent_id == intent["id"] for basket in account.baskets.values())
    if is_billed or is_sold:
        owner = "an Invoice: void that" if is_billed else "a Checkout Session: expire that"
        raise InvalidState(
            f"You cannot cancel this PaymentIntent because it belongs to {owner} instead.",
            code=_UNEXPECTED,
        )
    intent.update(
        canceled_at=account.now_s(),
        cancellation_reason=call.params.get("cancellation_reason"),
        next_action=None,
        status="canceled",
    )
    account.record("payment_intent.canceled", intent, call.cause)
    return intent


def _found(call: Call) -> Resource:
    return call.account.store.at_address(_OBJECT, call.object_id)


def _check_state(intent: Resource, allowed: frozenset[str], wish: str) -> None:
    if intent["status"] not in allowed:
        raise InvalidState(
            f"You cannot {wish} this PaymentIntent because it has a status of "
            f"{intent['status']}. This takes one of these statuses: "
            f"{', '.join(sorted(allowed))}.",
            code=_UNEXPECTED,
            facts={_OBJECT: dict(intent)},
        )


_EXPAND = frozenset({"expand"})
_CHANGEABLE = _EXPAND | set(_TEXTS) | set(words("customer metadata payment_method shipping"))
_OF_A_TRY = frozenset(words("error_on_requires_action off_session return_url"))
ENDPOINTS = (
    Endpoint(
        "POST",
        _AT,
        PaymentIntentCreateParams,
        _CHANGEABLE
        | _OF_A_TRY
        | set(words("allowed_payment_method_types amount automatic_payment_methods confirm"))
        | set(words("capture_method confirmation_method currency"))
        | {"excluded_payment_method_types"},
        create,
        REMOVED,
    ),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}",
        PaymentIntentUpdateParams,
        _CHANGEABLE | {"amount", "currency"},
        update,
        REMOVED,
    ),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}/confirm",
        PaymentIntentConfirmParams,
        _EXPAND
        | _OF_A_TRY
        | set(words("payment_method receipt_email setup_future_usage shipping")),
        confirm,
        REMOVED,
    ),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}/cancel",
        PaymentIntentCancelParams,
        _EXPAND | {"cancellation_reason"},
        cancel,
    ),
)

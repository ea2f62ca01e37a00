"""Setup intents made by request: a card kept for later, without a payment now."""

from stripe.params import (
    SetupIntentCancelParams,
    SetupIntentConfirmParams,
    SetupIntentCreateParams,
    SetupIntentListParams,
    SetupIntentUpdateParams,
)

from stripe_local import setting_up
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.payment_requests import REMOVED, owned_method
from stripe_local.resources.setup_intents import new_setup_intent
from stripe_local.wire.errors import InvalidState
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_AT = "/v1/setup_intents"
_OBJECT = "setup_intent"
_UNEXPECTED = "setup_intent_unexpected_state"
_OPEN = frozenset(words("requires_action requires_confirmation requires_payment_method"))


def create(call: Call) -> Resource:
    """Make a setup intent, and keep its card at once if asked to."""
    params, account = call.params, call.account
    changes = _changes(call, {"metadata": {}, "customer": None})
    setup = new_setup_intent(None, None, now_s=account.now_s())
    automatic = params.get("automatic_payment_methods", {"enabled": True})
    setup.update(
        automatic_payment_methods={"allow_redirects": "always", **automatic},
        usage=params.get("usage", "off_session"),
        **changes,
    )
    account.store.add(setup)
    account.record("setup_intent.created", setup, call.cause)
    return _confirm(call, setup) if params.get("confirm") else setup


def _changes(call: Call, setup: Resource) -> Resource:
    """Return the fields that a request sets."""
    params, account = call.params, call.account
    changes: Resource = {}
    if "description" in params:
        changes["description"] = params["description"] or None
    if "metadata" in params:
        changes["metadata"] = merged_metadata(setup["metadata"], params["metadata"])
    if "customer" in params:
        named = account.store.referenced("customer", params["customer"], "customer")
        changes["customer"] = named["id"]
    if "payment_method" in params:
        customer_id = changes.get("customer", setup["customer"])
        method = owned_method(account, params["payment_method"], customer_id)
        changes |= {"payment_method": method["id"], "status": "requires_confirmation"}
    return changes


def update(call: Call) -> Resource:
    """Change a setup intent that has kept nothing yet."""
    setup = _open(call, "update")
    setup.update(_changes(call, setup))
    return setup


def confirm(call: Call) -> Resource:
    """Keep the card of a setup intent, or say what its owner has to do for that."""
    setup = _open(call, "confirm")
    setup.update(_changes(call, setup))
    return _confirm(call, setup)


def _confirm(call: Call, setup: Resource) -> Resource:
    """Try to keep the card.

    Raises:
        CardRefused: the bank declines it even for keeping.
    """
    account = call.account
    if setup["payment_method"] is None:
        raise InvalidState(
            "You cannot confirm this SetupIntent because it's missing a payment method. "
            "Update the SetupIntent with a payment method and then confirm it again.",
            code=_UNEXPECTED,
            facts={_OBJECT: dict(setup)},
        )
    return setting_up.confirm(
        account, setup, call.cause, return_url=call.params.get("return_url")
    )


def cancel(call: Call) -> Resource:
    """Let nothing be kept by a setup intent any more."""
    setup = _open(call, "cancel")
    reason = call.params.get("cancellation_reason")
    return setting_up.cancel(call.account, setup, call.cause, reason=reason)


def _open(call: Call, wish: str) -> Resource:
    setup = call.account.store.at_address(_OBJECT, call.object_id)
    sessions = call.account.store.newest_first("checkout.session")
    if any(session["setup_intent"] == setup["id"] for session in sessions):
        raise InvalidState(
            f"You cannot {wish} this SetupIntent because it was created by a Checkout Session.",
            code=_UNEXPECTED,
            facts={_OBJECT: dict(setup)},
        )
    if setup["status"] not in _OPEN:
        raise InvalidState(
            f"You cannot {wish} this SetupIntent because it has a status of {setup['status']}.",
            code=_UNEXPECTED,
            facts={_OBJECT: dict(setup)},
        )
    return setup


def list_setup_intents(call: Call) -> Resource:
    """Return setup intents, newest first."""
    params = call.params
    found = [
        setup
        for setup in call.account.store.newest_first(_OBJECT)
        if params.get("customer") in {None, setup["customer"]}
        and params.get("payment_method") in {None, setup["payment_method"]}
        and is_created_within(setup, params.get("created"))
    ]
    return page_of(found, params, _AT)


_EXPAND = frozenset({"expand"})
_CHANGEABLE = _EXPAND | set(words("customer description metadata payment_method"))
ENDPOINTS = (
    Endpoint(
        "POST",
        _AT,
        SetupIntentCreateParams,
        _CHANGEABLE | set(words("automatic_payment_methods confirm return_url usage")),
        create,
        REMOVED,
    ),
    Endpoint("POST", f"{_AT}/{{id}}", SetupIntentUpdateParams, _CHANGEABLE, update, REMOVED),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}/confirm",
        SetupIntentConfirmParams,
        _EXPAND | {"payment_method", "return_url"},
        confirm,
        REMOVED,
    ),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}/cancel",
        SetupIntentCancelParams,
        _EXPAND | {"cancellation_reason"},
        cancel,
    ),
    Endpoint(
        "GET",
        _AT,
        SetupIntentListParams,
        PAGING | {"created", "customer", "payment_method"},
        list_setup_intents,
    ),
)

"""The modes of a Checkout session: to pay, to subscribe, to save a card."""

from stripe_local.resources.endpoint import Call
from stripe_local.resources.setup_intents import new_setup_intent
from stripe_local.wire.errors import InvalidParameter, missing_parameter, not_imitated
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_ONLY_IN = {
    "payment": ("setup_intent_data", "subscription_data"),
    "setup": words(
        "allow_promotion_codes discounts line_items payment_intent_data submit_type "
        "payment_method_collection subscription_data"
    ),
    "subscription": words(
        "customer_creation payment_intent_data setup_intent_data submit_type"
    ),
}
"""What a mode does not take."""


def check_mode(params: Parameters) -> None:
    """Refuse what does not go with the mode of a session, or with none.

    Raises:
        InvalidParameter: another mode takes it, or the stand-in does not imitate it.
    """
    if "mode" not in params:
        raise missing_parameter("mode")
    for param in _ONLY_IN[params["mode"]]:
        if param in params:
            raise InvalidParameter(
                f"You can not pass `{param}` in `{params['mode']}` mode.", param=param
            )
    if params["mode"] == "setup" and "currency" not in params:
        raise missing_parameter("currency")
    if params["mode"] != "setup" and "currency" in params:
        raise not_imitated("currency", "prices of several currencies")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_imitated("ui_mode", params["ui_mode"])


def begin_setup(call: Call, session: Resource) -> None:
    """Let a session be about keeping a card, by a setup intent, and not about money."""
    account, given = call.account, call.params.get("setup_intent_data", {})
    setup = account.store.add(
        new_setup_intent(session["customer"], None, now_s=account.now_s())
    )
    setup["description"] = given.get("description")
    setup["metadata"] = merged_metadata({}, given.get("metadata"))
    account.record("setup_intent.created", setup, call.cause)
    session.update(
        dict.fromkeys(("amount_subtotal", "amount_total", "total_details")),
        payment_method_collection="always",
        payment_status="no_payment_required",
        setup_intent=setup["id"],
    )

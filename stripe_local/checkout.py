"""Paying for a Checkout session, and what ends one: the payment, or its time."""

import contextlib
from collections.abc import Sequence

from stripe_local import setting_up
from stripe_local.account import Account
from stripe_local.basket import Awaiting, Basket, Chosen, check_left, left_of
from stripe_local.billing import subscribing
from stripe_local.billing.discounting import redeem
from stripe_local.billing.payments import (
    ask_payer,
    needs_authentication,
    refusal_of,
    try_to_pay,
)
from stripe_local.billing.periods import DAY_S
from stripe_local.billing.subscription_shape import Terms, Wanted
from stripe_local.cards import Card, recognise
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.expiring import require_open
from stripe_local.redeeming import Purchase, chosen_by_code
from stripe_local.resources.customers import new_customer
from stripe_local.resources.payment_intents import new_payment_intent
from stripe_local.resources.payment_methods import (
    COUNTRY,
    attach_to,
    keep_or_spend,
    known_card,
)
from stripe_local.resources.setup_intents import new_setup_intent
from stripe_local.wire.errors import (
    CardRefused,
    InvalidParameter,
    InvalidState,
    missing_parameter,
    not_imitated,
)
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_SETTLES, _FAILS = "4242424242424242", "4000000000000341"
_PAYER = words("address business_name email individual_name name phone tax_ids")


def known_payer(email: str | None) -> Resource:
    """Return what a session tells of a payer of whom only the e-mail address is known."""
    return {**dict.fromkeys(_PAYER), "email": email, "tax_exempt": "none"}


def set_discounts(session: Resource, basket: Basket, chosen: Sequence[Chosen]) -> None:
    """Let a session come to what coupons leave of it. A trial has nothing to take off."""
    basket.discounts = tuple(chosen)
    off = basket.price_up() if session["amount_subtotal"] > 0 else 0
    session.update(
        amount_total=session["amount_subtotal"] - off,
        discounts=[each.shown() for each in chosen],
        total_details={**session["total_details"], "amount_discount": off},
    )


def use_code(account: Account, session: Resource, code: str) -> Resource:
    """Use the promotion code that a payer types, in place of an earlier one; "" uses none.

    For the page of a session that was made with `allow_promotion_codes`.

    Raises:
        InvalidState: the session is not open any more.
        InvalidParameter: it takes no codes, or this one does not hold for it.
    """
    require_open(session, "changed")
    if not session["allow_promotion_codes"]:
        raise InvalidParameter(
            "This Checkout Session takes no promotion codes.", param="promotion_code"
        )
    customer = account.store.find("customer", session["customer"])
    purchase = Purchase(session["amount_subtotal"], session["currency"], customer)
    chosen = [chosen_by_code(account, code, purchase)] if code.strip() else []
    basket = account.baskets[session["id"]]
    subtotals = [line["amount_subtotal"] for line in basket.line_items]
    check_left(left_of(subtotals, chosen), session["currency"])
    set_discounts(session, basket, chosen)
    return session


def needs_card(session: Resource) -> bool:
    """Return whether a payer has to give a card: not where nothing is due and none is asked."""
    if session["mode"] == "setup" or session["amount_total"] > 0:
        return True
    return bool(
        session["mode"] == "subscription" and session["payment_method_collection"] == "always"
    )


def pay(
    account: Account,
    session: Resource,
    card: Card | None,
    *,
    typed_email: str | None,
    cause: Cause,
) -> Resource:
    """Pay for an open session with a card, and return the session, now complete.

    A card whose bank wants to see its owner leaves the session open, and `awaited_intent` tells
    which intent waits: its page at `/3ds/{intent}` ends with `authentication.authenticate`,
    which completes the session.

    Raises:
        InvalidState: the session is not open any more.
        InvalidParameter: it needs a card, and none was given.
        CardRefused: the card did not pay. The session stays open for another.
    """
    require_open(session, "paid")
    email = (session["customer_details"] or {}).get("email") or typed_email
    if card is None and needs_card(session):
        raise missing_parameter("card")
    method = known_card(account, card, email=email) if card is not None else None
    return pay_with(account, session, method, typed_email=email, cause=cause)


def pay_with(
    account: Account,
    session: Resource,
    method: Resource | None,
    *,
    typed_email: str | None,
    cause: Cause,
) -> Resource:
    """Pay for an open session with a payment method that is there: see `pay`."""
    require_open(session, "paid")
    email = (session["customer_details"] or {}).get("email") or typed_email
    basket = account.baskets[session["id"]]
    basket.awaiting = None
    if session["mode"] == "setup":
        assert method is not None
        return _keep(account, session, method, email, cause)
    if method is not None and needs_authentication(account, method):
        intent = _intent_to_authenticate(account, session, cause)
        ask_payer(account, intent, method, cause)
        basket.awaiting = Awaiting(intent["id"], method["id"], email)
        return session
    return _settle(account, session, method, email, cause)


def _keep(
    account: Account, session: Resource, method: Resource, email: str | None, cause: Cause
) -> Resource:
    """Keep the card of a session in setup mode, or leave it open for its owner to be seen."""
    setup = account.store.at_address("setup_intent", session["setup_intent"])
    wants_customer = session["customer"] is None and session["customer_creation"] == "always"
    if wants_customer and account.cards[method["id"]].can_be_kept:
        _make_customer(account, session, email, cause)
    setup.update(customer=session["customer"], payment_method=method["id"])
    setting_up.confirm(account, setup, cause)
    if setup["status"] == "requires_action":
        basket = account.baskets[session["id"]]
        basket.awaiting = Awaiting(setup["id"], method["id"], email)
        return session
    return _complete(account, session, email)


def awaited_intent(account: Account, session: Resource) -> str | None:
    """Return the intent of a session whose payer is to be authenticated; None without one."""
    awaiting = account.baskets[session["id"]].awaiting
    return awaiting.intent_id if awaiting else None


def session_awaiting(account: Account, intent_id: str) -> Resource | None:
    """Return the open session that waits for the payer behind an intent, if one does."""
    for session in account.store.newest_first("checkout.session"):
        if session["status"] == "open" and awaited_intent(account, session) == intent_id:
            return session
    return None


def go_on(account: Account, session: Resource, cause: Cause) -> Resource:
    """Pay for a session whose payer was authenticated just now, and return it complete.

    Raises:
        CardRefused: the card does not pay all the same.
    """
    basket = account.baskets[session["id"]]
    assert basket.awaiting is not None
    method = account.store.at_address("payment_method", basket.awaiting.method_id)
    return _settle(
        account, session, method, basket.awaiting.email, cause, is_authenticated=True
    )


def _intent_to_authenticate(account: Account, session: Resource, cause: Cause) -> Resource:
    """Return the intent that waits for the payer: of the payment, or of keeping the card."""
    if session["amount_total"] > 0:
        return _payment_intent(account, session, cause)
    setup = account.store.add(
        new_setup_intent(session["customer"], None, now_s=account.now_s())
    )
    account.record("setup_intent.created", setup, cause)
    return setup


def _settle(
    account: Account,
    session: Resource,
    method: Resource | None,
    email: str | None,
    cause: Cause,
    *,
    is_authenticated: bool = False,
) -> Resource:
    """Take the money that is due, keep what is to be kept, and complete a session."""
    if session["mode"] == "setup":
        return _complete(account, session, email)
    is_subscription = session["mode"] == "subscription"
    wants_customer = is_subscription or session["customer_creation"] == "always"
    may_pay = method is None or account.cards[method["id"]].decline is None
    if wants_customer and session["customer"] is None and may_pay:
        _make_customer(account, session, email, cause)
    intent = None
    if session["amount_total"] > 0:
        assert method is not None
        intent = _payment_intent(account, session, cause)
        try_to_pay(account, intent, method, cause, is_authenticated=is_authenticated)
        if not is_subscription:
            keep_or_spend(account, intent, method, cause)
    if may_pay:
        _keep_email(account, session, email, cause)
    if is_subscription:
        _subscribe(account, session, method, intent, cause)
    return _complete(account, session, email)


def pay_later(account: Account, session: Resource) -> Resource:
    """Complete a session with a payment that is still under way, as by a bank transfer.

    The payment method is a card all the same: only the course of events is imitated.

    Raises:
        InvalidState: the session is not open any more.
        InvalidParameter: it is for a subscription, or there is nothing to pay.
    """
    require_open(session, "paid")
    if session["mode"] != "payment" or session["amount_total"] == 0:
        raise not_imitated("mode", "a delayed payment for a subscription")
    email = (session["customer_details"] or {}).get("email")
    intent = _payment_intent(account, session, BY_ITSELF)
    method = known_card(account, Card(_SETTLES), email=email)
    intent.update(payment_method=method["id"], status="processing")
    account.record("payment_intent.processing", intent, BY_ITSELF)
    return _complete(account, session, email, payment_status="unpaid")


def settle(account: Account, session: Resource, *, is_paid: bool) -> Resource:
    """Let a delayed payment arrive, or fail for good.

    Raises:
        InvalidState: nothing is under way.
    """
    intent = account.store.find("payment_intent", session["payment_intent"])
    if intent is None or intent["status"] != "processing":
        raise InvalidState("No payment of this Checkout Session is under way.")
    method = account.store.at_address("payment_method", intent["payment_method"])
    if is_paid:
        try_to_pay(account, intent, method, BY_ITSELF)
        keep_or_spend(account, intent, method, BY_ITSELF)
        session["payment_status"] = "paid"
        account.record("checkout.session.async_payment_succeeded", session, BY_ITSELF)
        return session
    account.cards[method["id"]] = recognise(Card(_FAILS), year=2000, month=1)
    with contextlib.suppress(CardRefused):
        try_to_pay(account, intent, method, BY_ITSELF)
    account.record("checkout.session.async_payment_failed", session, BY_ITSELF)
    return session


def _payment_intent(account: Account, session: Resource, cause: Cause) -> Resource:
    """Return the session's payment intent: made at the first try, used for all later ones.

    A session for a subscription does not show it: there the invoice is what is paid.
    """
    basket = account.baskets[session["id"]]
    intent = account.store.find("payment_intent", basket.intent_id)
    if intent is None:
        is_subscription = session["mode"] == "subscription"
        given = {"description": "Subscription creation"} if is_subscription else {}
        intent = new_payment_intent(
            session["amount_total"],
            session["currency"],
            given or basket.payment_intent,
            now_s=account.now_s(),
        )
        intent["customer"] = session["customer"]
        account.store.add(intent)
        basket.intent_id = intent["id"]
        if is_subscription:
            intent["setup_future_usage"] = "off_session"
        else:
            session["payment_intent"] = intent["id"]
        account.record("payment_intent.created", intent, cause)
    intent.update(amount=session["amount_total"], customer=session["customer"])
    return intent


def _make_customer(
    account: Account, session: Resource, email: str | None, cause: Cause
) -> None:
    customer = account.store.add(new_customer({"email": email}, account.now_s()))
    account.record("customer.created", customer, cause)
    session["customer"] = customer["id"]


def _keep_email(account: Account, session: Resource, email: str | None, cause: Cause) -> None:
    """Set the address that was typed on a customer who has none."""
    customer = account.store.find("customer", session["customer"])
    if customer is not None and email and not customer["email"]:
        account.update(customer, {"email": email}, "customer.updated", cause)


def _subscribe(
    account: Account,
    session: Resource,
    method: Resource | None,
    intent: Resource | None,
    cause: Cause,
) -> None:
    """Keep the card and begin the subscription, whose first invoice is paid already.

    Raises:
        CardRefused: nothing was due, and the bank declines the card for later, too.
    """
    given = account.baskets[session["id"]].subscription or {}
    email = method["billing_details"]["email"] if method else None
    if method is not None and not account.cards[method["id"]].can_be_kept:
        raise refusal_of(account, method, {})
    if session["customer"] is None:
        _make_customer(account, session, email, cause)
    customer = account.store.at_address("customer", session["customer"])
    if method is not None:
        attach_to(account, method, customer, cause)
        if intent is None and account.baskets[session["id"]].awaiting is None:
            _keep_for_later(account, customer, method, cause)
    days = given.get("trial_period_days")
    trial_end = account.now_s() + days * DAY_S if days else given.get("trial_end")
    terms = Terms(
        metadata=dict(given.get("metadata", {})),
        trial_end=trial_end,
        description=given.get("description"),
        method_id=method["id"] if method else None,
        missing_method=given.get("missing_method", "create_invoice"),
        discounts=account.baskets[session["id"]].discounts,
    )
    lines = account.baskets[session["id"]].line_items
    wanted = [Wanted(line["price"], line["quantity"], line["metadata"]) for line in lines]
    subscription = subscribing.begin(
        account, customer, wanted, terms, cause, paid_by=intent, session_id=session["id"]
    )
    session.update(invoice=subscription["latest_invoice"], subscription=subscription["id"])


def _keep_for_later(
    account: Account, customer: Resource, method: Resource, cause: Cause
) -> None:
    setup = account.store.add(
        new_setup_intent(customer["id"], method["id"], now_s=account.now_s())
    )
    account.record("setup_intent.created", setup, cause)
    account.record("setup_intent.succeeded", setup, cause)


def _complete(
    account: Account, session: Resource, email: str | None, *, payment_status: str = "paid"
) -> Resource:
    address = dict.fromkeys(words("city line1 line2 postal_code state"))
    account.agenda.cancel("expire", session["id"])
    is_free = not session["amount_total"]
    redeem(account.baskets[session["id"]].discounts)
    session.update(
        collected_information=dict.fromkeys(
            words("business_name individual_name shipping_details")
        ),
        customer_details={
            **known_payer(email),
            "address": {**address, "country": COUNTRY},
            "tax_ids": [],
        },
        payment_status="no_payment_required" if is_free else payment_status,
        status="complete",
        url=None,
    )
    account.record("checkout.session.completed", session, BY_ITSELF)
    return session

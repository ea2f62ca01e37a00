"""Checkout sessions: an offer to pay, on a page that Stripe hosts."""

import copy

from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionListLineItemsParams,
    SessionListParams,
    SessionRetrieveParams,
)

from stripe_local.account import Account
from stripe_local.addresses import check_address
from stripe_local.basket import (
    Basket,
    Chosen,
    Quote,
    check_left,
    left_of,
    new_line_item,
    quote,
    total_of,
)
from stripe_local.billing import period_lines
from stripe_local.billing.subscription_shape import Wanted
from stripe_local.checkout import known_payer, set_discounts
from stripe_local.currencies import read_currency
from stripe_local.expiring import expire as expire_session
from stripe_local.expiring import plan_expiry
from stripe_local.ids import new_id
from stripe_local.redeeming import Purchase, chosen_of
from stripe_local.resources import prices
from stripe_local.resources.customers import check_email
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.session_modes import begin_setup, check_mode
from stripe_local.resources.subscriptions import missing_method_of, trial_end_of
from stripe_local.wire.errors import (
    InvalidParameter,
    exclusive_parameters,
    missing_parameter,
    not_imitated,
)
from stripe_local.wire.forms import join
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_OBJECT = "checkout.session"
_LIVES_S_MIN, _LIVES_S_MAX = 30 * 60, 24 * 60 * 60
_REFERENCE_LENGTH_MAX = 200
_AS_GIVEN = words(
    "allow_promotion_codes cancel_url client_reference_id customer customer_email locale mode "
    "submit_type success_url"
)
_OF_THE_PAYMENT = words(
    "description metadata receipt_email setup_future_usage statement_descriptor "
    "statement_descriptor_suffix"
)
_OF_THE_SUBSCRIPTION = words(
    "description metadata trial_end trial_period_days "
    "trial_settings.end_behavior.missing_payment_method"
)
_OF_A_LINE = words(
    "metadata price quantity price_data.currency price_data.product price_data.product_data "
    "price_data.recurring price_data.tax_behavior price_data.unit_amount "
    "price_data.unit_amount_decimal"
)
_IMITATED = frozenset(
    {
        *_AS_GIVEN,
        *words("discounts.coupon discounts.promotion_code"),
        *words(
            "customer_creation expand expires_at metadata payment_method_collection ui_mode"
        ),
        *words("currency setup_intent_data.description setup_intent_data.metadata"),
        *(f"subscription_data.{field}" for field in _OF_THE_SUBSCRIPTION),
        *(f"payment_intent_data.{field}" for field in _OF_THE_PAYMENT),
        *(f"line_items.{field}" for field in _OF_A_LINE),
    }
)
_NULL_AT_FIRST = words(
    "after_expiration allow_promotion_codes allowed_payment_method_types "
    "billing_address_collection cancel_url client_reference_id client_secret "
    "collected_information consent consent_collection currency_conversion customer "
    "customer_account customer_details customer_email integration_identifier invoice locale "
    "managed_payments origin_context payment_intent payment_link "
    "payment_method_configuration_details permissions recovered_from "
    "saved_payment_method_options setup_intent shipping_address_collection shipping_cost "
    "submit_type subscription success_url wallet_options"
)
_AT_FIRST: Resource = {
    **dict.fromkeys(_NULL_AT_FIRST),
    "adaptive_pricing": {"enabled": False},
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "custom_fields": [],
    "custom_text": dict.fromkeys(
        words("after_submit shipping_address submit terms_of_service_acceptance")
    ),
    "invoice_creation": {
        "enabled": False,
        "invoice_data": {
            **dict.fromkeys(words("account_tax_ids custom_fields description footer issuer")),
            "metadata": {},
            "rendering_options": None,
        },
    },
    "livemode": False,
    "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
    "payment_method_types": ["card"],
    "payment_status": "unpaid",
    "phone_number_collection": {"enabled": False},
    "shipping_options": [],
    "status": "open",
    "ui_mode": "hosted_page",
}


def create(call: Call) -> Resource:
    """Make a session. Everything is checked before the first object is made."""
    params, account = call.params, call.account
    check_mode(params)
    _check_payer(call)
    _check_return(params)
    now_s = account.now_s()
    expires_at = _expiry(params, now_s)
    is_setup = params["mode"] == "setup"
    if not is_setup and not params.get("line_items"):
        raise missing_parameter("line_items")
    given = list(enumerate(params.get("line_items", [])))
    quoted = [_quote(call, each, row) for row, each in given]
    subscription = _subscription_terms(call, [price for price, _ in quoted])
    nothing = Quote(0, read_currency(params["currency"], "currency") if is_setup else "")
    rows = [each for _, each in quoted] or [nothing]
    total = total_of(rows, may_be_free=params["mode"] != "payment")
    if subscription and subscription["has_trial"]:
        total = Quote(0, total.currency)
    chosen = _chosen(call, total)
    check_left(left_of([each.amount_total for _, each in quoted], chosen), total.currency)
    metadata = merged_metadata({}, params.get("metadata"))
    payment = dict(params.get("payment_intent_data", {}))
    payment["metadata"] = merged_metadata({}, payment.get("metadata"))

    session_id = new_id(_OBJECT)
    basket = account.baskets[session_id] = Basket(
        line_items=tuple(_line(call, each, row) for row, each in given),
        payment_intent=payment,
        subscription=subscription,
    )
    session = account.store.add(
        {
            "id": session_id,
            "object": _OBJECT,
            **copy.deepcopy(_AT_FIRST),
            **{field: params[field] for field in _AS_GIVEN if field in params},
            "amount_subtotal": total.amount_total,
            "amount_total": total.amount_total,
            "branding_settings": _branding(account),
            "created": now_s,
            "currency": total.currency,
            "customer_creation": _customer_creation(params),
            "customer_details": _known_payer(call),
            "discounts": [],
            "expires_at": expires_at,
            "metadata": metadata,
            "payment_method_collection": _card_collection(params),
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            "url": f"{account.profile.public_url}/c/pay/{session_id}",
        }
    )
    if is_setup:
        begin_setup(call, session)
    else:
        set_discounts(session, basket, chosen)
    plan_expiry(account, session)
    return session


def _chosen(call: Call, total: Quote) -> list[Chosen]:
    """Return the coupons of a session: one at most, or else whatever code the payer types."""
    params, account = call.params, call.account
    given = params.get("discounts") or []
    if "discounts" in params and "allow_promotion_codes" in params:
        raise exclusive_parameters(["allow_promotion_codes", "discounts"])
    if len(given) > 1:
        raise InvalidParameter("You can only pass one discount.", param="discounts")
    customer = account.store.find("customer", params.get("customer"))
    purchase = Purchase(total.amount_total, total.currency, customer)
    return chosen_of(account, given, purchase)


def retrieve(call: Call) -> Resource:
    """Return a session."""
    return call.account.store.at_address(_OBJECT, call.object_id)


def expire(call: Call) -> Resource:
    """End an open session before its time."""
    session = call.account.store.at_address(_OBJECT, call.object_id)
    return expire_session(call.account, session, call.cause)


def list_sessions(call: Call) -> Resource:
    """Return sessions, newest first."""
    params = call.params
    email = params.get("customer_details", {}).get("email")
    found = [
        session
        for session in call.account.store.newest_first(_OBJECT)
        if params.get("customer") in {None, session["customer"]}
        and params.get("payment_intent") in {None, session["payment_intent"]}
        and params.get("subscription") in {None, session["subscription"]}
        and params.get("status") in {None, session["status"]}
        and email in {None, (session["customer_details"] or {}).get("email")}
        and is_created_within(session, params.get("created"))
    ]
    return page_of(found, params, "/v1/checkout/sessions")


def list_line_items(call: Call) -> Resource:
    """Return what a session sells, in the order in which it was given."""
    session = call.account.store.at_address(_OBJECT, call.object_id)
    return line_items_page(call.account, session, call.params)


def line_items_page(account: Account, session: Resource, params: Parameters) -> Resource:
    """Return one page of a session's line items."""
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return page_of(account.baskets[session["id"]].line_items, params, url)


def _check_payer(call: Call) -> None:
    params = call.params
    for other in ("customer_email", "customer_creation"):
        if "customer" in params and other in params:
            raise exclusive_parameters(["customer", other])
    if "customer" in params:
        call.account.store.referenced("customer", params["customer"], "customer")
    if "customer_email" in params:
        check_email(params["customer_email"], "customer_email")
    if len(params.get("client_reference_id", "")) > _REFERENCE_LENGTH_MAX:
        raise InvalidParameter(
            f"Invalid string: must be at most {_REFERENCE_LENGTH_MAX} characters",
            param="client_reference_id",
        )


def _check_return(params: Parameters) -> None:
    if "success_url" not in params:
        raise missing_parameter("success_url")
    for param in ("success_url", "cancel_url"):
        if param in params:
            check_address(params[param], param)


def _expiry(params: Parameters, now_s: int) -> int:
    expires_at: int = params.get("expires_at", now_s + _LIVES_S_MAX)
    if expires_at < now_s + _LIVES_S_MIN:
        raise InvalidParameter(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session "
            "creation.",
            param="expires_at",
        )
    if expires_at > now_s + _LIVES_S_MAX:
        raise InvalidParameter(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session "
            "creation.",
            param="expires_at",
        )
    return expires_at


def _quote(call: Call, given: Parameters, row: int) -> tuple[Resource, Quote]:
    """Return the price of a line and what it comes to, or refuse it before anything is made."""
    name = join("line_items", str(row))
    if "price" in given and "price_data" in given:
        raise exclusive_parameters([join(name, "price"), join(name, "price_data")])
    if given.get("quantity", 0) < 1:
        raise missing_parameter(join(name, "quantity"))
    if "price_data" in given:
        price = _described_price(call, given["price_data"], join(name, "price_data"))
    elif "price" in given:
        price = prices.active_price(call.account, given["price"], join(name, "price"))
    else:
        raise missing_parameter(join(name, "price"))
    is_recurring = price["type"] == "recurring"
    if call.params["mode"] == "subscription" and not is_recurring:
        raise not_imitated(join(name, "price"), "a one-time price in `subscription` mode")
    if call.params["mode"] == "payment" and is_recurring:
        raise InvalidParameter(
            "You specified `payment` mode but passed a recurring price. Either switch to "
            "`subscription` mode or use only one-time prices.",
            param=join(name, "price"),
        )
    merged_metadata({}, given.get("metadata"))
    return price, quote(price, given["quantity"])


def _described_price(call: Call, given: Parameters, name: str) -> Resource:
    prices.check_product(call.account, given, name)
    return prices.new_price(given, given.get("product", ""), call.account.now_s(), name=name)


def _line(call: Call, given: Parameters, row: int) -> Resource:
    if "price_data" in given:
        name = join(join("line_items", str(row)), "price_data")
        price = prices.create_inline(call.account, given["price_data"], call.cause, name)
    else:
        price = call.account.store.referenced("price", given["price"], "line_items")
    product = call.account.store.find("product", price["product"])
    assert product is not None
    return new_line_item(price, product["name"], given["quantity"], given.get("metadata", {}))


def _subscription_terms(call: Call, wanted: list[Resource]) -> Resource | None:
    """Return what a subscription will be made of, and refuse it before anything is made."""
    params = call.params
    if params["mode"] != "subscription":
        return None
    period_lines.check_wanted([Wanted(price) for price in wanted], "line_items")
    given = params.get("subscription_data", {})
    return {
        "description": given.get("description"),
        "has_trial": trial_end_of(call.account, given) is not None,
        "metadata": merged_metadata({}, given.get("metadata")),
        "missing_method": missing_method_of(given),
        "trial_end": given.get("trial_end"),
        "trial_period_days": given.get("trial_period_days"),
    }


def _card_collection(params: Parameters) -> str:
    at_first = "always" if params["mode"] == "subscription" else "if_required"
    wish: str = params.get("payment_method_collection", at_first)
    return wish


def _customer_creation(params: Parameters) -> str | None:
    if "customer" in params:
        return None
    at_first = "always" if params["mode"] == "subscription" else "if_required"
    wish: str = params.get("customer_creation", at_first)
    return wish


def _known_payer(call: Call) -> Resource | None:
    customer = call.account.store.find("customer", call.params.get("customer"))
    email = customer["email"] if customer else call.params.get("customer_email")
    return known_payer(email) if email else None


def _branding(account: Account) -> Resource:
    return {
        "background_color": "#ffffff",
        "border_style": "rounded",
        "button_color": "#0b5fff",
        "display_name": account.profile.merchant,
        "font_family": "default",
        "icon": None,
        "logo": None,
    }


_AT = "/v1/checkout/sessions"
_ONLY_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint("POST", _AT, SessionCreateParams, _IMITATED, create),
    Endpoint("GET", f"{_AT}/{{id}}", SessionRetrieveParams, _ONLY_EXPAND, retrieve),
    Endpoint("POST", f"{_AT}/{{id}}/expire", SessionExpireParams, _ONLY_EXPAND, expire),
    Endpoint(
        "GET", f"{_AT}/{{id}}/line_items", SessionListLineItemsParams, PAGING, list_line_items
    ),
    Endpoint(
        "GET",
        _AT,
        SessionListParams,
        PAGING
        | set(
            words("created customer customer_details.email payment_intent status subscription")
        ),
        list_sessions,
    ),
)

"""Coupons and promotion codes: what takes something off a Checkout session for one payment."""

from decimal import ROUND_HALF_UP, Decimal

from stripe.params import (
    CouponCreateParams,
    CouponListParams,
    CouponRetrieveParams,
    PromotionCodeCreateParams,
    PromotionCodeListParams,
    PromotionCodeRetrieveParams,
)

from stripe_local.account import Account
from stripe_local.currencies import read_currency
from stripe_local.ids import new_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.errors import (
    InvalidParameter,
    exclusive_parameters,
    missing_parameter,
    not_imitated,
)
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_COUPONS, _CODES = "/v1/coupons", "/v1/promotion_codes"


def create(call: Call) -> Resource:
    """Make a coupon: a share or an amount off."""
    params, account = call.params, call.account
    if ("percent_off" in params) == ("amount_off" in params):
        raise exclusive_parameters(["percent_off", "amount_off"])
    if not 0 < params.get("percent_off", 1) <= 100:
        raise InvalidParameter(
            "Invalid percent_off: must be more than 0 and at most 100.", param="percent_off"
        )
    if "amount_off" in params and "currency" not in params:
        raise missing_parameter("currency")
    currency = params.get("currency")
    percent = params.get("percent_off")
    coupon = account.store.add(
        {
            "id": params.get("id") or new_id("coupon"),
            "object": "coupon",
            "amount_off": params.get("amount_off"),
            "created": account.now_s(),
            "currency": read_currency(currency, "currency") if currency else None,
            "duration": params.get("duration", "once"),
            "duration_in_months": params.get("duration_in_months"),
            "livemode": False,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": merged_metadata({}, params.get("metadata")),
            "name": params.get("name"),
            "percent_off": None if percent is None else float(percent),
            "redeem_by": params.get("redeem_by"),
            "times_redeemed": 0,
            "valid": True,
        }
    )
    account.record("coupon.created", coupon, call.cause)
    return coupon


def retrieve(call: Call) -> Resource:
    """Return a coupon."""
    return call.account.store.at_address("coupon", call.object_id)


def list_coupons(call: Call) -> Resource:
    """Return coupons, newest first."""
    found = [
        coupon
        for coupon in call.account.store.newest_first("coupon")
        if is_created_within(coupon, call.params.get("created"))
    ]
    return page_of(found, call.params, _COUPONS)


def create_code(call: Call) -> Resource:
    """Make a code that stands for a coupon."""
    params, account = call.params, call.account
    promotion = params["promotion"]
    if "coupon" not in promotion:
        raise missing_parameter("promotion[coupon]")
    coupon = account.store.referenced("coupon", promotion["coupon"], "promotion[coupon]")
    code = account.store.add(
        {
            "id": new_id("promotion_code"),
            "object": "promotion_code",
            "active": params.get("active", True),
            "code": params.get("code") or new_id("coupon").upper(),
            "created": account.now_s(),
            "customer": None,
            "customer_account": None,
            "expires_at": params.get("expires_at"),
            "livemode": False,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": merged_metadata({}, params.get("metadata")),
            "promotion": {"coupon": coupon["id"], "type": "coupon"},
            "restrictions": {
                "first_time_transaction": False,
                "minimum_amount": None,
                "minimum_amount_currency": None,
            },
            "times_redeemed": 0,
        }
    )
    account.record("promotion_code.created", code, call.cause)
    return code


def retrieve_code(call: Call) -> Resource:
    """Return a promotion code."""
    return call.account.store.at_address("promotion_code", call.object_id)


def list_codes(call: Call) -> Resource:
    """Return promotion codes, newest first."""
    params = call.params
    found = [
        code
        for code in call.account.store.newest_first("promotion_code")
        if params.get("code") in {None, code["code"]}
        and params.get("active") in {None, code["active"]}
        and params.get("coupon") in {None, code["promotion"]["coupon"]}
    ]
    return page_of(found, params, _CODES)


def discount_on(
    account: Account, params: Parameters, amount: int, currency: str
) -> tuple[list[Resource], int]:
    """Return the discounts of a session, and what they take off an amount.

    Raises:
        InvalidParameter: a coupon that does not hold, or a session that cannot have one.
    """
    given = params.get("discounts") or []
    if not given:
        return [], 0
    if len(given) > 1 or params["mode"] != "payment":
        raise not_imitated("discounts")
    coupon, code = _named(account, given[0])
    limits = [coupon] if code is None else [coupon, code]
    is_spent = any(
        each["max_redemptions"] is not None
        and each["times_redeemed"] >= each["max_redemptions"]
        for each in limits
    )
    ends = [end for end in (coupon["redeem_by"], code and code["expires_at"]) if end]
    is_over = any(end <= account.now_s() for end in ends)
    if is_spent or is_over or (code is not None and not code["active"]):
        raise InvalidParameter(
            f"Coupon {coupon['id']} is used up or has expired.",
            code="coupon_expired",
            param="discounts",
        )
    if coupon["currency"] not in {None, currency}:
        raise InvalidParameter(
            "The coupon is in another currency than the session.", param="discounts"
        )
    off = coupon["amount_off"]
    if off is None:
        exact = Decimal(amount) * Decimal(str(coupon["percent_off"])) / 100
        off = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    shown = {"coupon": coupon["id"], "promotion_code": code["id"] if code else None}
    return [shown], min(off, amount)


def _named(account: Account, given: Parameters) -> tuple[Resource, Resource | None]:
    if ("coupon" in given) == ("promotion_code" in given):
        raise exclusive_parameters(["discounts[0][coupon]", "discounts[0][promotion_code]"])
    if "coupon" in given:
        name = "discounts[0][coupon]"
        return account.store.referenced("coupon", given["coupon"], name), None
    name = "discounts[0][promotion_code]"
    code = account.store.referenced("promotion_code", given["promotion_code"], name)
    return account.store.referenced("coupon", code["promotion"]["coupon"], name), code


def redeem(account: Account, session: Resource) -> None:
    """Count the redemption of a session's discounts."""
    for discount in session["discounts"]:
        for name in ("coupon", "promotion_code"):
            found = account.store.find(name, discount[name])
            if found is not None:
                found["times_redeemed"] += 1


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint(
        "POST",
        _COUPONS,
        CouponCreateParams,
        _EXPAND
        | set(words("amount_off currency duration duration_in_months id max_redemptions"))
        | set(words("metadata name percent_off redeem_by")),
        create,
    ),
    Endpoint("GET", f"{_COUPONS}/{{id}}", CouponRetrieveParams, _EXPAND, retrieve),
    Endpoint("GET", _COUPONS, CouponListParams, PAGING | {"created"}, list_coupons),
    Endpoint(
        "POST",
        _CODES,
        PromotionCodeCreateParams,
        _EXPAND | set(words("active code expires_at max_redemptions metadata promotion")),
        create_code,
    ),
    Endpoint("GET", f"{_CODES}/{{id}}", PromotionCodeRetrieveParams, _EXPAND, retrieve_code),
    Endpoint(
        "GET",
        _CODES,
        PromotionCodeListParams,
        PAGING | {"active", "code", "coupon"},
        list_codes,
    ),
)

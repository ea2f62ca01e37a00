"""Coupons and promotion codes: what takes something off payments and subscriptions."""

from stripe.params import (
    CouponCreateParams,
    CouponDeleteParams,
    CouponListParams,
    CouponRetrieveParams,
    CouponUpdateParams,
    PromotionCodeCreateParams,
    PromotionCodeListParams,
    PromotionCodeRetrieveParams,
    PromotionCodeUpdateParams,
)

from stripe_local.currencies import read_currency
from stripe_local.ids import new_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.errors import (
    InvalidParameter,
    exclusive_parameters,
    missing_parameter,
)
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_COUPONS, _CODES = "/v1/coupons", "/v1/promotion_codes"
_NO_RESTRICTIONS: Resource = {
    "first_time_transaction": False,
    "minimum_amount": None,
    "minimum_amount_currency": None,
}
_RESTRICTIONS = [f"restrictions.{name}" for name in _NO_RESTRICTIONS]


def create(call: Call) -> Resource:
    """Make a coupon: a share or an amount off."""
    params, account = call.params, call.account
    if ("percent_off" in params) == ("amount_off" in params):
        raise exclusive_parameters(["percent_off", "amount_off"])
    if not 0 < params.get("percent_off", 1) <= 100:
        raise InvalidParameter(
            "Invalid percent_off: must be more than 0 and at most 100.", param="percent_off"
        )
    if (params.get("duration") == "repeating") != ("duration_in_months" in params):
        raise InvalidParameter(
            "`duration_in_months` is required for, and only for, `duration=repeating`.",
            param="duration_in_months",
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
    if "customer" in params:
        account.store.referenced("customer", params["customer"], "customer")
    code = account.store.add(
        {
            "id": new_id("promotion_code"),
            "object": "promotion_code",
            "active": params.get("active", True),
            "code": params.get("code") or new_id("coupon").upper(),
            "created": account.now_s(),
            "customer": params.get("customer"),
            "customer_account": None,
            "expires_at": params.get("expires_at"),
            "livemode": False,
            "max_redemptions": params.get("max_redemptions"),
            "metadata": merged_metadata({}, params.get("metadata")),
            "promotion": {"coupon": coupon["id"], "type": "coupon"},
            "restrictions": _NO_RESTRICTIONS | params.get("restrictions", {}),
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


def update(call: Call) -> Resource:
    """Change what a coupon is called; never what it takes off."""
    coupon, params = retrieve(call), call.params
    changes: Resource = {"name": params["name"] or None} if "name" in params else {}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(coupon["metadata"], params["metadata"])
    return call.account.update(coupon, changes, "coupon.updated", call.cause)


def delete(call: Call) -> Resource:
    """Delete a coupon: nobody can choose it any more; discounts at work go on."""
    coupon = retrieve(call)
    stub = call.account.store.delete(coupon)
    call.account.record("coupon.deleted", coupon, call.cause)
    return stub


def update_code(call: Call) -> Resource:
    """Change a promotion code, also whether it can be used."""
    code, params = retrieve_code(call), call.params
    changes: Resource = {"active": params["active"]} if "active" in params else {}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(code["metadata"], params["metadata"])
    return call.account.update(code, changes, "promotion_code.updated", call.cause)


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
    Endpoint(
        "POST",
        f"{_COUPONS}/{{id}}",
        CouponUpdateParams,
        _EXPAND | {"metadata", "name"},
        update,
    ),
    Endpoint("DELETE", f"{_COUPONS}/{{id}}", CouponDeleteParams, frozenset(), delete),
    Endpoint("GET", _COUPONS, CouponListParams, PAGING | {"created"}, list_coupons),
    Endpoint(
        "POST",
        _CODES,
        PromotionCodeCreateParams,
        _EXPAND
        | {*words("active code customer expires_at max_redemptions metadata promotion")}
        | {*_RESTRICTIONS},
        create_code,
    ),
    Endpoint("GET", f"{_CODES}/{{id}}", PromotionCodeRetrieveParams, _EXPAND, retrieve_code),
    Endpoint(
        "POST",
        f"{_CODES}/{{id}}",
        PromotionCodeUpdateParams,
        _EXPAND | {"active", "metadata"},
        update_code,
    ),
    Endpoint(
        "GET",
        _CODES,
        PromotionCodeListParams,
        PAGING | {"active", "code", "coupon"},
        list_codes,
    ),
)

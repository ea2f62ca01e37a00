"""Prices: what a product costs, once or again and again."""

from decimal import Decimal

from stripe.params import (
    PriceCreateParams,
    PriceListParams,
    PriceRetrieveParams,
    PriceUpdateParams,
)

from stripe_local.account import Account
from stripe_local.currencies import read_currency
from stripe_local.events import Cause
from stripe_local.ids import new_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.products import new_product
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

_AMOUNT_MAX = 999_999_999_999
_CHANGEABLE = frozenset(
    words("active expand lookup_key metadata nickname tax_behavior transfer_lookup_key")
)
_MADE_OF = frozenset(
    words(
        "billing_scheme currency product product_data recurring.interval "
        "recurring.interval_count unit_amount unit_amount_decimal"
    )
)


def new_price(given: Parameters, product_id: str, now_s: int, *, name: str = "") -> Resource:
    """Return a price with every field that Stripe shows, from what was given.

    Raises:
        InvalidParameter: no amount, or one that is not to be had; no currency.
    """
    amount, decimal = _amount(given, name)
    return {
        "id": new_id("price"),
        "object": "price",
        "active": given.get("active", True),
        "billing_scheme": "per_unit",
        "created": now_s,
        "currency": read_currency(given["currency"], join(name, "currency")),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": given.get("lookup_key"),
        "metadata": merged_metadata({}, given.get("metadata")),
        "nickname": given.get("nickname"),
        "product": product_id,
        "recurring": _recurring(given),
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if "recurring" in given else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": decimal,
    }


def create_inline(account: Account, given: Parameters, cause: Cause, name: str) -> Resource:
    """Make the price, and perhaps the product, that a line item describes in passing.

    Both are made inactive: they serve this one sale and are no offer of their own.
    """
    inactive = {**given, "active": False}
    check_product(account, inactive, name)
    return _add(account, inactive, _product_of(account, inactive, cause), cause, name)


def active_price(account: Account, price_id: str, name: str) -> Resource:
    """Return the price that a parameter names, if it is still offered.

    Raises:
        InvalidParameter: there is none, or it is inactive.
    """
    price = account.store.referenced("price", price_id, name)
    if not price["active"]:
        raise InvalidParameter(
            "The price specified is inactive. This field only accepts active prices.",
            param=name,
        )
    return price


def create(call: Call) -> Resource:
    """Make a price, with its product if that is described too."""
    params = call.params
    if params.get("billing_scheme", "per_unit") != "per_unit":
        raise not_imitated("billing_scheme", params["billing_scheme"])
    read_currency(params["currency"], "currency")
    _amount(params, "")
    check_product(call.account, params, "")
    _claim_lookup_key(call, own_id=None)
    product = _product_of(call.account, params, call.cause)
    return _add(call.account, params, product, call.cause, "")


def retrieve(call: Call) -> Resource:
    """Return a price."""
    return call.account.store.at_address("price", call.object_id)


def update(call: Call) -> Resource:
    """Change what can change of a price: never its amount."""
    params = call.params
    price = call.account.store.at_address("price", call.object_id)
    _claim_lookup_key(call, own_id=price["id"])
    changes: Resource = {
        field: params[field]
        for field in ("active", "lookup_key", "nickname", "tax_behavior")
        if field in params
    }
    if "metadata" in params:
        changes["metadata"] = merged_metadata(price["metadata"], params["metadata"])
    return call.account.update(price, changes, "price.updated", call.cause)


def list_prices(call: Call) -> Resource:
    """Return prices, newest first."""
    params = call.params
    keys = params.get("lookup_keys")
    found = [
        price
        for price in call.account.store.newest_first("price")
        if params.get("active") in {None, price["active"]}
        and params.get("currency") in {None, price["currency"]}
        and params.get("product") in {None, price["product"]}
        and params.get("type") in {None, price["type"]}
        and (keys is None or price["lookup_key"] in keys)
        and is_created_within(price, params.get("created"))
    ]
    return page_of(found, params, "/v1/prices")


def _add(
    account: Account, given: Parameters, product: Resource, cause: Cause, name: str
) -> Resource:
    price = new_price(given, product["id"], account.now_s(), name=name)
    account.store.add(price)
    account.record("price.created", price, cause)
    return price


def check_product(account: Account, given: Parameters, name: str) -> None:
    """Make sure that a price names a product that is there, or else describes one.

    Raises:
        InvalidParameter: neither, both, or no such product.
    """
    product_name = join(name, "product")
    if "product" in given and "product_data" in given:
        raise exclusive_parameters([product_name, join(name, "product_data")])
    if "product" in given:
        account.store.referenced("product", given["product"], product_name)
    elif "product_data" not in given:
        raise missing_parameter(product_name)


def _product_of(account: Account, given: Parameters, cause: Cause) -> Resource:
    if "product" in given:
        return account.store.referenced("product", given["product"], "product")
    described = {"active": given.get("active", True), **given["product_data"]}
    product = account.store.add(new_product(described, account.now_s()))
    account.record("product.created", product, cause)
    return product


def _amount(given: Parameters, name: str) -> tuple[int | None, str]:
    param = join(name, "unit_amount")
    if "unit_amount" in given and "unit_amount_decimal" in given:
        raise exclusive_parameters([param, join(name, "unit_amount_decimal")])
    if "unit_amount" in given:
        exact = Decimal(given["unit_amount"])
    elif "unit_amount_decimal" in given:
        exact = given["unit_amount_decimal"]
    else:
        raise missing_parameter(param)
    if not 0 <= exact <= _AMOUNT_MAX:
        raise InvalidParameter(
            f"This value must be between 0 and {_AMOUNT_MAX} (it currently is '{exact}').",
            code="parameter_invalid_integer",
            param=param,
        )
    is_whole = exact == exact.to_integral_value()
    return int(exact) if is_whole else None, f"{exact:f}"


def _recurring(given: Parameters) -> Resource | None:
    if "recurring" not in given:
        return None
    return {
        "interval": given["recurring"]["interval"],
        "interval_count": given["recurring"].get("interval_count", 1),
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _claim_lookup_key(call: Call, *, own_id: str | None) -> None:
    """Make sure that a lookup key names one price: take it over only when asked to."""
    key = call.params.get("lookup_key")
    for price in call.account.store.newest_first("price"):
        if key is None or price["lookup_key"] != key or price["id"] == own_id:
            continue
        if not call.params.get("transfer_lookup_key"):
            raise InvalidParameter(
                f"A price (`{price['id']}`) already uses that lookup key.", param="lookup_key"
            )
        call.account.update(price, {"lookup_key": None}, "price.updated", call.cause)


ENDPOINTS = (
    Endpoint("POST", "/v1/prices", PriceCreateParams, _CHANGEABLE | _MADE_OF, create),
    Endpoint("GET", "/v1/prices/{id}", PriceRetrieveParams, frozenset({"expand"}), retrieve),
    Endpoint("POST", "/v1/prices/{id}", PriceUpdateParams, _CHANGEABLE, update),
    Endpoint(
        "GET",
        "/v1/prices",
        PriceListParams,
        PAGING | {"active", "created", "currency", "lookup_keys", "product", "type"},
        list_prices,
    ),
)

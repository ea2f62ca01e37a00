"""Products: what is sold."""

from stripe.params import (
    ProductCreateParams,
    ProductDeleteParams,
    ProductListParams,
    ProductRetrieveParams,
    ProductUpdateParams,
)

from stripe_local.ids import new_id
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.errors import InvalidParameter, InvalidState
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource

_TEXTS = ("description", "name", "statement_descriptor", "unit_label", "url")
_LISTS = ("images", "marketing_features")
_CHANGEABLE = frozenset({*_TEXTS, *_LISTS, "active", "shippable", "metadata", "expand"})


def new_product(given: Parameters, now_s: int) -> Resource:
    """Return a product with every field that Stripe shows, from what was given."""
    return {
        "id": given.get("id") or new_id("product"),
        "object": "product",
        "active": True,
        "created": now_s,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": None,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "tax_details": None,
        "type": given.get("type", "service"),
        "unit_label": None,
        "updated": now_s,
        "url": None,
        **_changes({}, given),
    }


def create(call: Call) -> Resource:
    """Make a product."""
    store = call.account.store
    if store.find("product", call.params.get("id")) is not None:
        raise InvalidParameter("Product already exists.", code="resource_already_exists")
    product = store.add(new_product(call.params, call.account.now_s()))
    call.account.record("product.created", product, call.cause)
    return product


def retrieve(call: Call) -> Resource:
    """Return a product."""
    return call.account.store.at_address("product", call.object_id)


def update(call: Call) -> Resource:
    """Change a product."""
    store = call.account.store
    product = store.at_address("product", call.object_id)
    changes = _changes(product["metadata"], call.params)
    if "default_price" in call.params:
        price = store.referenced("price", call.params["default_price"], "default_price")
        changes["default_price"] = price["id"]
    if any(product[field] != value for field, value in changes.items()):
        changes["updated"] = call.account.now_s()
    return call.account.update(product, changes, "product.updated", call.cause)


def delete(call: Call) -> Resource:
    """Delete a product that was never given a price; any other can only be made inactive."""
    account = call.account
    product = account.store.at_address("product", call.object_id)
    prices = account.store.newest_first("price")
    if any(price["product"] == product["id"] for price in prices):
        raise InvalidState(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    stub = account.store.delete(product)
    account.record("product.deleted", product, call.cause)
    return stub


def list_products(call: Call) -> Resource:
    """Return products, newest first."""
    params = call.params
    found = [
        product
        for product in call.account.store.newest_first("product")
        if params.get("active") in {None, product["active"]}
        and product["id"] in params.get("ids", [product["id"]])
        and is_created_within(product, params.get("created"))
    ]
    return page_of(found, params, "/v1/products")


def _changes(metadata: dict[str, str], given: Parameters) -> Resource:
    changes: Resource = {field: given[field] or None for field in _TEXTS if field in given}
    changes |= {field: given[field] or [] for field in _LISTS if field in given}
    changes |= {field: given[field] for field in ("active", "shippable") if field in given}
    if "metadata" in given:
        changes["metadata"] = merged_metadata(metadata, given["metadata"])
    return changes


ENDPOINTS = (
    Endpoint("POST", "/v1/products", ProductCreateParams, _CHANGEABLE | {"id", "type"}, create),
    Endpoint(
        "GET", "/v1/products/{id}", ProductRetrieveParams, frozenset({"expand"}), retrieve
    ),
    Endpoint(
        "POST",
        "/v1/products/{id}",
        ProductUpdateParams,
        _CHANGEABLE | {"default_price"},
        update,
    ),
    Endpoint("DELETE", "/v1/products/{id}", ProductDeleteParams, frozenset(), delete),
    Endpoint(
        "GET",
        "/v1/products",
        ProductListParams,
        PAGING | {"active", "created", "ids"},
        list_products,
    ),
)

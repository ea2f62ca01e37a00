"""Subscription items: one price of a subscription, and how many of it."""

from stripe.params import (
    SubscriptionItemListParams,
    SubscriptionItemRetrieveParams,
    SubscriptionItemUpdateParams,
)

from stripe_local.account import Account
from stripe_local.billing import changing
from stripe_local.billing.item_changes import ItemChange, manner_of
from stripe_local.billing.subscription_shape import items_of
from stripe_local.resources import prices
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.wire.errors import missing_at_address
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, page_of
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_AT = "/v1/subscription_items"


def retrieve(call: Call) -> Resource:
    """Return an item."""
    return _found(call.account, call.object_id)[1]


def update(call: Call) -> Resource:
    """Change the price or the quantity of an item, and bill the difference as asked."""
    params, account = call.params, call.account
    subscription, item = _found(account, call.object_id)
    if "metadata" in params:
        item["metadata"] = merged_metadata(item["metadata"], params["metadata"])
    price = item["price"]
    if "price" in params:
        price = prices.active_price(account, params["price"], "price")
    quantity: int = params["quantity"] if "quantity" in params else item["quantity"]
    wanted = ItemChange(item, price, quantity)
    changing.change_items(account, subscription, [wanted], manner_of(params), call.cause)
    return _found(account, call.object_id)[1]


def list_items(call: Call) -> Resource:
    """Return the items of a subscription, in the order in which they were added."""
    subscription = call.account.store.referenced(
        "subscription", call.params["subscription"], "subscription"
    )
    url = f"{_AT}?subscription={subscription['id']}"
    return page_of(items_of(subscription), call.params, url)


def _found(account: Account, item_id: str) -> tuple[Resource, Resource]:
    for subscription in account.store.newest_first("subscription"):
        for item in items_of(subscription):
            if item["id"] == item_id:
                return subscription, item
    raise missing_at_address("subscription_item", item_id)


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint("GET", f"{_AT}/{{id}}", SubscriptionItemRetrieveParams, _EXPAND, retrieve),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}",
        SubscriptionItemUpdateParams,
        _EXPAND
        | set(words("metadata off_session payment_behavior price proration_behavior"))
        | {"proration_date", "quantity"},
        update,
    ),
    Endpoint("GET", _AT, SubscriptionItemListParams, PAGING | {"subscription"}, list_items),
)

"""Subscriptions: what a customer pays for again and again."""

from collections.abc import Sequence

from stripe.params import (
    SubscriptionCancelParams,
    SubscriptionCreateParams,
    SubscriptionDeleteDiscountParams,
    SubscriptionListParams,
    SubscriptionRetrieveParams,
    SubscriptionUpdateParams,
)

from stripe_local.account import Account
from stripe_local.basket import left_of, quote
from stripe_local.billing import (
    changing,
    collecting,
    discounting,
    pending_updates,
    period_lines,
    standing,
    subscribing,
)
from stripe_local.billing.item_changes import ItemChange, manner_of
from stripe_local.billing.periods import DAY_S
from stripe_local.billing.subscription_shape import Terms, Wanted, items_of
from stripe_local.redeeming import Purchase, chosen_of
from stripe_local.resources import prices
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.payment_methods import referenced_method
from stripe_local.wire.errors import (
    InvalidParameter,
    InvalidState,
    exclusive_parameters,
    missing_parameter,
    missing_reference,
    not_imitated,
)
from stripe_local.wire.forms import join
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_OBJECT = "subscription"
_AT = "/v1/subscriptions"
_TRIAL_DAYS_MAX = 730
_BOTH = words(
    "cancel_at_period_end default_payment_method description discounts.coupon "
    "discounts.promotion_code expand metadata off_session "
    "payment_behavior payment_settings.save_default_payment_method proration_behavior "
    "trial_end trial_settings.end_behavior.missing_payment_method"
)
_MADE_OF = frozenset(
    {
        *_BOTH,
        *words("customer items.metadata items.price items.price_data items.quantity"),
        *words("collection_method trial_period_days"),
    }
)
_CHANGEABLE = frozenset(
    {
        *_BOTH,
        *words("cancel_at cancellation_details items.deleted items.id items.metadata"),
        *words("discounts.discount items.price items.quantity pause_collection proration_date"),
        "billing_cycle_anchor",
    }
)


def create(call: Call) -> Resource:
    """Begin a subscription without Checkout, and try to pay its first invoice."""
    params, account = call.params, call.account
    if params.get("collection_method", "charge_automatically") != "charge_automatically":
        raise not_imitated("collection_method", params["collection_method"])
    if "customer" not in params:
        raise missing_parameter("customer")
    customer = account.store.referenced("customer", params["customer"], "customer")
    wanted = wanted_of(call, params.get("items") or [])
    method_id = _own_method(call, customer)
    purchase = _purchase(customer, wanted)
    chosen = chosen_of(account, params.get("discounts") or [], purchase)
    is_absent = bool(params.get("off_session"))
    terms = Terms(
        metadata=merged_metadata({}, params.get("metadata")),
        trial_end=trial_end_of(account, params),
        description=params.get("description") or None,
        method_id=method_id,
        missing_method=missing_method_of(params),
        settings=params.get("payment_settings", {}),
        discounts=chosen,
    )
    behaviour = params.get("payment_behavior", "allow_incomplete")
    if behaviour == "pending_if_incomplete":
        raise InvalidParameter(
            "`pending_if_incomplete` can only be used when a subscription is updated.",
            param="payment_behavior",
        )
    owed = sum(left_of([purchase.amount], chosen)) + customer["balance"]
    is_owed = owed > 0 and terms.trial_end is None
    if is_owed and behaviour == "error_if_incomplete":
        named = {"default_payment_method": method_id}
        collecting.require_card(account, customer, named, is_off_session=is_absent)
    subscription = subscribing.begin(account, customer, wanted, terms, call.cause)
    discounting.redeem(chosen)
    if params.get("cancel_at_period_end"):
        changing.set_cancellation(
            account, subscription, {"cancel_at_period_end": True}, call.cause
        )
    if behaviour != "default_incomplete":
        subscribing.pay_first(account, subscription, call.cause, is_off_session=is_absent)
    return subscription


def _purchase(customer: Resource, wanted: Sequence[Wanted]) -> Purchase:
    quoted = [quote(each.price, each.quantity) for each in wanted]
    amount = sum(each.amount_total for each in quoted)
    return Purchase(amount, quoted[0].currency, customer)


def wanted_of(call: Call, rows: list[Parameters]) -> list[Wanted]:
    """Return what a request asks to subscribe to.

    Raises:
        InvalidParameter: nothing, or prices that do not go together.
    """
    if not rows:
        raise missing_parameter("items")
    wanted = []
    for row, given in enumerate(rows):
        name = join("items", str(row))
        if "price_data" in given:
            price = prices.create_inline(
                call.account, given["price_data"], call.cause, join(name, "price_data")
            )
        elif "price" in given:
            price = prices.active_price(call.account, given["price"], join(name, "price"))
        else:
            raise missing_parameter(join(name, "price"))
        metadata = merged_metadata({}, given.get("metadata"))
        wanted.append(Wanted(price, given.get("quantity", 1), metadata))
    period_lines.check_wanted(wanted, "items")
    return wanted


def trial_end_of(account: Account, params: Parameters) -> int | None:
    """Return when the trial ends that a request asks for; None without a trial.

    Raises:
        InvalidParameter: both ways of saying it, or a time that cannot be.
    """
    days, until = params.get("trial_period_days"), params.get("trial_end")
    if days is not None and until is not None:
        raise exclusive_parameters(["trial_period_days", "trial_end"])
    if days is not None and not 1 <= days <= _TRIAL_DAYS_MAX:
        raise InvalidParameter(
            f"Invalid trial_period_days: must be between 1 and {_TRIAL_DAYS_MAX}.",
            param="trial_period_days",
        )
    now_s = account.now_s()
    if days is not None:
        return int(now_s + days * DAY_S)
    if until is None or until == "now":
        return None
    if until <= now_s:
        raise InvalidParameter(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            param="trial_end",
        )
    return int(until)


def missing_method_of(params: Parameters) -> str:
    """Return what a request wants at the end of a trial without a card."""
    settings = params.get("trial_settings") or {}
    behaviour: str = settings.get("end_behavior", {}).get(
        "missing_payment_method", "create_invoice"
    )
    return behaviour


def _own_method(call: Call, customer: Resource) -> str | None:
    """Return the customer's card that a request names for the subscription."""
    given = call.params.get("default_payment_method")
    if not given:
        return None
    method = referenced_method(call.account, given, "default_payment_method")
    if method["customer"] != customer["id"]:
        raise InvalidParameter(
            "The customer does not have a payment method with the ID "
            f"{method['id']}. The payment method must be attached to the customer.",
            code="resource_missing",
            param="default_payment_method",
        )
    method_id: str = method["id"]
    return method_id


def retrieve(call: Call) -> Resource:
    """Return a subscription, also one that has ended."""
    return call.account.store.at_address(_OBJECT, call.object_id)


def update(call: Call) -> Resource:
    """Change a subscription: its card, its end, its trial, its items."""
    params, account = call.params, call.account
    pending_updates.check_parameters(params)
    subscription = retrieve(call)
    if subscription["status"] in standing.ENDED:
        raise InvalidState(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    customer = account.store.at_address("customer", subscription["customer"])
    changes: Resource = {}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(subscription["metadata"], params["metadata"])
    if "description" in params:
        changes["description"] = params["description"] or None
    if "default_payment_method" in params:
        changes["default_payment_method"] = _own_method(call, customer)
    if "payment_settings" in params:
        changes["payment_settings"] = {
            **subscription["payment_settings"],
            **params["payment_settings"],
        }
    if "trial_settings" in params:
        end_behaviour = {
            **subscription["trial_settings"]["end_behavior"],
            "missing_payment_method": missing_method_of(params),
        }
        changes["trial_settings"] = {"end_behavior": end_behaviour}
    if "pause_collection" in params:
        changes["pause_collection"] = _pause(account, params["pause_collection"])
    if "discounts" in params:
        _set_discounts(call, subscription, customer)
    if "billing_cycle_anchor" in params and not params.get("items"):
        raise not_imitated("billing_cycle_anchor", params["billing_cycle_anchor"]["type"])
    if params.get("items"):
        changing.change_items(
            account,
            subscription,
            item_changes_of(account, subscription, params["items"]),
            manner_of(params),
            call.cause,
        )
    changing.set_cancellation(account, subscription, params, call.cause, **changes)
    if "trial_end" in params:
        changing.set_trial_end(
            account,
            subscription,
            trial_end_of(account, params),
            manner_of(params),
            call.cause,
        )
    changing.plan_collection(account, subscription)
    return subscription


def _set_discounts(call: Call, subscription: Resource, customer: Resource) -> None:
    """Put a subscription's discounts in place of those it has; those that are named stay."""
    account, given = call.account, call.params["discounts"] or []
    kept = [each["discount"] for each in given if "discount" in each]
    unknown = [each for each in kept if each not in subscription["discounts"]]
    if unknown:
        raise missing_reference("discount", unknown[0], "discounts")
    wanted = [Wanted(item["price"], item["quantity"]) for item in items_of(subscription)]
    new = [each for each in given if "discount" not in each]
    chosen = chosen_of(account, new, _purchase(customer, wanted))
    gone = [each for each in subscription["discounts"] if each not in kept]
    discounting.detach(account, subscription, gone, call.cause)
    discounting.add(account, subscription, chosen, call.cause)


def delete_discount(call: Call) -> Resource:
    """Take the discounts off a subscription, and return the stub of the last of them."""
    account, subscription = call.account, retrieve(call)
    found = discounting.at_work(account, subscription)
    if not found:
        raise InvalidState("This subscription has no discount.", code="resource_missing")
    discounting.detach(account, subscription, subscription["discounts"], call.cause)
    kept = {name: value for name, value in found[-1].items() if name != "end"}
    return {**kept, "deleted": True}


def _pause(account: Account, given: Parameters | str) -> Resource | None:
    if not isinstance(given, dict) or not given:
        return None
    resumes_at = given.get("resumes_at") or None
    if resumes_at is not None and resumes_at <= account.now_s():
        raise InvalidParameter(
            "Invalid timestamp: must be in the future.", param="pause_collection[resumes_at]"
        )
    return {"behavior": given["behavior"], "resumes_at": resumes_at}


def item_changes_of(
    account: Account, subscription: Resource, rows: list[Parameters]
) -> list[ItemChange]:
    """Return what a request wants of each item: a new price or quantity, or its end."""
    known = {item["id"]: item for item in items_of(subscription)}
    found = []
    for row, given in enumerate(rows):
        name = join("items", str(row))
        item = known.get(given.get("id", ""))
        if "id" in given and item is None:
            raise InvalidParameter(
                f"No such subscription_item: '{given['id']}'",
                code="resource_missing",
                param=join(name, "id"),
            )
        if given.get("deleted"):
            found.append(ItemChange(item, None, 0))
            continue
        if "price" in given:
            price = prices.active_price(account, given["price"], join(name, "price"))
        elif item is not None:
            price = item["price"]
        else:
            raise missing_parameter(join(name, "price"))
        before: int = item["quantity"] if item else 1
        quantity: int = given.get("quantity", before)
        found.append(ItemChange(item, price, quantity))
    return found


def cancel(call: Call) -> Resource:
    """End a subscription now."""
    subscription = retrieve(call)
    if subscription["status"] in standing.ENDED:
        raise InvalidState(
            f"No such subscription: '{subscription['id']}'", code="resource_missing"
        )
    given = call.params.get("cancellation_details") or {}
    details = subscription["cancellation_details"]
    details.update({name: given[name] or None for name in given})
    if subscription["status"] == "incomplete":
        subscription["canceled_at"] = None
    return standing.end(call.account, subscription, call.cause, reason="cancellation_requested")


def list_subscriptions(call: Call) -> Resource:
    """Return subscriptions, newest first; without a status those not canceled."""
    params = call.params
    found = [
        subscription
        for subscription in call.account.store.newest_first(_OBJECT)
        if params.get("customer") in {None, subscription["customer"]}
        and params.get("test_clock") in {None, subscription["test_clock"]}
        and _has_status(subscription, params.get("status"))
        and (
            "price" not in params
            or any(item["price"]["id"] == params["price"] for item in items_of(subscription))
        )
        and is_created_within(subscription, params.get("created"))
    ]
    return page_of(found, params, _AT)


def _has_status(subscription: Resource, status: str | None) -> bool:
    if status == "all":
        return True
    if status == "ended":
        return subscription["status"] in standing.ENDED
    if status is None:
        return bool(subscription["status"] != "canceled")
    return bool(subscription["status"] == status)


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint("POST", _AT, SubscriptionCreateParams, _MADE_OF, create),
    Endpoint("GET", f"{_AT}/{{id}}", SubscriptionRetrieveParams, _EXPAND, retrieve),
    Endpoint("POST", f"{_AT}/{{id}}", SubscriptionUpdateParams, _CHANGEABLE, update),
    Endpoint(
        "DELETE",
        f"{_AT}/{{id}}",
        SubscriptionCancelParams,
        frozenset({"cancellation_details", "expand"}),
        cancel,
    ),
    Endpoint(
        "DELETE",
        f"{_AT}/{{id}}/discount",
        SubscriptionDeleteDiscountParams,
        frozenset(),
        delete_discount,
    ),
    Endpoint(
        "GET",
        _AT,
        SubscriptionListParams,
        PAGING | set(words("created customer price status test_clock")),
        list_subscriptions,
    ),
)

"""The table of the API: every endpoint there is, and what can be expanded."""

import re
from collections import defaultdict
from collections.abc import Callable

from stripe_local.account import Account
from stripe_local.resources import (
    charges,
    checkout_sessions,
    coupons,
    customers,
    disputes,
    events,
    invoice_drafts,
    invoice_items,
    invoice_payments,
    invoice_previews,
    invoices,
    payment_intents,
    payment_methods,
    payment_pages,
    payment_requests,
    portal,
    prices,
    products,
    refunds,
    setup_intents,
    setup_requests,
    subscription_items,
    subscription_pauses,
    subscription_schedules,
    subscriptions,
    test_clocks,
    webhook_endpoints,
)
from stripe_local.resources.endpoint import Endpoint
from stripe_local.resources.invoices import confirmation_secret, payments_page
from stripe_local.wire.errors import ResourceMissing
from stripe_local.wire.expansion import Expander, Expanders
from stripe_local.wire.resource import Resource

ENDPOINTS: tuple[Endpoint, ...] = (
    *charges.ENDPOINTS,
    *checkout_sessions.ENDPOINTS,
    *coupons.ENDPOINTS,
    *customers.ENDPOINTS,
    *disputes.ENDPOINTS,
    *events.ENDPOINTS,
    *invoice_previews.ENDPOINTS,  # before the invoices: `create_preview` is no id of one
    *invoice_drafts.ENDPOINTS,
    *invoice_items.ENDPOINTS,
    *invoice_payments.ENDPOINTS,
    *invoices.ENDPOINTS,
    *payment_intents.ENDPOINTS,
    *payment_methods.ENDPOINTS,
    *payment_pages.ENDPOINTS,
    *payment_requests.ENDPOINTS,
    *portal.ENDPOINTS,
    *prices.ENDPOINTS,
    *products.ENDPOINTS,
    *refunds.ENDPOINTS,
    *setup_intents.ENDPOINTS,
    *setup_requests.ENDPOINTS,
    *subscription_items.ENDPOINTS,
    *subscription_pauses.ENDPOINTS,
    *subscription_schedules.ENDPOINTS,
    *subscriptions.ENDPOINTS,
    *test_clocks.ENDPOINTS,
    *webhook_endpoints.ENDPOINTS,
)

_REFERENCES = {
    "": {  # hashes that are no objects of their own, such as `parent.subscription_details`
        "coupon": "coupon",
        "default_payment_method": "payment_method",
        "discount": "discount",
        "invoice": "invoice",
        "payment_intent": "payment_intent",
        "price": "price",
        "promotion_code": "promotion_code",
        "subscription": "subscription",
    },
    "billing_portal.session": {"configuration": "billing_portal.configuration"},
    "charge": {"customer": "customer", "payment_intent": "payment_intent"},
    "checkout.session": {
        "customer": "customer",
        "invoice": "invoice",
        "payment_intent": "payment_intent",
        "setup_intent": "setup_intent",
        "subscription": "subscription",
    },
    "discount": {"customer": "customer", "promotion_code": "promotion_code"},
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "invoice": {
        "customer": "customer",
        "default_payment_method": "payment_method",
        "test_clock": "test_helpers.test_clock",
    },
    "invoice_payment": {"invoice": "invoice"},
    "invoiceitem": {"customer": "customer", "invoice": "invoice"},
    "payment_intent": {
        "customer": "customer",
        "latest_charge": "charge",
        "payment_method": "payment_method",
    },
    "payment_method": {"customer": "customer"},
    "price": {"product": "product"},
    "product": {"default_price": "price"},
    "refund": {"charge": "charge", "payment_intent": "payment_intent"},
    "setup_intent": {"customer": "customer", "payment_method": "payment_method"},
    "subscription": {
        "customer": "customer",
        "default_payment_method": "payment_method",
        "latest_invoice": "invoice",
        "pending_setup_intent": "setup_intent",
        "schedule": "subscription_schedule",
        "test_clock": "test_helpers.test_clock",
    },
}
_DISCOUNTED = ("invoice", "invoiceitem", "line_item", "subscription", "subscription_item")
_STILL_NULL = {
    "charge": ("balance_transaction", "review"),
    "checkout.session": ("payment_link",),
}
"""Fields that Stripe can expand, and that are always null as far as the stand-in goes."""


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(path.replace("{id}", "(?P<id>[^/]+)"))


def _room(method: str, path: str) -> tuple[str, int]:
    """Return where an endpoint is looked for: among those of as many words."""
    return method, path.count("/")


_PATTERNS: defaultdict[tuple[str, int], list[tuple[Endpoint, re.Pattern[str]]]]
_PATTERNS = defaultdict(list)
for _each in ENDPOINTS:
    _PATTERNS[_room(_each.method, _each.path)].append((_each, _pattern(_each.path)))


def find_endpoint(method: str, path: str) -> tuple[Endpoint, str]:
    """Return the endpoint of a request, and the id that its path names, if any.

    Raises:
        ResourceMissing: the API has no such path, or not with this method.
    """
    for endpoint, pattern in _PATTERNS.get(_room(method, path), ()):
        match = pattern.fullmatch(path)
        if match is not None:
            return endpoint, match.groupdict().get("id", "")
    raise ResourceMissing(
        f"Unrecognized request URL ({method}: {path}). Please see "
        "https://stripe.com/docs or we can help at https://support.stripe.com/."
    )


def expanders_of(account: Account) -> Expanders:
    """Return how each field that can be expanded finds what it stands for."""
    table: dict[str, dict[str, Expander]] = {
        name: {field: _reference(account, field, target) for field, target in fields.items()}
        for name, fields in _REFERENCES.items()
    }
    for name, fields in _STILL_NULL.items():
        table[name] |= dict.fromkeys(fields, _nothing)
    for name in _DISCOUNTED:
        table.setdefault(name, {})["discounts"] = _discounts(account)
    table["subscription_item"]["billed_until"] = lambda item: item["current_period_end"]
    table["checkout.session"]["line_items"] = _line_items(account)
    table["invoice"]["payments"] = lambda invoice: payments_page(account, invoice)
    table["invoice"]["confirmation_secret"] = lambda invoice: confirmation_secret(
        account, invoice
    )
    # Parts of a portal's configuration have no name; the endpoint shows what is asked for.
    table[""]["products"] = _nothing
    return table


def _reference(account: Account, field: str, target: str) -> Expander:
    return lambda resource: account.store.find(target, resource.get(field))


def _discounts(account: Account) -> Expander:
    return lambda resource: [
        account.store.at_address("discount", each) for each in resource["discounts"]
    ]


def _line_items(account: Account) -> Callable[[Resource], Resource]:
    return lambda session: checkout_sessions.line_items_page(account, session, {})


def _nothing(_resource: Resource) -> None:
    return None

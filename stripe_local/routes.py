"""The table of the API: every endpoint there is, and what can be expanded."""

import re
from collections.abc import Callable

from stripe_local.account import Account
from stripe_local.resources import (
    charges,
    checkout_sessions,
    customers,
    events,
    payment_intents,
    payment_pages,
    prices,
    products,
    webhook_endpoints,
)
from stripe_local.resources.endpoint import Endpoint
from stripe_local.wire.errors import ResourceMissing
from stripe_local.wire.expansion import Expander, Expanders
from stripe_local.wire.resource import Resource

ENDPOINTS: tuple[Endpoint, ...] = (
    *charges.ENDPOINTS,
    *checkout_sessions.ENDPOINTS,
    *customers.ENDPOINTS,
    *events.ENDPOINTS,
    *payment_intents.ENDPOINTS,
    *payment_pages.ENDPOINTS,
    *prices.ENDPOINTS,
    *products.ENDPOINTS,
    *webhook_endpoints.ENDPOINTS,
)

_REFERENCES = {
    "charge": {"customer": "customer", "payment_intent": "payment_intent"},
    "checkout.session": {"customer": "customer", "payment_intent": "payment_intent"},
    "payment_intent": {
        "customer": "customer",
        "latest_charge": "charge",
        "payment_method": "payment_method",
    },
    "payment_method": {"customer": "customer"},
    "price": {"product": "product"},
    "product": {"default_price": "price"},
}
_STILL_NULL = {
    "charge": ("balance_transaction", "review"),
    "checkout.session": ("invoice", "payment_link", "setup_intent", "subscription"),
}
"""Fields that Stripe can expand, and that are always null as far as the stand-in goes."""


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(path.replace("{id}", "(?P<id>[^/]+)"))


_PATTERNS = [(endpoint, _pattern(endpoint.path)) for endpoint in ENDPOINTS]


def find_endpoint(method: str, path: str) -> tuple[Endpoint, str]:
    """Return the endpoint of a request, and the id that its path names, if any.

    Raises:
        ResourceMissing: the API has no such path, or not with this method.
    """
    for endpoint, pattern in _PATTERNS:
        match = pattern.fullmatch(path)
        if endpoint.method == method and match is not None:
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
    table["checkout.session"]["line_items"] = _line_items(account)
    return table


def _reference(account: Account, field: str, target: str) -> Expander:
    return lambda resource: account.store.find(target, resource[field])


def _line_items(account: Account) -> Callable[[Resource], Resource]:
    return lambda session: checkout_sessions.line_items_page(account, session, {})


def _nothing(_resource: Resource) -> None:
    return None

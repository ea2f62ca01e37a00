"""Stripe's own lists, page by page: what it says that there is, whatever we were told."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.payments.stripe_gateway import ask, client

PAGE_MAX = 100
ALWAYS_WHOLE = frozenset({"subscriptions"})
"""Lists of what changes long after it was made: they are not cut off by age."""

Shown = dict[str, Any]
"""An object as Stripe showed it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, newest first, and after which id the next one starts."""

    shown: tuple[Shown, ...]
    after_id: str
    """Empty where this page is the last."""


def list_page(name: str, *, since: datetime, after_id: str) -> Page:
    """Return one page of what was made since an instant.

    Raises:
        NotFound: the object that the page was to start after is gone.
    """
    params: dict[str, Any] = {"limit": PAGE_MAX, **_FILTERS.get(name, {})}
    if name not in ALWAYS_WHOLE:
        params["created"] = {"gte": int(since.timestamp())}
    if after_id:
        params["starting_after"] = after_id
    answered = ask(lambda: _listing(name)(params=params))
    shown: list[Shown] = answered["data"]
    more = bool(answered["has_more"] and shown)
    return Page(tuple(shown), shown[-1]["id"] if more else "")


def whole_list(
    list_page: Callable[..., Any], params: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return a whole list of Stripe's, however many pages it has."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        answered = ask(partial(list_page, params={**params, **cursor}))
        found += answered["data"]
        if not answered["has_more"]:
            return found
        cursor = {"starting_after": found[-1]["id"]}


def sessions_of_payment(payment_id: str) -> list[str]:
    """Return the Checkout sessions that a payment intent was made by; one, or none."""
    params: Any = {"payment_intent": payment_id, "limit": 1}
    answered = ask(lambda: client().v1.checkout.sessions.list(params=params))
    return [session["id"] for session in answered["data"]]


_FILTERS: Mapping[str, Mapping[str, Any]] = {
    "subscriptions": {"status": "all", "expand": ["data.schedule"]},
    "undelivered": {"delivery_success": False},
}


def _listing(name: str) -> Callable[..., Any]:
    v1 = client().v1
    services: dict[str, Any] = {
        "customers": v1.customers,
        "sessions": v1.checkout.sessions,
        "charges": v1.charges,
        "subscriptions": v1.subscriptions,
        "invoices": v1.invoices,
        "refunds": v1.refunds,
        "disputes": v1.disputes,
        "undelivered": v1.events,
        "events": v1.events,
    }
    listing: Callable[..., Any] = services[name].list
    return listing

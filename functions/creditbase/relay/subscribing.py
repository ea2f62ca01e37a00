"""Subscribing, changing and leaving tiers: operations of `customers`, `customers_me`, `tiers`.

Source: relay-api.md 5, 6 and 9. The functions that serve these routes merge the tables below
into their own.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from creditbase.accounts.domain import Customer
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.tier_use_cases import find_code_now, find_tier_now
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.metering.models import parse
from creditbase.payments.domain import StripeSession
from creditbase.payments.tier_changing import change_tier, leave_at_period_end
from creditbase.payments.tier_checkout import start_open_checkout, start_tier_checkout
from creditbase.relay.answers import (
    Json,
    as_uuid,
    own_subscription_answer,
    subscription_answer,
)
from creditbase.relay.requests import RelayRequest
from creditbase.runtime.emulator import is_emulated
from creditbase.runtime.http import Call, Reply
from creditbase.runtime.identity import CallerKind
from creditbase.subscriptions.relay_customers import load_customer

ADDRESS_CHARACTERS_MAX = 2_048
TIER_CODE = re.compile(r"[a-z][a-z0-9_-]{0,63}")
LOCAL = frozenset({"localhost", "127.0.0.1"})

Address = Annotated[str, Field(min_length=1, max_length=ADDRESS_CHARACTERS_MAX)]
Operation = Callable[[Call], Reply]


class PagesRequest(RelayRequest):
    """Where Stripe's page sends people, whether they paid or not."""

    success_url: Address
    cancel_url: Address


class SubscribeRequest(PagesRequest):
    """Buy a tier for a customer, by the tier's id."""

    tier_id: str


class CheckoutRequest(PagesRequest):
    """Buy a tier as its customer, by the tier's code."""

    tier_code: Annotated[str, Field(min_length=1, max_length=64)]


class OpenCheckoutRequest(PagesRequest):
    """Buy a tier as whoever comes."""


class ChangeTierRequest(RelayRequest):
    """Go over to another tier."""

    tier_code: Annotated[str, Field(min_length=1, max_length=64)]


# ---- back ends -------------------------------------------------------------------------------


def subscribe(call: Call) -> Reply:
    """Start a Checkout session for a customer."""
    asked = parse(SubscribeRequest, call.body)
    customer = _customer_of_path(call)
    tier = _tier_by_id(call.caller.project_id, asked.tier_id)
    pages = pages_of(call, asked)
    session = start_tier_checkout(customer.ref, tier, **pages, now=call.now)
    return Reply(body=_session(session), status=201)


def show_subscription(call: Call) -> Reply:
    """Show a customer's subscription; who never had one is shown as not active."""
    customer = _customer_of_path(call)
    held = customer.subscription
    tier = find_tier_now(customer.project_id, held.tier_id) if held is not None else None
    if held is None or tier is None:
        shown: Json = {
            "active": False,
            "customer_id": customer.customer_id,
            "project_id": customer.project_id,
        }
    else:
        shown = subscription_answer(customer, held, tier.code)
    return Reply(body={"subscription": shown})


def unsubscribe(call: Call) -> Reply:
    """End a customer's subscription with its period."""
    customer = _customer_of_path(call)
    leave_at_period_end(customer.ref, now=call.now)
    return Reply(body=None, status=204)


def open_checkout(call: Call) -> Reply:
    """Start a Checkout session that asks who pays."""
    asked = parse(OpenCheckoutRequest, call.body)
    tier = _tier_by_id(call.caller.project_id, call.path["tier_id"])
    pages = pages_of(call, asked)
    # The caller's own id where it has one: two people must not share a page.
    session = start_open_checkout(tier, **pages, visit=call.request_id, now=call.now)
    return Reply(body=_session(session))


# ---- customers -------------------------------------------------------------------------------


def checkout(call: Call) -> Reply:
    """Start a Checkout session for the customer of the token."""
    asked = parse(CheckoutRequest, call.body)
    customer = _customer_of_token(call)
    tier = _tier_by_code(customer.project_id, asked.tier_code)
    pages = pages_of(call, asked)
    session = start_tier_checkout(customer.ref, tier, **pages, now=call.now)
    return Reply(body=_session(session))


def change(call: Call) -> Reply:
    """Bring the customer of the token to another tier."""
    asked = parse(ChangeTierRequest, call.body)
    customer = _customer_of_token(call)
    tier = _tier_by_code(customer.project_id, asked.tier_code)
    changed = change_tier(customer.ref, tier, now=call.now)
    shown = own_subscription_answer(changed.held, changed.tier)
    return Reply(body={"subscription": shown, "action": str(changed.action)})


def show_own_subscription(call: Call) -> Reply:
    """Show the subscription of the token's customer."""
    customer = _customer_of_token(call)
    held = customer.subscription
    is_over = held is None or held.status in {"canceled", "incomplete_expired"}
    tier = find_tier_now(customer.project_id, held.tier_id) if held is not None else None
    if is_over or held is None or tier is None:
        raise NotFound("Subscription not found")
    return Reply(body={"subscription": own_subscription_answer(held, tier)})


CUSTOMERS: Mapping[str, Operation] = {
    "POST /api/v1/customers/{customer_id}/subscribe": subscribe,
    "GET /api/v1/customers/{customer_id}/subscription": show_subscription,
    "DELETE /api/v1/customers/{customer_id}/subscription": unsubscribe,
}
CUSTOMERS_ME: Mapping[str, Operation] = {
    "GET /api/v1/customers/me/subscription": show_own_subscription,
    "POST /api/v1/customers/me/checkout": checkout,
    "POST /api/v1/customers/me/change-tier": change,
}
TIERS: Mapping[str, Operation] = {"POST /api/v1/tiers/{tier_id}/checkout": open_checkout}


# ---- what they share -------------------------------------------------------------------------


def _session(session: StripeSession) -> Json:
    return {"session_id": session.session_id, "url": session.url}


def _customer_of_path(call: Call) -> Customer:
    customer_id = as_uuid(call.path["customer_id"])
    if customer_id is None:
        raise NotFound("Customer not found")
    return load_customer(call.caller.project_id, customer_id)


def _customer_of_token(call: Call) -> Customer:
    return load_customer(call.caller.project_id, call.caller.customer_id)


def _tier_by_id(project_id: str, tier_id: str) -> Tier:
    name = as_uuid(tier_id)
    return _on_sale(find_tier_now(project_id, name) if name else None)


def _tier_by_code(project_id: str, code: str) -> Tier:
    return _on_sale(find_code_now(project_id, code) if TIER_CODE.fullmatch(code) else None)


def _on_sale(tier: Tier | None) -> Tier:
    """Return a tier that can be chosen. The hub's customers are on plans, not on tiers."""
    if tier is None or tier.is_archived or tier.project_id == HUB_PROJECT_ID:
        raise NotFound("tier not found")
    return tier


def pages_of(call: Call, asked: PagesRequest) -> dict[str, str]:
    """Return where Stripe's page may send people: as it was given, once it is allowed.

    A secret key is the project's own back end, which is believed; a customer's token is in
    a browser, which may only name the project's pages, where it has said which they are.
    """
    is_customer = call.caller.kind is CallerKind.CUSTOMER_TOKEN
    allowed = call.caller.allowed_origins if is_customer else ()
    given = {"success_url": asked.success_url, "cancel_url": asked.cancel_url}
    for name, address in given.items():
        origin = _origin_of(address)
        if not origin or (allowed and origin not in allowed):
            raise InvalidRequest(f"{name} is not an address to return to", field=name)
    return given


def _origin_of(address: str) -> str:
    """Return the origin of a page to return to; empty where it is none."""
    if not address.isprintable() or any(mark in address for mark in ' <>"\\'):
        return ""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return ""
    host = parts.hostname or ""
    is_local = is_emulated() and parts.scheme == "http" and host in LOCAL
    if not host or "@" in parts.netloc or not (parts.scheme == "https" or is_local):
        return ""
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")

"""What subscriptions and their items look like. Pure but for the ids."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stripe_local.basket import Chosen
from stripe_local.ids import new_id
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_NULL_AT_FIRST = words(
    "application application_fee_percent billing_cycle_anchor_config billing_thresholds "
    "cancel_at canceled_at customer_account days_until_due default_payment_method "
    "default_source description ended_at latest_invoice next_pending_invoice_item_invoice "
    "on_behalf_of pause_collection pending_invoice_item_interval pending_setup_intent "
    "pending_update schedule transfer_data trial_end trial_start"
)
_AT_FIRST: Resource = {
    **dict.fromkeys(_NULL_AT_FIRST),
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_schedules": [],
    "cancel_at_period_end": False,
    "cancellation_details": dict.fromkeys(words("comment feedback feedback_option reason")),
    "collection_method": "charge_automatically",
    "default_tax_rates": [],
    "discounts": [],
    "invoice_settings": {
        "account_tax_ids": None,
        "custom_fields": None,
        "description": None,
        "footer": None,
        "issuer": {"type": "self"},
    },
    "livemode": False,
    "managed_payments": {"enabled": False},
    "payment_settings": {
        "payment_method_options": None,
        "payment_method_types": None,
        "save_default_payment_method": "off",
    },
}


@dataclass(frozen=True)
class Wanted:
    """What somebody subscribes to: prices and quantities."""

    price: Resource
    quantity: int = 1
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """How a subscription begins."""

    metadata: dict[str, str]
    trial_end: int | None = None
    description: str | None = None
    method_id: str | None = None
    missing_method: str = "create_invoice"
    """What happens at the end of a trial when there is no card."""
    anchor: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """Its payment settings, as far as they are not those of everybody."""
    discounts: Sequence[Chosen] = ()


def new_subscription(
    customer: Resource,
    wanted: Sequence[Wanted],
    terms: Terms,
    period: tuple[int, int],
    now_s: int,
) -> Resource:
    """Return a subscription in its first period, which is the trial if there is one."""
    subscription_id = new_id("subscription")
    items = [new_item(subscription_id, each, period, now_s) for each in wanted]
    is_trial = terms.trial_end is not None
    return {
        "id": subscription_id,
        "object": "subscription",
        **copy.deepcopy(_AT_FIRST),
        "billing_cycle_anchor": terms.trial_end or terms.anchor or now_s,
        "billing_mode": {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": now_s,
        },
        "created": now_s,
        "currency": wanted[0].price["currency"],
        "customer": customer["id"],
        "default_payment_method": terms.method_id,
        "description": terms.description,
        "items": {
            "object": "list",
            "data": items,
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={subscription_id}",
        },
        "metadata": terms.metadata,
        "payment_settings": {**_AT_FIRST["payment_settings"], **terms.settings},
        "start_date": now_s,
        "status": "trialing" if is_trial else "active",
        "test_clock": customer["test_clock"],
        "trial_end": terms.trial_end,
        "trial_settings": {
            "end_behavior": {
                "billing_cycle_anchor": None,
                "missing_payment_method": terms.missing_method,
            }
        },
        "trial_start": now_s if is_trial else None,
    }


def new_item(
    subscription_id: str, wanted: Wanted, period: tuple[int, int], now_s: int
) -> Resource:
    """Return one item of a subscription, in a period."""
    return {
        "id": new_id("subscription_item"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": now_s,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "current_trial": None,
        "discounts": [],
        "metadata": dict(wanted.metadata),
        "plan": plan_of(wanted.price),
        "price": wanted.price,
        "quantity": wanted.quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def plan_of(price: Resource) -> Resource:
    """Return a recurring price as the plan that old clients still read."""
    recurring = price["recurring"]
    shared = words("id active billing_scheme created currency livemode metadata nickname")
    return {
        **{name: price[name] for name in shared},
        "object": "plan",
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "meter": None,
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def items_of(subscription: Resource) -> list[Resource]:
    """Return the items, in the order in which they were added."""
    rows: list[Resource] = subscription["items"]["data"]
    return rows


def period_of(subscription: Resource) -> tuple[int, int]:
    """Return the period under way, which all items share."""
    first = items_of(subscription)[0]
    return first["current_period_start"], first["current_period_end"]

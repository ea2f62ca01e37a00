"""The shapes of the relay's answers: what the SDKs decode, and the names of the page.

Every id is a bare UUID, every instant has whole seconds, and what is absent is left out:
never null, because the strictest reader wins. Source: relay-api.md 1, 4 and 9.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime

from creditbase.accounts.domain import Customer, Project, TierSubscription
from creditbase.catalog.domain.tiers import Tier
from creditbase.kernel.instants import write_seconds

Json = dict[str, object]


# ---- values --------------------------------------------------------------------------------


def present(**fields: object) -> Json:
    """Return the fields that there are: an optional that is None is left out."""
    return {name: value for name, value in fields.items() if value is not None}


def at(instant: datetime) -> str:
    """Return an instant as Swift decodes it: UTC, whole seconds."""
    return write_seconds(instant)


def at_or_none(instant: datetime | None) -> str | None:
    """Return an instant in the same form, or nothing to show."""
    return None if instant is None else write_seconds(instant)


def as_uuid(text: str) -> str | None:
    """Return a UUID in its one spelling, whatever its case was; None where it is none."""
    if len(text) != 36:
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


# ---- projects ------------------------------------------------------------------------------


def project_answer(project: Project) -> Json:
    """Return a project as its owners see it."""
    return {
        "id": project.project_id,
        "owner_id": project.owner_id,
        "name": project.name,
        "description": project.description,
        "billing_mode": "managed",
        "markup_percentage": project.markup_bps // 100,
        "allowed_origins": list(project.allowed_origins),
        "low_balance_threshold_cents": project.low_balance_threshold_cents,
        "topup_min_cents": project.topup_min_cents,
        "created_at": at(project.created_at),
        "updated_at": at(project.updated_at or project.created_at),
    }


# ---- customers and their subscriptions -----------------------------------------------------


def customer_answer(customer: Customer) -> Json:
    """Return a customer alone: all seven fields, always."""
    return {
        "id": customer.customer_id,
        "project_id": customer.project_id,
        "external_id": customer.external_id,
        "email": customer.email,
        "metadata": dict(customer.metadata),
        "created_at": at(customer.created_at),
        "updated_at": at(customer.updated_at),
    }


def subscription_answer(
    customer: Customer, subscription: TierSubscription, tier_code: str
) -> Json:
    """Return a subscription, with `active` and `status` of the older shape beside."""
    return present(
        id=subscription.subscription_id,
        project_id=customer.project_id,
        customer_id=customer.customer_id,
        tier_id=subscription.tier_id,
        tier_code=tier_code,
        billing_provider=subscription.billing_provider or None,
        billing_subscription_id=subscription.billing_subscription_id or None,
        subscription_status=subscription.status,
        status=subscription.status,
        active=subscription.is_active,
        current_period_start=at_or_none(subscription.current_period_start),
        current_period_end=at_or_none(subscription.current_period_end),
        cancel_at_period_end=subscription.cancel_at_period_end,
        created_at=at(subscription.created_at),
        updated_at=at(subscription.updated_at),
    )


def customer_with_subscription(customer: Customer, tier_codes: Mapping[str, str]) -> Json:
    """Return a customer nested beside its subscription; `tier_codes` are codes by tier id."""
    held = customer.subscription
    code = None if held is None else tier_codes.get(held.tier_id)
    return present(
        customer=customer_answer(customer),
        subscription=subscription_answer(customer, held, code) if held and code else None,
        billing_customer_id=customer.stripe_customer_id or None,
    )


def listed_customer(customer: Customer, tier_codes: Mapping[str, str]) -> Json:
    """Return an item of a list: as nested, with the two flat names that the page reads."""
    held = customer.subscription
    return {
        **customer_with_subscription(customer, tier_codes),
        **present(
            external_id=customer.external_id,
            tier_code=None if held is None else tier_codes.get(held.tier_id),
        ),
    }


def own_subscription_answer(subscription: TierSubscription, tier: Tier) -> Json:
    """Return a subscription as the customer itself sees it; a free tier shows no price.

    The price is the one that was bought, where Stripe bills it: the tier's may be another now.
    """
    cents, interval = subscription.price_cents, subscription.price_interval
    if not cents and tier.is_paid:
        cents, interval = tier.price_amount_cents or 0, tier.price_interval or ""
    return present(
        tier_code=tier.code,
        tier_display_name=tier.display_name,
        price_amount_cents=cents or None,
        price_currency=tier.price_currency if cents else None,
        price_interval=interval if cents else None,
        subscription_status=subscription.status,
        current_period_start=at_or_none(subscription.current_period_start),
        current_period_end=at_or_none(subscription.current_period_end),
    )

"""Tiers to test with."""

from datetime import UTC, datetime
from typing import Any

from creditbase.catalog.domain.tiers import Tier, TierModel

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
TIER_ID = "11111111-1111-5111-8111-111111111111"
PROJECT_ID = "22222222-2222-5222-8222-222222222222"


def a_tier(**fields: Any) -> Tier:
    """Return a free tier of five dollars a month, with what is said instead."""
    return Tier(
        **{
            "tier_id": TIER_ID,
            "project_id": PROJECT_ID,
            "code": "free",
            "display_name": "Free",
            "billing_mode": "subscription",
            "billing_provider": "stripe",
            "spend_limit_cents": 500,
            "models": (TierModel("local-echo", is_default=True),),
            "created_at": NOON,
            "updated_at": NOON,
            **fields,
        }
    )


def a_paygo(**fields: Any) -> Tier:
    """Return a tier whose customers pay from a wallet."""
    paygo = {"code": "payg", "billing_mode": "paygo", "billing_provider": "external"}
    return a_tier(**{**paygo, "spend_limit_cents": 0, **fields})


def a_paid_tier(**fields: Any) -> Tier:
    """Return a tier of ten dollars a month, which Stripe sells."""
    paid = {"code": "pro", "price_amount_cents": 1000, "price_interval": "month"}
    return a_tier(**{**paid, "billing_price_ref": "price_1", **fields})

"""Tiers with their prices: Stripe first, then our own commit, then what is old at Stripe.

In this order nobody is ever offered what Stripe cannot sell. Killed anywhere and repeated,
it comes to the same end.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from creditbase.catalog import tier_use_cases as tiers
from creditbase.catalog.domain.tier_rules import Given
from creditbase.catalog.domain.tiers import Tier
from creditbase.kernel.errors import Contention
from creditbase.payments.tier_prices import put_price, settle_prices

TRIES_MAX = 3
"""Of a change that lost to another: each begins by reading, so it is another change."""

T = TypeVar("T")


def create_tier(project_id: str, given: Given, *, now: datetime) -> Tier:
    """Make a tier, sold at Stripe where it has a price.

    Raises:
        InvalidRequest, Conflict: it cannot be made so; nothing was changed.
        Contention, Unavailable: safe to repeat.
    """
    return _repeated(
        lambda: tiers.create_tier(project_id, given, sell=put_price, now=now),
    )


def update_tier(project_id: str, tier_id: str, given: Given, *, now: datetime) -> Tier:
    """Change a tier, its price replaced at Stripe; subscribers keep the old one.

    Raises:
        NotFound, InvalidRequest, Conflict: nothing was changed.
        Contention, Unavailable: safe to repeat, and goes on where it was cut off.
    """
    before = tiers.tier_on_sale(project_id, tier_id)
    tier = _repeated(
        lambda: tiers.update_tier(project_id, tier_id, given, sell=put_price, now=now)
    )
    if before.billing_price_ref or tier.is_sold_by_stripe:
        settle_prices(project_id, tier_id)
    return tier


def archive_tier(project_id: str, tier_id: str, *, now: datetime) -> None:
    """Put a tier away, at Stripe too.

    Raises:
        NotFound, Conflict: nothing was changed.
        Contention, Unavailable: safe to repeat.
    """
    tier = _repeated(lambda: tiers.archive_tier(project_id, tier_id, now=now))
    if tier.billing_price_ref:
        settle_prices(project_id, tier_id)


def _repeated(change: Callable[[], T]) -> T:
    for _ in range(TRIES_MAX - 1):
        try:
            return change()
        except Contention:
            continue
    return change()

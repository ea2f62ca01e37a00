"""What a tier may be, and what a change of it comes to. Pure.

A change names only the fields that were given: whatever is left out keeps its value.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from creditbase.catalog.domain.rates import PriceList
from creditbase.catalog.domain.tiers import Tier, TierModel
from creditbase.kernel.errors import InvalidRequest

CODE = re.compile(r"[a-z][a-z0-9_-]{0,63}")
MODELS_MAX = 100
CENTS_MAX = 100_000_000
TRIAL_DAYS_MAX = 730
"""The longest that Stripe takes."""
TOKEN_TTL_S_MAX = 30 * 86_400

Given = Mapping[str, Any]
"""Fields of a tier by their names here, those that somebody gave."""


def new_tier(
    tier_id: str, project_id: str, given: Given, *, prices: PriceList, now: datetime
) -> Tier:
    """Return a tier as it was asked for.

    Raises:
        InvalidRequest: something in it is not sound.
    """
    bare = Tier(
        tier_id=tier_id,
        project_id=project_id,
        code="",
        display_name="",
        billing_mode="subscription",
        billing_provider="stripe",
        spend_limit_cents=0,
        models=(),
        created_at=now,
        updated_at=now,
    )
    return _settled(replace(bare, **given), given, prices)


def changed_tier(tier: Tier, given: Given, *, prices: PriceList, now: datetime) -> Tier:
    """Return the tier with what was given; the same where that changes nothing.

    Raises:
        InvalidRequest: it would not be sound, or be billed in another way than before.
    """
    after = _settled(replace(tier, **given), given, prices)
    for name in ("billing_mode", "billing_provider"):
        if getattr(after, name) != getattr(tier, name):
            raise InvalidRequest(
                f"{name} of a tier does not change: make another tier", field=name
            )
    return after if after == tier else replace(after, updated_at=now)


def _settled(tier: Tier, given: Given, prices: PriceList) -> Tier:
    """Return the tier with what follows from the rest of it, once it is known to be sound."""
    _check(tier, given)
    if tier.is_paygo:
        tier = replace(tier, billing_provider="external")
    if not tier.is_paid:
        tier = replace(tier, price_amount_cents=None, price_interval=None)
    elif tier.price_interval is None:
        tier = replace(tier, price_interval="month")
    if not tier.is_sold_by_stripe:
        tier = replace(tier, billing_price_ref="")
    return replace(tier, models=_known(tier.models, prices)) if "models" in given else tier


def _check(tier: Tier, given: Given) -> None:
    _refuse_unless(
        CODE.fullmatch(tier.code) is not None,
        "tier_code",
        "A tier_code is 1 to 64 of a-z, 0-9, _ and -, and begins with a letter",
    )
    _refuse_unless(
        bool(tier.display_name.strip()) and tier.display_name.isprintable(),
        "display_name",
        "A display_name is text of one line",
    )
    _refuse_unless(
        not tier.is_paygo or not tier.price_amount_cents,
        "price_amount_cents",
        "A paygo tier has no price: its customers pay as they go",
    )
    _refuse_unless(
        given.get("price_interval") is None or tier.is_paid,
        "price_interval",
        "A price_interval needs a price_amount_cents above zero",
    )


def _known(models: tuple[TierModel, ...], prices: PriceList) -> tuple[TierModel, ...]:
    """Return the models by the price list's own ids, each once, and one of them the default."""
    found = []
    for it in models:
        priced = prices.model(it.model_id)
        if priced is None:
            raise InvalidRequest(f"There is no model {it.model_id}", field="models")
        found.append(replace(it, model_id=priced.model_id))
    _refuse_unless(
        len({it.model_id for it in found}) == len(found),
        "models",
        "A model is there twice",
    )
    defaults = sum(it.is_default for it in found)
    _refuse_unless(
        1 <= len(found) <= MODELS_MAX and (defaults == 1 or (len(found) == 1)),
        "models",
        "A tier has models, and exactly one of several is the default",
    )
    return tuple(found)


def _refuse_unless(is_sound: bool, field: str, message: str) -> None:
    if not is_sound:
        raise InvalidRequest(message, field=field)

"""A tier's product and price at Stripe: made, replaced, and put away with it.

Prices of Stripe never change: another amount or interval is a new price that takes the lookup
key over, and the old one is archived once the tier has the new one. Who pays an old price
goes on paying it. Every POST's idempotency key is made of the step and what it starts from.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.tier_use_cases import find_tier_now
from creditbase.kernel.errors import Conflict, NotFound, Unavailable
from creditbase.kernel.ids import sha256_hex
from creditbase.kernel.records import dataclass
from creditbase.payments.stripe_gateway import ask, client
from creditbase.runtime.log import alert

TRIES_MAX = 4
"""Looks at Stripe. Two are enough unless Stripe remembers an answer of before."""
PRICES_MAX = 100
"""Prices of a product that are looked at, the newest first: older ones were archived."""


def product_id(tier: Tier) -> str:
    """Return the id that we give a tier's product: one for ever."""
    return f"creditbase-{tier.project_id}-{tier.tier_id}"


def lookup_key(tier: Tier) -> str:
    """Return the key that the tier's present price holds."""
    return f"{tier.project_id}:{tier.tier_id}"


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What Stripe has of a tier; `product` None where it was never made."""

    product: dict[str, Any] | None
    prices: list[dict[str, Any]]

    def price_for(self, tier: Tier) -> str:
        """Return the newest price that a tier can be sold by now, if any."""
        found = [price["id"] for price in self.prices if price["active"] and fits(price, tier)]
        return tier.billing_price_ref if tier.billing_price_ref in found else (*found, "")[0]


def fits(price: dict[str, Any], tier: Tier) -> bool:
    """Return whether a price of Stripe is made for what the tier costs."""
    rhythm = price["recurring"] or {}
    metadata = price["metadata"] or {}
    is_one = rhythm.get("interval_count") == 1
    return (
        is_one
        and (price["unit_amount"], price["currency"], rhythm.get("interval")) == tier.price
        and (metadata.get("project"), metadata.get("tier")) == (tier.project_id, tier.tier_id)
    )


def put_price(tier: Tier) -> str:
    """Return the price that the tier is sold by, made now where there is none.

    Called before the tier is written. Killed anywhere and repeated, it makes nothing twice.

    Raises:
        Unavailable: Stripe does not answer, or is not configured; safe to repeat.
    """
    for number in range(TRIES_MAX):
        shelf = _look(tier)
        if shelf.product is None:
            _try(partial(_make_product, tier, number))
        elif not shelf.product["active"]:
            _try(partial(_set_product, tier, shelf, number))
        found = shelf.price_for(tier)
        if shelf.product is not None and shelf.product["active"] and found:
            return found
        if not found:
            _try(partial(_make_price, tier, shelf, number))
    alert("tier_not_priced", "Stripe does not take a tier's price", tier=tier.tier_id)
    raise Unavailable


def settle_prices(project_id: str, tier_id: str) -> None:
    """Let Stripe sell the tier as it is written: its price and no other, under its name.

    Called after the tier is written, and reads it again at each look, so that of two changes
    at once whichever came last is what is sold in the end.

    Raises:
        Unavailable: Stripe does not answer; repeating the change goes on.
    """
    for number in range(TRIES_MAX):
        tier = find_tier_now(project_id, tier_id)
        assert tier is not None
        shelf = _look(tier)
        steps = _steps(tier, shelf, number)
        if not steps:
            return
        for step in steps:
            _try(step)
    alert("tier_not_priced", "Stripe does not sell a tier as it is", tier=tier_id)
    raise Unavailable


def _steps(tier: Tier, shelf: _Shelf, number: int) -> list[Callable[[], None]]:
    if shelf.product is None:
        return []
    steps: list[Callable[[], None]] = []
    wanted = (tier.display_name, tier.can_be_bought)
    if (shelf.product["name"], shelf.product["active"]) != wanted:
        steps.append(partial(_set_product, tier, shelf, number))
    for price in shelf.prices:
        is_sold = tier.can_be_bought and price["id"] == tier.billing_price_ref
        if price["active"] != is_sold:
            steps.append(partial(_set_price, price, number, is_active=is_sold))
    return steps


# ---- Stripe ----------------------------------------------------------------------------------


def _look(tier: Tier) -> _Shelf:
    v1 = client().v1
    try:
        product = ask(lambda: v1.products.retrieve(product_id(tier)))
    except NotFound:
        return _Shelf(None, [])
    wanted: Any = {"product": product_id(tier), "limit": PRICES_MAX}
    return _Shelf(product, ask(lambda: v1.prices.list(wanted))["data"])


def _try(step: Callable[[], None]) -> None:
    """Take a step; where Stripe remembers another request for it, the next look tells more."""
    try:
        step()
    except Conflict:
        return


def _made_for(tier: Tier) -> dict[str, str]:
    return {"project": tier.project_id, "tier": tier.tier_id}


def _make_product(tier: Tier, number: int) -> None:
    params: Any = {
        "id": product_id(tier),
        "name": tier.display_name,
        "metadata": _made_for(tier),
    }
    options: Any = {"idempotency_key": f"tier-product:{product_id(tier)}#{number}"}
    ask(lambda: client().v1.products.create(params, options))


def _set_product(tier: Tier, shelf: _Shelf, number: int) -> None:
    assert shelf.product is not None
    is_active = tier.is_sold_by_stripe and not tier.is_archived
    params: Any = {"name": tier.display_name, "active": is_active}
    digest = sha256_hex(f"{shelf.product['updated']}/{is_active}/{tier.display_name}")
    key = f"tier-product:{product_id(tier)}:{digest}#{number}"
    options: Any = {"idempotency_key": key}
    ask(lambda: client().v1.products.update(product_id(tier), params, options))


def _make_price(tier: Tier, shelf: _Shelf, number: int) -> None:
    amount_cents, currency, interval = tier.price
    params: Any = {
        "product": product_id(tier),
        "currency": currency,
        "unit_amount": amount_cents,
        "recurring": {"interval": interval},
        "lookup_key": lookup_key(tier),
        "transfer_lookup_key": True,
        "metadata": _made_for(tier),
    }
    after = shelf.prices[0]["id"] if shelf.prices else "none"
    key = f"tier-price:{lookup_key(tier)}:{amount_cents}:{currency}:{interval}:{after}#{number}"
    options: Any = {"idempotency_key": key}
    ask(lambda: client().v1.prices.create(params, options))


def _set_price(price: dict[str, Any], number: int, *, is_active: bool) -> None:
    params: Any = {"active": is_active}
    word = "restore" if is_active else "archive"
    options: Any = {"idempotency_key": f"tier-{word}:{price['id']}#{number}"}
    ask(lambda: client().v1.prices.update(price["id"], params, options))

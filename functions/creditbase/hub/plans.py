"""`/plans`: what there is to buy, for a pricing table.

Prices are integers of cents and credits are whole, exactly as Checkout will ask for them.
"""

from collections.abc import Iterable

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.domain import Pack, Plan
from creditbase.catalog.use_cases import load_catalog
from creditbase.hub.door import HUB
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import settings


@endpoint("plans", door=HUB)
def plans(call: Call) -> Reply:
    """Show every plan that is sold and every pack, the cheapest first; at most a minute old.

    Answers 404 `NOT_FOUND` while no catalog has been pushed.
    """
    del call
    catalog = load_catalog(HUB_PROJECT_ID)
    return Reply(
        body={
            "currency": catalog.currency,
            "plans": _plans(plan for plan in catalog.plans.values() if plan.is_sold),
            "packs": _offers(catalog.packs.values()),
        }
    )


def _plans(plans: Iterable[Plan]) -> list[dict[str, object]]:
    """Return the offers with their days of trial: for who never had one, so for most."""
    sold = {plan.code: plan for plan in plans}
    default_days = settings().trial_days
    return [
        {**offer, "trial_days": sold[str(offer["code"])].trial_days_or(default_days)}
        for offer in _offers(sold.values())
    ]


def _offers(offers: Iterable[Plan | Pack]) -> list[dict[str, object]]:
    cheapest_first = sorted(offers, key=lambda offer: (offer.price_cents, offer.code))
    return [
        {
            "code": offer.code,
            "name": offer.name,
            "price_cents": offer.price_cents,
            "credits": offer.credits,
        }
        for offer in cheapest_first
    ]

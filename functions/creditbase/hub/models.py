"""`/models`: what may be called, and what it costs the caller.

Source: hub-api.md 1, the public client's `getModels`. The prices are the caller's own, with
the markup, fee and minimum of its plan; what a model costs us is not in them.
"""

from collections.abc import Mapping

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.domain import Catalog, Margin, ModelPrice
from creditbase.catalog.use_cases import load_catalog
from creditbase.hub.door import HUB
from creditbase.metering.receipts import customer_price
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.subscriptions.paces import plans

Json = dict[str, object]
CATEGORIES = (("image_generation", "image"), ("text_generation", "chat"), ("audio", "audio"))
"""The first capability that a model has says what it is listed under."""


@endpoint("models", door=HUB)
def models(call: Call) -> Reply:
    """Show every model that has a price now, by provider and name; at most a minute old.

    Answers 404 `NOT_FOUND` while no catalog has been pushed.
    """
    catalog = load_catalog(HUB_PROJECT_ID)
    plan_code = plans().find(call.caller)
    listed = [model.at(call.now) for model in catalog.prices.every()]
    priced = [it for it in listed if it is not None and not it.deprecated]
    priced.sort(key=lambda it: (it.provider, it.model_id))
    return Reply(body={"models": [_shown(it, catalog, plan_code) for it in priced]})


def _shown(model: ModelPrice, catalog: Catalog, plan_code: str) -> Json:
    margin = catalog.markup.margin(
        provider=model.provider, model_id=model.model_id, plan_code=plan_code
    )
    return listed(model, margin, is_custom=model.model_id in catalog.rates.models)


def listed(model: ModelPrice, margin: Margin, *, is_custom: bool) -> Json:
    """Return a model with all that a call of it can cost whoever has this margin."""
    bps = margin.bps if margin.allows_below_cost else max(margin.bps, 0)
    return {
        "key": model.model_id,
        "display_name": model.display_name,
        "provider": model.provider,
        "category": _category(model.capabilities),
        "context_window": model.context_window,
        "is_custom": is_custom,
        "supports_tools": "tools" in model.capabilities,
        "prices": _prices(model.nanos_per_million, bps),
        "long_context": [
            {
                "above_input_tokens": step.above_input_tokens,
                "prices": _prices(step.nanos_per_million, bps),
            }
            for step in model.long_context
        ],
        "fee_nanos": margin.fee_nanos,
        "minimum_nanos": margin.minimum_nanos,
    }


def _prices(nanos_per_million: Mapping[str, int], bps: int) -> Json:
    """Return what the caller pays for each unit, exact."""
    shown: Json = {}
    for unit, nanos in nanos_per_million.items():
        price_nanos, per_units = customer_price(nanos, bps)
        shown[unit] = {"price_nanos": price_nanos, "per_units": per_units}
    return shown


def _category(capabilities: tuple[str, ...]) -> str:
    return next((name for ability, name in CATEGORIES if ability in capabilities), "other")

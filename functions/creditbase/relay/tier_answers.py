"""The shapes of tiers as the SDKs decode them, with what their models cost a customer."""

from dataclasses import replace
from datetime import datetime

from creditbase.catalog.domain import Catalog, Margin, ModelPrice
from creditbase.catalog.domain.tiers import Tier, TierModel
from creditbase.kernel.ids import tier_model_uuid
from creditbase.kernel.money import NANOS_PER_CENT, UNITS_PER_PRICE, ceil_div
from creditbase.relay.answers import Json, at, present

BPS_PER_PERCENT = 100


def tier_answer(
    tier: Tier, catalog: Catalog, now: datetime, *, to_customer: bool = False
) -> Json:
    """Return a tier; a model that the price book no longer has is left out, as nobody can
    use it. A customer sees its prices, not what of them is the developer's margin.
    """
    is_priced = tier.price_amount_cents is not None
    return present(
        id=tier.tier_id,
        project_id=tier.project_id,
        tier_code=tier.code,
        display_name=tier.display_name,
        spend_limit_cents=tier.spend_limit_cents,
        billing_mode=tier.billing_mode,
        billing_provider=tier.billing_provider,
        billing_price_ref=tier.billing_price_ref or None,
        price_amount_cents=tier.price_amount_cents,
        price_currency=tier.price_currency if is_priced else None,
        price_interval=tier.price_interval,
        trial_days=tier.trial_days,
        promo_credits_cents=tier.promo_credits_cents or None,
        overage_enabled=tier.overage_enabled,
        customer_token_max_ttl_seconds=tier.customer_token_max_ttl_s,
        markup_percentage=None if to_customer else _percentage(tier.markup_bps),
        models=[
            _model_answer(tier, model, priced, catalog, to_customer=to_customer)
            for model in tier.models
            if (priced := catalog.prices.find(model.model_id, now)) is not None
        ],
        created_at=at(tier.created_at),
        updated_at=at(tier.updated_at),
    )


def _model_answer(
    tier: Tier, model: TierModel, priced: ModelPrice, catalog: Catalog, *, to_customer: bool
) -> Json:
    margin = tier.margin_of(priced, catalog.markup)
    return present(
        id=tier_model_uuid(tier.tier_id, model.model_id),
        tier_id=tier.tier_id,
        model_id=model.model_id,
        model_display_name=priced.display_name,
        description=priced.description,
        capabilities=list(priced.capabilities),
        context_window=priced.context_window,
        max_output_tokens=priced.max_output_tokens,
        deprecated=priced.deprecated,
        model_input_cost_cents=customer_cents(priced, "input_tokens", margin),
        model_output_cost_cents=customer_cents(priced, "output_tokens", margin),
        is_default=model == tier.default_model,
        markup_percentage=None if to_customer else _percentage(model.markup_bps),
        created_at=at(tier.created_at),
        updated_at=at(tier.updated_at),
    )


def customer_cents(priced: ModelPrice, unit: str, margin: Margin) -> int:
    """Return the customer's price of a million of a unit in whole cents, rounded up.

    Rounded up, so that nothing costs more than it says; a call itself is priced to the nano.
    A unit that the model does not have is 0.
    """
    cost_nanos = priced.nanos_per_million.get(unit, 0)
    plain = replace(margin, fee_nanos=0, minimum_nanos=0)
    price_nanos = plain.price_nanos([(UNITS_PER_PRICE, cost_nanos)], requests=0)
    return ceil_div(price_nanos, NANOS_PER_CENT)


def _percentage(markup_bps: int | None) -> int | None:
    return None if markup_bps is None else markup_bps // BPS_PER_PERCENT

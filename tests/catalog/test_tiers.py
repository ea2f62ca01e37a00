"""What a tier is, and what a change of it comes to."""

from dataclasses import replace
from typing import Any

import pytest

from creditbase.catalog.domain import Markup, ModelPrice, PriceList
from creditbase.catalog.domain.tier_rules import changed_tier, new_tier
from creditbase.catalog.domain.tiers import Tier, TierModel, Tiers
from creditbase.catalog.shipped import shipped_book
from creditbase.kernel.errors import InvalidRequest
from tests.catalog.tiers import NOON, PROJECT_ID, TIER_ID, a_paid_tier, a_paygo, a_tier
from tests.sold import LOCAL_RATES

PRICES = PriceList(shipped_book(), LOCAL_RATES.to_domain("p"))
LATER = NOON.replace(hour=13)
CENT = 10_000_000


def asked(**given: Any) -> Tier:
    """Return a new tier as it was asked for."""
    fields = {
        "code": "basic",
        "display_name": "Basic",
        "models": (TierModel("local-echo"),),
        **given,
    }
    return new_tier(TIER_ID, PROJECT_ID, fields, prices=PRICES, now=NOON)


def change(tier: Tier, **given: Any) -> Tier:
    """Return a tier after a change."""
    return changed_tier(tier, given, prices=PRICES, now=LATER)


@pytest.mark.parametrize(
    ("tier", "is_free", "is_paid", "is_sold", "can_be_bought"),
    [
        (a_tier(), True, False, False, False),
        (a_paygo(), False, False, False, False),
        (a_paid_tier(), False, True, True, True),
        (a_paid_tier(billing_price_ref=""), False, True, True, False),
        (a_paid_tier(is_archived=True), False, True, True, False),
        (
            a_paid_tier(billing_provider="external", billing_price_ref=""),
            *(False, True, False, False),
        ),
    ],
    ids=["free", "paygo", "paid", "no price yet", "put away", "billed elsewhere"],
)
def test_what_a_tier_costs_decides_how_it_is_come_by(
    tier: Tier, *, is_free: bool, is_paid: bool, is_sold: bool, can_be_bought: bool
) -> None:
    """Taken for nothing, paid at Stripe, or paid to somebody else."""
    assert (tier.is_free, tier.is_paid) == (is_free, is_paid)
    assert (tier.is_sold_by_stripe, tier.can_be_bought) == (is_sold, can_be_bought)


def test_a_limit_is_in_cents_and_none_where_it_is_zero() -> None:
    """Of `paygo` it means nothing, whatever it is."""
    limited, unlimited = a_tier(spend_limit_cents=7), a_tier(spend_limit_cents=0)

    assert (limited.limit_nanos, limited.is_unlimited) == (7 * CENT, False)
    assert unlimited.is_unlimited
    assert not a_paygo(spend_limit_cents=0).is_unlimited
    assert a_paygo(promo_credits_cents=3).promo_nanos == 3 * CENT


def test_a_call_that_names_no_model_gets_the_default() -> None:
    """The one that is marked, else the only one, else none."""
    one, two = TierModel("a"), TierModel("b", is_default=True)

    assert a_tier(models=(one, two)).default_model == two
    assert a_tier(models=(one,)).default_model == one
    assert a_tier(models=(one, TierModel("c"))).default_model is None
    assert a_tier(models=(one, two)).model("b") == two
    assert a_tier(models=(one,)).model("b") is None


def test_the_narrowest_markup_counts() -> None:
    """The model's, else the tier's, else the project's; 0 is one, too."""
    models = (TierModel("own", markup_bps=0), TierModel("other"))
    project = Markup(4_000)

    def of(name: str, tier: Tier) -> tuple[int, str]:
        margin = tier.margin_of(ModelPrice(name, "openai", "M", 1, 1, {}), project)
        return margin.bps, margin.rule

    assert of("own", a_tier(models=models, markup_bps=500)) == (0, "tier model")
    assert of("other", a_tier(models=models, markup_bps=500)) == (500, "tier")
    assert of("other", a_tier(models=models)) == (4_000, "default")
    assert of("none", a_tier(models=models)) == (4_000, "default")


def test_a_tier_that_is_put_away_is_found_by_its_id_alone() -> None:
    """For who is on it; its code is another's by now."""
    old = a_tier(tier_id="old", is_archived=True)
    new = a_tier(tier_id="new", created_at=LATER)
    first = a_paygo(tier_id="first")
    tiers = Tiers.of(PROJECT_ID, [old, new, first])

    assert (tiers.by_id("old"), tiers.by_code("free")) == (old, new)
    assert (tiers.by_id("none"), tiers.by_code("none")) == (None, None)
    assert tiers.sold == (first, new)


def test_a_new_tier_is_what_was_asked_for_and_what_follows() -> None:
    """A price without an interval is a month's; `paygo` is billed by nobody."""
    assert asked() == a_tier(
        code="basic",
        display_name="Basic",
        spend_limit_cents=0,
        models=(TierModel("local-echo"),),
    )
    assert asked(price_amount_cents=5).price_interval == "month"
    assert asked(price_amount_cents=5, price_interval="year").price == (5, "usd", "year")
    assert asked(price_amount_cents=0).price_amount_cents is None
    assert asked(billing_mode="paygo").billing_provider == "external"


def test_models_are_kept_by_the_books_own_ids() -> None:
    """An alias may move to another model one day; what was sold does not."""
    tier = asked(models=(TierModel("gpt-5-2025-08-07"),))

    assert tier.models == (TierModel("gpt-5"),)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"code": "Basic"}, "tier_code"),
        ({"display_name": "  "}, "display_name"),
        ({"display_name": "a\tb"}, "display_name"),
        ({"billing_mode": "paygo", "price_amount_cents": 5}, "price_amount_cents"),
        ({"price_interval": "month"}, "price_interval"),
        ({"models": (TierModel("none"),)}, "models"),
        ({"models": (TierModel("gpt-5"), TierModel("gpt-5-2025-08-07"))}, "models"),
        ({"models": (TierModel("gpt-5"), TierModel("sonar"))}, "models"),
        ({"models": ()}, "models"),
    ],
)
def test_what_is_not_sound_is_refused(given: dict[str, Any], field: str) -> None:
    """By the name of the field that a client sent."""
    with pytest.raises(InvalidRequest) as refused:
        asked(**given)

    assert refused.value.field == field


def test_a_change_changes_what_it_names() -> None:
    """All else keeps its value, the price and its reference too."""
    tier = a_paid_tier(price_interval="year", trial_days=3)

    after = change(tier, display_name="Gold")

    assert after == replace(tier, display_name="Gold", updated_at=LATER)
    assert change(tier, display_name="Free") == tier


def test_a_price_that_goes_takes_its_interval_along() -> None:
    """Free by the year is free."""
    free = change(a_paid_tier(price_interval="year"), price_amount_cents=0)

    assert (free.price, free.billing_price_ref) == ((None, "usd", None), "")


@pytest.mark.parametrize(
    ("tier", "given"),
    [
        (a_tier(), {"billing_mode": "paygo"}),
        (a_tier(), {"billing_provider": "external"}),
        (a_paygo(), {"billing_mode": "subscription"}),
    ],
)
def test_how_a_tier_is_billed_does_not_change(tier: Tier, given: dict[str, Any]) -> None:
    """Its customers are billed that way."""
    with pytest.raises(InvalidRequest, match="make another tier"):
        change(tier, **given)

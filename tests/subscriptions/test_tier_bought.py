"""What a relay customer has is what it bought: its price, its rhythm, its first trial."""

from dataclasses import replace

import pytest

from creditbase.catalog.domain.tiers import Tier
from creditbase.subscriptions.domain.mirror import Invoice
from tests.subscriptions.pictures import DAY, START, month
from tests.subscriptions.test_tier_standing import (
    ENDLESS,
    PRO,
    STARTER,
    YEARLY,
    Watch,
    a_bill,
    a_subscription,
    cents_of,
)


def test_a_bill_of_nothing_within_a_trial_is_no_payment() -> None:
    """For a change of tier Stripe may make one; also after the trial was made longer."""

    def of_nothing(tier: Tier, day: int) -> Invoice:
        (line,) = a_bill(tier).lines
        at = START + day * DAY
        lines = (replace(line, amount_cents=0, start_at=at),)
        return a_bill(tier, invoice_id=f"in_t{day}", created_at=at, due_cents=0, lines=lines)

    bills = [of_nothing(ENDLESS, 2), of_nothing(STARTER, 0)]
    trial = a_subscription(ENDLESS, "trialing", trial_end_at=month(0).end_at)
    longer = replace(trial, period=replace(trial.period, end_at=month(1).end_at))

    for one in (trial, longer):
        assert cents_of(Watch().look(one, bills=bills)) == 2_900
        smaller = replace(one, plan_code="free")
        assert cents_of(Watch().look(smaller, bills=bills)) == 500


def test_who_bought_a_year_has_months_whatever_the_tier_costs_now() -> None:
    """The owner sells it by the month now, or the other way round."""
    year = a_subscription(STARTER, is_yearly=True, price_cents=20_000)
    standing = Watch().look(year, bills=[a_bill()])

    assert standing.terms.months_from_at == month(0).start_at
    assert standing.held is not None
    bought = (standing.held.price_cents, standing.held.price_interval)
    assert bought == (20_000, "year")
    by_month = Watch().look(a_subscription(YEARLY, is_yearly=False), bills=[a_bill(YEARLY)])
    assert by_month.terms.months_from_at is None


@pytest.mark.parametrize("status", ["active", "trialing"])
def test_of_two_live_subscriptions_the_dearer_in_a_year_counts(status: str) -> None:
    """A trial's page that was paid beside a paid tier, too; the other one is ended."""
    paid = a_subscription(STARTER)
    trial = a_subscription(
        PRO, status, subscription_id="sub_2", trial_end_at=month(0).end_at, created_at=START
    )
    yearly = a_subscription(YEARLY, subscription_id="sub_3", price_cents=30_001)
    free = tuple(replace(line, amount_cents=0) for line in a_bill(PRO).lines)
    bills = [a_bill(), a_bill(PRO, subscription_id="sub_2", lines=free, due_cents=0)]

    standing = Watch().look(paid, trial, bills=bills)
    assert (standing.terms.plan_code, cents_of(standing)) == ("pro", 29_900)
    assert standing.surplus == ("sub_1",)
    assert Watch().look(paid, yearly, bills=bills).surplus == ("sub_3",), "less in a year"


def test_a_year_has_months() -> None:
    """A trial before it is one window."""
    one = a_subscription(YEARLY)
    terms = Watch().look(one, bills=[a_bill(YEARLY)]).terms
    trial = Watch().look(replace(one, status="trialing"), bills=[]).terms

    assert (terms.months_from_at, terms.months_until_at) == (
        month(0).start_at,
        month(0).end_at,
    )
    assert (trial.months_from_at, trial.months_until_at) == (None, None)

"""Months of a subscriber's life, over HTTP through the local Stripe, the one clock moved."""

from datetime import timedelta

import pytest

from creditbase.kernel.windows import months_after
from tests.scenarios.life import FIRST_DAY, FREE, Customer, Seen, on_free

pytestmark = pytest.mark.firestore


def test_a_year_of_guru(ada: Customer) -> None:
    """Twelve renewals; a charge five minutes after each falls into the new period."""
    ada.subscribe("guru")
    assert ada.sees() == Seen("guru", 10_000)

    for _ in range(12):
        ada.spend(4_000)
        ada.live_past(ada.period_end())
        ada.spend(1)
        assert ada.sees() == Seen("guru", 9_999)

    assert ada.usage()["usage"]["total_requests"] == 1
    assert ada.period()[0].date() == FIRST_DAY.date().replace(year=FIRST_DAY.year + 1)
    assert ada.granted("cycle") == [10_000] * 13


def test_an_end_that_the_dashboard_sets_to_a_later_period(ada: Customer) -> None:
    """Until then it renews, and says so; in its last period it says when it ends."""
    ada.subscribe("guru")
    _, first_end = ada.period()
    last = months_after(first_end, 1)
    ada.change(cancel_at=int(last.timestamp()))
    assert ada.sees() == Seen("guru", 10_000)

    ada.live_past(first_end)
    assert ada.period_end() == last
    assert ada.sees() == Seen("guru", 10_000, is_leaving=True)

    ada.live_past(last)
    assert ada.sees() == on_free(FREE, status="canceled")


def test_an_upgrade_one_day_before_the_end(ada: Customer) -> None:
    """A day's share of the difference, and the whole of pro from the next period on."""
    ada.subscribe("guru")
    ada.spend(9_000)
    end = ada.period_end()
    ada.live_until(end - timedelta(days=1))

    ada.take("pro")

    a_day = ada.upgrade_bought(45_000)
    assert 1_400 < a_day < 1_500
    assert ada.sees() == Seen("pro", 1_000 + a_day)
    assert ada.usage()["monthly_credits_total"] == 55_000
    ada.live_past(end)
    ada.spend(5)
    assert ada.sees() == Seen("pro", 54_995)


def test_an_upgrade_that_cannot_be_paid_brings_no_credits(ada: Customer) -> None:
    """What was paid before stays; once the difference is paid it brings its credits."""
    ada.subscribe("guru")
    ada.live_until(ada.period_end() - timedelta(days=1))
    ada.pay_by("pm_card_chargeCustomerFail")

    ada.take("pro")

    assert ada.sees() == Seen("pro", 10_000, status="past_due", has_issue=True)
    assert ada.granted("upgrade") == []
    ada.pay_by("pm_card_visa")
    ada.pay_open_bill()
    assert ada.sees() == Seen("pro", 10_000 + ada.upgrade_bought(45_000))


def test_a_renewal_that_fails_and_recovers(ada: Customer) -> None:
    """No credits without payment, the old ones gone; all of them when it is paid."""
    ada.top_up("small")
    ada.subscribe("guru")
    ada.pay_by("pm_card_chargeCustomerFail")
    end = ada.period_end()

    ada.live_past(end)
    ada.spend(100)
    assert ada.sees() == Seen("guru", 0, topups=4_900, status="past_due", has_issue=True)
    assert ada.issue()["attempts"] == 1
    ada.live_until(end + timedelta(days=1))
    ada.pay_by("pm_card_visa")
    ada.pay_open_bill()

    assert ada.sees() == Seen("guru", 10_000, topups=4_900)
    assert ada.issue() is None
    ada.live_past(ada.period_end())
    assert ada.sees() == Seen("guru", 10_000, topups=4_900)


def test_a_plan_that_is_never_paid_again_ends(ada: Customer) -> None:
    """Stripe tries for weeks, then ends it; the free window gives what it has to give."""
    ada.top_up("small")
    ada.subscribe("guru")
    ada.pay_by("pm_card_chargeCustomerFail")
    end = ada.period_end()

    ada.live_past(end)
    assert ada.sees() == Seen("guru", 0, topups=5_000, status="past_due", has_issue=True)
    ada.live_until(end + timedelta(days=20))

    assert ada.subscription()["status"] == "canceled"
    assert ada.sees() == on_free(FREE, topups=5_000, status="canceled")
    assert ada.issue() is None


def test_a_plan_that_stays_unpaid_gives_nothing_and_comes_back_when_paid(ada: Customer) -> None:
    """The owner's other choice for the end of the tries: `unpaid`. Top-ups are spent on."""
    ada.shop.order("/dunning", retry_after_days=[1, 1], at_last="unpaid")
    ada.top_up("small")
    ada.subscribe("guru")
    ada.pay_by("pm_card_chargeCustomerFail")
    end = ada.period_end()

    ada.live_until(end + timedelta(days=4))
    ada.spend(1_000)
    assert ada.sees() == Seen("guru", 0, topups=4_000, status="unpaid", has_issue=True)
    ada.pay_by("pm_card_visa")
    ada.pay_open_bill()

    assert ada.sees() == Seen("guru", 10_000, topups=4_000)


@pytest.mark.parametrize("fate", ["mark_uncollectible", "void"])
def test_an_upgrade_that_is_never_paid_leaves_the_month_that_was(
    ada: Customer, fate: str
) -> None:
    """Stripe gives the upgrade up, then the owner its bill: guru was paid for all along."""
    ada.shop.order("/dunning", retry_after_days=[1, 1], at_last="unpaid")
    ada.subscribe("guru")
    ada.spend(1_000)
    ada.pay_by("pm_card_chargeCustomerFail")
    ada.take("pro")
    ada.live_for(days=3)

    assert ada.sees() == Seen("pro", 9_000, status="unpaid", has_issue=True)
    ada.spend(1_000)
    ada.shop.post(f"/invoices/{ada.issue()['invoice_id']}/{fate}")
    ada.town.settle()

    seen = ada.sees()
    assert (seen.monthly, ada.granted("upgrade")) == (8_000, [])
    ada.verify()

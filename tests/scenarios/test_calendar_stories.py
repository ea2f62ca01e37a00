"""Months of every length, jobs that never run, webhooks that are down for a day."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.runtime.signing import Signer
from tests.scenarios.life import FREE, Customer, Seen, Town, on_free

pytestmark = pytest.mark.firestore

LAST_OF_JANUARY = datetime(2027, 1, 31, 22, 0, tzinfo=UTC)


def days(*instants: datetime) -> list[str]:
    """Return the days of instants, to be read."""
    return [instant.date().isoformat() for instant in instants]


def test_a_plan_begun_on_the_last_of_january(town: Town, signer: Signer) -> None:
    """Clamped to a short month, and back on the 31st after it; no day paid for twice."""
    town.begin(LAST_OF_JANUARY)
    ada = Customer.arrives(town, signer)
    ada.subscribe("guru")

    assert days(*ada.period()) == ["2027-01-31", "2027-02-28"]
    for begins, ends in (
        ("2027-02-28", "2027-03-31"),
        ("2027-03-31", "2027-04-30"),
        ("2027-04-30", "2027-05-31"),
    ):
        ada.live_past(ada.period_end())
        shown = ada.usage()
        assert shown["billing_cycle_start"][:10] == begins
        assert shown["billing_cycle_end"][:10] == ends
        ada.spend(1)
        assert ada.sees() == Seen("guru", 9_999)

    assert ada.granted("cycle") == [10_000] * 4
    ada.verify()


def test_free_months_begun_on_the_last_of_january(town: Town, signer: Signer) -> None:
    """Counted from the day of the account, in a leap year, too; one allotment for each."""
    town.begin(LAST_OF_JANUARY.replace(year=2028))
    ada = Customer.arrives(town, signer)
    shown = ada.usage()
    assert shown["billing_cycle_end"][:10] == "2028-02-29"

    for begins, ends in (("2028-02-29", "2028-03-31"), ("2028-03-31", "2028-04-30")):
        ada.spend(FREE)
        assert ada.sees() == on_free(0)
        ada.live_past(datetime.fromisoformat(shown["billing_cycle_end"]))
        shown = ada.usage()
        assert shown["billing_cycle_start"][:10] == begins
        assert shown["billing_cycle_end"][:10] == ends
        assert ada.sees() == on_free(FREE)

    assert ada.granted("free") == [FREE] * 3
    ada.verify()


def test_a_free_month_that_a_plan_interrupts(town: Town, signer: Signer) -> None:
    """Whoever is back within the month finds it as used up as it was; the next is whole."""
    town.begin(LAST_OF_JANUARY)
    ada = Customer.arrives(town, signer)
    free_end = datetime.fromisoformat(ada.usage()["billing_cycle_end"])
    ada.spend(200)
    ada.subscribe("guru")
    ada.live_for(days=10)
    ada.cancel_now()

    assert ada.sees() == on_free(FREE - 200, status="canceled")
    ada.live_until(free_end - timedelta(minutes=1))
    assert ada.sees() == on_free(FREE - 200, status="canceled")
    ada.live_past(free_end)

    assert ada.sees() == on_free(FREE, status="canceled")
    assert ada.granted("free") == [FREE, FREE]
    ada.verify()


def test_two_months_without_any_scheduled_function(ada: Customer) -> None:
    """Time is part of every decision: holds end, months turn, nothing waits for a job."""
    ada.top_up("small")
    ada.hold("forgotten", 400, ttl_s=900)
    assert ada.sees() == on_free(100, topups=5_000)

    ada.live_for(days=62)

    ada.spend(600)
    assert ada.sees() == on_free(0, topups=4_900)
    assert ada.granted("free") == [FREE, FREE]  # the month that was missed is not made up for
    ada.subscribe("guru")
    ada.live_for(days=62)
    assert ada.sees() == Seen("guru", 10_000, topups=4_900)


def test_webhooks_that_are_down_for_a_day(ada: Customer) -> None:
    """A renewal, an upgrade, a pack and a refund are told a day late, the newest first."""
    ada.subscribe("guru")
    payment = ada.top_up("medium")
    end = ada.period_end()
    ada.live_until(end - timedelta(minutes=5))
    ada.spend(10_000)
    ada.shop.hold_deliveries()

    ada.live_past(end)
    ada.top_up("small")
    ada.refund(payment, 1_000)
    ada.live_until(end + timedelta(hours=12))
    ada.take("pro")
    ada.live_until(end + timedelta(days=1))
    assert ada.sees().topups == 27_500
    ada.shop.release_deliveries("reversed")
    ada.town.settle()

    bought = ada.upgrade_bought(45_000)
    assert 44_200 < bought < 44_400
    assert ada.sees() == Seen("pro", 10_000 + bought, topups=27_500 - 11_000 + 5_000)

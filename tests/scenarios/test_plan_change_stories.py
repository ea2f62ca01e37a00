"""Plans that change: down, up, away and back, by Stripe's own pages and by its Dashboard."""

from datetime import timedelta

import pytest

from creditbase.kernel.instants import write_seconds
from tests.scenarios.life import FREE, Customer, Seen, on_free
from tests.scenarios.portal import Portal

pytestmark = pytest.mark.firestore


def test_a_downgrade_waits_for_the_periods_end(ada: Customer) -> None:
    """Pro was paid for, so pro stays; the next period has the credits of guru."""
    ada.subscribe("pro")
    ada.spend(20_000)
    end = ada.period_end()

    assert "will change at the end" in Portal.opened_by(ada).change_plan("guru")

    assert ada.sees() == Seen("pro", 35_000, next_plan="guru")
    assert ada.usage()["scheduled_change"] == {"plan": "guru", "at": write_seconds(end)}
    ada.live_past(end)
    ada.spend(1)
    assert ada.sees() == Seen("guru", 9_999)
    assert ada.granted("cycle") == [55_000, 10_000]


def test_a_downgrade_thought_better_of_changes_nothing(ada: Customer) -> None:
    """Down in the portal, then up again before the end: nothing is paid, nothing granted."""
    ada.subscribe("pro")
    portal = Portal.opened_by(ada)
    end = ada.period_end()

    portal.change_plan("guru")
    assert ada.sees() == Seen("pro", 55_000, next_plan="guru")
    portal.change_plan("pro")
    assert ada.sees() == Seen("pro", 55_000)

    ada.live_past(end)
    assert ada.sees() == Seen("pro", 55_000)
    assert len(ada.invoices()) == 2
    assert ada.granted("upgrade") == []


def test_who_leaves_after_planning_a_downgrade_is_told_of_the_end_alone(ada: Customer) -> None:
    """One thing is to come, not two; and coming back does not plan the other again."""
    ada.subscribe("pro")
    portal = Portal.opened_by(ada)
    portal.change_plan("guru")

    portal.press("cancel")

    assert ada.sees() == Seen("pro", 55_000, is_leaving=True)
    portal.press("renew")
    assert ada.sees() == Seen("pro", 55_000)


def test_a_downgrade_at_once_leaves_no_more_than_the_smaller_plan(ada: Customer) -> None:
    """By the Dashboard only: Stripe gives the money back, so the credits go, too."""
    ada.top_up("small")
    ada.subscribe("pro")
    ada.spend(10_000)

    ada.take("guru")

    assert ada.sees() == Seen("guru", 10_000, topups=5_000)
    ada.spend(10_000)
    assert ada.sees() == Seen("guru", 0, topups=5_000)
    ada.live_past(ada.period_end())
    assert ada.sees() == Seen("guru", 10_000, topups=5_000)


def test_a_downgrade_at_once_while_work_holds_the_dearer_plans_credits(ada: Customer) -> None:
    """What the work gives back makes no larger plan of the smaller one."""
    ada.subscribe("pro")
    ada.hold("work", 30_000)

    ada.take("guru")
    assert ada.sees() == Seen("guru", 10_000)
    ada.void("work")

    assert ada.sees() == Seen("guru", 10_000)
    ada.verify()


def test_a_downgrade_at_once_takes_nothing_from_who_has_less(ada: Customer) -> None:
    """What is left is a cap, not a new allotment."""
    ada.subscribe("pro")
    ada.spend(50_000)

    ada.take("guru")

    assert ada.sees() == Seen("guru", 5_000)


def test_an_upgrade_in_the_portal_is_paid_at_once(ada: Customer) -> None:
    """Half a period of the difference, for half of its price."""
    ada.subscribe("guru")
    start, end = ada.period()
    ada.spend(10_000)
    ada.live_until(start + (end - start) / 2)

    assert "Your plan was changed." in Portal.opened_by(ada).change_plan("pro")

    assert 22_499 <= ada.upgrade_bought(45_000) <= 22_500
    assert ada.sees() == Seen("pro", ada.upgrade_bought(45_000))
    assert 1_999 <= ada.invoices()[0]["amount_paid"] <= 2_000


def test_an_upgrade_in_the_portal_with_a_bad_card_changes_nothing(ada: Customer) -> None:
    """The page says so; with another card, typed on the same page, it is done."""
    ada.subscribe("guru")
    ada.pay_by("pm_card_chargeCustomerFail")
    portal = Portal.opened_by(ada)

    assert "Your card was declined." in portal.change_plan("pro")

    assert ada.sees() == Seen("guru", 10_000)
    portal.give_card("4242424242424242")
    portal.change_plan("pro")
    assert ada.sees() == Seen("pro", 10_000 + ada.upgrade_bought(45_000))


def test_an_upgrade_that_begins_a_period_now_brings_the_whole_plan(ada: Customer) -> None:
    """The owner's other choice: the anchor moves, so a month begins, is paid, and is granted.

    A change within the month resets nothing; this is no change within the month.
    """
    ada.subscribe("guru")
    ada.spend(9_000)
    ada.live_for(days=10)

    ada.take("pro", **{"billing_cycle_anchor[type]": "now"})

    assert ada.sees() == Seen("pro", 55_000)
    assert ada.usage()["usage"]["total_requests"] == 0
    assert (ada.granted("cycle"), ada.granted("upgrade")) == ([10_000, 55_000], [])
    ada.spend(1_000)
    ada.live_past(ada.period_end())
    assert ada.sees() == Seen("pro", 55_000)


def test_up_and_down_and_up_on_the_last_day_sells_the_day_once(ada: Customer) -> None:
    """Only what exceeds what was granted before is granted again."""
    ada.subscribe("guru")
    end = ada.period_end()
    ada.live_until(end - timedelta(days=1))
    ada.take("pro")
    a_day = ada.upgrade_bought(45_000)
    ada.spend(10_000 + a_day)

    for plan in ("guru", "pro"):
        ada.take(plan)

    assert ada.sees() == Seen("pro", 0)
    assert ada.granted("upgrade") == [a_day]


def test_up_and_down_and_up_again_has_what_was_paid_for(ada: Customer) -> None:
    """Down at once for a third of the month: only that third's credits are not there again."""
    ada.subscribe("guru")
    start, end = ada.period()
    third = (end - start) / 3
    ada.take("pro")
    bought = ada.upgrade_bought(45_000)
    ada.spend(4_000)
    ada.live_until(start + third)
    ada.take("guru")
    assert ada.sees() == Seen("guru", 10_000)
    ada.spend(1_000)
    ada.live_until(start + 2 * third)

    ada.take("pro")

    left = ada.sees().monthly
    assert ada.granted("upgrade") == [bought]
    assert 0 <= 55_000 - 15_000 - 5_000 - left <= 2
    paid_cents = sum(bill["total"] for bill in ada.invoices())
    assert 3_665 <= paid_cents <= 3_669  # guru, and two thirds of what pro is more
    ada.verify()
    ada.take("guru")
    assert ada.sees() == Seen("guru", 10_000)


def test_cancelled_in_the_portal_it_stays_until_the_end(ada: Customer) -> None:
    """And who thinks better of it before then loses nothing."""
    ada.subscribe("guru")
    portal = Portal.opened_by(ada)
    end = ada.period_end()

    portal.press("cancel")
    ada.spend(1_000)
    assert ada.sees() == Seen("guru", 9_000, is_leaving=True)
    portal.press("renew")
    assert ada.sees() == Seen("guru", 9_000)
    portal.press("cancel")
    ada.live_past(end)

    assert ada.sees() == on_free(FREE, status="canceled")
    assert ada.granted("cycle") == [10_000]


@pytest.mark.parametrize("hours", [0, 1], ids=["at-once", "later"])
def test_who_comes_back_before_the_end_is_on_the_new_plan_alone(
    ada: Customer, hours: int
) -> None:
    """The old plan's end, told last of all, ends nothing but the old plan.

    At once, both may have begun in the same second: their periods look alike.
    """
    ada.subscribe("guru")
    ada.spend(4_000)
    ada.shop.hold_deliveries("customer.subscription.deleted")
    ada.cancel_now()
    assert ada.sees() == Seen("guru", 6_000)

    ada.live_for(hours=hours)
    ada.subscribe("pro")
    assert ada.sees() == Seen("pro", 55_000)
    ada.shop.release_deliveries()
    ada.town.settle()

    assert ada.sees() == Seen("pro", 55_000)
    assert [one["status"] for one in ada.subscriptions()] == ["active", "canceled"]


def test_leaving_and_coming_back_wins_no_credits(ada: Customer) -> None:
    """Every return is paid for; the free credits of a month are given once."""
    for _ in range(2):
        ada.subscribe("guru")
        ada.spend(10_000)
        ada.cancel_now()
        assert ada.sees() == on_free(FREE, status="canceled")
        ada.live_for(hours=1)

    assert ada.granted("cycle") == [10_000, 10_000]
    assert ada.granted("free") == [FREE]


def test_two_plans_paid_at_once(ada: Customer) -> None:
    """Two pages were open: the dearer plan counts, the other's money goes back."""
    guru = ada.open_checkout("guru")
    pro = ada.open_checkout("pro")
    # The first page was ended for the second; let that have come a moment too late.
    ada.shop.change("checkout.session", guru, status="open")

    for session_id in (guru, pro):
        ada.shop.pay_unwatched(session_id)
    ada.town.settle()

    assert ada.sees() == Seen("pro", 55_000)
    assert [one["status"] for one in ada.subscriptions()] == ["active", "canceled"]
    (refund,) = ada.shop.get("/refunds")["data"]
    assert refund["amount"] == 1_000
    ada.live_past(ada.period_end())
    assert ada.sees() == Seen("pro", 55_000)


@pytest.mark.parametrize(("spent", "back"), [(0, [1_000]), (6_001, [399]), (10_000, [])])
def test_two_plans_paid_one_after_the_other(ada: Customer, spent: int, back: list[int]) -> None:
    """Both pages were opened at once. What was used of the cheaper plan is not given back.

    Otherwise each month would begin with ten thousand credits for nothing.
    """
    guru = ada.open_checkout("guru")
    pro = ada.open_checkout("pro")
    ada.shop.change("checkout.session", guru, status="open")
    ada.shop.pay(guru)
    ada.town.settle()
    if spent:
        ada.spend(spent)

    ada.shop.pay(pro)
    ada.town.settle()

    assert ada.sees() == Seen("pro", 55_000)
    assert [refund["amount"] for refund in ada.shop.get("/refunds")["data"]] == back
    assert [one["status"] for one in ada.subscriptions()] == ["active", "canceled"]
    ada.verify()


@pytest.mark.parametrize(("gone", "back"), [(300, [700, 300]), (1_000, [1_000])])
def test_a_second_plan_that_somebody_paid_back_before_us_ends(
    ada: Customer, gone: int, back: list[int]
) -> None:
    """Stripe refuses to give back more than is left: the plan would be billed for ever."""
    guru = ada.open_checkout("guru")
    pro = ada.open_checkout("pro")
    ada.shop.change("checkout.session", guru, status="open")
    ada.shop.hold_deliveries()
    ada.shop.pay_unwatched(pro)
    ada.shop.pay_unwatched(guru)
    newest = ada.shop.get("/payment_intents")["data"][0]
    assert newest["amount"] == 1_000
    ada.shop.post("/refunds", payment_intent=newest["id"], amount=gone)

    ada.shop.release_deliveries()
    ada.town.settle()

    assert ada.sees() == Seen("pro", 55_000)
    assert [refund["amount"] for refund in ada.shop.get("/refunds")["data"]] == back
    assert {one["status"] for one in ada.subscriptions()} == {"active", "canceled"}
    ada.verify()


def test_what_the_cheaper_of_two_plans_holds_is_not_given_back(ada: Customer) -> None:
    """Work that began with its credits goes on with them."""
    guru = ada.open_checkout("guru")
    pro = ada.open_checkout("pro")
    ada.shop.change("checkout.session", guru, status="open")
    ada.shop.pay(guru)
    ada.town.settle()
    ada.hold("work", 10_000)

    ada.shop.pay(pro)
    ada.town.settle()
    ada.capture("work", 10_000)

    assert ada.shop.get("/refunds")["data"] == []
    assert ada.sees() == Seen("pro", 55_000)

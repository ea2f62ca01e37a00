"""Tiers of a relay project: bought, changed both ways, left, unpaid, by the year, on trial."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import Conflict, PaymentRefused
from creditbase.kernel.windows import months_after
from creditbase.payments.leaving import end_subscriptions, payers_of
from creditbase.payments.store import find_owner
from creditbase.payments.tier_changing import leave_at_period_end
from creditbase.payments.tier_checkout import start_open_checkout
from creditbase.runtime import clock
from tests.payments.tenant import DECLINED, PAGES, Tenant, held, profile
from tests.scenarios.life import Town
from tests.scenarios.tenancy import Shown, Tenanted

pytestmark = pytest.mark.firestore


@pytest.fixture
def bea(town: Town) -> Iterator[Tenanted]:
    """Return a new customer of a new project; her ledger is verified at the story's end."""
    customer = Tenanted(Tenant.opened(clock.now()), town)
    yield customer
    customer.verify()


def test_from_free_to_paid_up_and_down_and_back_to_free(bea: Tenanted) -> None:
    """Every direction once, in one life; at the end she is where she began."""
    bea.put_on("free")
    bea.spend(200)
    with pytest.raises(PaymentRefused, match="no payment method on file"):
        bea.asks_for("starter")
    bea.buys("starter")
    assert bea.sees() == Shown("starter", "active", 2_900)
    bea.spend(1_900)

    start, end = bea.period()
    bea.live_until(start + (end - start) / 2)
    assert bea.asks_for("pro") == "upgraded"
    assert bea.sees() == Shown("pro", "active", 29_900 - 1_900)
    bills = bea.shop.get("/invoices", customer=bea.stripe_id)["data"]
    assert 13_400 <= bills[0]["amount_paid"] <= 13_500, "half a period of the difference"

    assert bea.asks_for("starter") == "downgraded"
    assert bea.sees() == Shown("starter", "active", 1_000)
    assert bea.asks_for("hobby") == "scheduled_cancellation"
    assert (bea.sees(), held(bea.ref).cancel_at_period_end) == (
        Shown("starter", "active", 1_000),
        True,
    )

    bea.live_past_period()
    assert bea.sees() == Shown("hobby", "active", 300)
    assert bea.asks_for("free") == "changed"
    assert bea.sees() == Shown("free", "active", 500)
    assert bea.asks_for("pro") == "upgraded", "the card is on file now"
    assert bea.sees() == Shown("pro", "active", 29_900)


def test_a_renewal_has_the_limit_anew(bea: Tenanted) -> None:
    """Paid by the webhook's own doing, within moments of the period's end."""
    bea.buys("starter")
    bea.spend(2_900)
    assert bea.is_refused(1)

    bea.live_past_period()

    assert bea.sees() == Shown("starter", "active", 2_900)


def test_an_unlimited_tier_that_stops_paying(bea: Tenanted) -> None:
    """The limit of a window that nobody paid for is 0, however unlimited the tier is."""
    bea.buys("endless")
    bea.spend(1_000_000)
    bea.pays_by(DECLINED)
    assert bea.sees() == Shown("endless", "active", None)

    bea.live_past_period()
    assert (bea.sees(), bea.is_refused(1)) == (Shown("endless", "past_due", 0), True)
    bea.pays_by("pm_card_visa")
    bea.live_for(days=4)
    assert bea.sees() == Shown("endless", "active", None)
    bea.spend(5)

    bea.pays_by(DECLINED)
    bea.live_past_period()
    bea.live_for(days=25)
    assert (bea.sees(), bea.is_refused(1)) == (Shown("endless", "canceled", 0), True)


@pytest.mark.parametrize("fate", ["mark_uncollectible", "void"])
def test_an_upgrade_that_is_never_paid_leaves_the_limit_that_was(
    bea: Tenanted, fate: str
) -> None:
    """Put on the dearer tier in the Dashboard, by a card that declines, and given up."""
    bea.shop.order("/dunning", retry_after_days=[1, 1], at_last="unpaid")
    bea.buys("starter")
    bea.spend(900)
    bea.pays_by(DECLINED)
    (one,) = bea.subscriptions()
    bea.shop.post(
        f"/subscriptions/{one['id']}",
        **{
            "items[0][id]": one["items"]["data"][0]["id"],
            "items[0][price]": bea.tenant.tier("pro").billing_price_ref,
            "proration_behavior": "always_invoice",
        },
    )
    bea.live_for(days=3)

    assert bea.sees() == Shown("pro", "unpaid", 2_000)
    bea.spend(500)
    (bill,) = bea.shop.get("/invoices", customer=bea.stripe_id, status="open")["data"]
    bea.shop.post(f"/invoices/{bill['id']}/{fate}")
    bea.catch_up()

    assert bea.sees().left_cents == 1_500


def test_a_price_by_the_year_has_a_limit_each_month(bea: Tenanted) -> None:
    """Billed once a year; the limit resets monthly; the thirteenth month is paid again."""
    bea.buys("yearly")
    start, end = bea.period()
    assert end == months_after(start, 12)
    bea.spend(2_900)
    assert bea.is_refused(1)

    bea.live_until(months_after(start, 1) + timedelta(minutes=1))
    assert bea.sees() == Shown("yearly", "active", 2_900)
    bea.spend(100)
    bea.live_until(months_after(start, 11) + timedelta(minutes=1))
    assert bea.sees() == Shown("yearly", "active", 2_900)
    assert bea.balance().window.end_at == end

    bea.pays_by(DECLINED)
    bea.live_past_period()
    assert bea.sees() == Shown("yearly", "past_due", 0)


def test_another_rhythm_gives_nothing_back_that_was_used(bea: Tenanted) -> None:
    """Its period begins anew, and the limit with it: to and fro would be spent for ever."""
    bea.buys("starter")
    bea.spend(1_450)
    bea.live_for(hours=1)

    bea.asks_for("yearly")

    assert bea.sees() == Shown("yearly", "active", 2_900)
    newest = bea.shop.get("/invoices", customer=bea.stripe_id)["data"][0]
    assert 28_400 <= newest["amount_paid"] <= 28_600, "half of the month was used"
    bea.spend(2_900)
    bea.live_for(hours=1)
    bea.asks_for("starter")
    assert bea.sees() == Shown("starter", "active", 2_900)
    left = -bea.shop.get(f"/customers/{bea.stripe_id}")["balance"]
    assert 24_400 <= left <= 24_600, "a month of the year was used, and this one is paid"


def test_a_trial_has_its_limit_at_its_start_and_comes_once(bea: Tenanted) -> None:
    """Then it is paid for; who leaves and comes back begins with a payment."""
    bea.buys("trial")
    assert bea.sees() == Shown("trial", "trialing", 1_000)
    bea.spend(400)
    assert bea.shop.get("/charges")["data"] == []

    bea.live_past_period()
    assert bea.sees() == Shown("trial", "active", 1_000)
    leave_at_period_end(bea.ref, now=bea.now)
    bea.town.settle()
    bea.live_past_period()
    assert bea.sees() == Shown("trial", "canceled", 0)
    bea.buys("trial")

    assert bea.sees() == Shown("trial", "active", 1_000)


def test_a_dearer_tier_in_a_trial_waits_for_its_payment(bea: Tenanted) -> None:
    """Or a trial of the small tier would be one of the largest."""
    bea.buys("trial")

    assert bea.asks_for("endless") == "upgraded"

    assert bea.sees() == Shown("endless", "trialing", 1_000)
    bea.live_past_period()
    assert bea.sees() == Shown("endless", "active", None)


def test_leaving_ends_with_the_period_and_leaves_nothing(bea: Tenanted) -> None:
    """Without a tier to follow, nothing may be spent."""
    bea.put_on("free")
    bea.buys("starter")
    leave_at_period_end(bea.ref, now=bea.now)
    bea.catch_up()
    assert bea.sees() == Shown("starter", "active", 2_900)

    bea.live_past_period()

    assert (bea.sees(), bea.is_refused(1)) == (Shown("starter", "canceled", 0), True)


def test_whoever_pays_on_an_open_page_becomes_a_customer(town: Town, bea: Tenanted) -> None:
    """Named by its Stripe customer; the same address is no reason to be the same customer."""
    tier = bea.tenant.tier("starter")
    session = start_open_checkout(tier, **PAGES, visit="one", now=bea.now)

    town.shop.pay(session.session_id)
    town.settle()

    (subscription,) = town.shop.get("/subscriptions", status="all")["data"]
    ref = find_owner(subscription["customer"])
    assert isinstance(ref, CustomerRef)
    stranger = profile(ref)
    assert stranger.external_id == f"stripe:{subscription['customer']}"
    assert (stranger.email, stranger.project_id) == ("ada@example.com", tier.project_id)
    assert (held(ref).tier_id, held(ref).status) == (tier.tier_id, "active")
    assert ref != bea.ref
    assert profile(bea.ref).subscription is None


def test_promotional_credits_come_with_the_first_payment_once(bea: Tenanted) -> None:
    """Seven dollars, for what exceeds the limit of one."""
    bea.buys("promo")
    bea.spend(100 + 300)
    assert bea.balance().available_nanos == 4 * 10**9

    bea.live_past_period()

    assert bea.balance().available_nanos == 4 * 10**9
    assert bea.sees() == Shown("promo", "active", 100)


def test_two_tiers_paid_at_once(bea: Tenanted) -> None:
    """Two pages were open: the dearer tier counts, the other's money goes back."""
    starter = bea.opens_page("starter")
    pro = bea.opens_page("pro")
    # The first page was ended for the second; let that have come a moment too late.
    bea.shop.change("checkout.session", starter, status="open")

    for session_id in (starter, pro):
        bea.shop.pay_unwatched(session_id)
    bea.catch_up()

    assert bea.sees() == Shown("pro", "active", 29_900)
    assert [one["status"] for one in bea.subscriptions()] == ["active", "canceled"]
    (refund,) = bea.shop.get("/refunds")["data"]
    assert refund["amount"] == 3_000
    with pytest.raises(Conflict):
        bea.opens_page("starter")


@pytest.mark.parametrize(
    ("spent", "back"),
    [(0, [3_000]), (1_001, [1_964]), (2_900, [])],
    ids=["nothing", "some", "all"],
)
def test_two_tiers_paid_one_after_the_other(bea: Tenanted, spent: int, back: list[int]) -> None:
    """Both pages were open. What was used of the cheaper limit is paid, and counts there alone.

    Otherwise each month would begin with the cheaper tier for nothing.
    """
    starter = bea.opens_page("starter")
    pro = bea.opens_page("pro")
    bea.shop.change("checkout.session", starter, status="open")
    bea.shop.pay(starter)
    bea.live_for(minutes=1)
    if spent:
        bea.spend(spent)

    bea.shop.pay(pro)
    bea.catch_up()

    assert bea.sees() == Shown("pro", "active", 29_900)
    assert [refund["amount"] for refund in bea.shop.get("/refunds")["data"]] == back
    assert [one["status"] for one in bea.subscriptions()] == ["active", "canceled"]


def test_a_refund_takes_nothing_of_a_limit(bea: Tenanted) -> None:
    """A limit is no credit: what was paid back leaves the tier until somebody ends it."""
    bea.buys("starter")
    bea.spend(1_000)
    (charge,) = bea.shop.get("/charges", customer=bea.stripe_id)["data"]

    bea.shop.post("/refunds", charge=charge["id"])
    bea.catch_up()

    assert bea.sees() == Shown("starter", "active", 1_900)


def test_a_deleted_customer_is_billed_no_more(bea: Tenanted) -> None:
    """At once, not with the period."""
    bea.buys("starter")

    end_subscriptions(bea.ref, payers_of(bea.ref))
    bea.catch_up()

    assert bea.sees() == Shown("starter", "canceled", 0)

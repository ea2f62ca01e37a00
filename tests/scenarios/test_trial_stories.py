"""Trials and what is told of them: begun, paid, cancelled, tried again, failed payments."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.runtime import firestore
from creditbase.runtime.settings import settings
from tests.payments.shop import CARD
from tests.runtime.signing import Signer
from tests.scenarios.life import FREE, Customer, Resource, Seen, Town, at, on_free
from tests.scenarios.portal import Portal

pytestmark = pytest.mark.firestore

DAYS = 14
OTHER_CARD = "5555555555554444"


@pytest.fixture(autouse=True)
def _trials(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Offer a trial, in a town where nobody has had one."""
    assert town
    for claim in firestore.query(f"projects/{HUB_PROJECT_ID}/trial_claims", limit=1_000):
        firestore.commit([firestore.Delete(claim.path)])
    monkeypatch.setenv("CREDITBASE_TRIAL_DAYS", str(DAYS))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def bob(town: Town, signer: Signer) -> Iterator[Customer]:
    """Return another newcomer."""
    customer = Customer.arrives(town, signer)
    yield customer
    customer.verify()


def mails(customer: Customer) -> list[Resource]:
    """Return every mail to a customer, oldest first."""
    whose = [("customer_id", "==", customer.ref.customer_id)]
    found = [each.fields or {} for each in firestore.query("mail", where=whose, limit=1_000)]
    return sorted(found, key=lambda mail: (mail["created_at"], mail["kind"]))


def kinds(customer: Customer) -> list[str]:
    """Return what a customer was told, in order."""
    return [mail["kind"] for mail in mails(customer)]


def trial_end(customer: Customer) -> Any:
    """Return when the newest trial ends."""
    return at(customer.subscription()["trial_end"])


def on_trial(monthly: int, **given: Any) -> Seen:
    """Return what somebody sees on the trial of guru."""
    return Seen("guru", monthly, **{"status": "trialing", **given})


def test_a_trial_becomes_a_paid_plan(ada: Customer) -> None:
    """Its credits at its start and no more; one notice; a fresh month when it is paid."""
    ada.subscribe("guru")
    assert ada.sees() == on_trial(10_000)
    ada.spend(4_000)
    end = trial_end(ada)

    ada.live_until(end - timedelta(days=4))
    assert kinds(ada) == []
    ada.live_until(end - timedelta(days=2))
    assert kinds(ada) == ["trial_ends_soon"]
    assert ada.sees() == on_trial(6_000)
    ada.live_past(end)

    assert ada.sees() == Seen("guru", 10_000)
    assert ada.granted("cycle") == [10_000, 10_000]
    assert [bill["amount_paid"] for bill in ada.invoices()] == [1_000, 0]
    (mail,) = mails(ada)
    assert mail["to"] == ["ada@example.com"]
    assert "10.00 USD" in mail["message"]["text"]
    assert "http://127.0.0.1:5000/app/billing" in mail["message"]["html"]


def test_a_cancelled_trial_ends_with_its_credits(ada: Customer) -> None:
    """It stays to its last day, is not announced to end, and is told when it has."""
    ada.subscribe("guru")
    ada.change(cancel_at_period_end="true")
    end = trial_end(ada)
    ada.live_until(end - timedelta(hours=1))
    assert ada.sees() == on_trial(10_000, is_leaving=True)
    assert kinds(ada) == []

    ada.live_past(end)

    assert ada.sees() == on_free(FREE_LEFT, status="canceled")
    assert kinds(ada) == ["subscription_ended"]
    assert "Nothing was charged" in mails(ada)[0]["message"]["text"]


FREE_LEFT = FREE
"""The free credits of this month wait for who comes back within it; they come once."""


def test_cancelled_trials_in_a_loop_win_no_second_allotment(ada: Customer) -> None:
    """Cancelled and begun again, with the other plan and another card: the next one costs."""
    ada.subscribe("guru")
    ada.cancel_now()
    assert ada.sees() == on_free(FREE_LEFT, status="canceled")

    for plan, card in (("pro", OTHER_CARD), ("guru", CARD)):
        session = ada.open_checkout(plan)
        asked = ada.shop.get(f"/checkout/sessions/{session}")
        assert asked["amount_total"] > 0, "no trial is offered"
        ada.shop.pay(session, card)
        ada.town.settle()
        ada.cancel_now()

    assert ada.granted("cycle") == [10_000, 55_000, 10_000]
    assert [bill["amount_paid"] for bill in ada.invoices()] == [1_000, 5_000, 0]
    assert ada.granted("free") == [500]


def test_plans_tried_out_within_a_trial_win_nothing(ada: Customer) -> None:
    """Nothing is paid for a change within a trial, so it brings nothing."""
    ada.subscribe("guru")
    ada.spend(10_000)
    portal = Portal.opened_by(ada)

    portal.change_plan("pro")
    assert ada.sees() == Seen("pro", 0, status="trialing")
    portal.change_plan("guru")
    portal.change_plan("pro")
    assert ada.sees() == Seen("pro", 0, status="trialing")

    assert ada.granted("cycle") == [10_000]
    ada.live_past(trial_end(ada))
    assert ada.sees() == Seen("pro", 55_000)
    assert ada.invoices()[0]["amount_paid"] == 5_000


def test_two_pages_with_a_trial_are_one_trial(ada: Customer) -> None:
    """Both open at once, both paid: the second is ended at once and gives nothing.

    Our own pages end each other; so one is made at Stripe as it would look if that was late.
    """
    first = ada.open_checkout("guru")
    second = twin_of(ada, first)

    ada.shop.pay(first)
    ada.shop.pay(second, OTHER_CARD)
    ada.town.settle()

    assert ada.granted("cycle") == [10_000]
    assert ada.sees() == on_trial(10_000)
    states = sorted(one["status"] for one in ada.subscriptions())
    assert states == ["canceled", "trialing"]
    assert kinds(ada) == ["trial_refused"]
    assert [bill["amount_paid"] for bill in ada.invoices()] == [0, 0]


def twin_of(customer: Customer, session: str) -> str:
    """Return a second open session for the same plan, with a trial of its own."""
    shown = customer.shop.get(f"/checkout/sessions/{session}", **{"expand[]": "line_items"})
    price = shown["line_items"]["data"][0]["price"]["id"]
    form: dict[str, object] = {
        "mode": "subscription",
        "customer": customer.stripe_id,
        "success_url": "http://127.0.0.1:5000/billing",
        "line_items[0][quantity]": 1,
        "line_items[0][price]": price,
        "subscription_data[trial_period_days]": DAYS,
    }
    made: str = customer.shop.post("/checkout/sessions", **form)["id"]
    return made


def test_one_card_has_one_trial_whoever_uses_it(ada: Customer, bob: Customer) -> None:
    """The second account is told, is not charged, and may pay; another card is no way round."""
    ada.subscribe("guru")
    bob.subscribe("guru")

    assert bob.granted("cycle") == []
    assert bob.sees() == on_free(500, status="canceled")
    assert kinds(bob) == ["trial_refused"]
    assert bob.subscription()["status"] == "canceled"
    assert ada.sees() == on_trial(10_000)

    bob.subscribe("guru", OTHER_CARD)
    assert bob.sees() == Seen("guru", 10_000)
    assert bob.invoices()[0]["amount_paid"] == 1_000


def test_a_trial_without_anything_to_pay_with_is_just_over(ada: Customer) -> None:
    """The card was taken away in the portal: nothing is owed, and the notice said so."""
    ada.subscribe("guru")
    method = ada.subscription()["default_payment_method"]
    ada.shop.post(f"/payment_methods/{method}/detach")
    ada.town.settle()

    end = trial_end(ada)
    ada.live_past(end)

    assert ada.sees() == on_free(FREE_LEFT, status="canceled")
    assert kinds(ada) == ["trial_ends_soon", "subscription_ended"]
    assert "no payment method" in mails(ada)[0]["message"]["text"]
    assert [bill["amount_due"] for bill in ada.invoices()] == [0]


def test_a_trial_that_is_cut_short_is_paid_and_not_announced(ada: Customer) -> None:
    """Stripe sends its notice then, too; the first paid month begins at once."""
    ada.subscribe("guru")
    ada.spend(1_000)
    ada.live_for(days=3)

    ada.change(trial_end="now")

    assert ada.sees() == Seen("guru", 10_000)
    assert ada.granted("cycle") == [10_000, 10_000]
    assert kinds(ada) == []


def test_a_payment_that_fails_is_told_each_time_until_it_is_made(ada: Customer) -> None:
    """With the day of the next attempt; then that it arrived; nothing twice."""
    ada.subscribe("guru")
    ada.pay_by("pm_card_chargeCustomerFail")
    end = trial_end(ada)
    ada.live_past(end)
    assert ada.sees() == Seen("guru", 0, status="past_due", has_issue=True)
    assert kinds(ada)[1:] == ["payment_failed"]
    assert "We will try again on" in mails(ada)[1]["message"]["text"]

    ada.live_for(days=4)
    ada.pay_by("pm_card_visa")
    ada.pay_open_bill()

    assert ada.sees() == Seen("guru", 10_000)
    assert ada.issue() is None
    assert kinds(ada)[1:] == ["payment_failed", "payment_failed", "payment_recovered"]


def test_a_plan_that_is_lost_for_not_being_paid_is_told(ada: Customer) -> None:
    """After the last attempt, which says that it is the last one."""
    ada.subscribe("guru")
    ada.pay_by("pm_card_chargeCustomerFail")
    ada.live_until(trial_end(ada) + timedelta(days=30))

    assert ada.sees().plan == "free"
    assert ada.issue() is None
    told = kinds(ada)
    assert told[0] == "trial_ends_soon"
    assert told[-1] == "subscription_ended"
    assert set(told[1:-1]) == {"payment_failed"}
    assert "could not be made" in mails(ada)[-1]["message"]["text"]
    names = [mail["message"]["subject"] + mail["message"]["text"] for mail in mails(ada)]
    assert len(names) == len(told)


def test_money_that_goes_back_is_told(ada: Customer) -> None:
    """A refund, a dispute, and its end; each once."""
    payment = ada.top_up("small")
    ada.refund(payment, 250)
    dispute = ada.dispute(payment)
    ada.decide_dispute(dispute, "won")

    assert kinds(ada) == ["money_refunded", "dispute_opened", "credits_returned"]
    assert "2.50 USD" in mails(ada)[0]["message"]["subject"]

"""Subscriptions that stand still: paused ones, and those whose collection is paused."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import (
    DAY_S,
    HOUR_S,
    Subscriber,
    count_events,
    since,
    subscriber,
)


@pytest.fixture
def ada(local: Local) -> Subscriber:
    """Return a subscriber without a card, whose subscription is paused after its trial."""
    ada = subscriber(local)
    local.client.v1.subscriptions.create(
        {
            "customer": ada.customer_id,
            "items": [{"price": ada.price_id}],
            "trial_period_days": 10,
            "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        }
    )
    ada.live(20 * DAY_S)
    assert ada.subscription().status == "paused"
    return ada


def resume(ada: Subscriber, **params: Any) -> stripe.Subscription:
    """Ask for the subscription to go on."""
    wish: Any = params
    return ada.local.client.v1.subscriptions.resume(ada.subscription().id, wish)


def test_a_paused_subscription_goes_on_when_its_invoice_is_paid(
    local: Local, ada: Subscriber
) -> None:
    """The invoice is open at once, the subscription paused until somebody pays."""
    before, now_s = count_events(local), ada.now()

    resumed = resume(ada)

    invoice = ada.invoices()[0]
    assert resumed.status == "paused"
    assert (resumed.latest_invoice, invoice.status) == (invoice.id, "open")
    assert (invoice.amount_due, invoice.attempt_count) == (2_000, 0)
    with pytest.raises(stripe.InvalidRequestError, match="still open"):
        resume(ada)

    ada.take_card("pm_card_visa")
    local.client.v1.invoices.pay(str(invoice.id))

    subscription = ada.subscription()
    assert subscription.status == "active"
    assert "status_details" not in subscription
    assert abs(subscription.billing_cycle_anchor - now_s) <= 1
    assert ada.period()[0] == subscription.billing_cycle_anchor
    assert since(local, before)[-1] == "customer.subscription.resumed"
    with pytest.raises(stripe.InvalidRequestError, match="is not paused"):
        resume(ada)
    ada.renew()
    assert [each.status for each in ada.invoices()] == ["paid", "paid", "paid"]


def test_a_resumption_that_cannot_be_paid_is_past_due_or_stays_paused(
    local: Local, ada: Subscriber
) -> None:
    """`resume_on_payment_attempt` takes a try for enough; `…_success` tries again itself."""
    ada.take_card("pm_card_chargeCustomerFail")

    resume(ada, payment_behavior="resume_on_payment_success")
    assert ada.subscription().status == "paused"
    assert ada.invoices()[0].next_payment_attempt is not None
    local.client.v1.invoices.void_invoice(str(ada.invoices()[0].id))
    assert ada.subscription().status == "paused"

    resume(ada)
    with pytest.raises(stripe.CardError):
        local.client.v1.invoices.pay(str(ada.invoices()[0].id))
    assert ada.subscription().status == "past_due"
    assert ada.invoices()[0].next_payment_attempt is None


def test_a_resumption_that_nobody_pays_for_is_given_up(local: Local, ada: Subscriber) -> None:
    """After 23 hours its invoice is void, and everything is as before."""
    period = ada.period()
    resume(ada)

    ada.live(23 * HOUR_S + 60)

    assert ada.invoices()[0].status == "void"
    assert (ada.subscription().status, ada.period()) == ("paused", period)
    resume(ada, payment_behavior="resume_on_payment_success")
    local.client.v1.invoices.mark_uncollectible(str(ada.invoices()[0].id))
    assert ada.subscription().status == "active"


def test_a_pause_on_request_gives_the_unused_time_back(local: Local) -> None:
    """Half a month is left over; the next invoice takes it into account."""
    ada = subscriber(local)
    ada.check_out()
    start_s, end_s = ada.period()
    ada.live_until((start_s + end_s) // 2)
    subscriptions = local.client.v1.subscriptions

    paused = subscriptions.pause(ada.subscription().id)

    assert paused.status == "paused"
    assert paused.status_details is not None
    assert paused.status_details.paused.subscription.type == "pause_requested"
    credit = local.client.v1.invoice_items.list({"pending": True}).data[0]
    assert abs(credit.amount + 1_000) <= 1
    ada.live_until(end_s + 5 * DAY_S)
    assert len(ada.invoices()) == 1, "its time stands still"

    ada.live_until(end_s + 6 * DAY_S)
    resumed = resume(ada, billing_cycle_anchor={"type": "unchanged"}, proration_behavior="none")
    assert (resumed.status, ada.period()[0]) == ("active", end_s)
    subscriptions.cancel(resumed.id)
    with pytest.raises(stripe.InvalidRequestError, match="cannot pause"):
        subscriptions.pause(resumed.id)


def test_a_paused_subscription_ends_when_it_was_to_end(local: Local, ada: Subscriber) -> None:
    """A pause is no way around a cancellation."""
    end_s = ada.now() + 5 * DAY_S
    local.client.v1.subscriptions.update(ada.subscription().id, {"cancel_at": end_s})

    ada.live_until(end_s + 1)

    assert ada.subscription().status == "canceled"


def test_a_trial_that_is_ended_now_says_so_and_pauses_without_a_card(local: Local) -> None:
    """`trial_end=now` is announced as a trial's end, and its settings hold."""
    ada = subscriber(local)
    made = local.client.v1.subscriptions.create(
        {
            "customer": ada.customer_id,
            "items": [{"price": ada.price_id}],
            "trial_period_days": 30,
            "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        }
    )
    before = count_events(local)

    ended = local.client.v1.subscriptions.update(made.id, {"trial_end": "now"})

    assert ended.status == "paused"
    assert since(local, before) == [
        "customer.subscription.trial_will_end",
        "customer.subscription.paused",
    ]


def test_collection_can_pause_for_a_while(local: Local) -> None:
    """The subscription goes on, its invoices are not collected until the pause is over."""
    ada = subscriber(local)
    ada.check_out()
    end_s = ada.period()[1]
    subscriptions, subscription_id = local.client.v1.subscriptions, ada.subscription().id
    pause: Any = {"behavior": "keep_as_draft", "resumes_at": end_s + 10 * DAY_S}
    subscriptions.update(subscription_id, {"pause_collection": pause})

    ada.renew()
    item = ada.subscription()["items"]["data"][0]["id"]
    subscriptions.update(
        subscription_id,
        {"items": [{"id": item, "quantity": 2}], "proration_behavior": "always_invoice"},
    )

    assert ada.subscription().status == "active"
    kept = [(each.status, each.auto_advance) for each in ada.invoices()]
    assert kept[:2] == [("draft", False), ("draft", False)]
    subscriptions.update(subscription_id, {"pause_collection": ""})
    subscriptions.update(subscription_id, {"pause_collection": {"behavior": "void"}})
    ada.live_until(end_s + 20 * DAY_S)
    assert ada.subscription().pause_collection is not None, "the first pause's end is forgotten"
    with pytest.raises(stripe.InvalidRequestError, match="in the future"):
        subscriptions.update(
            subscription_id, {"pause_collection": {"behavior": "void", "resumes_at": 1}}
        )
    ada.renew()
    assert ada.invoices()[0].status == "void"

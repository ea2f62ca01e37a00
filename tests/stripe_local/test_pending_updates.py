"""Changes that are made only when they are paid: `pending_if_incomplete`."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import (
    HOUR_S,
    Subscriber,
    count_events,
    monthly,
    since,
    subscriber_in_mid_month,
)

WAITING: Any = {
    "payment_behavior": "pending_if_incomplete",
    "proration_behavior": "always_invoice",
}
UPDATED = "customer.subscription.updated"
APPLIED = "customer.subscription.pending_update_applied"
EXPIRED = "customer.subscription.pending_update_expired"


@pytest.fixture
def ada(local: Local) -> Subscriber:
    """Return a subscriber in the middle of a month."""
    return subscriber_in_mid_month(local)


@pytest.fixture
def pro(local: Local, ada: Subscriber) -> str:
    """Return a dearer plan, which she asked for with a card that does not pay."""
    ada.take_card("pm_card_chargeCustomerFail")
    pro = monthly(local, 5_000)
    ada.change(pro, **WAITING)
    return pro


def pay(ada: Subscriber, invoice: stripe.Invoice) -> None:
    """Pay an invoice with a card that pays."""
    card = ada.local.client.v1.payment_methods.attach(
        "pm_card_visa", {"customer": ada.customer_id}
    )
    ada.local.client.v1.invoices.pay(str(invoice.id), {"payment_method": card.id})


def test_a_change_that_is_paid_at_once_is_made_at_once(local: Local, ada: Subscriber) -> None:
    """With a card that pays nothing is ever pending."""
    before = count_events(local)

    changed = ada.change(monthly(local, 5_000), **WAITING)

    assert (changed.pending_update, changed.status) == (None, "active")
    assert changed["items"]["data"][0]["price"]["unit_amount"] == 5_000
    assert changed.latest_invoice == ada.invoices()[0].id
    told = since(local, before)
    assert told.count(UPDATED) == 1
    assert APPLIED not in told


def test_a_change_that_is_not_paid_waits(local: Local, ada: Subscriber, pro: str) -> None:
    """The plan and the status stay; the invoice is open, and is not tried again by itself."""
    subscription = ada.subscription()

    waiting = subscription.pending_update
    assert waiting is not None
    assert waiting.subscription_items is not None
    assert [item.price.id for item in waiting.subscription_items] == [pro]
    assert abs(waiting.expires_at - ada.now() - 23 * HOUR_S) <= 60
    assert (ada.plan(), subscription.status) == (ada.price_id, "active")
    invoice = ada.invoices()[0]
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert (subscription.latest_invoice, invoice.next_payment_attempt) == (invoice.id, None)
    assert local.event_types()[-2:] == ["invoice.payment_failed", UPDATED]


def test_it_is_made_when_its_invoice_is_paid(local: Local, ada: Subscriber, pro: str) -> None:
    """By whatever card; a try that fails meanwhile leaves the end of the wait where it was."""
    waiting = ada.subscription().pending_update
    invoice = ada.invoices()[0]
    with pytest.raises(stripe.CardError):
        local.client.v1.invoices.pay(str(invoice.id))
    assert ada.subscription().pending_update == waiting

    pay(ada, invoice)

    assert (ada.plan(), ada.subscription().pending_update) == (pro, None)
    assert local.event_types()[-2:] == [UPDATED, APPLIED]
    ada.live(24 * HOUR_S)
    assert EXPIRED not in local.event_types()
    assert ada.plan() == pro


def test_it_is_forgotten_after_23_hours(local: Local, ada: Subscriber, pro: str) -> None:
    """The invoice is void, and nobody can pay it any more."""
    ada.live(23 * HOUR_S + 60)

    assert (ada.plan(), ada.subscription().pending_update) == (ada.price_id, None)
    assert ada.invoices()[0].status == "void"
    assert local.event_types()[-3:] == ["invoice.voided", UPDATED, EXPIRED]
    assert pro != ada.price_id


def test_it_does_not_outlive_the_period(local: Local, ada: Subscriber) -> None:
    """What is left of the month may be less than 23 hours; the renewal is of the old plan."""
    ada.take_card("pm_card_chargeCustomerFail")
    end_s = ada.period()[1]
    ada.live_until(end_s - HOUR_S)

    changed = ada.change(monthly(local, 5_000), **WAITING)

    assert changed.pending_update is not None
    assert changed.pending_update.expires_at == end_s
    ada.live_until(end_s + 60)
    assert EXPIRED in local.event_types()
    renewal, asked = ada.invoices()[:2]
    assert (renewal.total, asked.status) == (2_000, "void")


def test_a_void_invoice_takes_it_back(local: Local, ada: Subscriber, pro: str) -> None:
    """So does another change in its place; only what comes by itself is told as expired."""
    local.client.v1.invoices.void_invoice(str(ada.invoices()[0].id))
    assert (ada.plan(), ada.subscription().pending_update) == (ada.price_id, None)

    ada.change(pro, **WAITING)
    dearest = monthly(local, 9_000)
    ada.change(dearest, **WAITING)

    newest, other = ada.invoices()[:2]
    assert (newest.status, other.status) == ("open", "void")
    pay(ada, newest)
    assert ada.plan() == dearest
    assert EXPIRED not in local.event_types()


def test_it_ends_with_the_subscription(local: Local, ada: Subscriber, pro: str) -> None:
    """Nothing is changed, or expires, of what is over."""
    ended = local.client.v1.subscriptions.cancel(ada.subscription().id)

    assert ended.pending_update is None
    ada.live(24 * HOUR_S)
    assert not {APPLIED, EXPIRED} & set(local.event_types())
    assert pro != ada.price_id


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"description": "Pro"}, "supported by pending updates"),
        ({"metadata": {"a": "b"}}, "imitate"),
    ],
)
def test_other_changes_cannot_wait(ada: Subscriber, others: Any, said: str) -> None:
    """Stripe takes what is billed, and little else; nothing is silently done at once."""
    with pytest.raises(stripe.InvalidRequestError, match=said):
        ada.change(ada.price_id, **WAITING, **others)


def test_no_subscription_begins_that_way(local: Local, ada: Subscriber) -> None:
    """What does not exist yet has nothing that could stay as it is."""
    params: Any = {
        "customer": ada.customer_id,
        "items": [{"price": ada.price_id}],
        "payment_behavior": "pending_if_incomplete",
    }
    with pytest.raises(stripe.InvalidRequestError, match="updated"):
        local.client.v1.subscriptions.create(params)


def test_until_when_an_item_is_billed_is_told_when_asked(local: Local, ada: Subscriber) -> None:
    """A field that is there only where it is expanded."""
    plain = ada.subscription()["items"]["data"][0]

    asked = local.client.v1.subscriptions.retrieve(
        ada.subscription().id, {"expand": ["items.data.billed_until"]}
    )

    assert "billed_until" not in plain
    assert asked["items"]["data"][0]["billed_until"] == ada.period()[1]

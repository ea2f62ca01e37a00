"""Subscriptions through Checkout and the API: how they begin, renew and end."""

from typing import Any

import pytest
import stripe

from stripe_local.billing.periods import boundary, period_after
from tests.stripe_local.conftest import DECLINED_CARD, Local
from tests.stripe_local.lives import (
    DAY_S,
    HOUR_S,
    count_events,
    monthly,
    since,
    subscriber,
)

MONTHLY = {"interval": "month", "interval_count": 1}


def test_checkout_makes_the_subscription_with_the_payment(local: Local) -> None:
    """Everything that the backend reads of it, in the shapes of the pinned version."""
    ada = subscriber(local)
    before = count_events(local)

    session = ada.check_out(metadata={"uid": "u1"})

    subscription = ada.subscription()
    invoice = local.client.v1.invoices.retrieve(
        str(session.invoice),
        {"expand": ["payments", "parent.subscription_details.subscription"]},
    )
    item = subscription["items"]["data"][0]
    assert (session.payment_status, session.payment_intent) == ("paid", None)
    assert session.subscription == subscription.id == invoice.lines.data[0].subscription
    assert (subscription.status, subscription.metadata["uid"]) == ("active", "u1")
    assert subscription.latest_invoice == invoice.id
    assert item["current_period_end"] == boundary(item["current_period_start"], MONTHLY, 1)
    assert (invoice.billing_reason, invoice.status, invoice.amount_paid) == (
        "subscription_create",
        "paid",
        2_000,
    )
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    snapshot = invoice.parent.subscription_details.metadata
    assert snapshot is not None
    assert snapshot["uid"] == "u1"
    assert invoice.payments is not None
    assert invoice.payments.data[0].status == "paid"
    assert since(local, before) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "payment_method.attached",
        "customer.updated",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "checkout.session.completed",
    ]


def test_a_declined_card_leaves_no_subscription_and_no_invoice(local: Local) -> None:
    """Since basil: the subscription is made after the payment."""
    ada = subscriber(local)
    session = ada.session()

    refused = local.pay(session.id, DECLINED_CARD)

    assert refused.status_code == 402
    assert local.client.v1.subscriptions.list({"status": "all"}).data == []
    assert ada.invoices() == []
    assert local.client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert local.pay(session.id).status_code == 200
    assert len(local.client.v1.payment_intents.list().data) == 1


def test_a_payment_leads_to_its_subscription(local: Local) -> None:
    """A charge no longer names its invoice: the way goes through the invoice payments."""
    ada = subscriber(local)
    ada.check_out()
    intent = local.client.v1.payment_intents.list({"customer": ada.customer_id}).data[0]

    found = local.client.v1.invoice_payments.list(
        {
            "payment": {"type": "payment_intent", "payment_intent": intent.id},
            "expand": ["data.invoice"],
        }
    ).data

    invoice = found[0].invoice
    assert isinstance(invoice, stripe.Invoice)
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == ada.subscription().id
    assert local.client.v1.invoice_payments.list({"invoice": invoice.id}).data == [
        local.client.v1.invoice_payments.retrieve(found[0].id)
    ]
    other: Any = {"type": "payment_intent", "payment_intent": "pi_other"}
    assert local.client.v1.invoice_payments.list({"payment": other}).data == []


def test_a_renewal_is_a_draft_for_an_hour(local: Local) -> None:
    """Whoever looks right after the period's end finds nothing paid yet."""
    ada = subscriber(local)
    ada.check_out()
    end_s, before = ada.period()[1], count_events(local)

    ada.live_until(end_s + 300)

    draft = ada.invoices()[0]
    assert (draft.status, draft.billing_reason) == ("draft", "subscription_cycle")
    assert draft.automatically_finalizes_at == end_s + HOUR_S
    assert ada.period() == (
        end_s,
        boundary(ada.subscription().billing_cycle_anchor, MONTHLY, 2),
    )
    assert since(local, before) == [
        "invoice.upcoming",
        "customer.subscription.updated",
        "invoice.created",
    ]

    ada.live_until(end_s + HOUR_S + 1)

    assert ada.invoices()[0].status == "paid"
    assert ada.invoices()[0].lines.data[0].period.start == end_s
    assert since(local, before)[3:] == [
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_a_year_has_twelve_renewals(local: Local) -> None:
    """Time may jump: every period that was passed is billed, each at its own time."""
    ada = subscriber(local)
    ada.check_out()
    anchor_s = ada.subscription().billing_cycle_anchor

    ada.live_until(boundary(anchor_s, MONTHLY, 12) + 2 * HOUR_S)

    invoices = local.client.v1.invoices.list({"customer": ada.customer_id, "limit": 100}).data
    assert [invoice.status for invoice in invoices] == ["paid"] * 13
    assert [invoice.created for invoice in reversed(invoices)] == [
        boundary(anchor_s, MONTHLY, count) for count in range(13)
    ]
    assert len({invoice.number for invoice in invoices}) == 13


def test_a_subscription_of_the_31st_ends_with_the_month() -> None:
    """Counted from the anchor, so that February does not move March to the 28th."""
    anchor_s = 1_738_281_600  # 31 January 2025

    ends = [boundary(anchor_s, MONTHLY, count) for count in range(4)]

    assert [(end - ends[0]) // DAY_S for end in ends] == [0, 28, 59, 89]
    assert period_after(anchor_s, MONTHLY, ends[1] + 1) == (ends[1], ends[2])
    assert period_after(anchor_s, MONTHLY, ends[0] - 1)[1] == ends[0]
    weekly = {"interval": "week", "interval_count": 2}
    assert boundary(anchor_s, weekly, 1) == anchor_s + 14 * DAY_S


def test_cancelled_at_the_end_it_stays_active_until_then(local: Local) -> None:
    """And can come back before."""
    ada = subscriber(local)
    ada.check_out()
    subscription, end_s = ada.subscription(), ada.period()[1]
    update = local.client.v1.subscriptions.update

    leaving = update(subscription.id, {"cancel_at_period_end": True})
    assert (leaving.status, leaving.cancel_at) == ("active", end_s)
    assert leaving.canceled_at is not None
    back = update(subscription.id, {"cancel_at_period_end": False})
    assert (back.cancel_at, back.canceled_at, back.cancel_at_period_end) == (None, None, False)

    update(subscription.id, {"cancel_at_period_end": True})
    before = count_events(local)
    ada.live_until(end_s + DAY_S)

    assert ada.subscription().status == "canceled"
    assert ada.subscription().ended_at == end_s
    assert since(local, before) == ["customer.subscription.deleted"]
    assert len(ada.invoices()) == 1
    assert local.client.v1.subscriptions.list({"customer": ada.customer_id}).data == []


def test_cancelled_at_once_it_is_over(local: Local) -> None:
    """The reason is kept, and nothing more is billed."""
    ada = subscriber(local)
    ada.check_out()
    subscription = ada.subscription()

    ended = local.client.v1.subscriptions.cancel(
        subscription.id, {"cancellation_details": {"comment": "enough"}}
    )

    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.comment == "enough"
    ada.live(40 * DAY_S)
    assert len(ada.invoices()) == 1
    with pytest.raises(stripe.InvalidRequestError):
        local.client.v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="canceled subscription"):
        local.client.v1.subscriptions.update(subscription.id, {"description": "x"})


def test_a_trial_begins_with_an_invoice_for_nothing(local: Local) -> None:
    """A paid invoice that is no payment; the first payment comes with the trial's end."""
    ada = subscriber(local)
    before = count_events(local)

    session = ada.check_out(trial_period_days=14)

    subscription = ada.subscription()
    assert session.payment_status == "no_payment_required"
    assert session.amount_total == 0
    assert subscription.status == "trialing"
    trial_end_s = subscription.trial_end
    assert trial_end_s == ada.period()[1] == subscription.start_date + 14 * DAY_S
    assert [(each.amount_due, each.status) for each in ada.invoices()] == [(0, "paid")]
    assert "setup_intent.succeeded" in since(local, before)
    assert "charge.succeeded" not in since(local, before)

    before = count_events(local)
    ada.live_until(trial_end_s - 3 * DAY_S)
    assert since(local, before) == [
        "invoice.upcoming",
        "customer.subscription.trial_will_end",
    ]
    ada.live_until(trial_end_s + HOUR_S + 1)

    assert ada.subscription().status == "active"
    assert [each.amount_paid for each in ada.invoices()] == [2_000, 0]
    assert ada.period()[0] == trial_end_s


def test_a_trial_without_a_card_ends_as_its_settings_say(local: Local) -> None:
    """Cancel, pause, or an invoice that nobody pays."""
    ends = {"cancel": "canceled", "pause": "paused", "create_invoice": "past_due"}
    people = {}
    for behaviour in ends:
        ada = subscriber(local)
        session = local.sell(
            mode="subscription",
            customer=ada.customer_id,
            payment_method_collection="if_required",
            line_items=[{"price": ada.price_id, "quantity": 1}],
            subscription_data={
                "trial_period_days": 2,
                "trial_settings": {"end_behavior": {"missing_payment_method": behaviour}},
            },
        )
        done = local.call("POST", f"/v1/payment_pages/{session.id}/confirm", {})
        assert done.status_code == 200, done.text
        people[behaviour] = ada

    ada.live(2 * DAY_S + 2 * HOUR_S)

    assert {name: each.subscription().status for name, each in people.items()} == ends


def test_a_trial_can_be_ended_now(local: Local) -> None:
    """It is paid at once, and a new period begins."""
    ada = subscriber(local)
    ada.check_out(trial_period_days=14)
    ada.live(DAY_S)

    local.client.v1.subscriptions.update(ada.subscription().id, {"trial_end": "now"})

    assert ada.subscription().status == "active"
    assert ada.invoices()[0].amount_paid == 2_000
    assert ada.period()[0] == ada.subscription().billing_cycle_anchor


def test_a_subscription_of_the_api_may_begin_incomplete(local: Local) -> None:
    """Its first event says so, even if the card pays a moment later."""
    ada = subscriber(
        local,
        payment_method="pm_card_visa",
        invoice_settings={"default_payment_method": "pm_card_visa"},
    )
    before = count_events(local)

    made = local.client.v1.subscriptions.create(
        {"customer": ada.customer_id, "items": [{"price": ada.price_id, "quantity": 3}]}
    )

    events: Any = local.client.v1.events.list({"limit": 100}).data[:-before]
    created, updated = (
        event.data.object.status
        for event in reversed(events)
        if event.type.startswith("customer.subscription.")
    )
    assert (created, updated, made.status) == ("incomplete", "active", "active")
    assert ada.invoices()[0].amount_paid == 6_000


def test_a_first_payment_that_fails_leaves_it_incomplete_for_a_day(local: Local) -> None:
    """Then it expires, with its invoice void."""
    card = {"default_payment_method": "pm_card_chargeCustomerFail"}
    ada = subscriber(local, invoice_settings=card)
    items: Any = [{"price": ada.price_id}]
    create = local.client.v1.subscriptions.create

    with pytest.raises(stripe.CardError):
        create(
            {
                "customer": ada.customer_id,
                "items": items,
                "payment_behavior": "error_if_incomplete",
            }
        )
    assert local.client.v1.subscriptions.list({"status": "all"}).data == []
    made = create({"customer": ada.customer_id, "items": items})
    assert made.status == "incomplete"
    assert ada.invoices()[0].status == "open"

    ada.live(DAY_S)

    assert ada.subscription().status == "incomplete_expired"
    assert ada.invoices()[0].status == "void"


def test_what_cannot_be_subscribed_to_is_refused(local: Local) -> None:
    """Before anything is made of it."""
    ada = subscriber(local)
    once = local.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 5, "product_data": {"name": "Once"}}
    )
    yearly = monthly(local, 20_000, recurring={"interval": "year"})
    create = local.client.v1.subscriptions.create
    items: Any = [{"price": ada.price_id}, {"price": yearly}]

    with pytest.raises(stripe.InvalidRequestError, match="one_time"):
        create({"customer": ada.customer_id, "items": [{"price": once.id}]})
    with pytest.raises(stripe.InvalidRequestError, match="differ"):
        create({"customer": ada.customer_id, "items": items})
    with pytest.raises(stripe.InvalidRequestError, match="items"):
        create({"customer": ada.customer_id})
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent_data"):
        local.sell(mode="subscription", payment_intent_data={"description": "x"})
    with pytest.raises(stripe.InvalidRequestError, match="subscription_data"):
        local.sell(subscription_data={"description": "x"})
    with pytest.raises(stripe.InvalidRequestError, match="trial_period_days"):
        ada.session(trial_period_days=1_000)
    assert local.client.v1.subscriptions.list({"status": "all"}).data == []

"""Payments that fail: retries, recovery, and the ends that an account can choose."""

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import DAY_S, Subscriber, count_events, since, subscriber


@pytest.fixture
def ada(local: Local) -> Subscriber:
    """Return a subscriber whose card will not pay the next time."""
    ada = subscriber(local)
    ada.check_out()
    ada.take_card("pm_card_chargeCustomerFail")
    return ada


def test_a_failed_renewal_is_past_due_and_tried_again(local: Local, ada: Subscriber) -> None:
    """The product shows a payment issue, and keeps it until the invoice is paid."""
    before = count_events(local)

    ada.renew()

    invoice = ada.invoices()[0]
    assert ada.subscription().status == "past_due"
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert invoice.next_payment_attempt is not None
    assert local.client.v1.customers.retrieve(ada.customer_id).delinquent is True
    assert since(local, before)[2:] == [
        "payment_intent.created",
        "invoice.finalized",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
        "customer.updated",
    ]

    ada.take_card("pm_card_visa")
    ada.live_until(invoice.next_payment_attempt + 1)

    assert (ada.subscription().status, ada.invoices()[0].status) == ("active", "paid")
    assert local.client.v1.customers.retrieve(ada.customer_id).delinquent is False


@pytest.mark.parametrize(
    ("at_last", "status"),
    [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")],
)
def test_the_last_failed_try_ends_as_chosen(
    local: Local, ada: Subscriber, at_last: str, status: str
) -> None:
    """After three retries; what comes then is a setting of the account."""
    local.sim("POST", "/dunning", {"retry_after_days": [1, 2], "at_last": at_last})

    ada.renew()
    ada.live(4 * DAY_S)

    invoice = ada.invoices()[0]
    assert ada.subscription().status == status
    assert (invoice.attempt_count, invoice.next_payment_attempt) == (3, None)
    assert invoice.status == "open"


def test_unpaid_it_drafts_and_paying_the_latest_brings_it_back(
    local: Local, ada: Subscriber
) -> None:
    """An unpaid subscription goes on making invoices that nobody collects."""
    local.sim("POST", "/dunning", {"retry_after_days": [1], "at_last": "unpaid"})
    ada.renew()
    ada.live(2 * DAY_S)
    assert ada.subscription().status == "unpaid"

    ada.renew()

    latest = ada.invoices()[0]
    assert (latest.status, latest.auto_advance) == ("draft", False)
    paid = local.client.v1.invoices.pay(
        str(latest.id),
        {
            "payment_method": local.client.v1.payment_methods.attach(
                "pm_card_visa", {"customer": ada.customer_id}
            ).id
        },
    )
    assert paid.status == "paid"
    assert ada.subscription().status == "active"


def test_an_invoice_can_be_paid_voided_and_written_off_by_hand(
    local: Local, ada: Subscriber
) -> None:
    """What a person does in the Dashboard."""
    invoices = local.client.v1.invoices
    ada.renew()
    first = str(ada.invoices()[0].id)

    with pytest.raises(stripe.CardError) as refusal:
        invoices.pay(first)
    assert refusal.value.code == "card_declined"
    assert invoices.mark_uncollectible(first).status == "uncollectible"
    assert invoices.void_invoice(first).status == "void"
    with pytest.raises(stripe.InvalidRequestError, match="not open"):
        invoices.pay(first)
    with pytest.raises(stripe.InvalidRequestError, match="already finalized"):
        invoices.finalize_invoice(first)

    assert invoices.list({"status": "void"}).data[0].id == first
    assert invoices.list({"subscription": "sub_other"}).data == []
    types = {event.type for event in local.client.v1.events.list({"limit": 100}).data}
    assert {"invoice.voided", "invoice.marked_uncollectible"} <= types

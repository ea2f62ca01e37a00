"""Payments that fail: retries, recovery, and the ends that an account can choose."""

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import DAY_S, HOUR_S, Subscriber, count_events, since, subscriber


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
    assert since(local, before)[3:] == [
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


def test_a_payment_by_hand_that_fails_is_the_first_try_of_the_schedule(
    local: Local, ada: Subscriber
) -> None:
    """The product pays a renewal at once; a decline there must start the dunning, too."""
    local.sim("POST", "/dunning", {"retry_after_days": [1, 2], "at_last": "cancel"})
    ada.live_until(ada.period()[1] + 60)
    draft = ada.invoices()[0]
    assert (draft.status, draft.next_payment_attempt) == (
        "draft",
        draft.automatically_finalizes_at,
    )
    before = count_events(local)

    local.client.v1.invoices.finalize_invoice(str(draft.id))
    with pytest.raises(stripe.CardError):
        local.client.v1.invoices.pay(str(draft.id))

    failed = ada.invoices()[0]
    assert (failed.status, failed.attempt_count, failed.attempted) == ("open", 1, True)
    assert failed.next_payment_attempt is not None
    assert failed.next_payment_attempt - ada.now() in range(DAY_S - 60, DAY_S + 1)
    assert ada.subscription().status == "past_due"
    assert since(local, before) == [
        "payment_intent.created",
        "invoice.finalized",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
        "customer.updated",
    ]

    ada.live(DAY_S + 60)
    assert (ada.invoices()[0].attempt_count, ada.subscription().status) == (2, "past_due")
    ada.live(2 * DAY_S)
    last = ada.invoices()[0]
    assert (last.attempt_count, last.next_payment_attempt) == (3, None)
    assert ada.subscription().status == "canceled"


def test_later_payments_by_hand_leave_the_schedule_alone(local: Local, ada: Subscriber) -> None:
    """Whoever tries ten times in an evening has not used up the retries."""
    ada.renew()
    scheduled = ada.invoices()[0]
    before = count_events(local)

    for _ in range(2):
        with pytest.raises(stripe.CardError):
            local.client.v1.invoices.pay(str(scheduled.id))

    now = ada.invoices()[0]
    assert (now.attempt_count, now.next_payment_attempt) == (1, scheduled.next_payment_attempt)
    failure = ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"]
    assert since(local, before) == 2 * failure


def test_an_invoice_opened_early_is_collected_in_its_hour_all_the_same(
    local: Local, ada: Subscriber
) -> None:
    """Whoever dies between opening and paying loses nothing: Stripe collects by itself."""
    ada.take_card("pm_card_visa")
    ada.live_until(ada.period()[1] + 60)
    opened = local.client.v1.invoices.finalize_invoice(str(ada.invoices()[0].id))
    assert (opened.status, opened.attempt_count) == ("open", 0)

    ada.live(HOUR_S)

    paid = ada.invoices()[0]
    assert (paid.status, paid.attempt_count) == ("paid", 1)


def test_an_invoice_opened_without_its_own_way_waits(local: Local, ada: Subscriber) -> None:
    """`auto_advance=false` leaves the rest to a person: no try, no retries, no end."""
    ada.live_until(ada.period()[1] + 60)
    draft_id = str(ada.invoices()[0].id)
    local.client.v1.invoices.finalize_invoice(draft_id, {"auto_advance": False})
    ada.live(2 * HOUR_S)
    assert ada.invoices()[0].attempt_count == 0

    with pytest.raises(stripe.CardError):
        local.client.v1.invoices.pay(draft_id)
    ada.live(20 * DAY_S)

    invoice = ada.invoices()[0]
    assert (invoice.attempt_count, invoice.next_payment_attempt) == (1, None)
    assert ada.subscription().status == "past_due"


def test_what_was_written_off_can_still_be_paid(local: Local, ada: Subscriber) -> None:
    """Giving up on a debt does not refuse the money when it comes."""
    ada.renew()
    owed = str(ada.invoices()[0].id)
    local.client.v1.invoices.mark_uncollectible(owed)
    assert ada.subscription().status == "active", "writing the latest bill off is enough"
    ada.take_card("pm_card_visa")

    assert local.client.v1.invoices.pay(owed).status == "paid"
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


def test_an_incomplete_subscription_whose_invoice_is_void_expires(local: Local) -> None:
    """Voiding by hand is no reason for time to stop."""
    ada = subscriber(local)
    made = local.client.v1.subscriptions.create(
        {
            "customer": ada.customer_id,
            "items": [{"price": ada.price_id}],
            "payment_behavior": "default_incomplete",
        }
    )
    local.client.v1.invoices.void_invoice(str(made.latest_invoice))

    ada.live(DAY_S)

    assert ada.subscription().status == "incomplete_expired"

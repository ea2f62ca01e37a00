"""Changes of plan under way: what they cost, when, and what a failed payment leaves."""

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import (
    DAY_S,
    Subscriber,
    count_events,
    monthly,
    since,
    subscriber_in_mid_month,
)


@pytest.fixture
def ada(local: Local) -> Subscriber:
    """Return a subscriber of a plan for 20 dollars, in the middle of a month."""
    return subscriber_in_mid_month(local)


def test_an_upgrade_billed_at_once_has_a_credit_and_a_charge(
    local: Local, ada: Subscriber
) -> None:
    """Half of the old price back, half of the new one to pay; the period stays."""
    pro, period, before = monthly(local, 5_000), ada.period(), count_events(local)

    changed = ada.change(pro, proration_behavior="always_invoice")

    invoice = ada.invoices()[0]
    credit, debit = invoice.lines.data
    assert ada.period() == period
    assert changed["items"]["data"][0]["price"]["id"] == pro
    assert (invoice.billing_reason, invoice.status) == ("subscription_update", "paid")
    assert changed.latest_invoice == invoice.id
    assert credit.amount < 0 < debit.amount
    assert abs(invoice.total - 1_500) <= 1
    for line in (credit, debit):
        assert line.parent is not None
        assert line.parent.subscription_item_details is not None
        assert line.parent.subscription_item_details.proration is True
    details = credit.parent.subscription_item_details.proration_details  # type: ignore[union-attr]
    assert details is not None
    assert details.credited_items is not None
    assert details.credited_items.invoice == ada.invoices()[1].id
    assert since(local, before)[:3] == [
        "customer.subscription.updated",
        "invoice.created",
        "payment_intent.created",
    ]


def test_prorations_for_later_come_with_the_renewal(local: Local, ada: Subscriber) -> None:
    """`create_prorations` makes invoice items and no invoice now."""
    ada.change(monthly(local, 5_000))

    assert len(ada.invoices()) == 1
    assert ada.invoices()[0].total == 2_000
    ada.renew()

    renewal = ada.invoices()[0]
    assert len(renewal.lines.data) == 3
    assert abs(renewal.total - 6_500) <= 1


def test_without_prorations_only_the_next_period_costs_more(
    local: Local, ada: Subscriber
) -> None:
    """`none`: the change is a gift until the period ends."""
    ada.change(monthly(local, 5_000), proration_behavior="none")
    ada.renew()

    assert [invoice.total for invoice in ada.invoices()] == [5_000, 2_000]


def test_a_downgrade_billed_at_once_leaves_a_credit(local: Local, ada: Subscriber) -> None:
    """The invoice comes to less than nothing, and the customer's balance keeps it."""
    ada.change(monthly(local, 1_000), proration_behavior="always_invoice")

    customer = local.client.v1.customers.retrieve(ada.customer_id)
    assert ada.invoices()[0].amount_due == 0
    assert abs(customer.balance + 500) <= 1  # type: ignore[operator]
    ada.renew()
    assert abs(ada.invoices()[0].amount_due - 500) <= 1
    assert local.client.v1.customers.retrieve(ada.customer_id).balance == 0


def test_an_upgrade_that_is_not_paid_is_past_due_or_not_made(
    local: Local, ada: Subscriber
) -> None:
    """By what the request asks for."""
    ada.take_card("pm_card_chargeCustomerFail")
    pro = monthly(local, 5_000)

    with pytest.raises(stripe.CardError):
        ada.change(
            pro,
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
        )
    assert ada.subscription()["items"]["data"][0]["price"]["id"] == ada.price_id
    changed = ada.change(pro, proration_behavior="always_invoice")

    assert changed.status == "past_due"
    assert ada.invoices()[0].status == "open"


def test_a_new_interval_begins_a_new_period(local: Local, ada: Subscriber) -> None:
    """From a month to a year: the rest of the month back, the whole year to pay."""
    yearly = monthly(local, 20_000, recurring={"interval": "year"})

    ada.change(yearly)

    start_s, end_s = ada.period()
    assert 360 * DAY_S < end_s - start_s < 370 * DAY_S
    assert abs(ada.invoices()[0].total - 19_000) <= 1
    assert ada.subscription().billing_cycle_anchor == start_s


def test_the_same_interval_begins_a_new_period_where_that_is_asked(
    local: Local, ada: Subscriber
) -> None:
    """The rest of the old plan back, the whole month of the new one to pay, from now on."""
    before_s = ada.period()[0]

    ada.change(monthly(local, 5_000), billing_cycle_anchor={"type": "now"})

    assert ada.period()[0] > before_s + 10 * DAY_S
    assert abs(ada.invoices()[0].total - 4_000) <= 1
    assert ada.subscription().billing_cycle_anchor == ada.period()[0]
    kept = ada.change(monthly(local, 9_000), billing_cycle_anchor={"type": "unchanged"})
    assert kept.billing_cycle_anchor == ada.period()[0]


def test_the_anchor_alone_is_not_moved(local: Local, ada: Subscriber) -> None:
    """Stripe can; here nobody needs it, and it must not be passed over in silence."""
    update = local.client.v1.subscriptions.update
    name = str(ada.subscription().id)

    with pytest.raises(stripe.InvalidRequestError, match="does not imitate"):
        update(name, {"billing_cycle_anchor": {"type": "now"}})


def test_an_item_changes_by_itself_too(local: Local, ada: Subscriber) -> None:
    """The same through the item's own endpoint; a quantity counts like a price."""
    item = ada.subscription()["items"]["data"][0]
    items = local.client.v1.subscription_items

    changed = items.update(item["id"], {"quantity": 3, "proration_behavior": "always_invoice"})

    assert changed.quantity == 3
    assert items.retrieve(item["id"]).quantity == 3
    assert items.list({"subscription": ada.subscription().id}).data[0].id == item["id"]
    assert abs(ada.invoices()[0].total - 2_000) <= 1
    with pytest.raises(stripe.InvalidRequestError, match="at least one"):
        local.client.v1.subscriptions.update(
            ada.subscription().id, {"items": [{"id": item["id"], "deleted": True}]}
        )
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription_item"):
        items.retrieve("si_none")


def test_collection_can_pause_until_a_day(local: Local, ada: Subscriber) -> None:
    """Meanwhile the invoices are void; afterwards all is as before."""
    end_s = ada.period()[1]
    local.client.v1.subscriptions.update(
        ada.subscription().id,
        {"pause_collection": {"behavior": "void", "resumes_at": end_s + DAY_S}},
    )

    ada.renew()
    assert (ada.invoices()[0].status, ada.subscription().status) == ("void", "active")
    ada.renew()

    assert ada.subscription().pause_collection is None
    assert ada.invoices()[0].status == "paid"


def test_a_change_can_wait_for_its_payment(local: Local, ada: Subscriber) -> None:
    """`default_incomplete`: the page of the invoice pays it, with the card that then stays."""
    pro = monthly(local, 5_000)

    changed = ada.change(
        pro,
        payment_behavior="default_incomplete",
        payment_settings={"save_default_payment_method": "on_subscription"},
        proration_behavior="always_invoice",
    )

    invoice = ada.invoices()[0]
    assert (changed.status, invoice.status, invoice.attempt_count) == ("past_due", "open", 0)
    card = local.client.v1.payment_methods.attach(
        "pm_card_mastercard", {"customer": ada.customer_id}
    )
    local.client.v1.invoices.pay(str(invoice.id), {"payment_method": card.id})
    now = ada.subscription()
    assert (now.status, now.default_payment_method) == ("active", card.id)

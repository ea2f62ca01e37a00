"""Invoices beyond the renewal: previews, notices, what waits, and those made by hand."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import (
    DAY_S,
    HOUR_S,
    Subscriber,
    count_events,
    monthly,
    since,
    subscriber,
)


@pytest.fixture
def ada(local: Local) -> Subscriber:
    """Return a subscriber of a plan for 20 dollars, in the middle of a month."""
    ada = subscriber(local)
    ada.check_out()
    start_s, end_s = ada.period()
    ada.live_until((start_s + end_s) // 2)
    return ada


def preview(ada: Subscriber, price_id: str, **details: Any) -> stripe.Invoice:
    """Ask what a change of price would cost."""
    subscription = ada.subscription()
    item = {"id": subscription["items"]["data"][0]["id"], "price": price_id}
    wish: Any = {
        "subscription": subscription.id,
        "subscription_details": {"items": [item], **details},
    }
    return ada.local.client.v1.invoices.create_preview(wish)


def owe(local: Local, customer_id: str, amount: int = 700, **others: Any) -> stripe.InvoiceItem:
    """Note something that a customer owes."""
    params: Any = {"customer": customer_id, "amount": amount, "currency": "usd", **others}
    return local.client.v1.invoice_items.create(params)


class TestPreviews:
    """`create_preview` tells the price of a change before anybody agrees to it."""

    def test_a_change_billed_at_once_costs_what_was_shown(
        self, local: Local, ada: Subscriber
    ) -> None:
        """The portal and our own pages show this amount, and the card then pays it."""
        pro, before = monthly(local, 5_000), count_events(local)
        at_s = ada.now()

        shown = preview(ada, pro, proration_behavior="always_invoice", proration_date=at_s)

        assert str(shown.id).startswith("upcoming_in_")
        assert (shown.billing_reason, shown.status) == ("upcoming", "draft")
        assert [line.amount < 0 for line in shown.lines.data] == [True, False]
        assert count_events(local) == before
        assert ada.subscription()["items"]["data"][0]["price"]["id"] == ada.price_id
        with pytest.raises(stripe.InvalidRequestError, match="No such invoice"):
            local.client.v1.invoices.retrieve(str(shown.id))

        item = ada.subscription()["items"]["data"][0]["id"]
        local.client.v1.subscriptions.update(
            ada.subscription().id,
            {
                "items": [{"id": item, "price": pro}],
                "proration_behavior": "always_invoice",
                "proration_date": at_s,
            },
        )
        paid = ada.invoices()[0]
        assert (paid.total, paid.amount_paid) == (shown.total, shown.amount_due)

    def test_a_change_billed_later_is_shown_with_the_next_period(
        self, local: Local, ada: Subscriber
    ) -> None:
        """Two prorations, and the new price for the month to come."""
        pro, end_s = monthly(local, 5_000), ada.period()[1]

        shown = preview(ada, pro)

        assert (shown.created, shown.next_payment_attempt) == (end_s, end_s + HOUR_S)
        assert [line.amount for line in shown.lines.data][-1] == 5_000
        assert len(shown.lines.data) == 3
        assert abs(shown.total - 6_500) <= 1
        assert preview(ada, pro, proration_behavior="none").total == 5_000

    def test_what_is_shown_without_a_change_is_the_renewal(
        self, local: Local, ada: Subscriber
    ) -> None:
        """Also what waits for it, and what somebody thinks of adding; none where it ends."""
        owe(local, ada.customer_id)
        invoices = local.client.v1.invoices
        subscription_id = ada.subscription().id

        extra: Any = [{"amount": 100, "currency": "usd", "description": "a thought"}]
        shown = invoices.create_preview(
            {"subscription": subscription_id, "invoice_items": extra}
        )
        assert sorted(line.amount for line in shown.lines.data) == [100, 700, 2_000]
        assert len(local.client.v1.products.list({"active": False}).data) == 1

        local.client.v1.invoice_items.delete(local.client.v1.invoice_items.list().data[0].id)
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            invoices.create_preview(
                {
                    "subscription": subscription_id,
                    "subscription_details": {"cancel_at_period_end": True},
                }
            )
        assert refusal.value.code == "invoice_upcoming_none"

    def test_a_new_subscription_can_be_shown_before_it_begins(self, local: Local) -> None:
        """The price page: what is due today, with a trial and without."""
        ada = subscriber(local)
        invoices = local.client.v1.invoices
        items: Any = [{"price": ada.price_id, "quantity": 2}]
        days: Any = {"items": items, "trial_end": ada.now() + 30 * DAY_S}

        due = invoices.create_preview(
            {"customer": ada.customer_id, "subscription_details": {"items": items}}
        )
        trial = invoices.create_preview(
            {"customer": ada.customer_id, "subscription_details": days}
        )

        assert (due.amount_due, trial.amount_due) == (4_000, 0)
        assert local.client.v1.subscriptions.list({"status": "all"}).data == []
        with pytest.raises(stripe.InvalidRequestError, match="No upcoming invoices"):
            invoices.create_preview({"customer": ada.customer_id})
        with pytest.raises(stripe.InvalidRequestError, match="does not imitate"):
            invoices.create_preview({"customer": ada.customer_id, "preview_mode": "recurring"})


def test_a_week_before_a_renewal_an_invoice_without_id_is_announced(
    local: Local, ada: Subscriber
) -> None:
    """Whoever stores invoices by id falls over this one (stripe-firebase-extensions #616)."""
    end_s = ada.period()[1]

    ada.live_until(end_s - 7 * DAY_S + 1)

    event = local.client.v1.events.list({"type": "invoice.upcoming"}).data[0]
    upcoming: Any = event.data.object
    assert "id" not in upcoming
    assert (upcoming.amount_due, upcoming.created) == (2_000, end_s)
    assert upcoming.parent.subscription_details.subscription == ada.subscription().id
    local.client.v1.subscriptions.update(ada.subscription().id, {"cancel_at_period_end": True})
    ada.live_until(end_s + HOUR_S)
    assert len(local.client.v1.events.list({"type": "invoice.upcoming"}).data) == 1


class TestInvoiceItems:
    """What a customer owes besides the subscription."""

    def test_what_waits_goes_along_with_the_renewal(
        self, local: Local, ada: Subscriber
    ) -> None:
        """A one-time fee needs no invoice of its own."""
        items = local.client.v1.invoice_items
        owed = owe(local, ada.customer_id, description="Set-up", metadata={"why": "fee"})
        assert (owed.amount, owed.invoice, owed.parent) == (700, None, None)

        ada.renew()

        invoice = ada.invoices()[0]
        assert (invoice.total, invoice.status) == (2_700, "paid")
        line = invoice.lines.data[1]
        assert line.parent is not None
        assert line.parent.invoice_item_details is not None
        assert line.parent.invoice_item_details.invoice_item == owed.id
        assert (line.description, line.metadata["why"]) == ("Set-up", "fee")
        assert items.list({"pending": True}).data == []
        assert [each.id for each in items.list({"invoice": invoice.id}).data] == [owed.id]
        with pytest.raises(stripe.InvalidRequestError, match="no longer a draft"):
            items.delete(owed.id)

    def test_items_can_be_changed_and_forgotten_while_they_wait(self, local: Local) -> None:
        """By price, by amount; and only one way of saying what it is."""
        items = local.client.v1.invoice_items
        ada = subscriber(local)
        hat = local.client.v1.prices.create(
            {"currency": "usd", "unit_amount": 300, "product_data": {"name": "Hat"}}
        )
        hats = items.create(
            {"customer": ada.customer_id, "pricing": {"price": hat.id}, "quantity": 2}
        )
        assert (hats.amount, hats.description) == (600, "Hat")
        assert items.update(hats.id, {"quantity": 3}).amount == 900
        changed = items.update(hats.id, {"amount": -50, "description": "sorry"})
        assert (changed.amount, changed.quantity, changed.description) == (-50, 1, "sorry")
        assert items.retrieve(hats.id).amount == -50

        assert items.delete(hats.id).deleted is True
        assert items.list({"customer": ada.customer_id}).data == []
        wrong: Any = {"customer": ada.customer_id, "amount": 1, "pricing": {"price": hat.id}}
        with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
            items.create(wrong)
        with pytest.raises(stripe.InvalidRequestError, match="Missing required param: amount"):
            items.create({"customer": ada.customer_id, "currency": "usd"})


class TestInvoicesByHand:
    """`POST /v1/invoices`: a draft that its maker fills, opens, collects, or throws away."""

    def test_a_draft_is_filled_opened_and_paid(self, local: Local) -> None:
        """What the CLI's `trigger invoice.paid` does, step by step."""
        invoices = local.client.v1.invoices
        ada = subscriber(
            local,
            payment_method="pm_card_visa",
            invoice_settings={"default_payment_method": "pm_card_visa"},
        )
        owe(local, ada.customer_id)
        before = count_events(local)

        draft = invoices.create(
            {
                "customer": ada.customer_id,
                "pending_invoice_items_behavior": "include",
                "description": "by hand",
            }
        )
        owe(local, ada.customer_id, 300, invoice=draft.id)
        assert (draft.auto_advance, draft.billing_reason) == (False, "manual")
        assert draft.total == 700
        assert len(invoices.line_items.list(str(draft.id)).data) == 2
        opened = invoices.finalize_invoice(str(draft.id))
        paid = invoices.pay(str(draft.id))

        assert (opened.status, opened.amount_due) == ("open", 1_000)
        assert (paid.status, paid.amount_paid, paid.parent) == ("paid", 1_000, None)
        told = since(local, before)
        assert told[1:4] == ["invoice.created", "invoiceitem.created", "invoice.updated"]
        assert told[-2:] == ["invoice.paid", "invoice.payment_succeeded"]

    def test_a_draft_left_to_itself_is_collected_after_its_hour(self, local: Local) -> None:
        """`auto_advance`: nobody has to come back for it, and retries follow a decline."""
        ada = subscriber(local, payment_method="pm_card_chargeCustomerFail")
        card = local.client.v1.payment_methods.list({"customer": ada.customer_id}).data[0].id
        owe(local, ada.customer_id)
        local.client.v1.invoices.create(
            {
                "customer": ada.customer_id,
                "auto_advance": True,
                "default_payment_method": card,
                "pending_invoice_items_behavior": "include",
            }
        )

        ada.live(HOUR_S + 60)

        invoice = ada.invoices()[0]
        assert (invoice.status, invoice.attempt_count) == ("open", 1)
        assert invoice.next_payment_attempt is not None
        updated = local.client.v1.invoices.update(str(invoice.id), {"auto_advance": False})
        assert updated.next_payment_attempt is None
        ada.live(10 * DAY_S)
        assert ada.invoices()[0].attempt_count == 1

    def test_a_draft_that_is_thrown_away_gives_its_items_back(self, local: Local) -> None:
        """Nothing that is owed is lost with a draft."""
        invoices = local.client.v1.invoices
        ada = subscriber(local)
        owe(local, ada.customer_id)
        draft = invoices.create(
            {"customer": ada.customer_id, "pending_invoice_items_behavior": "include"}
        )
        noted = invoices.update(str(draft.id), {"metadata": {"a": "b"}})
        assert noted.metadata is not None
        assert noted.metadata["a"] == "b"

        assert invoices.delete(str(draft.id)).deleted is True

        assert len(local.client.v1.invoice_items.list({"pending": True}).data) == 1
        again = invoices.create({"customer": ada.customer_id})
        assert (again.total, again.lines.data) == (0, [])
        assert invoices.finalize_invoice(str(again.id)).status == "paid"
        with pytest.raises(stripe.InvalidRequestError, match="only delete draft"):
            invoices.delete(str(again.id))
        with pytest.raises(stripe.InvalidRequestError, match="can't be updated"):
            invoices.update(str(again.id), {"description": "late"})

    def test_a_bill_that_is_sent_is_not_collected(self, local: Local) -> None:
        """It has a day on which it is due, and no tries."""
        invoices = local.client.v1.invoices
        ada = subscriber(local)
        owe(local, ada.customer_id)
        bill: Any = {
            "customer": ada.customer_id,
            "collection_method": "send_invoice",
            "pending_invoice_items_behavior": "include",
        }
        with pytest.raises(stripe.InvalidRequestError, match="days_until_due"):
            invoices.create(bill)
        bill["days_until_due"] = 7
        made = invoices.create(bill)
        assert made.due_date is not None

        sent = invoices.send_invoice(str(made.id))
        ada.live(2 * DAY_S)

        assert (sent.status, sent.next_payment_attempt) == ("open", None)
        assert ada.invoices()[0].attempt_count == 0
        assert local.event_types()[-1] == "invoice.sent"

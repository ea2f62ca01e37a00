"""The customer portal: what its configuration allows, and what its page does."""

from typing import Any

import pytest
import requests
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import (
    DAY_S,
    Subscriber,
    count_events,
    monthly,
    since,
    subscriber,
)


class Visitor:
    """A customer with the portal's page open: no script, only forms."""

    def __init__(self, ada: Subscriber, url: str) -> None:
        self.ada = ada
        self.url = url

    def see(self) -> str:
        """Return the page."""
        return self.ada.local.http.get(self.url, timeout=30).text

    def press(self, action: str, **fields: str) -> requests.Response:
        """Press a button of the page."""
        form = {"action": action, "subscription": self.ada.subscription().id, **fields}
        return self.ada.local.http.post(self.url, data=form, timeout=30)

    def price(self) -> str:
        """Return the price that is subscribed to."""
        price_id: str = self.ada.subscription()["items"]["data"][0]["price"]["id"]
        return price_id


def configure(
    local: Local, price_ids: list[str], **cancel: Any
) -> stripe.billing_portal.Configuration:
    """Allow everything: upgrades at once, downgrades and cancellations at the period's end."""
    prices = [local.client.v1.prices.retrieve(price_id) for price_id in price_ids]
    params: Any = {
        "default_return_url": "http://127.0.0.1:9/account",
        "features": {
            "invoice_history": {"enabled": True},
            "payment_method_update": {"enabled": True},
            "subscription_cancel": {"enabled": True, "mode": "at_period_end", **cancel},
            "subscription_update": {
                "enabled": True,
                "default_allowed_updates": ["price"],
                "products": [{"product": str(p.product), "prices": [p.id]} for p in prices],
                "proration_behavior": "always_invoice",
                "schedule_at_period_end": {"conditions": [{"type": "decreasing_item_amount"}]},
            },
        },
    }
    return local.client.v1.billing_portal.configurations.create(params)


@pytest.fixture
def visitor(local: Local) -> Visitor:
    """Return a subscriber of 20 dollars with the portal open, who may go to 10 or 50."""
    ada = subscriber(local)
    ada.check_out()
    offered = [monthly(local, 1_000), ada.price_id, monthly(local, 5_000)]
    configuration = configure(local, offered)
    session = local.client.v1.billing_portal.sessions.create(
        {"customer": ada.customer_id, "configuration": configuration.id}
    )
    assert session.return_url == "http://127.0.0.1:9/account"
    return Visitor(ada, session.url)


def offered(local: Local, amount: int) -> str:
    """Return the id of the price of that amount."""
    prices = local.client.v1.prices.list({"limit": 100}).data
    return next(price.id for price in prices if price.unit_amount == amount)


def test_the_page_shows_the_plan_the_card_and_the_invoices(visitor: Visitor) -> None:
    """All that a customer asks for, without any script."""
    page = visitor.see()

    assert "Plan for 2000" in page
    assert "$20.00 per month" in page
    assert "Visa ending in 4242" in page
    assert "(current)" in page
    assert "-0001" in page
    assert 'href="http://127.0.0.1:9/account"' in page
    assert "<script" not in page


def test_an_upgrade_happens_at_once(local: Local, visitor: Visitor) -> None:
    """With an invoice for the difference, paid."""
    pro = offered(local, 5_000)

    done = visitor.press("change", price=pro)

    assert "Your plan was changed." in done.text
    assert visitor.price() == pro
    assert visitor.ada.invoices()[0].billing_reason == "subscription_update"
    assert visitor.ada.invoices()[0].status == "paid"


def test_a_downgrade_waits_for_the_end_of_the_period(local: Local, visitor: Visitor) -> None:
    """As a schedule; nobody gets money back, and the plan stays until then."""
    basic, before = offered(local, 1_000), count_events(local)

    done = visitor.press("change", price=basic)

    assert "will change at the end" in done.text
    assert "Plan for 1000" in done.text
    assert visitor.price() == visitor.ada.price_id
    schedule_id = visitor.ada.subscription().schedule
    schedule = local.client.v1.subscription_schedules.retrieve(str(schedule_id))
    assert schedule.status == "active"
    assert schedule.phases[1].items[0].price == basic
    assert since(local, before) == [
        "subscription_schedule.created",
        "customer.subscription.updated",
    ]

    visitor.ada.renew()

    assert visitor.price() == basic
    assert visitor.ada.invoices()[0].total == 1_000
    assert visitor.ada.subscription().schedule is None
    told: Any = local.client.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    was = told.data.previous_attributes["items"]["data"][0]
    assert was["price"]["unit_amount"] == 2_000


def test_a_planned_downgrade_can_be_taken_back(local: Local, visitor: Visitor) -> None:
    """By choosing the present plan, or by the API."""
    basic = offered(local, 1_000)
    visitor.press("change", price=basic)

    assert "stays as it is" in visitor.press("change", price=visitor.ada.price_id).text
    assert visitor.ada.subscription().schedule is None
    visitor.press("change", price=basic)
    schedules = local.client.v1.subscription_schedules
    released = schedules.release(str(visitor.ada.subscription().schedule))
    assert released.status == "released"
    with pytest.raises(stripe.InvalidRequestError, match="not active"):
        schedules.release(released.id)

    visitor.ada.renew()
    assert visitor.price() == visitor.ada.price_id
    assert len(schedules.list({"customer": visitor.ada.customer_id}).data) == 2


def test_an_upgrade_that_is_not_paid_is_not_made(local: Local, visitor: Visitor) -> None:
    """The customer reads why, and keeps the old plan."""
    visitor.ada.take_card("pm_card_chargeCustomerFail")

    refused = visitor.press("change", price=offered(local, 5_000))

    assert refused.status_code == 402
    assert "Your card was declined." in refused.text
    assert visitor.price() == visitor.ada.price_id
    assert len(visitor.ada.invoices()) == 1


def test_cancelling_and_coming_back(visitor: Visitor) -> None:
    """At the end of the period, and only if nobody changes their mind."""
    assert "was cancelled" in visitor.press("cancel").text
    assert visitor.ada.subscription().cancel_at_period_end is True
    assert "Keep the subscription" in visitor.see()

    assert "goes on" in visitor.press("renew").text
    assert visitor.ada.subscription().cancel_at is None

    visitor.press("cancel")
    visitor.ada.live_until(visitor.ada.period()[1] + DAY_S)
    assert visitor.ada.subscription().status == "canceled"
    assert "No subscription" in visitor.see()
    assert visitor.press("renew").status_code == 400


def test_another_card_pays_what_is_owed(local: Local, visitor: Visitor) -> None:
    """The way out of a failed payment."""
    visitor.ada.take_card("pm_card_chargeCustomerFail")
    visitor.ada.renew()
    assert "Payment failed" in visitor.see()

    declined = visitor.press("card", number="4000000000000002", expiry="12/40", cvc="123")
    assert declined.status_code == 402
    assert "Enter a card number." in visitor.press("card").text
    saved = visitor.press("card", number="5555555555554444", expiry="12/40", cvc="123")

    assert "Your card was saved." in saved.text
    assert visitor.ada.subscription().status == "active"
    assert visitor.ada.invoices()[0].status == "paid"
    customer = local.client.v1.customers.retrieve(visitor.ada.customer_id)
    assert customer.invoice_settings is not None
    assert "Mastercard ending in 4444" in visitor.see()


def test_what_is_switched_off_is_neither_shown_nor_done(local: Local) -> None:
    """A new account's portal does not change plans."""
    ada = subscriber(local)
    ada.check_out()
    session = local.client.v1.billing_portal.sessions.create({"customer": ada.customer_id})
    visitor = Visitor(ada, session.url)

    assert "Change plan" not in visitor.see()
    refused = visitor.press("change", price=monthly(local, 5_000))
    assert refused.status_code == 400
    assert "switched off" in refused.text
    assert visitor.press("dance").status_code == 404
    assert local.http.get(f"{local.url}/p/session/bps_none", timeout=30).status_code == 404


def test_nobody_changes_the_subscription_of_another(local: Local, visitor: Visitor) -> None:
    """The session says whose portal it is, whatever the form says."""
    bob = subscriber(local)
    bob.check_out()

    refused = visitor.press("cancel", subscription=bob.subscription().id)

    assert refused.status_code == 400
    assert bob.subscription().cancel_at is None


def test_a_configuration_can_be_changed_and_found(local: Local) -> None:
    """What `catalog push` does: make once, then update what is there."""
    configurations = local.client.v1.billing_portal.configurations
    made = configure(local, [monthly(local)])

    changed = configurations.update(
        made.id,
        {
            "features": {"subscription_cancel": {"enabled": True, "mode": "immediately"}},
            "metadata": {"catalog": "1"},
        },
    )

    assert changed.features.subscription_cancel.mode == "immediately"
    assert changed.features.subscription_update.enabled is True
    assert configurations.retrieve(made.id).metadata == changed.metadata
    assert [each.id for each in configurations.list({"active": True}).data] == [made.id]
    products: Any = [{"product": "prod_none", "prices": [monthly(local)]}]
    update: Any = {"subscription_update": {"enabled": True, "products": products}}
    with pytest.raises(stripe.InvalidRequestError, match="No such product"):
        configurations.update(made.id, {"features": update})
    with pytest.raises(stripe.InvalidRequestError, match="customer"):
        local.client.v1.billing_portal.sessions.create({})

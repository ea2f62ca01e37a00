"""Discounts on subscriptions: how long they last, what they take off, and how one gets them."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import DAY_S, Subscriber, count_events, monthly, since, subscriber

HALF: Any = {"percent_off": 50}


def coupon(local: Local, **params: Any) -> str:
    """Make a coupon, half of everything where nothing else is said."""
    wish: Any = params if "amount_off" in params else HALF | params
    return local.client.v1.coupons.create(wish).id


def subscribe(local: Local, *coupons: str, **customer: Any) -> Subscriber:
    """Return a subscriber who pays by card, with coupons from the start."""
    ada = subscriber(local, **customer)
    card = local.client.v1.payment_methods.attach("pm_card_visa", {"customer": ada.customer_id})
    local.client.v1.subscriptions.create(
        {
            "customer": ada.customer_id,
            "default_payment_method": card.id,
            "items": [{"price": ada.price_id}],
            "discounts": [{"coupon": each} for each in coupons],
        }
    )
    return ada


def paid(ada: Subscriber) -> list[int]:
    """Return what was paid, oldest first."""
    return [invoice.amount_paid for invoice in reversed(ada.invoices())]


@pytest.mark.parametrize(
    ("terms", "amounts"),
    [
        ({"duration": "once"}, [1_000, 2_000, 2_000, 2_000]),
        ({"duration": "repeating", "duration_in_months": 2}, [1_000, 1_000, 2_000, 2_000]),
        ({"duration": "forever"}, [1_000, 1_000, 1_000, 1_000]),
    ],
    ids=["once", "repeating", "forever"],
)
def test_a_discount_lasts_as_long_as_its_coupon_says(
    local: Local, terms: dict[str, Any], amounts: list[int]
) -> None:
    """Whoever computes what was paid must not take the first month for every month."""
    ada = subscribe(local, coupon(local, **terms))

    for _ in range(3):
        ada.renew()

    assert paid(ada) == amounts
    forever = terms["duration"] == "forever"
    assert len(ada.subscription().discounts) == forever
    told = [each for each in local.event_types() if each.startswith("customer.discount.")]
    assert told == ["customer.discount.created"] + (
        [] if forever else ["customer.discount.deleted"]
    )


def test_an_invoice_says_what_was_taken_off(local: Local) -> None:
    """In the shapes of the pinned version, with the coupon behind the discount's source."""
    half = coupon(local, duration="forever")
    fixed = coupon(local, duration="forever", amount_off=300, currency="usd")

    ada = subscribe(local, half, fixed)

    invoice = local.client.v1.invoices.retrieve(
        str(ada.invoices()[0].id),
        {"expand": ["discounts.source.coupon", "total_discount_amounts.discount"]},
    )
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (2_000, 700, 700)
    assert invoice.total_discount_amounts is not None
    assert [each.amount for each in invoice.total_discount_amounts] == [1_000, 300]
    first: Any = invoice.discounts[0]
    assert (first.source.coupon.id, first.end) == (half, None)
    assert first.subscription == ada.subscription().id
    line = invoice.lines.data[0]
    assert (line.amount, line.subtotal) == (2_000, 2_000)
    assert line.discount_amounts is not None
    assert [each.amount for each in line.discount_amounts] == [1_000, 300]
    charge = local.client.v1.charges.list().data[0]
    assert charge.amount == 700


class TestThroughCheckout:
    """Where most coupons are used."""

    def test_a_session_subscribes_at_the_reduced_price(self, local: Local) -> None:
        """The page, the payment and the invoice agree; the next month is dearer."""
        half = coupon(local, duration="once")
        ada = subscriber(local)
        session = local.sell(
            mode="subscription",
            customer=ada.customer_id,
            line_items=[{"price": ada.price_id, "quantity": 1}],
            discounts=[{"coupon": half}],
        )
        assert (session.amount_subtotal, session.amount_total) == (2_000, 1_000)

        assert local.pay(session.id).status_code == 200
        discount: Any = local.client.v1.events.list({"type": "customer.discount.created"})
        ada.renew()

        assert paid(ada) == [1_000, 2_000]
        assert local.client.v1.coupons.retrieve(half).times_redeemed == 1
        assert discount.data[0].data.object.checkout_session == session.id

    def test_a_payer_types_a_code(self, local: Local) -> None:
        """Only where the session allows it, and only codes that hold."""
        third = coupon(local, percent_off=30, duration="forever")
        promotion: Any = {"type": "coupon", "coupon": third}
        codes = local.client.v1.promotion_codes
        codes.create({"promotion": promotion, "code": "Spring", "max_redemptions": 1})
        off = codes.create({"promotion": promotion, "code": "AUTUMN"})
        codes.update(off.id, {"active": False})
        ada = subscriber(local)
        terms: Any = {
            "mode": "subscription",
            "line_items": [{"price": ada.price_id, "quantity": 1}],
        }
        session = local.sell(**terms, allow_promotion_codes=True)
        closed = local.sell(**terms)

        def confirm(session_id: str, code: str) -> Any:
            form = {"card[number]": "4242424242424242", "promotion_code": code}
            at = f"/v1/payment_pages/{session_id}/confirm"
            return local.call("POST", at, form | {"email": "ada@example.com"})

        assert confirm(closed.id, "SPRING").status_code == 400
        assert "invalid" in confirm(session.id, "AUTUMN").json()["error"]["message"]
        done = confirm(session.id, "spring ").json()

        assert (done["status"], done["amount_total"]) == ("complete", 1_400)
        assert done["discounts"][0]["coupon"] == third
        assert codes.list({"code": "Spring"}).data[0].active is False
        again = local.sell(**terms, allow_promotion_codes=True)
        assert confirm(again.id, "spring").status_code == 400
        with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
            local.sell(**terms, allow_promotion_codes=True, discounts=[{"coupon": third}])

    def test_a_trial_does_not_use_up_a_discount(self, local: Local) -> None:
        """There was nothing to take it off; the first paid month is the reduced one."""
        ada = subscriber(local)
        session = local.sell(
            mode="subscription",
            customer=ada.customer_id,
            line_items=[{"price": ada.price_id, "quantity": 1}],
            subscription_data={"trial_period_days": 5},
            discounts=[{"coupon": coupon(local, duration="once")}],
        )
        assert local.pay(session.id).status_code == 200
        ada.renew()
        ada.renew()

        assert paid(ada) == [0, 1_000, 2_000]


class TestChanges:
    """What is under way can get a discount, lose it, and change its plan with it."""

    def test_a_discount_comes_and_goes(self, local: Local) -> None:
        """With an event each, and never more than what is asked for."""
        ada = subscribe(local)
        half, tenth = coupon(local, duration="forever"), coupon(local, percent_off=10)
        subscriptions, subscription_id = local.client.v1.subscriptions, ada.subscription().id
        before = count_events(local)

        changed = subscriptions.update(subscription_id, {"discounts": [{"coupon": half}]})
        assert since(local, before) == [
            "customer.subscription.updated",
            "customer.discount.created",
        ]
        kept: Any = [{"discount": changed.discounts[0]}, {"coupon": tenth}]
        assert len(subscriptions.update(subscription_id, {"discounts": kept}).discounts) == 2
        local.client.v1.coupons.delete(half)
        shown = local.client.v1.invoices.create_preview({"subscription": subscription_id})
        assert shown.total == 900, "a deleted coupon goes on where it is at work"
        tried: Any = {"subscription": subscription_id, "discounts": [{"coupon": tenth}]}
        assert local.client.v1.invoices.create_preview(tried).total == 1_800

        assert subscriptions.delete_discount(subscription_id).deleted is True
        assert subscriptions.retrieve(subscription_id).discounts == []
        with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
            subscriptions.update(subscription_id, {"discounts": [{"coupon": half}]})

    def test_a_change_of_plan_gives_back_what_was_paid(self, local: Local) -> None:
        """Not what it would have cost: half a month of a half-price month is a quarter."""
        ada = subscribe(local, coupon(local, duration="once"))
        start_s, end_s = ada.period()
        ada.live_until((start_s + end_s) // 2)
        item = ada.subscription()["items"]["data"][0]["id"]

        local.client.v1.subscriptions.update(
            ada.subscription().id,
            {
                "items": [{"id": item, "price": monthly(local, 5_000)}],
                "proration_behavior": "always_invoice",
            },
        )

        credit, debit = ada.invoices()[0].lines.data
        assert abs(credit.amount + 500) <= 1
        assert abs(debit.amount - 2_500) <= 1


def test_codes_hold_only_for_what_they_were_made_for(local: Local) -> None:
    """First purchases, one customer, a least amount; and a time."""
    half = coupon(local)
    promotion: Any = {"type": "coupon", "coupon": half}
    codes = local.client.v1.promotion_codes
    ada = subscribe(local)
    first = codes.create(
        {"promotion": promotion, "restrictions": {"first_time_transaction": True}}
    )
    dear = codes.create(
        {
            "promotion": promotion,
            "restrictions": {"minimum_amount": 5_000, "minimum_amount_currency": "usd"},
        }
    )
    other = subscriber(local)
    hers = codes.create({"promotion": promotion, "customer": other.customer_id})

    def use(code: str) -> None:
        local.client.v1.subscriptions.update(
            ada.subscription().id, {"discounts": [{"promotion_code": code}]}
        )

    with pytest.raises(stripe.InvalidRequestError, match="prior transactions"):
        use(first.id)
    with pytest.raises(stripe.InvalidRequestError, match="below its minimum"):
        use(dear.id)
    with pytest.raises(stripe.InvalidRequestError, match="another customer"):
        use(hers.id)
    soon = coupon(local, redeem_by=ada.now() + DAY_S)
    ada.live(2 * DAY_S)
    with pytest.raises(stripe.InvalidRequestError, match="expired"):
        local.client.v1.subscriptions.update(
            ada.subscription().id, {"discounts": [{"coupon": soon}]}
        )

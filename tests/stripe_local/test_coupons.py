"""Coupons and promotion codes on a Checkout session, up to one that costs nothing."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import Local


def test_a_coupon_takes_its_share_off(local: Local) -> None:
    """The payer pays the rest, and the lines say what was taken off."""
    coupon = local.client.v1.coupons.create({"percent_off": 20})

    session = local.sell(discounts=[{"coupon": coupon.id}])
    local.pay(session.id)

    assert (session.amount_subtotal, session.amount_total) == (2_500, 2_000)
    assert session.total_details is not None
    assert session.total_details.amount_discount == 500
    lines = local.client.v1.checkout.sessions.line_items.list(session.id).data
    assert (lines[0].amount_discount, lines[0].amount_total) == (500, 2_000)
    assert local.client.v1.charges.list().data[0].amount == 2_000
    assert local.client.v1.coupons.retrieve(coupon.id).times_redeemed == 1


def test_a_session_for_nothing_is_complete_without_a_payment(local: Local) -> None:
    """No card, no payment intent, no charge; whoever fulfils must not ask for one."""
    coupon = local.client.v1.coupons.create({"percent_off": 100, "max_redemptions": 1})
    code = local.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "FREE"}
    )
    session = local.sell(discounts=[{"promotion_code": code.id}])

    done = local.call("POST", f"/v1/payment_pages/{session.id}/confirm", {}).json()

    assert (done["status"], done["amount_total"]) == ("complete", 0)
    assert (done["payment_status"], done["payment_intent"]) == ("no_payment_required", None)
    assert local.client.v1.charges.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        local.sell(discounts=[{"coupon": coupon.id}])
    assert refusal.value.code == "coupon_expired"
    found = local.client.v1.promotion_codes.list({"code": "FREE"}).data[0]
    assert (found.id, found.times_redeemed) == (code.id, 1)
    assert found == local.client.v1.promotion_codes.retrieve(code.id)


def test_what_is_no_discount_is_refused(local: Local) -> None:
    """Neither, both, another currency, or a subscription."""
    coupons = local.client.v1.coupons
    euros = coupons.create({"amount_off": 100, "currency": "eur", "duration": "once"})
    wrong: list[Any] = [{}, {"percent_off": 5, "amount_off": 5}, {"percent_off": 101}]
    for params in [*wrong, {"amount_off": 5}]:
        with pytest.raises(stripe.InvalidRequestError):
            coupons.create(params)

    with pytest.raises(stripe.InvalidRequestError, match="another currency"):
        local.sell(discounts=[{"coupon": euros.id}])
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        local.sell(discounts=[{"coupon": euros.id, "promotion_code": "promo_1"}])
    assert [coupon.id for coupon in coupons.list().data] == [euros.id]

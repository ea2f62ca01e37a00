"""A promotion code typed on the Checkout page."""

from typing import Any

import pytest
import requests
import stripe

from tests.stripe_local.conftest import GOOD_CARD, Local
from tests.stripe_local.lives import monthly
from tests.stripe_local.test_page import Page, press_pay, visit


def make_code(local: Local, code: str, **coupon: Any) -> str:
    """Make a code that takes something off, and return its id."""
    params: Any = {"duration": "once", **coupon}
    made = local.client.v1.coupons.create(params)
    promotion: Any = {"promotion": {"type": "coupon", "coupon": made.id}, "code": code}
    return local.client.v1.promotion_codes.create(promotion).id


def send(local: Local, session_id: str, action: str, code: str = "") -> requests.Response:
    """Press the button beside the field for a code, and go where it leads."""
    form = {"action": action, "code": code}
    return local.http.post(f"{local.url}/c/pay/{session_id}", data=form, timeout=10)


def test_a_code_takes_off_what_it_stands_for(local: Local) -> None:
    """However it is typed; the session tells of it, and so does what was paid."""
    code_id = make_code(local, "SPRING20", percent_off=20)
    session = local.sell(allow_promotion_codes=True)

    seen = Page(send(local, session.id, "apply_code", " spring20 ").text)
    press_pay(local, session.id, email="ada@example.com", number=GOOD_CARD)

    assert "Discount SPRING20 \N{MINUS SIGN}$5.00" in seen.text
    assert "Total due $20.00" in seen.text
    paid = local.client.v1.checkout.sessions.retrieve(session.id)
    assert (paid.amount_subtotal, paid.amount_total, paid.payment_status) == (
        2500,
        2000,
        "paid",
    )
    assert paid.total_details is not None
    assert paid.total_details.amount_discount == 500
    assert [each.promotion_code for each in paid.discounts or []] == [code_id]
    assert local.client.v1.promotion_codes.retrieve(code_id).times_redeemed == 1


def test_a_code_can_be_taken_back(local: Local) -> None:
    """The session costs what it did, and the code is not used up."""
    code_id = make_code(local, "SPRING20", percent_off=20)
    session = local.sell(allow_promotion_codes=True)
    send(local, session.id, "apply_code", "SPRING20")

    seen = Page(send(local, session.id, "remove_code").text)

    assert "Total due $25.00" in seen.text
    assert "Discount" not in seen.text
    again = local.client.v1.checkout.sessions.retrieve(session.id)
    assert (again.amount_total, again.discounts) == (2500, [])
    assert local.client.v1.promotion_codes.retrieve(code_id).times_redeemed == 0


def test_a_code_for_everything_leaves_nothing_to_pay(local: Local) -> None:
    """No card is asked for; the product sees `no_payment_required`."""
    make_code(local, "FREE", percent_off=100)
    session = local.sell(allow_promotion_codes=True)

    send(local, session.id, "apply_code", "FREE")
    assert set(visit(local, session.id).fields) == {"action", "email"}
    press_pay(local, session.id, email="ada@example.com")

    done = local.client.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.payment_status) == ("complete", "no_payment_required")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("WINTER", "This code is invalid."),
        ("", "This code is invalid."),
        ("ALMOST", "This code cannot be used here"),
        ("EUROS", "This code cannot be used here"),
        ("GONE", "This code cannot be used here"),
    ],
)
def test_a_code_that_does_not_hold_is_said_at_its_field(
    local: Local, typed: str, said: str
) -> None:
    """Unknown, in another currency, used up, or leaving less than can be charged."""
    make_code(local, "ALMOST", amount_off=2_480, currency="usd")
    make_code(local, "EUROS", amount_off=500, currency="eur")
    make_code(local, "GONE", percent_off=50, max_redemptions=1)
    other = local.sell(allow_promotion_codes=True)
    send(local, other.id, "apply_code", "GONE")
    press_pay(local, other.id, email="b@example.com", number=GOOD_CARD)
    session = local.sell(allow_promotion_codes=True)

    refused = send(local, session.id, "apply_code", typed)

    page = Page(refused.text)
    assert refused.status_code == 422
    assert said in page.text
    assert page.fields["code"]["value"] == typed
    assert local.client.v1.checkout.sessions.retrieve(session.id).amount_total == 2500


def test_there_is_no_field_unless_the_seller_wants_one(local: Local) -> None:
    """And whoever sends a code all the same gets nothing off."""
    make_code(local, "SPRING20", percent_off=20)
    session = local.sell()

    assert "code" not in visit(local, session.id).fields
    for action in ("apply_code", "remove_code", "haggle"):
        assert send(local, session.id, action, "SPRING20").status_code == 404
    with pytest.raises(stripe.InvalidRequestError, match="You may only specify one"):
        local.sell(allow_promotion_codes=True, discounts=[{"coupon": "x"}])


@pytest.mark.parametrize(
    ("coupon", "said"),
    [
        ({"duration": "once"}, "$15.00 once, then $20.00 per month, until"),
        ({"duration": "forever"}, "$15.00 per month, until"),
        (
            {"duration": "repeating", "duration_in_months": 3},
            "$15.00 per month for 3 months, then $20.00 per month, until",
        ),
    ],
)
def test_a_subscriber_sees_for_how_long_a_code_holds(
    local: Local, coupon: dict[str, Any], said: str
) -> None:
    """Before the card, and not on the second bill."""
    make_code(local, "QUARTER", percent_off=25, **coupon)
    session = local.sell(
        mode="subscription",
        line_items=[{"price": monthly(local), "quantity": 1}],
        allow_promotion_codes=True,
    )

    seen = Page(send(local, session.id, "apply_code", "QUARTER").text)

    assert said in seen.text
    assert "Total due today $15.00" in seen.text

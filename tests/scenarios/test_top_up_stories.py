"""Credits that are bought or given one by one: packs, slow payments, gifts, codes."""

import pytest

from creditbase.admin.domain.vouchers import VoucherTerms
from creditbase.admin.vouchers import create_voucher
from creditbase.runtime import clock
from tests.scenarios.life import FREE, Customer, Seen, on_free

pytestmark = pytest.mark.firestore


def test_a_pack_bought_on_every_plan_stays(ada: Customer) -> None:
    """Top-ups do not expire: not with the month, not with the plan."""
    ada.top_up("small")
    ada.subscribe("guru")
    ada.top_up("medium")
    assert ada.sees() == Seen("guru", 10_000, topups=32_500)
    ada.live_past(ada.period_end())
    ada.spend(11_000)
    ada.cancel_now()

    assert ada.sees() == on_free(FREE, topups=31_500, status="canceled")


def test_a_pack_paid_twice_in_two_pages_is_given_twice(ada: Customer) -> None:
    """Two pages were open, both were paid: that is two packs, each given once."""
    first = ada.open_topup("small")
    second = ada.open_topup("small")
    assert first != second

    for session_id in (first, second):
        ada.shop.pay_unwatched(session_id)
    ada.town.settle()
    for event in ada.shop.events("checkout.session.completed"):
        ada.shop.send_again(event)
    ada.town.settle()

    assert ada.sees() == on_free(FREE, topups=10_000)
    assert ada.granted("topup") == [5_000, 5_000]


def test_one_of_two_packs_goes_back(ada: Customer) -> None:
    """Bought twice by mistake; the second is refunded and the first is untouched."""
    ada.top_up("small")
    second = ada.top_up("small")
    ada.spend(FREE + 1_000)

    ada.refund(second, 500)

    assert ada.sees() == on_free(0, topups=4_000)
    assert ada.owes() == 0


@pytest.mark.parametrize(("outcome", "topups"), [("paid", 27_500), ("failed", 0)])
def test_a_payment_that_takes_days(ada: Customer, outcome: str, topups: int) -> None:
    """A bank transfer: the page is done, the money comes days later, or never."""
    session_id = ada.open_topup("medium")
    ada.shop.order(f"/sessions/{session_id}/pay_later")
    ada.town.settle()
    assert ada.sees() == on_free(FREE)
    ada.live_for(days=3)
    assert ada.sees() == on_free(FREE)

    ada.shop.order(f"/sessions/{session_id}/settle", outcome=outcome)
    ada.town.settle()

    assert ada.sees() == on_free(FREE, topups=topups)


def test_a_pack_whose_whole_price_a_coupon_takes_off(ada: Customer) -> None:
    """A gift of the shop's owner: nothing is paid, the pack is given once all the same."""
    session_id = ada.open_topup("small")
    ada.shop.change("checkout.session", session_id, amount_total=0)

    ada.shop.pay_unwatched(session_id)
    ada.town.settle()
    ada.shop.send_again(ada.shop.event("checkout.session.completed"))
    ada.town.settle()

    assert ada.shop.get("/charges")["data"] == []
    assert ada.sees() == on_free(FREE, topups=5_000)


def test_a_voucher(ada: Customer) -> None:
    """Its credits are the customer's own: the month's end and the plan's do not touch them."""
    create_voucher("WELCOME-500", VoucherTerms(credits=500), now=clock.now())

    told = ada.redeem(" welcome-500 ")

    assert (told["status"], told["credits_granted"]) == ("redeemed", 500)
    assert told["topup_balance"] == 500
    ada.subscribe("guru")
    ada.spend(10_100)
    ada.live_past(ada.period_end())
    assert ada.sees() == Seen("guru", 10_000, topups=400)

"""Refunds and disputes: money that goes back, and what is told of it."""

from typing import Any

import pytest
import stripe

from tests.stripe_local.conftest import Local
from tests.stripe_local.lives import count_events, since


@pytest.fixture
def charge(local: Local) -> stripe.Charge:
    """Return a charge of 25 dollars that paid."""
    local.pay(local.sell().id)
    return local.client.v1.charges.list().data[0]


def test_refunds_add_up_on_the_charge(local: Local, charge: stripe.Charge) -> None:
    """`amount_refunded` is cumulative, and `refunded` says whether all of it is back."""
    refunds, before = local.client.v1.refunds, count_events(local)

    first = refunds.create({"charge": charge.id, "amount": 1_000, "metadata": {"why": "x"}})
    rest = refunds.create({"payment_intent": str(charge.payment_intent)})

    now = local.client.v1.charges.retrieve(charge.id)
    assert (first.amount, rest.amount, first.status) == (1_000, 1_500, "succeeded")
    assert (now.amount_refunded, now.refunded) == (2_500, True)
    assert [each.id for each in refunds.list({"charge": charge.id}).data] == [rest.id, first.id]
    assert since(local, before) == ["refund.created", "charge.refunded"] * 2
    told: Any = local.client.v1.events.list({"type": "charge.refunded"}).data
    assert [(e.data.object.amount_refunded, e.data.object.refunded) for e in told] == [
        (2_500, True),
        (1_000, False),
    ]
    assert told[0].data.previous_attributes.to_dict() == {
        "amount_refunded": 1_000,
        "refunded": False,
    }


def test_more_than_the_charge_is_not_refunded(local: Local, charge: stripe.Charge) -> None:
    """Whatever the order of the requests."""
    refunds = local.client.v1.refunds
    with pytest.raises(stripe.InvalidRequestError, match="unrefunded amount"):
        refunds.create({"charge": charge.id, "amount": 2_501})
    refunds.create({"charge": charge.id})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        refunds.create({"charge": charge.id})

    assert refusal.value.code == "charge_already_refunded"
    with pytest.raises(stripe.InvalidRequestError, match="charge"):
        refunds.create({})


def test_a_refund_may_fail_days_later(local: Local, charge: stripe.Charge) -> None:
    """Then the charge stands again, and the product has to know."""
    made = local.client.v1.refunds.create({"charge": charge.id})
    before = count_events(local)

    local.sim("POST", f"/refunds/{made.id}/fail")

    failed = local.client.v1.refunds.retrieve(made.id)
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert local.client.v1.charges.retrieve(charge.id).amount_refunded == 0
    assert since(local, before) == [
        "refund.updated",
        "refund.failed",
        "charge.refund.updated",
        "charge.updated",
    ]


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_dispute_takes_the_money_and_may_give_it_back(
    local: Local, charge: stripe.Charge, outcome: str
) -> None:
    """Opened and decided by the switches of a test."""
    before = count_events(local)

    opened = local.sim("POST", "/disputes", {"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        local.client.v1.refunds.create({"charge": charge.id})
    local.sim("POST", f"/disputes/{opened['id']}/close", {"outcome": outcome})

    dispute = local.client.v1.disputes.retrieve(opened["id"])
    assert (dispute.status, dispute.amount, dispute.charge) == (outcome, 2_500, charge.id)
    assert refusal.value.code == "charge_disputed"
    reinstated = ["charge.dispute.funds_reinstated"] if outcome == "won" else []
    assert since(local, before) == [
        "charge.dispute.created",
        "charge.updated",
        "charge.dispute.funds_withdrawn",
        *reinstated,
        "charge.dispute.closed",
    ]


def test_the_dispute_card_disputes_and_one_can_give_in(local: Local) -> None:
    """What Stripe's own test card does, for a person who tries it on the page."""
    local.pay(local.sell().id, "4000000000000259")

    dispute = local.client.v1.disputes.list().data[0]
    assert dispute.status == "needs_response"
    assert local.client.v1.disputes.close(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        local.client.v1.disputes.close(dispute.id)

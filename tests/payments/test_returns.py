"""What goes back of a payment: towards Stripe's cumulative truth, in whatever order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.payments.domain import SUBSCRIPTION, Payment, Returned, decide_return
from tests.kernel.profiles import PURE
from tests.payments.test_domain import NOW

PAYMENT = Payment(
    payment_id="pi_1",
    session_id="cs_1",
    project_id="p",
    customer_id="c",
    stripe_customer_id="cus_1",
    kind="topup",
    tier="medium",
    currency="usd",
    paid_cents=2500,
    granted_nanos=27_500,
    grant_id="topup:pi_1",
    created_at=NOW,
)


def settled(payment: Payment, returned: Returned, *, left: int = 10**9) -> tuple[Payment, int]:
    """Return the payment after one step, and the credits that the step really took.

    `left` is what the grant still has: of plan credits no more than that can be taken.
    """
    taken = sum(step.amount_nanos for step in payment.returns)
    step = decide_return(payment, returned, taken_nanos=min(taken, left))
    if step is None:
        return payment, 0
    return replace(payment, returns=(*payment.returns, step)), step.amount_nanos


@pytest.mark.parametrize(
    ("paid_cents", "granted", "refunds", "steps"),
    [
        (2500, 27_500, (1000, 2500), (11_000, 16_500)),
        (10_000, 120_000, (3333, 6666, 10_000), (39_996, 39_996, 40_008)),
        (2000, 27_500, (1000,), (13_750,)),
        (0, 27_500, (1,), (27_500,)),
    ],
)
def test_partial_refunds_add_up_to_the_whole(
    paid_cents: int, granted: int, refunds: tuple[int, ...], steps: tuple[int, ...]
) -> None:
    """Each target is rounded down, so the last one takes what rounding left."""
    payment = replace(PAYMENT, paid_cents=paid_cents, granted_nanos=granted)
    took = []
    for refunded_cents in refunds:
        payment, nanos = settled(payment, Returned(refunded_cents))
        took.append(nanos)

    assert tuple(took) == steps


def test_the_same_truth_told_again_takes_nothing() -> None:
    """Events repeat; the sum does not."""
    payment, _ = settled(PAYMENT, Returned(1000))

    assert decide_return(payment, Returned(1000), taken_nanos=11_000) is None
    assert decide_return(PAYMENT, Returned(), taken_nanos=0) is None


def test_a_refund_that_fails_later_gives_back_what_was_really_taken() -> None:
    """Of plan credits 4,000 were left to take: giving 10,000 back would sell them twice."""
    plan = replace(PAYMENT, kind=SUBSCRIPTION, granted_nanos=10_000)
    step = decide_return(plan, Returned(2500), taken_nanos=0)
    assert step is not None
    assert (step.amount_nanos, step.owes_rest) == (10_000, False)
    refunded = replace(plan, returns=(step,))

    undone = decide_return(refunded, Returned(), taken_nanos=4_000)
    halved = decide_return(refunded, Returned(1250), taken_nanos=4_000)

    assert undone is not None
    assert undone.amount_nanos == -4_000
    assert halved is not None
    assert halved.amount_nanos == 0


def test_what_a_dispute_takes_is_owed_and_comes_back_when_it_is_won() -> None:
    """Of plan credits too: the money is gone, and the customer took it."""
    plan = replace(PAYMENT, kind=SUBSCRIPTION)
    lost = decide_return(plan, Returned(disputed_cents=2500), taken_nanos=0)
    assert lost is not None
    assert (lost.amount_nanos, lost.owes_rest) == (27_500, True)

    won = decide_return(replace(plan, returns=(lost,)), Returned(), taken_nanos=27_500)

    assert won is not None
    assert won.amount_nanos == -27_500


@PURE
@given(st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 2500)), max_size=8))
def test_whatever_the_walk_what_is_gone_follows_the_newest_truth(
    walk: list[tuple[int, int]],
) -> None:
    """Rising and falling, refunds and disputes: only the last sum counts."""
    payment, gone = PAYMENT, 0
    for refunded, disputed in walk:
        payment, nanos = settled(payment, Returned(refunded, disputed))
        gone += nanos

    last = sum(walk[-1]) if walk else 0
    assert gone == 27_500 * min(last, 2500) // 2500

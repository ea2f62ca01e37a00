"""What goes back of a payment: towards Stripe's cumulative truth, in whatever order."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditbase.ledger.domain.commands import GiveBack, TakeBack
from creditbase.ledger.domain.wallet import Terms
from creditbase.payments.domain import SUBSCRIPTION, Payment, Return, Returned
from creditbase.payments.undoing import (
    Stretch,
    Way,
    decide_return,
    lapsed_nanos_of,
    returned_nanos_of,
    way_of,
)
from tests.kernel.profiles import PURE
from tests.ledger.builders import BARE, PERIOD, Story, a_story
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


def settled(payment: Payment, returned: Returned) -> tuple[Payment, int]:
    """Return the payment after one step, and the credits of it; all were there to take."""
    gone = payment.returns[-1].target_nanos if payment.returns else 0
    step = decide_return(payment, returned, (Stretch("taken", gone),) if gone else ())
    if step is None:
        return payment, 0
    return replace(payment, returns=(*payment.returns, step)), step.amount_nanos


def decided(payment: Payment, returned: Returned, way: Way) -> Return:
    """Return the step that there must be."""
    step = decide_return(payment, returned, way)
    assert step is not None
    return step


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

    assert decide_return(payment, Returned(1000), (Stretch("taken", 11_000),)) is None
    assert decide_return(PAYMENT, Returned(), ()) is None


def test_a_refund_that_fails_later_gives_back_what_was_really_taken() -> None:
    """Of plan credits 4,000 were left to take: giving 10,000 back would sell them twice."""
    plan = replace(PAYMENT, kind=SUBSCRIPTION, granted_nanos=10_000)
    step = decided(plan, Returned(2500), ())
    assert (step.amount_nanos, step.owes_rest) == (10_000, False)
    refunded = replace(plan, returns=(step,))

    way = (Stretch("taken", 4_000), Stretch("let_go", 6_000))

    assert decided(refunded, Returned(), way).amount_nanos == -4_000
    assert decided(refunded, Returned(1250), way).amount_nanos == 0


def test_what_a_dispute_takes_is_owed_and_comes_back_when_it_is_won() -> None:
    """Of plan credits too: the money is gone, and the customer took it."""
    plan = replace(PAYMENT, kind=SUBSCRIPTION)
    lost = decided(plan, Returned(disputed_cents=2500), ())
    assert (lost.amount_nanos, lost.owes_rest) == (27_500, True)

    way = (Stretch("taken", 7_500), Stretch("owed", 20_000))
    won = decided(replace(plan, returns=(lost,)), Returned(), way)

    assert (won.amount_nanos, won.owed_nanos) == (-27_500, 20_000)


# ---- by way of a wallet ----------------------------------------------------------------------

PLAN = replace(PAYMENT, kind=SUBSCRIPTION, granted_nanos=100, paid_cents=100, grant_id="plan")


def a_plan() -> Story:
    """Return the story of somebody who has paid for a hundred."""
    story = a_story()
    story.grant("plan", 100, "plan", expires_at=PERIOD.end_at)
    return story


def follow(story: Story, payment: Payment, returned: Returned) -> Payment:
    """Return the payment after the wallet was told what has gone back of it, in all steps."""
    while True:
        entries = [story.entries[f"r:{n}"] for n, _ in enumerate(payment.returns)]
        way = way_of(payment, entries)
        step = decide_return(payment, returned, way)
        if step is None:
            return payment
        entry_id, amount = f"r:{len(entries)}", step.amount_nanos
        if amount > 0:
            lapsed, later = lapsed_nanos_of(way), returned_nanos_of(entries)
            story.do(TakeBack(entry_id, "plan", amount, step.owes_rest, {}, lapsed, later))
        else:
            story.do(
                GiveBack(
                    entry_id,
                    "plan",
                    "plan",
                    -amount,
                    PERIOD.end_at,
                    owed_nanos=step.owed_nanos,
                    still_owed_nanos=step.still_owed_nanos,
                    recalled_nanos=step.recalled_nanos,
                    cut_nanos=step.cut_nanos,
                )
            )
        payment = replace(payment, returns=(*payment.returns, step))


def test_a_refund_and_a_dispute_told_at_once_are_as_one_after_the_other() -> None:
    """Of 70 spent credits the refund lets 30 go, whoever tells of it when."""
    ends = []
    for told in ((Returned(60), Returned(60, 40)), (Returned(60, 40),), (Returned(0, 40),) * 2):
        story, payment = a_plan(), PLAN
        story.charge(70)
        for returned in (*told, Returned(60, 40)):
            payment = follow(story, payment, returned)
        ends.append(story.wallet.receivable_nanos)
        assert [step.is_between for step in payment.returns][-1] is False

    assert ends == [40, 40, 40]


def test_a_refund_below_a_dispute_that_fails_leaves_the_dispute_alone() -> None:
    """It is as if only the dispute had ever been: of 40 there were 30 left to take."""
    story, payment = a_plan(), PLAN
    story.charge(70)
    payment = follow(story, payment, Returned(60, 40))

    follow(story, payment, Returned(0, 40))

    assert (story.wallet.receivable_nanos, story.available_nanos) == (10, 0)


def test_a_won_dispute_after_a_refund_gives_back_what_the_dispute_took() -> None:
    """Of 70 spent credits the refund let 30 go, the dispute made 40 a debt: it is none now."""
    story = a_plan()
    story.charge(70)
    payment = follow(story, PLAN, Returned(60))
    assert (story.available_nanos, story.wallet.receivable_nanos) == (0, 0)
    payment = follow(story, payment, Returned(60, 40))
    assert story.wallet.receivable_nanos == 40

    follow(story, payment, Returned(60))

    assert (story.available_nanos, story.wallet.receivable_nanos) == (0, 0)


@PURE
@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=5),
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(0, 5),
)
def test_whatever_failed_a_refund_takes_as_if_it_had_been_the_only_one(
    walk: list[int], spent: int, held: int, used: int, ends_after: int
) -> None:
    """Refunds that rise and fall while work ends in between: only the last sum counts."""
    held = min(held, 100 - spent)
    used = min(used, held)
    lives = []
    for refunds in (walk, walk[-1:]):
        story, payment = a_plan(), PLAN
        story.charge(spent)
        hold = story.hold(held)
        for number, cents in enumerate(refunds):
            if refunds is walk and number == ends_after:
                story.capture(hold, used)
            payment = follow(story, payment, Returned(cents))
        if hold in story.wallet.holds:
            story.capture(hold, used)
        lives.append((story.available_nanos, story.wallet.receivable_nanos))

    assert lives == [(max(0, 100 - spent - used - walk[-1]), 0)] * 2


PARTS = st.sampled_from([0, 0, 0, 10, 25, 40, 60, 100])
HAPPENS = st.one_of(
    st.tuples(st.just("gone"), PARTS, PARTS),
    st.tuples(st.sampled_from(("charge", "hold")), st.integers(1, 60), st.just(0)),
    st.tuples(st.just("end"), st.integers(0, 70), st.just(0)),
    st.tuples(st.sampled_from(("leave", "pass")), st.just(0), st.just(0)),
)
PERIOD_TERMS = Terms("pro", window="period")


@PURE
@example([("hold", 1, 0), ("pass", 0, 0), ("end", 1, 0)], (0, 100))
@given(st.lists(HAPPENS, min_size=2, max_size=9), st.tuples(PARTS, PARTS))
def test_what_is_owed_of_a_plan_is_what_was_spent_of_it(
    life: list[tuple[str, int, int]], last: tuple[int, int]
) -> None:
    """Refunds and disputes that rise and fall, holds, the plan left, the period over.

    Only the last sums count: what nobody spent is set off first, of what was spent so much is
    owed as was disputed, and the rest was let go.
    """
    story, payment = a_story(PERIOD_TERMS), PLAN
    story.grant("plan", 100, "plan", expires_at=PERIOD.end_at)
    is_over = False
    for what, one, other in [*life, ("gone", *last)]:
        if what == "gone":
            payment = follow(story, payment, Returned(min(one, 100 - other), other))
        elif what == "charge":
            story.charge(min(one, story.available_nanos))
        elif what == "hold" and story.available_nanos:
            story.hold(min(one, story.available_nanos), ttl_s=86_400)
        elif what == "end" and story.wallet.holds:
            name, hold = next(iter(story.wallet.holds.items()))
            story.capture(name, min(one, hold.amount_nanos))
        elif what == "leave" and not is_over:
            story.terms(BARE)
            is_over = True
        elif what == "pass" and not is_over:
            story.now = PERIOD.end_at
            is_over = True
    for name in list(story.wallet.holds):
        story.void(name)
    story.tidy()

    refunds, disputes = min(last[0], 100 - last[1]), last[1]
    accounts = story.accounts()
    spent = accounts["consumed"] + accounts["shortfall"]  # what came too late found nothing
    unspent = 100 - spent
    owed = min(disputes, max(0, refunds + disputes - unspent))
    assert story.wallet.receivable_nanos == owed
    left = 0 if is_over else max(0, unspent - refunds - disputes)
    assert sum(story.left().values()) == left
    assert story.accounts()["refunded"] >= owed


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

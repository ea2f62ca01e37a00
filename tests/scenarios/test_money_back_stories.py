"""Money that goes back, by refunds and disputes, in every order; some of it returns.

Whatever the order, the end is the same: what Stripe says is gone has taken its part of the
credits, and not one credit more.
"""

from itertools import permutations

import pytest

from tests.scenarios.life import FREE, Customer, Seen, on_free

pytestmark = pytest.mark.firestore


@pytest.mark.parametrize("order", sorted(set(permutations((3_333, 3_333, 3_334)))), ids=str)
def test_a_pack_refunded_in_three_parts(ada: Customer, order: tuple[int, ...]) -> None:
    """A third each, rounded down by the sum of them: at the end nothing is left, or owed."""
    payment = ada.top_up("large")

    back_cents = 0
    for cents in order:
        ada.refund(payment, cents)
        back_cents += cents
        assert ada.sees() == on_free(FREE, topups=120_000 - 120_000 * back_cents // 10_000)

    assert ada.sees() == on_free(FREE)
    assert ada.owes() == 0


def test_a_pack_refunded_after_it_was_spent(ada: Customer) -> None:
    """What is not there any more is owed, and the next pack pays it first."""
    payment = ada.top_up("medium")
    ada.spend(FREE + 20_000)

    ada.refund(payment, 1_000)  # eleven thousand credits, of which 7,500 are left
    assert ada.sees() == on_free(0, topups=-3_500)
    ada.refund(payment, 1_500)
    assert ada.sees() == on_free(0, topups=-20_000)
    ada.top_up("medium")

    assert ada.sees() == on_free(0, topups=7_500)


def test_a_debt_is_not_paid_by_a_plan(ada: Customer) -> None:
    """The plan's credits are the month's; the debt waits for a pack."""
    payment = ada.top_up("small")
    ada.spend(FREE + 5_000)
    ada.refund(payment, 500)
    ada.subscribe("guru")
    assert ada.sees() == Seen("guru", 10_000, topups=-5_000)

    ada.spend(1_000)
    ada.top_up("small")

    assert ada.sees() == Seen("guru", 9_000)


@pytest.mark.parametrize("is_before", [True, False], ids=["refund-first", "capture-first"])
def test_a_pack_refunded_while_work_holds_it(ada: Customer, *, is_before: bool) -> None:
    """The work may use what it set aside; what comes back of it pays what is owed."""
    payment = ada.top_up("small")
    ada.spend(FREE)
    ada.hold("work", 4_000)

    if is_before:
        ada.refund(payment, 500)
        assert ada.owes() == 4_000
        ada.capture("work", 1_500)
    else:
        ada.capture("work", 1_500)
        ada.refund(payment, 500)

    assert ada.sees() == on_free(0, topups=-1_500)
    assert ada.owes() == 1_500


def test_a_refund_that_fails_gives_the_credits_back(ada: Customer) -> None:
    """Of two refunds the first comes back from the bank: only the second has taken its part."""
    payment = ada.top_up("medium")
    first = ada.refund(payment, 1_000)
    ada.refund(payment, 500)
    assert ada.sees() == on_free(FREE, topups=11_000)

    ada.fail_refund(first)

    assert ada.sees() == on_free(FREE, topups=22_000)


def test_a_refund_of_spent_credits_that_fails_pays_the_debt(ada: Customer) -> None:
    """Spent, refunded, and the refund came back: the customer has paid, and owes nothing."""
    payment = ada.top_up("medium")
    ada.spend(FREE + 25_000)
    ada.refund(payment, 1_000)
    second = ada.refund(payment, 1_500)
    assert ada.sees() == on_free(0, topups=-25_000)

    ada.fail_refund(second)

    assert ada.sees() == on_free(0, topups=-8_500)  # 27,500 less 11,000 less what was spent


def test_a_plan_refunded_in_parts(ada: Customer) -> None:
    """Each part takes its part of the month's grant, never more than what is left of it."""
    ada.top_up("small")
    ada.subscribe("guru")
    payment = ada.payment_of_invoice(ada.invoices()[0])
    ada.spend(6_000)

    ada.refund(payment, 300)
    assert ada.sees() == Seen("guru", 1_000, topups=5_000)
    ada.refund(payment, 700)
    assert ada.sees() == Seen("guru", 0, topups=5_000)

    assert ada.owes() == 0
    ada.live_past(ada.period_end())
    assert ada.sees() == Seen("guru", 10_000, topups=5_000)


def test_a_plans_refund_that_fails_gives_back_what_it_took(ada: Customer) -> None:
    """It took three thousand, though seven were asked for: three come back."""
    ada.subscribe("guru")
    payment = ada.payment_of_invoice(ada.invoices()[0])
    ada.spend(7_000)
    refund = ada.refund(payment, 700)
    assert ada.sees() == Seen("guru", 0)

    ada.fail_refund(refund)

    assert ada.sees() == Seen("guru", 3_000)


@pytest.mark.parametrize(("used", "left"), [(0, 0), (1_500, 0)], ids=["voided", "captured"])
def test_a_plan_refunded_while_work_holds_it(ada: Customer, used: int, left: int) -> None:
    """The money is back: what the work does not use of its credits is gone, too."""
    ada.subscribe("guru")
    payment = ada.payment_of_invoice(ada.invoices()[0])
    ada.hold("work", 4_000)

    ada.refund(payment, 1_000)
    assert ada.sees() == Seen("guru", 0)
    ada.capture("work", used) if used else ada.void("work")

    assert ada.sees() == Seen("guru", left)
    assert ada.owes() == 0
    ada.verify()


@pytest.mark.parametrize("is_before", [True, False], ids=["failed-first", "captured-first"])
def test_a_plans_refund_in_part_that_fails_around_the_end_of_work(
    ada: Customer, *, is_before: bool
) -> None:
    """Seven thousand go: three that are free, four that are held. Then they are back."""
    ada.subscribe("guru")
    payment = ada.payment_of_invoice(ada.invoices()[0])
    ada.hold("work", 4_000)
    ada.spend(3_000)
    refund = ada.refund(payment, 700)
    assert ada.sees() == Seen("guru", 0)

    if is_before:
        ada.fail_refund(refund)
        assert ada.sees() == Seen("guru", 3_000)
        ada.capture("work", 1_000)
    else:
        ada.capture("work", 1_000)
        assert ada.sees() == Seen("guru", 0)
        ada.fail_refund(refund)

    assert ada.sees() == Seen("guru", 6_000)
    ada.verify()


def test_a_refund_that_fails_after_the_plan_was_left(ada: Customer) -> None:
    """Held, refunded, used, left: the money is ours again, and the plan is given up."""
    ada.subscribe("guru")
    payment = ada.payment_of_invoice(ada.invoices()[0])
    ada.hold("work", 6_000)
    refund = ada.refund(payment, 1_000)
    ada.capture("work", 6_000)
    ada.cancel_now()
    assert ada.sees() == on_free(FREE, status="canceled")

    ada.fail_refund(refund)

    assert ada.sees() == on_free(FREE, status="canceled")
    assert ada.owes() == 0
    ada.verify()


def test_a_dispute_while_work_holds_what_was_disputed(ada: Customer) -> None:
    """The month ends before the bank decides: owed is what the work used, and no more."""
    ada.subscribe("guru")
    payment = ada.payment_of_invoice(ada.invoices()[0])
    ada.hold("work", 4_000)
    dispute = ada.dispute(payment)
    assert ada.owes() == 4_000
    ada.capture("work", 1_000)
    assert ada.owes() == 1_000
    ada.top_up("small")
    assert ada.sees() == Seen("guru", 0, topups=4_000)
    ada.live_past(ada.period_end())

    ada.decide_dispute(dispute, "won")

    # A pack has paid what was no debt after all, so its credits are back; the month is over.
    assert ada.sees() == Seen("guru", 10_000, topups=5_000)
    ada.verify()


def test_a_plan_refunded_in_a_later_period_takes_nothing(ada: Customer) -> None:
    """Those credits are gone; the running month was paid for by itself."""
    ada.subscribe("guru")
    payment = ada.payment_of_invoice(ada.invoices()[0])
    ada.live_past(ada.period_end())

    ada.refund(payment, 1_000)

    assert ada.sees() == Seen("guru", 10_000)
    assert ada.owes() == 0


def test_a_lost_dispute_of_a_pack(ada: Customer) -> None:
    """The bank takes the money at once: so do we the credits, and what was spent is owed."""
    payment = ada.top_up("small")
    ada.spend(FREE + 2_000)

    dispute = ada.dispute(payment)
    assert ada.sees() == on_free(0, topups=-2_000)
    ada.decide_dispute(dispute, "lost")

    assert ada.sees() == on_free(0, topups=-2_000)


def test_a_won_dispute_of_a_pack(ada: Customer) -> None:
    """The money is back, and so are the credits."""
    payment = ada.top_up("small")
    ada.spend(FREE + 2_000)

    ada.decide_dispute(ada.dispute(payment), "won")

    assert ada.sees() == on_free(0, topups=3_000)
    assert ada.owes() == 0


@pytest.mark.parametrize(("outcome", "topups"), [("won", 5_000), ("lost", -2_000)])
def test_a_dispute_of_a_plan(ada: Customer, outcome: str, topups: int) -> None:
    """Other than a refund, what was spent of a disputed plan is owed."""
    ada.top_up("small")
    ada.subscribe("guru")
    ada.spend(7_000)
    payment = ada.payment_of_invoice(ada.invoices()[0])

    dispute = ada.dispute(payment)
    assert ada.sees() == Seen("guru", 0, topups=-2_000)
    ada.decide_dispute(dispute, outcome)

    left = 3_000 if outcome == "won" else 0
    assert ada.sees() == Seen("guru", left, topups=topups)


def test_a_dispute_of_an_older_periods_plan(ada: Customer) -> None:
    """Of ten thousand two were used, the others lapsed: two are owed, until it is won."""
    ada.subscribe("guru")
    payment = ada.payment_of_invoice(ada.invoices()[0])
    ada.spend(2_000)
    ada.live_past(ada.period_end())

    dispute = ada.dispute(payment)
    assert ada.owes() == 2_000
    ada.decide_dispute(dispute, "won")

    assert ada.owes() == 0
    assert ada.sees() == Seen("guru", 10_000)
    ada.verify()


def test_a_payment_refunded_in_part_and_then_disputed(ada: Customer) -> None:
    """Together they take what was granted and no more; won, only the refund has taken."""
    payment = ada.top_up("medium")
    ada.refund(payment, 1_000)

    dispute = ada.dispute(payment)
    assert ada.sees() == on_free(FREE)
    ada.decide_dispute(dispute, "won")

    assert ada.sees() == on_free(FREE, topups=16_500)

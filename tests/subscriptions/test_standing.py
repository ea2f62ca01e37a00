"""Where a customer stands, from Stripe's picture of all its subscriptions."""

from dataclasses import replace
from datetime import datetime
from itertools import permutations

import pytest

from creditbase.kernel.windows import Window
from creditbase.subscriptions.domain.mirror import shows
from creditbase.subscriptions.domain.standing import OwedCut
from tests.subscriptions.pictures import (
    DAY,
    FREE,
    GURU,
    HOUR,
    MINUTE,
    PRO,
    START,
    Watch,
    a_bill,
    a_change,
    a_subscription,
    credits_of,
    month,
    stand,
    with_id,
)

CYCLE = f"cycle:sub_1:{int(START.timestamp())}"
NEXT = f"cycle:sub_1:{int(month(1).start_at.timestamp())}"


class TestEndWithinThePeriod:
    """An end that was set in the Dashboard to a day in the middle of the period."""

    def test_the_end_is_shown_and_the_money_is_reckoned_by_the_period(self) -> None:
        """A customer reads until when it has its plan; what was paid for stays as it is."""
        ends_at = START + 10 * DAY
        watch = Watch()
        whole = watch.look([a_subscription()], [a_bill()])
        ending = a_subscription(ends_at=ends_at, cancel_at_period_end=True)
        standing = watch.look([ending], [a_bill()])

        assert (whole.window, standing.window) == (month(0), Window(START, ends_at))
        assert standing.terms.cancel_at_period_end
        assert standing.grants == whole.grants

    @pytest.mark.parametrize("ends_at", [None, START, month(0).end_at, month(2).end_at])
    def test_another_end_changes_nothing(self, ends_at: datetime | None) -> None:
        """At the period's own end, later, or over."""
        assert a_subscription(ends_at=ends_at).lasts == month(0)


class TestWhatIsToCome:
    """A change of plan that Stripe has planned: the customer is told, and has it not yet."""

    def test_it_is_kept_and_the_wallet_is_told(self) -> None:
        """The plan stays what was paid for; what differs is a reason to look again."""
        watch = Watch()
        on_pro = a_subscription(PRO)
        before = watch.look([on_pro], [a_bill(plan=PRO)])
        planned = replace(on_pro, next_plan_code="guru", next_plan_at=month(0).end_at)

        assert not shows(watch.known["sub_1"], planned)
        standing = watch.look([planned], [a_bill(plan=PRO)])

        assert shows(watch.known["sub_1"], planned)
        terms = standing.terms
        assert (terms.plan_code, terms.allocation_nanos) == ("pro", PRO.amount_nanos)
        assert (terms.next_plan_code, terms.next_plan_at) == ("guru", month(0).end_at)
        assert standing.grants == before.grants
        assert standing.cut is None
        assert standing.digest != before.digest

    def test_it_is_forgotten_when_it_has_come(self) -> None:
        """In the next period the plan is the other one, and nothing is to come."""
        watch = Watch()
        turn_at = month(0).end_at
        planned = a_subscription(PRO, next_plan_code="guru", next_plan_at=turn_at)
        watch.look([planned], [a_bill(plan=PRO)])

        bills = [a_bill(plan=PRO), a_bill(1)]
        standing = watch.look([a_subscription(period=month(1))], bills, month(1).start_at)

        assert (standing.terms.plan_code, standing.terms.next_plan_code) == ("guru", "")
        assert watch.known["sub_1"].next_plan_at is None


class TestStatuses:
    """The table of DESIGN section 5, row by row."""

    def test_an_active_and_paid_one_has_the_plan_and_its_credits(self) -> None:
        """Ten thousand credits, which outlive the period by two hours at most."""
        standing = stand(a_subscription())

        assert (standing.terms.plan_code, standing.window) == ("guru", month(0))
        assert standing.terms.allocation_nanos == GURU.amount_nanos
        assert not standing.terms.payment_issue
        assert credits_of(standing.grants) == {CYCLE: 10_000}
        assert standing.grants[0].expires_at == month(0).end_at + 2 * HOUR

    @pytest.mark.parametrize("status", ["draft", "open", "void", "uncollectible"])
    def test_without_payment_there_are_no_credits(self, status: str) -> None:
        """Active at Stripe is not paid at Stripe."""
        standing = stand(a_subscription(), bills=[a_bill(status=status)])

        assert standing.grants == ()
        assert standing.terms.plan_code == "guru"

    def test_a_trial_has_its_credits_at_its_start(self) -> None:
        """Its invoice of nothing is paid, and grants nothing more under the same id."""
        trial = a_subscription(status="trialing", trial_end_at=START + 7 * DAY)

        assert credits_of(stand(trial).grants) == {CYCLE: 10_000}
        assert credits_of(stand(trial, bills=[]).grants) == {CYCLE: 10_000}

    def test_past_due_keeps_the_paid_window_and_says_so(self) -> None:
        """An upgrade that could not be paid does not take what was paid."""
        standing = stand(a_subscription(PRO, "past_due"), bills=[a_bill(), UNPAID_UPGRADE])

        assert standing.terms.payment_issue
        assert standing.window == month(0)
        assert credits_of(standing.grants) == {CYCLE: 10_000}
        assert not standing.ends_monthly

    def test_a_period_that_was_paid_for_stays_when_only_a_change_of_plan_is_unpaid(
        self,
    ) -> None:
        """Stripe has given up on the upgrade's bill; the period's own was paid."""
        bills = [a_bill(), UNPAID_UPGRADE]
        standing = stand(a_subscription(PRO, "unpaid"), bills=bills)

        assert standing.terms.payment_issue
        assert not standing.ends_monthly
        assert credits_of(standing.grants) == {CYCLE: 10_000}
        renewed = a_subscription(PRO, "unpaid", period=month(1))
        later = stand(renewed, bills=[*bills, a_bill(1, PRO, status="draft")])
        assert (later.ends_monthly, later.grants) == (True, ())

    @pytest.mark.parametrize("status", ["void", "uncollectible"])
    def test_a_bill_that_nobody_wants_any_more_is_no_issue(self, status: str) -> None:
        """Stripe calls the subscription active again; there are no credits without money."""
        standing = stand(a_subscription(), bills=[a_bill(status=status)])

        assert not standing.terms.payment_issue
        assert standing.grants == ()
        assert stand(a_subscription(), bills=[a_bill(status="open")]).terms.payment_issue

    @pytest.mark.parametrize("status", ["unpaid", "paused"])
    def test_who_may_not_spend_has_the_plan_and_none_of_its_credits(self, status: str) -> None:
        """Top-ups are all that is left; a paused trial's bill was of nothing."""
        bills = [a_bill(status="open" if status == "unpaid" else "paid")]
        standing = stand(a_subscription(status=status), bills=bills)

        assert standing.terms.plan_code == "guru"
        assert (standing.terms.payment_issue, standing.ends_monthly) == (True, True)
        assert standing.grants == ()

    @pytest.mark.parametrize(
        ("status", "shown"),
        [("incomplete", "none"), ("incomplete_expired", "canceled"), ("canceled", "canceled")],
    )
    def test_what_never_began_or_is_over_leaves_the_free_plan(
        self, status: str, shown: str
    ) -> None:
        """The running free window; its credits are the ledger's own matter."""
        standing = stand(a_subscription(status=status))

        assert (standing.terms.plan_code, standing.window) == ("free", None)
        assert standing.terms.allocation_nanos == FREE.amount_nanos
        assert standing.terms.subscription_status == shown
        assert standing.records[0].status == status

    def test_an_incomplete_one_does_not_touch_the_one_that_counts(self) -> None:
        """A second card that asks for a password must not end a running plan."""
        other = with_id(a_subscription(PRO, "incomplete"), "sub_2")

        standing = stand(a_subscription(), other)

        assert standing.terms.plan_code == "guru"
        assert standing.surplus == ()


class TestTwo:
    """Two live subscriptions: the dearer counts."""

    def test_the_dearer_counts_and_the_other_is_surplus_in_any_order(self) -> None:
        """Whichever Stripe lists first."""
        guru, pro = a_subscription(), with_id(a_subscription(PRO), "sub_2")
        bills = [a_bill(), a_bill(plan=PRO, invoice_id="in_2", subscription_id="sub_2")]

        for seen in permutations((guru, pro)):
            standing = stand(*seen, bills=bills)
            assert standing.terms.plan_code == "pro"
            assert standing.surplus == ("sub_1",)
            assert credits_of(standing.grants) == {CYCLE.replace("sub_1", "sub_2"): 55_000}

    @pytest.mark.parametrize("status", ["past_due", "unpaid", "paused"])
    def test_what_is_paid_counts_before_what_is_dearer(self, status: str) -> None:
        """Nobody loses a paid plan to one that is not."""
        standing = stand(a_subscription(), with_id(a_subscription(PRO, status), "sub_2"))

        assert (standing.terms.plan_code, standing.surplus) == ("guru", ("sub_2",))

    def test_an_old_ones_end_leaves_the_new_one_alone(self) -> None:
        """Deleted last, though it was first."""
        old = with_id(a_subscription(PRO, "canceled"), "sub_0")

        assert stand(old, a_subscription()).terms.plan_code == "guru"


class TestPrices:
    """Prices that are not of our making."""

    def test_another_applications_subscription_is_not_seen(self) -> None:
        """Its price says nothing of our plans."""
        foreign = replace(a_subscription(), plan_code="")

        standing = stand(foreign)

        assert standing.terms.plan_code == "free"
        assert (standing.records, standing.unknown) == ((), ())

    def test_ours_with_an_unknown_price_keeps_its_plan(self) -> None:
        """Somebody changed it in the Dashboard: a person must look, the customer keeps it."""
        watch = Watch()
        watch.look([a_subscription()], [a_bill()])

        standing = watch.look([replace(a_subscription(), plan_code="odd")], [a_bill()])

        assert standing.terms.plan_code == "guru"
        assert standing.unknown == ("sub_1",)


class TestRenewal:
    """Between the end of a period and the payment of the next."""

    def test_the_old_window_stays_until_the_new_one_is_paid(self) -> None:
        """A charge five minutes after the period's end is paid by the old credits."""
        watch = Watch()
        watch.look([a_subscription()], [a_bill()])
        renewed = a_subscription(period=month(1))
        draft = a_bill(1, status="draft", attempts=0)
        at = month(1).start_at + 5 * MINUTE

        waiting = watch.look([renewed], [draft, a_bill()], at)
        assert (waiting.window, waiting.grants) == (month(0), ())
        paid = watch.look([renewed], [a_bill(1), a_bill()], at)

        assert paid.window == month(1)
        assert credits_of(paid.grants) == {NEXT: 10_000}

    def test_a_smaller_plan_shows_when_its_period_is_paid(self) -> None:
        """Downgrade at the period's end: what was paid before is not cut meanwhile."""
        watch = Watch()
        watch.look([a_subscription(PRO)], [a_bill(plan=PRO)])
        renewed = a_subscription(period=month(1))
        at = month(1).start_at

        waiting = watch.look([renewed], [a_bill(1, status="open", attempts=0)], at)
        assert (waiting.terms.plan_code, waiting.cut) == ("pro", None)
        paid = watch.look([renewed], [a_bill(1)], at)

        assert (paid.terms.plan_code, paid.cut) == ("guru", None)
        assert credits_of(paid.grants) == {NEXT: 10_000}

    def test_waiting_ends_after_two_hours_and_at_once_when_payment_fails(self) -> None:
        """The new window opens without credits, which writes off the old ones."""
        for bill, after in (
            (a_bill(1, status="open", attempts=0), 2 * HOUR),
            (a_bill(1, status="open", attempts=1), 0 * HOUR),
        ):
            watch = Watch()
            watch.look([a_subscription()], [a_bill()])
            renewed = a_subscription(period=month(1))

            failed = watch.look([renewed], [bill], month(1).start_at + after)

            assert (failed.window, failed.grants) == (month(1), ())
            assert failed.terms.payment_issue == bill.has_failed

    def test_past_due_is_a_payment_that_failed_however_it_was_tried(self) -> None:
        """An attempt that we asked for ourselves may not be counted on the invoice."""
        watch = Watch()
        watch.look([a_subscription()], [a_bill()])
        renewed = a_subscription(status="past_due", period=month(1))
        bill = a_bill(1, status="open", attempts=0)

        failed = watch.look([renewed], [bill], month(1).start_at)

        assert (failed.window, failed.grants) == (month(1), ())
        assert failed.terms.payment_issue

    def test_a_recovered_payment_brings_the_credits_late(self) -> None:
        """Paid three days later: the whole period's credits, until its end."""
        watch = Watch()
        watch.look([a_subscription()], [a_bill()])
        renewed = a_subscription(period=month(1))
        at = month(1).start_at + 3 * DAY
        watch.look([replace(renewed, status="past_due")], [a_bill(1, status="open")], at)

        paid = watch.look([renewed], [a_bill(1)], at)

        assert credits_of(paid.grants) == {NEXT: 10_000}
        assert not paid.terms.payment_issue

    def test_after_a_trial_the_first_paid_period_is_waited_for_too(self) -> None:
        """The trial's credits stay while its first real invoice is being paid."""
        watch = Watch()
        watch.look([a_subscription(status="trialing")], [])
        at = month(1).start_at

        waiting = watch.look([a_subscription(period=month(1))], [], at)
        assert waiting.window == month(0)
        again = watch.look([a_subscription(status="trialing", period=month(1))], [], at)

        assert again.window == month(1)


UNPAID_UPGRADE = a_change(GURU, PRO, START + 10 * DAY, status="open")


class TestDowngradeWithin:
    """An immediate downgrade from the Dashboard, which the portal does not offer."""

    def test_it_cuts_the_credits_to_the_smaller_plan_and_does_so_again(self) -> None:
        """Stripe returns the money for the time that is left. Repeated until it is done."""
        watch = Watch()
        bills = [a_bill(plan=PRO)]
        watch.look([a_subscription(PRO)], bills)

        cut = watch.look([a_subscription()], bills).cut
        again = watch.look([a_subscription()], bills).cut

        name = f"downgrade:sub_1:{int(START.timestamp())}"
        assert cut == again == OwedCut(f"{name}:1", GURU.amount_nanos)
        watch.look([a_subscription(PRO)], bills)
        assert watch.look([a_subscription()], bills).cut == OwedCut(
            f"{name}:2", GURU.amount_nanos
        )

    def test_up_and_down_again_between_two_looks_is_cut_as_if_it_was_seen(self) -> None:
        """Webhooks that are late leave nobody with more; a second way up is seen, too."""
        up = a_change(GURU, PRO, START + 10 * DAY, name="in_up1", counted=2)
        down = a_change(PRO, GURU, START + 11 * DAY, name="in_down", counted=3)
        seen, late = Watch(), Watch()
        for watch in (seen, late):
            watch.look([a_subscription()], [a_bill()])
        seen.look([a_subscription(PRO)], [a_bill(), up])

        (cut,) = {
            watch.look([a_subscription()], [a_bill(), up, down]).cut for watch in (seen, late)
        }

        assert isinstance(cut, OwedCut)
        assert (cut.entry_id[-2:], cut.most_nanos) == (":1", GURU.amount_nanos)
        assert late.look([a_subscription()], [a_bill(), up, down]).cut == cut
        assert seen.known == late.known

    def test_one_that_nobody_saw_is_cut_at_first_sight(self) -> None:
        """Paid as pro, seen as guru: the events of the first half were lost."""
        standing = stand(a_subscription(), bills=[a_bill(plan=PRO)])

        assert isinstance(standing.cut, OwedCut)
        assert standing.cut.most_nanos == GURU.amount_nanos
        assert credits_of(standing.grants) == {CYCLE: 55_000}

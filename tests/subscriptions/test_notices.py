"""What customers are told: each thing once, from what is kept and what is, never an event."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from creditbase.subscriptions.domain.mirror import Record, Subscription
from creditbase.subscriptions.domain.notices import (
    TRIAL_ENDS_SOON,
    MoneyBack,
    Notice,
    Scene,
    money_back_notice,
    owed_notices,
)
from tests.subscriptions.pictures import (
    DAY,
    PLANS,
    START,
    Watch,
    a_bill,
    a_subscription,
    with_id,
)

END = START + 14 * DAY
SECOND = timedelta(seconds=1)


def a_trial(status: str = "trialing", **given: Any) -> Subscription:
    """Return a subscription in its trial of fourteen days."""
    return a_subscription(status=status, **{"trial_end_at": END, **given})


def a_scene(*seen: Subscription, **given: Any) -> Scene:
    """Return a scene in which nothing else happens."""
    return Scene(
        **{
            "known": {},
            "seen": seen,
            "invoices": [],
            "plans": PLANS,
            "currency": "usd",
            "is_free": False,
            **given,
        }
    )


def told(scene: Scene, now: Any = START) -> list[Notice]:
    """Return what is to be told."""
    return list(owed_notices(scene, now=now))


def kept(subscription: Subscription, *, is_served: bool = True) -> Mapping[str, Record]:
    """Return what was kept of a subscription when it was last looked at."""
    watch = Watch()
    watch.look([subscription], [a_bill()])
    record = watch.known[subscription.subscription_id]
    if not is_served:
        record = replace(record, served_start_at=None, served_end_at=None)
    return {record.subscription_id: record}


class TestATrialThatEnds:
    """Once for each end of it."""

    def test_three_days_before_it_is_told_what_will_be_charged(self) -> None:
        """With the plan, the day, and the price."""
        (notice,) = told(a_scene(a_trial()), END - 3 * DAY)

        assert notice.notice_id == f"trialnotice:sub_1:{int(END.timestamp())}"
        assert notice.kind == "trial_ends_soon"
        assert notice.facts == {
            "plan": "Guru",
            "price": "10.00 USD",
            "ends_on": "15 April 2026",
            "has_method": "yes",
        }

    def test_the_price_is_in_the_currency_that_it_is_paid_in(self) -> None:
        """Who was brought over may pay in another than the catalog's."""
        (notice,) = told(a_scene(a_trial(currency="eur")), END - DAY)

        assert notice.facts["price"] == "10.00 EUR"

    def test_without_anything_to_pay_with_it_is_told_differently(self) -> None:
        """It will simply be over."""
        (notice,) = told(a_scene(a_trial(has_method=False)), END - DAY)

        assert notice.facts["has_method"] == ""

    @pytest.mark.parametrize(
        "at",
        [END - TRIAL_ENDS_SOON - SECOND, END, END + DAY],
        ids=["early", "over", "late"],
    )
    def test_neither_early_nor_when_it_is_over(self, at: Any) -> None:
        """An event that comes late tells nobody that something ends which has ended."""
        assert told(a_scene(a_trial()), at) == []

    @pytest.mark.parametrize(
        "one",
        [
            a_trial("active"),
            a_trial("canceled"),
            a_trial("paused"),
            a_trial(cancel_at_period_end=True),
            a_trial(trial_end_at=None),
            a_trial(plan_code="odd"),
        ],
        ids=["cut short", "cancelled", "paused", "will be", "never was", "not ours"],
    )
    def test_what_does_not_become_a_paid_plan_is_not_told(self, one: Subscription) -> None:
        """Stripe sends the event also when a trial is cut short, payment and all."""
        assert told(a_scene(one), END - DAY) == []

    @pytest.mark.parametrize("why", ["set_aside", "refused"])
    def test_one_that_does_not_count_is_not_told_to_end_soon(self, why: str) -> None:
        """It is being ended now."""
        notices = told(a_scene(a_trial(), **{why: ["sub_1"]}), END - DAY)

        assert [notice.kind for notice in notices if notice.kind == "trial_ends_soon"] == []

    def test_one_that_moved_is_told_again(self) -> None:
        """The first day that was told is wrong now."""
        longer = a_trial(trial_end_at=END + DAY)

        first, second = told(a_scene(a_trial()), END - DAY), told(a_scene(longer), END - DAY)

        assert first[0].notice_id != second[0].notice_id


def test_a_refused_trial_is_told() -> None:
    """Nobody wonders where the trial is; of a plan that is not ours there are no words."""
    odd = with_id(a_trial(plan_code="odd"), "sub_2")

    notices = told(a_scene(a_trial(), odd, refused=["sub_1", "sub_2"]))

    assert notices == [Notice("trialrefused:sub_1", "trial_refused", {"plan": "Guru"})]


def an_issue(**given: Any) -> dict[str, Any]:
    """Return a payment that failed, as it is kept."""
    return {
        "invoice_id": "in_cycle_0",
        "since_at": START,
        "attempts": 1,
        "next_attempt_at": START + 3 * DAY,
        **given,
    }


UNPAID = a_bill(status="open", due_cents=1_000, currency="eur")
PAID = a_bill(due_cents=1_000, currency="eur")


class TestAPaymentThatFails:
    """Once for each attempt."""

    def test_the_first_attempt_is_told_with_the_amount_and_the_next_one(self) -> None:
        """In the money of the invoice."""
        (notice,) = told(a_scene(invoices=[UNPAID], issue=an_issue()))

        assert notice == Notice(
            "payfail:in_cycle_0:1",
            "payment_failed",
            {"amount": "10.00 EUR", "again_on": "4 April 2026"},
        )

    def test_the_same_attempt_is_told_once(self) -> None:
        """Also where it was first seen before Stripe had counted it."""
        for before in (an_issue(), an_issue(attempts=0)):
            scene = a_scene(invoices=[UNPAID], issue=an_issue(), issue_before=before)
            assert told(scene) == []

    def test_the_next_attempt_is_told_and_the_last_says_that_it_is_the_last(self) -> None:
        """Without a day of another try."""
        last = an_issue(attempts=4, next_attempt_at=None)

        (notice,) = told(a_scene(invoices=[UNPAID], issue=last, issue_before=an_issue()))

        assert notice.notice_id == "payfail:in_cycle_0:4"
        assert notice.facts["again_on"] == ""

    def test_its_recovery_is_told_once(self) -> None:
        """Paid: the flag is gone, and so is what this was decided from."""
        recovered = a_scene(invoices=[PAID], issue_before=an_issue())

        (notice,) = told(recovered)

        assert notice == Notice(
            "payrecovered:in_cycle_0", "payment_recovered", {"amount": "10.00 EUR"}
        )
        assert told(replace(recovered, issue_before=None)) == []

    def test_a_debt_that_ended_otherwise_is_no_recovery(self) -> None:
        """Voided with its subscription, or no longer among the invoices that are shown."""
        void = a_bill(status="void")

        assert told(a_scene(invoices=[void], issue_before=an_issue())) == []
        assert told(a_scene(issue_before=an_issue())) == []

    def test_one_invoice_recovers_while_another_fails(self) -> None:
        """Both are told."""
        other = a_bill(1, status="open", due_cents=5_000)
        issue = an_issue(invoice_id="in_cycle_1")

        notices = told(a_scene(invoices=[PAID, other], issue=issue, issue_before=an_issue()))

        assert [notice.kind for notice in notices] == ["payment_failed", "payment_recovered"]
        assert notices[0].facts["amount"] == "50.00 USD"


class TestAnEnd:
    """When a subscription that counted is over."""

    @pytest.mark.parametrize(
        ("before", "why"),
        [("active", ""), ("trialing", "trial"), ("past_due", "unpaid"), ("unpaid", "unpaid")],
    )
    def test_it_is_told_with_its_reason(self, before: str, why: str) -> None:
        """As far as it can be known from how it stood before."""
        ended = a_scene(
            a_subscription(status="canceled"),
            known=kept(a_subscription(status=before)),
            is_free=True,
        )

        assert told(ended) == [
            Notice("subended:sub_1", "subscription_ended", {"plan": "Guru", "why": why})
        ]

    def test_it_is_told_once(self) -> None:
        """What is kept says that it is over."""
        over = a_subscription(status="canceled")

        assert told(a_scene(over, known=kept(over), is_free=True)) == []

    def test_what_never_counted_or_was_replaced_is_not_told(self) -> None:
        """Nor what nobody had ever seen running."""
        over, running = a_subscription(status="canceled"), kept(a_subscription())
        never = kept(a_subscription(), is_served=False)

        assert told(a_scene(over, known=running, is_free=False)) == []
        assert told(a_scene(over, known=never, is_free=True)) == []
        assert told(a_scene(over, is_free=True)) == []
        assert told(a_scene(a_subscription(), known=running, is_free=True)) == []

    def test_a_plan_that_is_no_longer_known_is_called_by_its_code(self) -> None:
        """The catalog may have changed since."""
        scene = a_scene(
            a_subscription(status="canceled"),
            known=kept(a_subscription()),
            plans={},
            is_free=True,
        )

        (notice,) = told(scene)

        assert notice.facts["plan"] == "guru"


@pytest.mark.parametrize(
    ("nanos", "refunded", "disputed", "kind", "amount"),
    [
        (5_000_000_000, 500, 0, "money_refunded", "5.00 USD"),
        (5_000_000_000, 0, 500, "dispute_opened", "5.00 USD"),
        (-5_000_000_000, -500, 0, "credits_returned", "0.00 USD"),
        (-5_000_000_000, 0, -500, "credits_returned", "0.00 USD"),
        (0, 250, 0, "money_refunded", "2.50 USD"),
    ],
)
def test_money_that_goes_back_is_told_for_what_it_is(
    nanos: int, refunded: int, disputed: int, kind: str, amount: str
) -> None:
    """Each step of a payment's refunds once, under the step's own number."""
    step = a_step(amount_nanos=nanos, refunded_cents=refunded, disputed_cents=disputed)

    notice = money_back_notice(step)

    assert notice is not None
    assert (notice.notice_id, notice.kind) == ("moneyback:pi_1:2", kind)
    assert notice.facts["amount"] == amount
    assert notice.facts["credits"] == f"{abs(nanos) // 1_000_000:,}"


def test_a_step_without_anything_in_it_is_not_told() -> None:
    """A refund that failed, of credits that had not been taken."""
    assert money_back_notice(a_step(refunded_cents=-500)) is None


def a_step(**given: Any) -> MoneyBack:
    """Return the second step of a payment's refunds."""
    return MoneyBack(
        **{
            "payment_id": "pi_1",
            "number": 2,
            "amount_nanos": 0,
            "refunded_cents": 0,
            "disputed_cents": 0,
            "currency": "usd",
            **given,
        }
    )

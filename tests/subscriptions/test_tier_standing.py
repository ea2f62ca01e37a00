"""Where a relay customer stands, from Stripe's picture of all its subscriptions."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import permutations
from typing import Any

import pytest

from creditbase.accounts.domain import Customer, TierSubscription
from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.kernel.ids import promo_grant_id, tier_subscription_uuid
from creditbase.subscriptions.domain.mirror import Invoice, InvoiceLine, Record, Subscription
from creditbase.subscriptions.domain.standing import Standing
from creditbase.subscriptions.domain.tier_standing import (
    GRACE_S,
    decide_tier_standing,
    local_terms,
    no_tier,
)
from creditbase.subscriptions.domain.trials import decide_trial
from tests.catalog.tiers import a_paid_tier, a_paygo, a_tier
from tests.subscriptions.pictures import DAY, HOUR, MINUTE, START, month

CENT = 10_000_000
FREE = a_tier(tier_id="free", spend_limit_cents=500)
STARTER = a_paid_tier(tier_id="starter", spend_limit_cents=2_900, price_amount_cents=3_000)
PRO = a_paid_tier(tier_id="pro", spend_limit_cents=29_900, price_amount_cents=30_000)
ENDLESS = a_paid_tier(tier_id="endless", spend_limit_cents=0, price_amount_cents=90_000)
YEARLY = a_paid_tier(tier_id="yearly", price_interval="year", overage_enabled=True)
GIFT = a_paid_tier(tier_id="gift", promo_credits_cents=700)
TIERS = Tiers.of("p", [FREE, STARTER, PRO, ENDLESS, YEARLY, GIFT])


def a_subscription(tier: Tier = STARTER, status: str = "active", **given: Any) -> Subscription:
    """Return a subscription in its first period, with fields changed."""
    return Subscription(
        **{
            "subscription_id": "sub_1",
            "status": status,
            "plan_code": tier.tier_id,
            "price_cents": tier.price_amount_cents or 0,
            "is_yearly": tier.price_interval == "year",
            "period": month(0),
            "created_at": START,
            **given,
        }
    )


def ended(at: datetime = START + 5 * DAY, **given: Any) -> Subscription:
    """Return a subscription that is over."""
    return a_subscription(**{"status": "canceled", "ended_at": at, **given})


def a_bill(
    tier: Tier = STARTER, number: int = 0, status: str = "paid", **given: Any
) -> Invoice:
    """Return the invoice of the n-th period."""
    period = month(number)
    line = InvoiceLine(
        plan_code=tier.tier_id,
        amount_cents=tier.price_amount_cents or 0,
        is_proration=False,
        start_at=period.start_at,
        end_at=period.end_at,
    )
    return Invoice(
        **{
            "invoice_id": f"in_{number}",
            "subscription_id": "sub_1",
            "status": status,
            "created_at": period.start_at,
            "attempts": 1,
            "due_cents": tier.price_amount_cents or 0,
            "lines": (line,),
            **given,
        }
    )


def a_change(old: Tier, new: Tier, counted: int, status: str = "paid") -> Invoice:
    """Return the proration invoice of a change within the first period."""
    at = START + counted * DAY

    def line(tier: Tier, sign: int) -> InvoiceLine:
        return InvoiceLine(
            plan_code=tier.tier_id,
            amount_cents=sign * (tier.price_amount_cents or 0),
            is_proration=True,
            start_at=at,
            end_at=month(0).end_at,
        )

    lines = (line(old, -1), line(new, 1))
    return a_bill(invoice_id=f"in_c{counted}", created_at=at, status=status, lines=lines)


def on(tier: Tier, at: datetime = START, **given: Any) -> TierSubscription:
    """Return what is kept of who is on a tier that nobody bills."""
    made = {"subscription_id": "s", "tier_id": tier.tier_id, "status": "active"}
    return TierSubscription(**{**made, "created_at": at, "updated_at": at, **given})


@dataclass
class Watch:
    """A customer whose standing is decided again and again; what is kept is kept."""

    held: TierSubscription | None = None
    known: dict[str, Record] = field(default_factory=dict)
    trial: Any = None

    def look(
        self, *seen: Subscription, bills: list[Invoice] | None = None, now: datetime = START
    ) -> Standing:
        """Decide now, and keep what the store would."""
        customer = Customer(
            project_id="p",
            customer_id="c1",
            external_id="e",
            created_at=START,
            updated_at=START,
            subscription=self.held,
        )
        trials = decide_trial("c1", self.trial, seen, {}, {})
        standing = decide_tier_standing(
            customer,
            seen,
            [a_bill()] if bills is None else bills,
            self.known,
            TIERS,
            trials=trials,
            now=now,
        )
        self.held, self.trial = standing.held, trials.trial
        self.known |= {record.subscription_id: record for record in standing.records}
        return standing


def cents_of(standing: Standing) -> int | None:
    """Return the limit of the window; None where there is none."""
    terms = standing.terms
    return None if terms.included == "unlimited" else terms.limit_nanos // CENT


class TestStatuses:
    """The table of DESIGN section 5, row by row."""

    def test_active_and_paid_has_the_tier_and_its_limit(self) -> None:
        """No credits at all: a limit, for the period."""
        standing = Watch().look(a_subscription())

        assert (standing.terms.plan_code, cents_of(standing)) == ("starter", 2_900)
        assert (standing.window, standing.grants) == (month(0), ())
        assert (standing.terms.draws_wallet, standing.terms.grace_s) == (False, GRACE_S)
        assert standing.held == TierSubscription(
            subscription_id=tier_subscription_uuid("sub_1"),
            tier_id="starter",
            status="active",
            created_at=START,
            updated_at=START,
            billing_provider="stripe",
            billing_subscription_id="sub_1",
            current_period_start=month(0).start_at,
            current_period_end=month(0).end_at,
            price_cents=3_000,
            price_interval="month",
        )

    def test_an_end_within_the_period_is_shown_and_reckons_nothing(self) -> None:
        """The limit was paid for the period: what is given back of it is told by that."""
        ends_at = START + 10 * DAY
        standing = Watch().look(a_subscription(ends_at=ends_at, cancel_at_period_end=True))

        assert standing.held is not None
        assert standing.held.current_period_end == ends_at
        assert standing.window == month(0)

    @pytest.mark.parametrize("tier", [STARTER, ENDLESS])
    @pytest.mark.parametrize("status", ["draft", "open", "void", "uncollectible"])
    def test_a_window_that_is_not_paid_has_a_limit_of_nothing(
        self, tier: Tier, status: str
    ) -> None:
        """On unlimited tiers too, and without any grace."""
        standing = Watch().look(a_subscription(tier), bills=[a_bill(tier, status=status)])

        assert (cents_of(standing), standing.terms.grace_s) == (0, 0)

    def test_past_due_for_an_upgrade_keeps_the_limit_that_was_paid(self) -> None:
        """The period is paid; what is not is the difference."""
        bills = [a_bill(), a_change(STARTER, PRO, 3, status="open")]

        standing = Watch().look(a_subscription(PRO, "past_due"), bills=bills)

        assert (standing.terms.plan_code, cents_of(standing)) == ("starter", 2_900)
        assert (standing.terms.payment_issue, standing.terms.grace_s) == (True, 0)
        assert standing.held is not None
        assert (standing.held.tier_id, standing.held.status) == ("pro", "past_due")

    @pytest.mark.parametrize("status", ["unpaid", "paused"])
    def test_who_may_not_spend_has_a_limit_of_nothing(self, status: str) -> None:
        """Whatever was paid; the wallet is left, where the tier draws on it."""
        standing = Watch().look(
            a_subscription(YEARLY, status), bills=[a_bill(YEARLY, lines=())]
        )

        assert (cents_of(standing), standing.terms.draws_wallet) == (0, True)

    @pytest.mark.parametrize("status", ["incomplete", "incomplete_expired"])
    def test_what_never_began_leaves_everything_as_it_was(self, status: str) -> None:
        """Before it she was on the free tier, or on none."""
        assert Watch(on(FREE)).look(a_subscription(status=status)).terms == local_terms(FREE)
        assert Watch().look(a_subscription(status=status)).terms == no_tier()

    def test_a_canceled_one_leaves_no_tier(self) -> None:
        """402 from then on."""
        standing = Watch().look(ended())

        assert standing.terms == no_tier("canceled")
        assert standing.held is not None
        assert (standing.held.tier_id, standing.held.status) == ("starter", "canceled")

    def test_a_customer_that_is_gone_at_stripe_has_no_tier(self) -> None:
        """Nothing is left there that could end."""
        watch = Watch()
        watch.look(a_subscription())

        assert watch.look(now=START + DAY).terms == no_tier("canceled")
        assert watch.look(now=START + 2 * DAY).held == watch.held


class TestPaid:
    """The new limit applies once it is paid for, and never more than was."""

    def test_a_paid_upgrade_has_the_new_limit(self) -> None:
        """Up and down and up: what was paid last counts."""
        up, down = a_change(STARTER, PRO, 2), a_change(PRO, STARTER, 3)

        assert cents_of(Watch().look(a_subscription(PRO), bills=[a_bill(), up])) == 29_900
        assert cents_of(Watch().look(a_subscription(), bills=[a_bill(), up, down])) == 2_900

    def test_what_the_dashboard_changed_without_a_bill_has_the_smaller_limit(self) -> None:
        """Nobody has paid for the dearer one yet; of the smaller one, too much."""
        assert cents_of(Watch().look(a_subscription(PRO))) == 2_900
        assert cents_of(Watch().look(a_subscription(ENDLESS))) == 2_900
        assert cents_of(Watch().look(a_subscription(), bills=[a_bill(ENDLESS)])) == 2_900

    def test_up_again_without_a_bill_is_not_what_was_paid_before(self) -> None:
        """Its money was given back on the way down."""
        bills = [a_bill(PRO), a_change(PRO, STARTER, 2)]

        assert cents_of(Watch().look(a_subscription(PRO), bills=bills)) == 2_900

    def test_a_bill_of_other_lines_pays_the_tier_that_is_there(self) -> None:
        """A period whose end was moved in the Dashboard."""
        (line,) = a_bill().lines
        moved = a_bill(lines=(replace(line, end_at=line.end_at + DAY),))

        assert cents_of(Watch().look(a_subscription(), bills=[moved])) == 2_900

    def test_a_trial_has_its_limit_at_its_start_and_no_dearer_one(self) -> None:
        """Another tier within the trial waits for its payment."""
        trial = a_subscription(status="trialing", trial_end_at=month(0).end_at)
        free_bill = a_bill(lines=(replace(a_bill().lines[0], amount_cents=0),))

        assert cents_of(Watch().look(trial, bills=[])) == 2_900
        trial = replace(trial, plan_code="endless")
        assert cents_of(Watch().look(trial, bills=[free_bill])) == 2_900

    def test_promotional_credits_come_with_the_first_bill_above_zero(self) -> None:
        """Not with a trial's bill of nothing, nor with one that is not paid."""
        gift, none = a_bill(GIFT), a_bill(GIFT, due_cents=0)

        (grant,) = Watch().look(a_subscription(GIFT), bills=[none, gift]).grants
        assert (grant.grant_id, grant.kind) == (promo_grant_id("c1"), "promo")
        assert (grant.amount_nanos, grant.expires_at) == (700 * CENT, None)
        for it in (none, a_bill(GIFT, status="open"), replace(gift, subscription_id="x")):
            assert Watch().look(a_subscription(GIFT), bills=[it]).grants == ()


class TestRenewal:
    """Between the end of a period and the payment of the next."""

    def test_the_old_window_stays_until_the_new_one_is_paid(self) -> None:
        """For two hours at most: the wallet's own grace."""
        watch = Watch()
        watch.look(a_subscription(PRO), bills=[a_bill(PRO)])
        renewed = a_subscription(period=month(1))
        draft = a_bill(number=1, status="draft", attempts=0)
        at = month(1).start_at + 5 * MINUTE

        waiting = watch.look(renewed, bills=[draft, a_bill(PRO)], now=at)
        assert (waiting.window, cents_of(waiting)) == (month(0), 29_900)
        late = watch.look(renewed, bills=[draft], now=month(1).start_at + 2 * HOUR)
        assert (late.window, cents_of(late)) == (month(1), 0)
        paid = watch.look(renewed, bills=[a_bill(number=1)], now=at + 3 * HOUR)

        assert (paid.window, cents_of(paid)) == (month(1), 2_900)

    def test_who_is_leaving_has_no_grace(self) -> None:
        """Nothing follows that could be paid."""
        leaving = a_subscription(cancel_at_period_end=True)

        assert Watch().look(leaving).terms.grace_s == 0


class TestEnds:
    """What follows a subscription."""

    def test_it_lands_on_the_tier_that_was_chosen(self) -> None:
        """At its end, whenever that is looked at, and for good."""
        over = ended(next_tier_id="free")
        watch, late = Watch(), Watch(on(FREE, START - DAY))
        watch.look(a_subscription())

        landed = watch.look(over, now=START + 6 * DAY)

        assert landed.terms == local_terms(FREE)
        assert landed.held is not None
        assert (landed.held.tier_id, landed.held.updated_at) == ("free", over.ended_at)
        assert late.look(over, now=START + 9 * DAY).held == landed.held
        assert watch.look(over, now=START + 9 * DAY).held == landed.held

    @pytest.mark.parametrize("name", ["pro", "gone"])
    def test_it_lands_on_nothing_that_is_sold_or_gone(self, name: str) -> None:
        """Metadata can be written by anybody who has the Dashboard."""
        assert Watch().look(ended(next_tier_id=name)).terms == no_tier("canceled")

    def test_a_tier_that_was_put_on_later_stays(self) -> None:
        """After the end, or after the end was known here: clocks may differ."""
        assert Watch(on(FREE, START + 5 * DAY)).look(ended()).terms == local_terms(FREE)

        watch = Watch()
        watch.look(ended())
        watch.held = on(FREE, START + 4 * DAY)
        assert watch.look(ended()).terms == local_terms(FREE)

    def test_a_tier_from_before_is_not_fallen_back_to(self) -> None:
        """It was left for the one that has ended, whether or not anybody saw that one."""
        assert Watch(on(FREE)).look(ended()).terms == no_tier("canceled")

    def test_a_trial_that_was_refused_leaves_everything_as_it_was(self) -> None:
        """While it runs, and after it was ended."""
        watch = Watch(on(FREE))
        first = ended(START - DAY, trial_end_at=START, created_at=START - 9 * DAY)
        second = a_subscription(
            status="trialing", trial_end_at=START + 9 * DAY, subscription_id="sub_2"
        )

        running = watch.look(first, second)
        assert running.terms == local_terms(FREE)
        over = replace(second, status="canceled", ended_at=START + DAY)
        assert watch.look(first, over).terms == local_terms(FREE)

    def test_a_tier_that_is_put_away_or_left_gives_nothing(self) -> None:
        """Whoever is on one that is gone, or has left it, may spend nothing."""
        gone = replace(FREE, tier_id="gone")

        assert Watch(on(gone)).look().terms == no_tier("active")
        assert Watch(on(FREE, status="canceled")).look().terms == no_tier("canceled")


class TestTwo:
    """Two live subscriptions: the dearer counts."""

    def test_in_any_order(self) -> None:
        """The other is to be ended and refunded."""
        pro = a_subscription(PRO, subscription_id="sub_2")
        bills = [a_bill(), a_bill(PRO, invoice_id="in_2", subscription_id="sub_2")]

        for seen in permutations((a_subscription(), pro)):
            standing = Watch().look(*seen, bills=bills)
            assert (standing.terms.plan_code, standing.surplus) == ("pro", ("sub_1",))


class TestPrices:
    """Prices that are not of our making."""

    def test_another_applications_subscription_is_not_seen(self) -> None:
        """Its price says nothing of our tiers."""
        standing = Watch().look(replace(a_subscription(), plan_code=""))

        assert (standing.terms, standing.records) == (no_tier(), ())

    def test_ours_with_an_unknown_price_keeps_its_tier(self) -> None:
        """A person must look; the customer keeps it."""
        watch = Watch()
        watch.look(a_subscription())

        standing = watch.look(replace(a_subscription(), plan_code=""))

        assert (standing.terms.plan_code, standing.unknown) == ("starter", ("sub_1",))


def test_a_wallet_pays_for_paygo_alone() -> None:
    """No limit there, and no window."""
    terms = local_terms(a_paygo())

    assert (terms.included, terms.draws_wallet, terms.window) == ("none", True, "free")
    assert local_terms(a_tier(spend_limit_cents=0)).included == "unlimited"

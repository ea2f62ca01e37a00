"""Which way leads to a plan, decided from what Stripe shows of a subscription."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from creditbase.catalog.domain import Plan
from creditbase.kernel.errors import BillingError, InvalidRequest, PaymentRefused
from creditbase.kernel.windows import Window
from creditbase.payments.plan_moves import When, decide_end, decide_move
from creditbase.subscriptions.domain.mirror import Subscription

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LIVE = Subscription(
    subscription_id="sub_1",
    status="active",
    plan_code="guru",
    price_cents=1_000,
    price_id="price_guru",
    item_id="si_1",
    period=Window(NOON, NOON + timedelta(days=30)),
    created_at=NOON,
)
PRO = Plan(plan_id="p", code="pro", name="Pro", price_cents=5_000, credits=55_000)
LITE = replace(PRO, code="lite", price_cents=500)


class TestDecisions:
    """Which way leads to a plan."""

    @pytest.mark.parametrize(
        ("live", "target", "when", "kind"),
        [
            (LIVE, PRO, "", "change"),
            (LIVE, replace(PRO, price_cents=1_000), "", "change"),
            (LIVE, PRO, "period_end", "change_later"),
            (LIVE, LITE, "", "change_later"),
            (replace(LIVE, status="trialing"), LITE, "", "change"),
            (replace(LIVE, status="trialing", has_method=False), PRO, "", "change"),
            (replace(LIVE, has_method=False), LITE, "", "change_later"),
            (replace(LIVE, cancel_at_period_end=True), replace(PRO, code="guru"), "", "stay"),
            (replace(LIVE, schedule_id="s"), replace(PRO, code="guru"), "", "stay"),
        ],
    )
    def test_the_way_follows_from_prices_and_what_is_planned(
        self, live: Subscription, target: Plan, when: When, kind: str
    ) -> None:
        """Nobody loses what was paid, and nothing is billed that waits."""
        assert decide_move(live, target, when, price_id="price_x").kind == kind

    @pytest.mark.parametrize(
        ("decide", "refusal"),
        [
            (lambda: decide_move(LIVE, LITE, "now", price_id="x"), InvalidRequest),
            (
                lambda: decide_move(
                    replace(LIVE, status="trialing"), PRO, "period_end", price_id="x"
                ),
                InvalidRequest,
            ),
            (
                lambda: decide_move(replace(LIVE, status="past_due"), PRO, "", price_id="x"),
                PaymentRefused,
            ),
            (
                lambda: decide_move(replace(LIVE, has_method=False), PRO, "", price_id="x"),
                PaymentRefused,
            ),
            (lambda: decide_end(replace(LIVE, cancel_at_period_end=True), ""), InvalidRequest),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, decide: Callable[[], object], refusal: type[BillingError]
    ) -> None:
        """Before anything is recorded or asked."""
        with pytest.raises(refusal):
            decide()

"""What Stripe would show: subscriptions and invoices of a hub customer, for pure tests."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from creditbase.catalog.domain import Plan
from creditbase.kernel.windows import Window, free_window
from creditbase.subscriptions.domain.mirror import Invoice, InvoiceLine, Record, Subscription
from creditbase.subscriptions.domain.owed import OwedGrant
from creditbase.subscriptions.domain.standing import Standing, decide_standing

START = datetime(2026, 4, 1, tzinfo=UTC)
"""A month of thirty days begins, so that one day is a thirtieth."""
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
FREE = Plan("1", "free", "Free", 0, 500)
GURU = Plan("2", "guru", "Guru", 1_000, 10_000)
PRO = Plan("3", "pro", "Pro", 5_000, 55_000)
PLANS = {plan.code: plan for plan in (FREE, GURU, PRO)}


def month(number: int) -> Window:
    """Return the subscription's n-th period."""
    return free_window(START, number)


def a_subscription(plan: Plan = GURU, status: str = "active", **given: Any) -> Subscription:
    """Return a subscription in its first period, with fields changed."""
    return Subscription(
        **{
            "subscription_id": "sub_1",
            "status": status,
            "plan_code": plan.code,
            "price_cents": plan.price_cents,
            "period": month(0),
            "created_at": START,
            **given,
        }
    )


def a_bill(
    number: int = 0, plan: Plan = GURU, status: str = "paid", attempts: int = 1, **given: Any
) -> Invoice:
    """Return the invoice of the n-th period."""
    period = month(number)
    line = InvoiceLine(
        plan_code=plan.code,
        amount_cents=plan.price_cents,
        is_proration=False,
        start_at=period.start_at,
        end_at=period.end_at,
    )
    return Invoice(
        **{
            "invoice_id": f"in_cycle_{number}",
            "subscription_id": "sub_1",
            "status": status,
            "created_at": period.start_at,
            "attempts": attempts,
            "lines": (line,),
            **given,
        }
    )


def a_change(
    old: Plan,
    new: Plan,
    at: datetime,
    *,
    status: str = "paid",
    name: str = "in_up",
    counted: int = 2,
) -> Invoice:
    """Return the proration invoice of a change of plan within the first period."""
    period = month(0)
    left, whole = period.end_at - at, period.end_at - period.start_at

    def line(plan: Plan, sign: int) -> InvoiceLine:
        return InvoiceLine(
            plan_code=plan.code,
            amount_cents=sign * (plan.price_cents * left // whole),
            is_proration=True,
            start_at=at,
            end_at=period.end_at,
        )

    lines = (line(old, -1), line(new, 1))
    bill = a_bill(status=status, invoice_id=name, created_at=at, lines=lines)
    return replace(bill, number=f"ADA-{counted:04}")


@dataclass
class Watch:
    """A customer whose standing is decided again and again; its records are kept."""

    known: dict[str, Record] = field(default_factory=dict)

    def look(
        self, seen: list[Subscription], bills: list[Invoice], now: datetime = START
    ) -> Standing:
        """Decide now, and keep the records as the store would."""
        standing = decide_standing("c1", seen, bills, self.known, PLANS, now=now)
        self.known = {record.subscription_id: record for record in standing.records}
        return standing


def stand(
    *seen: Subscription,
    bills: list[Invoice] | None = None,
    now: datetime = START,
    refused: Collection[str] = (),
) -> Standing:
    """Decide once, with nothing known."""
    bills = bills if bills is not None else [a_bill()]
    return decide_standing("c1", seen, bills, {}, PLANS, now=now, refused=refused)


def credits_of(grants: tuple[OwedGrant, ...]) -> dict[str, int]:
    """Return the owed credits by grant."""
    return {grant.grant_id: grant.amount_nanos // 1_000_000 for grant in grants}


def with_id(subscription: Subscription, name: str) -> Subscription:
    """Return the same subscription under another id."""
    return replace(subscription, subscription_id=name)

"""Notices: what a customer is told of a subscription, each once. Pure.

Decided from what was kept before and what Stripe shows now, never from an event: so neither
order nor repetition of events can tell anything twice, and what is over is not told at all.
The id is made of the cause; the words are made elsewhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any

from creditbase.kernel.ids import (
    low_balance_id,
    money_returned_id,
    payment_failed_id,
    payment_recovered_id,
    refill_failed_id,
    subscription_ended_id,
    trial_notice_id,
    trial_refused_id,
)
from creditbase.kernel.money import NANOS_PER_CREDIT, write_money
from creditbase.kernel.records import dataclass
from creditbase.subscriptions.domain.mirror import ENDED, LIVE, Invoice, Record, Subscription
from creditbase.subscriptions.domain.owed import Plans

TRIAL_ENDS_SOON = timedelta(days=3, hours=1)
"""Stripe's event comes three days before; our clock may be a little behind."""

Issue = Mapping[str, Any]
"""A payment that failed, as the customer's document keeps it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell, under the id that tells it once."""

    notice_id: str
    kind: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What was kept before, what Stripe shows now, and what was decided."""

    known: Mapping[str, Record]
    seen: Sequence[Subscription]
    invoices: Sequence[Invoice]
    plans: Plans
    currency: str
    is_free: bool
    """Whether no subscription counts now."""
    set_aside: Collection[str] = ()
    """Running subscriptions that do not count."""
    refused: Collection[str] = ()
    """Running trials that give nothing."""
    issue_before: Issue | None = None
    issue: Issue | None = None


def owed_notices(scene: Scene, *, now: datetime) -> tuple[Notice, ...]:
    """Return what the customer has to be told now, whether or not it was told before."""
    return (
        *_trials_that_end(scene, now=now),
        *_trials_refused(scene),
        *_payments(scene),
        *_ends(scene),
    )


def write_date(at: datetime) -> str:
    """Return the day as people write it."""
    return f"{at.day} {at:%B %Y}"


def _trials_that_end(scene: Scene, *, now: datetime) -> Iterable[Notice]:
    """Yield a trial that goes over into a paid plan soon; one that was cancelled does not."""
    for one in scene.seen:
        ends_at = one.trial_end_at
        is_running = one.status == "trialing" and one.plan_code in scene.plans
        is_out = one.subscription_id in (*scene.set_aside, *scene.refused)
        if ends_at is None or not is_running or is_out or one.cancel_at_period_end:
            continue
        if now < ends_at <= now + TRIAL_ENDS_SOON:
            facts = {
                "plan": scene.plans[one.plan_code].name,
                "price": write_money(one.price_cents, one.currency or scene.currency),
                "ends_on": write_date(ends_at),
                "has_method": "yes" if one.has_method else "",
            }
            notice_id = trial_notice_id(one.subscription_id, ends_at)
            yield Notice(notice_id, "trial_ends_soon", facts)


def _trials_refused(scene: Scene) -> Iterable[Notice]:
    for one in scene.seen:
        if one.subscription_id in scene.refused and one.plan_code in scene.plans:
            facts = {"plan": scene.plans[one.plan_code].name}
            yield Notice(trial_refused_id(one.subscription_id), "trial_refused", facts)


def _payments(scene: Scene) -> Iterable[Notice]:
    """Yield the newest attempt that failed, or that the payment was made after all."""
    issue, before = scene.issue, scene.issue_before
    bills = {bill.invoice_id: bill for bill in scene.invoices}
    if issue is not None and _attempt(issue) != (_attempt(before) if before else None):
        bill = bills[issue["invoice_id"]]
        again_at = issue["next_attempt_at"]
        facts = {
            "amount": write_money(bill.due_cents, bill.currency or scene.currency),
            "again_on": write_date(again_at) if again_at is not None else "",
        }
        yield Notice(payment_failed_id(*_attempt(issue)), "payment_failed", facts)
    if before is None or (issue is not None and issue["invoice_id"] == before["invoice_id"]):
        return
    paid = bills.get(before["invoice_id"])
    if paid is not None and paid.is_paid:
        amount = write_money(paid.due_cents, paid.currency or scene.currency)
        notice_id = payment_recovered_id(paid.invoice_id)
        yield Notice(notice_id, "payment_recovered", {"amount": amount})


def _attempt(issue: Issue) -> tuple[str, int]:
    """Return which attempt it is; one that we asked for ourselves may not be counted yet."""
    return issue["invoice_id"], max(1, issue["attempts"])


def _ends(scene: Scene) -> Iterable[Notice]:
    """Yield a subscription that counted and is over, where no other has taken its place."""
    for one in scene.seen:
        before = scene.known.get(one.subscription_id)
        if one.status not in ENDED or before is None or not scene.is_free:
            continue
        if before.status in LIVE and before.served is not None:
            plan = scene.plans.get(before.plan_code)
            why = {"past_due": "unpaid", "unpaid": "unpaid", "trialing": "trial"}
            facts = {
                "plan": plan.name if plan is not None else before.plan_code,
                "why": why.get(before.status, ""),
            }
            notice_id = subscription_ended_id(one.subscription_id)
            yield Notice(notice_id, "subscription_ended", facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBack:
    """A step of a payment's refunds and disputes, as far as it concerns the customer."""

    payment_id: str
    number: int
    amount_nanos: int
    """Credits that go, or come back where below zero."""
    refunded_cents: int
    """More than at the step before; below zero where a refund failed."""
    disputed_cents: int
    currency: str
    stops_refills: bool = False
    """Whether the wallet does not top itself up any more."""


def money_back_notice(step: MoneyBack) -> Notice | None:
    """Return what a step of a payment's refunds is told as; None where nothing is to tell."""
    credit_count = abs(step.amount_nanos) // NANOS_PER_CREDIT
    moved_cents = max(0, step.disputed_cents) or max(0, step.refunded_cents)
    if moved_cents:
        kind = "dispute_opened" if step.disputed_cents > 0 else "money_refunded"
    elif step.amount_nanos < 0 and credit_count:
        kind = "credits_returned"
    else:
        return None
    facts = {
        "credits": f"{credit_count:,}",
        "amount": write_money(moved_cents, step.currency),
        "stops_refills": "yes" if step.stops_refills else "",
    }
    return Notice(money_returned_id(step.payment_id, step.number), kind, facts)


# ---- wallets -------------------------------------------------------------------------------


def low_balance_notice(
    customer_id: str, number: int, *, balance: str, threshold: str
) -> Notice:
    """Return that a balance has fallen below its threshold, for the so-manieth time."""
    facts = {"balance": balance, "threshold": threshold}
    return Notice(low_balance_id(customer_id, number), "low_balance", facts)


def refill_failed_notice(customer_id: str, number: int, *, amount: str, why: str) -> Notice:
    """Return that an automatic top-up was not paid, and that there will be none any more."""
    facts = {"amount": amount, "why": why}
    return Notice(refill_failed_id(customer_id, number), "refill_failed", facts)

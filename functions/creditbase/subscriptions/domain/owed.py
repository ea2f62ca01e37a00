"""What a subscription is owed in a period, from its invoices as they are now. Pure.

Source: DESIGN section 5, "One grant per cause", "Plan change", "Renewal". The sums come from
all paid invoices of the period, so neither order nor repetition of events can change them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from creditbase.catalog.domain import Plan
from creditbase.kernel.ids import cycle_grant_id, upgrade_grant_id
from creditbase.kernel.money import NANOS_PER_CREDIT, worth_nanos
from creditbase.kernel.records import dataclass
from creditbase.kernel.windows import Window
from creditbase.subscriptions.domain.mirror import Invoice, InvoiceLine, Subscription

GRACE = timedelta(hours=2)
"""How long the credits of a period outlive it, while its successor is being paid."""

Plans = Mapping[str, Plan]


@dataclass(frozen=True, slots=True)
class OwedGrant:
    """Credits that were paid for, under the id that gives them once."""

    grant_id: str
    amount_nanos: int
    expires_at: datetime | None
    plan_code: str
    invoice_id: str = ""
    kind: Literal["plan", "promo"] = "plan"
    paid_nanos: int = 0
    """What was paid for them in money, as far as the bill tells."""


def invoice_of(period: Window, invoices: Iterable[Invoice]) -> Invoice | None:
    """Return the invoice that bills a period itself: a paid one, else the newest."""
    found = [
        invoice
        for invoice in invoices
        if any(line.start_at == period.start_at for line in _cycle_lines(invoice))
    ]
    return max(found, key=lambda invoice: (invoice.is_paid, invoice.age), default=None)


def grant_ids_of(bill: Invoice) -> list[str]:
    """Return the grants that a bill may have brought: of its upgrades, of its periods."""
    cycles = [
        cycle_grant_id(bill.subscription_id, line.start_at) for line in _cycle_lines(bill)
    ]
    return [upgrade_grant_id(bill.invoice_id), *cycles]


def owed_grants(
    subscription: Subscription, plan: Plan, invoices: Sequence[Invoice], plans: Plans
) -> tuple[OwedGrant, ...]:
    """Return what the running period is owed: its own credits, and those of its upgrades."""
    period = subscription.period
    grants = list(_upgrades(period, invoices, plans))
    bill = invoice_of(period, invoices)
    is_paid = bill is not None and bill.is_paid
    if is_paid or subscription.status == "trialing":
        if bill is not None:
            # The plan that this invoice is for: a later upgrade has an invoice of its own.
            billed = [line.plan_code for line in _cycle_lines(bill) if line.plan_code in plans]
            plan = plans[billed[0]] if billed else plan
        cycle = OwedGrant(
            cycle_grant_id(subscription.subscription_id, period.start_at),
            plan.amount_nanos,
            period.end_at + GRACE,
            plan.code,
            bill.invoice_id if bill is not None else "",
            paid_nanos=0
            if bill is None
            else _paid_nanos(bill, _cycle_lines(bill), plan.amount_nanos),
        )
        grants.insert(0, cycle)
    return tuple(grants)


def dearest_paid_nanos(period: Window, invoices: Iterable[Invoice], plans: Plans) -> int:
    """Return the credits of the dearest plan that was paid for within a period."""
    paid = [
        line
        for invoice in invoices
        for line in invoice.lines
        if invoice.is_paid and line.amount_cents > 0 and line.end_at == period.end_at
    ]
    return max(
        (plans[line.plan_code].amount_nanos for line in paid if line.plan_code in plans),
        default=0,
    )


def over_nanos(period: Window, invoices: Sequence[Invoice], plans: Plans) -> int:
    """Return what was granted for ways up within a period, and is not paid for any more.

    Money went back for the time in which the plan was a smaller one.
    """
    whole = _micros(period.start_at, period.end_at) * NANOS_PER_CREDIT
    sum_so_far = highest = 0
    for lines in _paid_changes(period, invoices):
        sum_so_far += sum(_weight(line, plans) for line in lines)
        highest = max(sum_so_far, highest)
    return (highest // whole - sum_so_far // whole) * NANOS_PER_CREDIT


def smallest_nanos(period: Window, invoices: Sequence[Invoice], plans: Plans) -> int:
    """Return the credits of the smallest plan that bills of changes within a period name."""
    named = {line.plan_code for lines in _paid_changes(period, invoices) for line in lines}
    return min((plans[code].amount_nanos for code in named if code in plans), default=0)


def _paid_changes(
    period: Window, invoices: Sequence[Invoice]
) -> Iterable[tuple[InvoiceLine, ...]]:
    """Yield the lines of each paid bill that are of changes within a period, oldest first."""
    for invoice in sorted(invoices, key=lambda invoice: invoice.age):
        lines = tuple(line for line in invoice.lines if _is_within(line, period))
        if invoice.is_paid and lines:
            yield lines


def _upgrades(period: Window, invoices: Sequence[Invoice], plans: Plans) -> Iterable[OwedGrant]:
    """Yield the credits of each paid proration invoice, prorated as its money was.

    Stripe gives back money for the way down and takes it for the way up; what was granted
    on an earlier way up is not granted again: only what exceeds the highest sum so far.
    """
    whole = _micros(period.start_at, period.end_at) * NANOS_PER_CREDIT
    sum_so_far = highest = 0
    for invoice in sorted(invoices, key=lambda invoice: invoice.age):
        lines = [line for line in invoice.lines if _is_within(line, period)]
        if not invoice.is_paid or not lines:
            continue
        sum_so_far += sum(_weight(line, plans) for line in lines)
        credit_count = max(sum_so_far, highest) // whole - highest // whole
        highest = max(sum_so_far, highest)
        if credit_count > 0:
            dearest = max(lines, key=lambda line: line.amount_cents)
            yield OwedGrant(
                upgrade_grant_id(invoice.invoice_id),
                credit_count * NANOS_PER_CREDIT,
                period.end_at + GRACE,
                dearest.plan_code,
                invoice.invoice_id,
                paid_nanos=_paid_nanos(invoice, lines, credit_count * NANOS_PER_CREDIT),
            )


def _paid_nanos(bill: Invoice, lines: Iterable[InvoiceLine], face_nanos: int) -> int:
    """Return what a bill's lines brought: never more than was due, discounts taken off."""
    paid_cents = max(0, min(bill.due_cents, sum(line.amount_cents for line in lines)))
    return worth_nanos(paid_cents, bill.currency, face_nanos=face_nanos) if paid_cents else 0


def _weight(line: InvoiceLine, plans: Plans) -> int:
    """Return nanos times microseconds: positive for time bought, negative for time returned."""
    plan = plans.get(line.plan_code)
    if plan is None or line.amount_cents == 0:
        return 0
    sign = 1 if line.amount_cents > 0 else -1
    return sign * plan.amount_nanos * _micros(line.start_at, line.end_at)


def _cycle_lines(invoice: Invoice) -> list[InvoiceLine]:
    return [line for line in invoice.lines if not line.is_proration]


def _is_within(line: InvoiceLine, period: Window) -> bool:
    return line.is_proration and period.holds(line.start_at) and line.end_at == period.end_at


def _micros(start_at: datetime, end_at: datetime) -> int:
    return (end_at - start_at) // timedelta(microseconds=1)

"""Where a customer stands: decided from all its subscriptions as Stripe shows them. Pure.

Source: DESIGN section 5, the table of statuses, "Renewal", "Plan change". The same picture
gives the same standing, whichever event led to looking at it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from creditbase.accounts.domain import TierSubscription
from creditbase.catalog.domain import Plan
from creditbase.kernel.ids import downgrade_entry_id, sha256_hex, upgrade_again_entry_id
from creditbase.kernel.records import dataclass
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.wallet import Terms
from creditbase.subscriptions.domain.mirror import (
    ENDED,
    ENTITLING,
    Invoice,
    Record,
    Subscription,
    record_of,
)
from creditbase.subscriptions.domain.owed import (
    GRACE,
    OwedGrant,
    Plans,
    dearest_paid_nanos,
    invoice_of,
    over_nanos,
    owed_grants,
    smallest_nanos,
)
from creditbase.subscriptions.domain.terms import FREE_PLAN, free_terms, paid_terms

NO_CREDITS = frozenset({"unpaid", "paused"})
"""Statuses in which no credits of the plan may be spent."""


@dataclass(frozen=True, slots=True)
class OwedCut:
    """A plan that became smaller within its window leaves at most so many credits."""

    entry_id: str
    most_nanos: int


@dataclass(frozen=True, slots=True)
class OwedUndo:
    """A plan that is a larger one again has what was cut, but for what nobody paid for."""

    entry_id: str
    over_nanos: int
    floor_nanos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What becomes of a customer. `window` None is the running free window."""

    terms: Terms
    window: Window | None
    ends_monthly: bool
    grants: tuple[OwedGrant, ...]
    cut: OwedCut | OwedUndo | None
    surplus: tuple[str, ...]
    """Live subscriptions that do not count: to be cancelled and refunded."""
    unknown: tuple[str, ...]
    """Live subscriptions whose price is none of ours any more; they keep their plan."""
    records: tuple[Record, ...]
    held: TierSubscription | None = None
    """What the relay shows of it; the hub's customers have none."""

    @property
    def digest(self) -> str:
        """Return what tells standings apart: all that the wallet is told but the revision."""
        terms = replace(self.terms, revision=0)
        return sha256_hex(repr((terms, self.window, self.ends_monthly, self.grants, self.cut)))


def decide_standing(
    customer_id: str,
    seen: Sequence[Subscription],
    invoices: Sequence[Invoice],
    known: Mapping[str, Record],
    plans: Plans,
    *,
    now: datetime,
    refused: Collection[str] = (),
) -> Standing:
    """Return where the customer stands, what it is owed, and what is to be kept of it all.

    `refused` are running trials that give nothing: the customer stands as before them.
    """
    named = [_with_plan(one, known, plans) for one in seen]
    ours = [one for one in named if one.plan_code]
    records = {
        one.subscription_id: record_of(customer_id, one, known.get(one.subscription_id))
        for one in ours
    }
    unknown = [
        one.subscription_id
        for one in seen
        if one.is_live and one.plan_code not in plans and one.subscription_id in known
    ]
    live = sorted(
        (one for one in ours if one.is_live and one.subscription_id not in refused),
        key=precedence,
    )
    if not live:
        standing = _free(ours, plans[FREE_PLAN])
    else:
        one = live[0]
        bills = [bill for bill in invoices if bill.subscription_id == one.subscription_id]
        standing, served = _on_plan(one, records[one.subscription_id], bills, plans, now=now)
        records[one.subscription_id] = served
    return replace(
        standing,
        surplus=tuple(one.subscription_id for one in live[1:]),
        unknown=tuple(unknown),
        records=tuple(records.values()),
    )


def precedence(one: Subscription) -> tuple[bool, bool, int, datetime, str]:
    """Sort what may spend first, then the dearer, then the older."""
    return (
        one.status not in ENTITLING,
        one.status in NO_CREDITS,
        -one.yearly_cents,
        one.created_at,
        one.subscription_id,
    )


def _with_plan(one: Subscription, known: Mapping[str, Record], plans: Plans) -> Subscription:
    """Return the subscription with the plan it had, where its price says nothing to us."""
    if one.plan_code in plans:
        return one
    kept = known.get(one.subscription_id)
    return replace(one, plan_code=kept.plan_code if kept is not None else "")


def _free(ours: Sequence[Subscription], plan: Plan) -> Standing:
    status = "canceled" if any(one.status in ENDED for one in ours) else "none"
    return standing_on(free_terms(plan, subscription_status=status), None)


def _on_plan(
    one: Subscription,
    record: Record,
    invoices: Sequence[Invoice],
    plans: Plans,
    *,
    now: datetime,
) -> tuple[Standing, Record]:
    """Return the standing of the subscription that counts, and the record of serving it."""
    plan = plans[one.plan_code]
    bill = invoice_of(one.period, invoices)
    is_overdue = bill is not None and bill.is_overdue
    may_spend = one.status not in NO_CREDITS or is_only_a_change_unpaid(one, bill)
    terms = paid_terms(plan, one, payment_issue=one.status not in ENTITLING or is_overdue)
    if may_spend and awaits_payment(one, record, bill, now=now):
        # The old window and plan stay, credits and all, while the new one is being paid.
        terms = replace(
            terms,
            plan_code=record.served_plan_code,
            allocation_nanos=plans[record.served_plan_code].amount_nanos,
        )
        return standing_on(terms, record.served), record
    grants = owed_grants(one, plan, invoices, plans) if may_spend else ()
    dearest_nanos = dearest_paid_nanos(one.period, invoices, plans)
    served = _served(record, one, plan, plans, dearest_nanos=dearest_nanos)
    standing = replace(
        standing_on(terms, one.lasts),
        ends_monthly=not may_spend,
        grants=grants,
        cut=_cut(served, plan, invoices, plans) if may_spend else None,
    )
    return standing, served


def is_only_a_change_unpaid(one: Subscription, bill: Invoice | None) -> bool:
    """Return whether the running period itself is paid for, and only a change of plan is not.

    What was paid for is the customer's, whatever Stripe calls the subscription.
    """
    return one.status == "unpaid" and bill is not None and bill.is_paid


def awaits_payment(
    one: Subscription, record: Record, bill: Invoice | None, *, now: datetime
) -> bool:
    """Return whether a period has begun whose payment has neither come nor failed yet."""
    served = record.served
    if served is None or served.start_at >= one.period.start_at or one.status == "trialing":
        return False
    is_settled = one.status == "past_due" or (
        bill is not None and (bill.is_paid or bill.has_failed)
    )
    return not is_settled and now < one.period.start_at + GRACE


def _served(
    record: Record, one: Subscription, plan: Plan, plans: Plans, *, dearest_nanos: int
) -> Record:
    """Return the record with the plan and window that are served now; count downgrades.

    One that nobody saw is counted, too: since the last look a dearer plan was paid for than
    the one that is there now.
    """
    before = record.served
    if before is None or before.start_at != one.period.start_at:
        record = replace(record, downgrades=0, cut_to_nanos=0, dearest_nanos=0)
        highest_nanos = dearest_nanos
    else:
        highest_nanos = plans[record.served_plan_code].amount_nanos
        if dearest_nanos > record.dearest_nanos:
            highest_nanos = max(highest_nanos, dearest_nanos)
    served = replace(
        record,
        served_plan_code=plan.code,
        served_start_at=one.period.start_at,
        served_end_at=one.period.end_at,
        dearest_nanos=max(record.dearest_nanos, dearest_nanos),
    )
    if highest_nanos <= plan.amount_nanos:
        return served
    return replace(served, downgrades=served.downgrades + 1, cut_to_nanos=plan.amount_nanos)


def _cut(
    served: Record, plan: Plan, invoices: Sequence[Invoice], plans: Plans
) -> OwedCut | OwedUndo | None:
    """Return what the plan's ways down and up within its window mean to its credits."""
    assert served.served is not None
    name = (served.subscription_id, served.served.start_at, served.downgrades)
    floor_nanos = smallest_nanos(served.served, invoices, plans)
    if served.downgrades:
        if plan.amount_nanos <= served.cut_to_nanos:
            return OwedCut(downgrade_entry_id(*name), served.cut_to_nanos)
        floor_nanos = served.cut_to_nanos
    over = over_nanos(served.served, invoices, plans)
    if served.downgrades or (over and plan.amount_nanos > floor_nanos):
        return OwedUndo(upgrade_again_entry_id(*name, over), over, floor_nanos)
    return None


def standing_on(terms: Terms, window: Window | None) -> Standing:
    """Return a standing that is on these terms, and owed nothing."""
    return Standing(
        terms=terms,
        window=window,
        ends_monthly=False,
        grants=(),
        cut=None,
        surplus=(),
        unknown=(),
        records=(),
    )

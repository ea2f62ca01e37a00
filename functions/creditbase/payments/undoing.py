"""What the steps of a payment's refunds have really taken, so that undoing them is exact. Pure.

A step goes from one target to the next. What it met on the way stands in its entry: credits
that were free, credits that open holds kept, credits that were used. The way back is the
same, from its end. Of plan credits a refund lets go what a dispute makes a debt, so a dispute
always lies on top: where the refund below it changes, it is lifted off and laid down again.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from creditbase.kernel.money import share_floor
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.entries import Entry
from creditbase.payments.domain import TOPUP, Payment, Return, Returned


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the way to the target: what so many credits were found to be."""

    kind: Literal["taken", "cut", "lapsed", "recalled", "let_go", "owed"]
    amount_nanos: int


Way = tuple[Stretch, ...]


def way_of(payment: Payment, entries: Sequence[Entry]) -> Way:
    """Return what lies between nothing and the target of a step.

    `entries` are those of the steps until then, in their order.
    """
    way: Way = ()
    target_nanos = 0
    for step, entry in zip(payment.returns, entries, strict=False):
        if step.target_nanos >= target_nanos:
            way += _met(payment.grant_id, step.target_nanos - target_nanos, entry)
        else:
            way, _ = _back(way, target_nanos - step.target_nanos)
        target_nanos = step.target_nanos
    return way


def decide_return(payment: Payment, returned: Returned, way: Way) -> Return | None:
    """Return the next step towards what Stripe says has gone back; None where it is reached.

    Of plan credits a refund takes what is left and no more, and only that much is ever given
    back; what a dispute takes is owed, as is everything of a top-up.
    """
    last = payment.returns[-1] if payment.returns else None
    reached_nanos = last.target_nanos if last is not None else 0
    goal = _next_goal(payment, returned)
    target = _target(payment, goal)
    if target == reached_nanos:
        return None
    step = Return(
        amount_nanos=target - reached_nanos,
        owes_rest=payment.kind == TOPUP or goal.disputed_cents > 0,
        target_nanos=target,
        refunded_cents=goal.refunded_cents,
        disputed_cents=goal.disputed_cents,
        is_between=goal != returned,
    )
    if target > reached_nanos:
        return step
    kept, undone = _back(way, reached_nanos - target)
    owed_nanos = _sum(undone, "owed")
    return replace(
        step,
        amount_nanos=-(_sum(undone, "taken") + owed_nanos),
        owed_nanos=owed_nanos,
        still_owed_nanos=_sum(kept, "owed"),
        recalled_nanos=_sum(undone, "recalled"),
        cut_nanos=_sum(undone, "cut"),
    )


def _next_goal(payment: Payment, returned: Returned) -> Returned:
    """Return where the next step leads: to the truth, or to where the way there goes on."""
    last = payment.returns[-1] if payment.returns else Returned()
    before = Returned(last.refunded_cents, last.disputed_cents)
    refunds = Returned(returned.refunded_cents)
    refunds_before = Returned(before.refunded_cents)
    if payment.kind == TOPUP or _target(payment, refunds) == _target(payment, refunds_before):
        return returned
    if _target(payment, before) > _target(payment, refunds_before):
        return refunds_before
    return refunds


def _target(payment: Payment, returned: Returned) -> int:
    """Return how much of the grant is to be gone."""
    back_cents = returned.refunded_cents + returned.disputed_cents
    whole_cents = max(1, payment.paid_cents)
    return share_floor(payment.granted_nanos, part=back_cents, whole=whole_cents)


def _met(grant_id: str, amount_nanos: int, entry: Entry) -> Way:
    """Return what a step met, in the order in which it took it: debts are the last resort."""
    cut_nanos = -entry.cause.get("cut", {}).get(grant_id, 0)
    lapsed_nanos = entry.cause.get("lapsed_nanos", 0)
    taken_nanos = -entry.postings.get(f"grant:{grant_id}", 0)
    recalled_nanos = entry.cause.get("recall", {}).get(grant_id, 0)
    owed_nanos = -entry.postings.get("receivable", 0)
    gone_nanos = taken_nanos + cut_nanos + lapsed_nanos + recalled_nanos + owed_nanos
    met = (
        Stretch("taken", taken_nanos),
        Stretch("cut", cut_nanos),
        Stretch("lapsed", lapsed_nanos),
        Stretch("recalled", recalled_nanos),
        Stretch("let_go", amount_nanos - gone_nanos),
        Stretch("owed", owed_nanos),
    )
    assert all(stretch.amount_nanos >= 0 for stretch in met)
    return tuple(stretch for stretch in met if stretch.amount_nanos)


def _back(way: Way, amount_nanos: int) -> tuple[Way, Way]:
    """Return the way without its last stretches, so many nanos long, and those stretches."""
    kept, undone = list(way), []
    while amount_nanos:
        last = kept.pop()
        part_nanos = min(amount_nanos, last.amount_nanos)
        amount_nanos -= part_nanos
        undone.append(replace(last, amount_nanos=part_nanos))
        if part_nanos < last.amount_nanos:
            kept.append(replace(last, amount_nanos=last.amount_nanos - part_nanos))
    return tuple(kept), tuple(undone)


def lapsed_nanos_of(way: Way) -> int:
    """Return what of the way had lapsed unspent, and sets off no second time."""
    return _sum(way, "lapsed")


def returned_nanos_of(entries: Sequence[Entry]) -> int:
    """Return what lapsed when steps were undone: it came back too late for anybody to spend."""
    return sum(
        entry.postings.get("expired", 0) - min(0, entry.cause.get("lapsed_nanos", 0))
        for entry in entries
    )


def _sum(way: Way, kind: str) -> int:
    return sum(stretch.amount_nanos for stretch in way if stretch.kind == kind)

"""Where a relay customer stands: on which tier and what terms, from Stripe's picture. Pure.

A tier gives no credits. It sets a limit for each window, and a window that nobody has paid
for has a limit of 0, on unlimited tiers too. Source: DESIGN section 5, ADR-0017.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from creditbase.accounts.domain import Customer, TierSubscription
from creditbase.catalog.domain.tiers import Tier, Tiers
from creditbase.kernel.ids import promo_grant_id, tier_subscription_uuid
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
from creditbase.subscriptions.domain.owed import GRACE, OwedGrant, invoice_of
from creditbase.subscriptions.domain.standing import (
    NO_CREDITS,
    Standing,
    awaits_payment,
    is_only_a_change_unpaid,
    precedence,
    standing_on,
)
from creditbase.subscriptions.domain.trials import TrialDecision

GRACE_S = int(GRACE.total_seconds())


def decide_tier_standing(
    customer: Customer,
    seen: Sequence[Subscription],
    invoices: Sequence[Invoice],
    known: Mapping[str, Record],
    tiers: Tiers,
    *,
    trials: TrialDecision,
    now: datetime,
) -> Standing:
    """Return where the customer stands, and what is to be kept of it all.

    The same picture gives the same standing, whichever event led to looking at it, and
    whether or not what is over was ever looked at.
    """
    named = [_with_tier(one, known, tiers) for one in seen]
    ours = [one for one in named if one.plan_code]
    records = {
        one.subscription_id: record_of(
            customer.customer_id, one, known.get(one.subscription_id)
        )
        for one in ours
    }
    live = sorted(
        (one for one in ours if one.is_live and one.subscription_id not in trials.refused),
        key=precedence,
    )
    if live:
        one = live[0]
        bills = [bill for bill in invoices if bill.subscription_id == one.subscription_id]
        standing, served = _on_tier(one, records[one.subscription_id], bills, tiers, now=now)
        records[one.subscription_id] = served
        standing = replace(standing, held=_kept_or(customer.subscription, _shown(one, now=now)))
    else:
        standing = _without(customer, ours, known, tiers, trials, now=now)
    return replace(
        standing,
        grants=_promo(customer, ours, invoices, tiers),
        surplus=tuple(one.subscription_id for one in live[1:]),
        unknown=tuple(
            one.subscription_id
            for one in seen
            if one.is_live
            and tiers.by_id(one.plan_code) is None
            and one.subscription_id in known
        ),
        records=tuple(records.values()),
    )


def _with_tier(one: Subscription, known: Mapping[str, Record], tiers: Tiers) -> Subscription:
    """Return the subscription with the tier it had, where its price says nothing to us."""
    if tiers.by_id(one.plan_code) is not None:
        return one
    kept = known.get(one.subscription_id)
    return replace(one, plan_code=kept.plan_code if kept is not None else "")


# ---- with a subscription ---------------------------------------------------------------------


def _on_tier(
    one: Subscription,
    record: Record,
    bills: Sequence[Invoice],
    tiers: Tiers,
    *,
    now: datetime,
) -> tuple[Standing, Record]:
    """Return the standing of the subscription that counts, and the record of serving it."""
    tier = _tier(tiers, one.plan_code)
    bill = invoice_of(one.period, bills)
    has_issue = one.status not in ENTITLING or (bill is not None and bill.is_overdue)
    may_spend = one.status not in NO_CREDITS or is_only_a_change_unpaid(one, bill)
    if may_spend and record.served is not None and awaits_payment(one, record, bill, now=now):
        # The old window and tier stay, limit and all, while the new one is being paid.
        before = _tier(tiers, record.served_plan_code)
        terms = bought_terms(before, one, record.served, is_paid=True, has_issue=has_issue)
        return standing_on(terms, record.served), record
    paid = _paid_for(one, tier, bill, bills, tiers) if may_spend else None
    limiting = paid or tier
    terms = bought_terms(
        limiting, one, one.period, is_paid=paid is not None, has_issue=has_issue
    )
    served = replace(
        record,
        served_plan_code=limiting.tier_id,
        served_start_at=one.period.start_at,
        served_end_at=one.period.end_at,
    )
    return standing_on(terms, one.period), served


def bought_terms(
    tier: Tier, one: Subscription, period: Window, *, is_paid: bool, has_issue: bool
) -> Terms:
    """Return the terms of a tier that Stripe bills. A limit is a month's, also of a year."""
    goes_on = one.status in ENTITLING and not one.cancel_at_period_end
    is_yearly = is_paid and one.status != "trialing" and one.is_yearly
    return Terms(
        tier.tier_id,
        window="period",
        included="unlimited" if is_paid and tier.is_unlimited else "limited",
        limit_nanos=tier.limit_nanos if is_paid else 0,
        draws_wallet=tier.overage_enabled,
        subscription_status=one.status,
        cancel_at_period_end=one.cancel_at_period_end,
        payment_issue=has_issue,
        months_from_at=period.start_at if is_yearly else None,
        months_until_at=period.end_at if is_yearly else None,
        grace_s=GRACE_S if is_paid and goes_on else 0,
        origin=one.subscription_id,
    )


def _paid_for(
    one: Subscription,
    tier: Tier,
    bill: Invoice | None,
    bills: Sequence[Invoice],
    tiers: Tiers,
) -> Tier | None:
    """Return the tier whose limit the running period has; None where nobody paid for it.

    It is the one that is there now, once the newest paid bill of the period has it. One that
    came without a payment (by the Dashboard, say) has at most the limit of before. A trial has
    at most the limit of the tier that it began with: its later bills are of nothing, too.
    """
    if one.status == "trialing":
        begun = [bill for bill in bills if bill.is_paid and _sold(bill, tiers)]
        if not begun:
            return tier
        return _at_most(_sold(min(begun, key=lambda bill: bill.age), tiers), tier)
    if bill is None or not bill.is_paid:
        return None
    paid = [bill for bill in bills if bill.is_paid and _sold_in(bill, one.period, tiers)]
    newest = max(paid, key=lambda bill: bill.age, default=None)
    return tier if newest is None else _at_most(_sold_in(newest, one.period, tiers), tier)


def _at_most(sold: Sequence[Tier], tier: Tier) -> Tier:
    """Return the tier, or the smallest of those that were sold where it is none of them."""
    return tier if tier in sold else min(tier, *sold, key=_limit_order)


def _sold_in(bill: Invoice, period: Window, tiers: Tiers) -> list[Tier]:
    """Return the tiers that a bill sells until the end of a period, not those it gives back."""
    until = replace(bill, lines=tuple(it for it in bill.lines if it.end_at == period.end_at))
    return _sold(until, tiers)


def _sold(bill: Invoice, tiers: Tiers) -> list[Tier]:
    found = [tiers.by_id(line.plan_code) for line in bill.lines if line.amount_cents >= 0]
    return [tier for tier in found if tier is not None]


def _limit_order(tier: Tier) -> tuple[bool, int]:
    return tier.is_unlimited, tier.spend_limit_cents


def _shown(one: Subscription, *, now: datetime) -> TierSubscription:
    return TierSubscription(
        subscription_id=tier_subscription_uuid(one.subscription_id),
        tier_id=one.plan_code,
        status=one.status,
        created_at=one.created_at,
        updated_at=now,
        billing_provider="stripe",
        billing_subscription_id=one.subscription_id,
        current_period_start=one.period.start_at,
        current_period_end=one.lasts.end_at,
        cancel_at_period_end=one.cancel_at_period_end,
        price_cents=one.price_cents,
        price_interval="year" if one.is_yearly else "month",
    )


def _kept_or(kept: TierSubscription | None, shown: TierSubscription) -> TierSubscription:
    """Return what was kept where it says the same, so that looking again changes nothing."""
    if kept is not None and replace(shown, updated_at=kept.updated_at) == kept:
        return kept
    return shown


def _promo(
    customer: Customer, ours: Sequence[Subscription], invoices: Sequence[Invoice], tiers: Tiers
) -> tuple[OwedGrant, ...]:
    """Return the promotional credits of the first bill above zero that was paid; once ever."""
    names = {one.subscription_id for one in ours}
    paid = [
        bill
        for bill in invoices
        if bill.is_paid and bill.due_cents > 0 and bill.subscription_id in names
    ]
    for bill in sorted(paid, key=lambda bill: bill.age):
        found = [tiers.by_id(line.plan_code) for line in bill.lines if line.amount_cents > 0]
        for tier in found:
            if tier is not None and tier.promo_nanos > 0:
                name = promo_grant_id(customer.customer_id)
                return (
                    OwedGrant(
                        name, tier.promo_nanos, None, tier.tier_id, bill.invoice_id, "promo"
                    ),
                )
    return ()


# ---- without one -----------------------------------------------------------------------------


def no_tier(subscription_status: str = "none") -> Terms:
    """Return the terms of who is on no tier: nothing may be spent."""
    return Terms("", draws_wallet=False, subscription_status=subscription_status)


def local_terms(tier: Tier, *, subscription_status: str = "active") -> Terms:
    """Return the terms of a tier that nobody bills: a calendar month's limit, or the wallet."""
    if tier.is_paygo:
        return Terms(tier.tier_id, subscription_status=subscription_status)
    return Terms(
        tier.tier_id,
        included="unlimited" if tier.is_unlimited else "limited",
        limit_nanos=tier.limit_nanos,
        draws_wallet=tier.overage_enabled,
        subscription_status=subscription_status,
    )


def _without(
    customer: Customer,
    ours: Sequence[Subscription],
    known: Mapping[str, Record],
    tiers: Tiers,
    trials: TrialDecision,
    *,
    now: datetime,
) -> Standing:
    """Return the standing without a live subscription: a tier that nobody bills, or none.

    A tier that was put on after the last subscription ended, or after we had heard of its
    end, stays. Otherwise that end decides: on the tier that was chosen to follow, or on none.
    """
    kept = customer.subscription
    ended = [one for one in ours if one.ended_at is not None and _has_counted(one, trials)]
    last = max(ended, key=_end_order, default=None)
    is_local = kept is not None and not kept.billing_subscription_id
    if last is None or last.ended_at is None:
        held = kept
        if kept is not None and not is_local and kept.status != "canceled":
            # Nothing is left of it at Stripe: its customer was deleted there.
            held = replace(kept, status="canceled", updated_at=now)
    elif kept is not None and is_local and _is_after(kept, last, known):
        held = kept
    else:
        landing = tiers.by_id(last.next_tier_id)
        if landing is not None and landing.is_free:
            held = _landed(customer, landing, last.ended_at)
        else:
            held = _kept_or(kept, _shown(last, now=now))
    return replace(standing_on(_terms_without(held, tiers), None), held=held)


def _has_counted(one: Subscription, trials: TrialDecision) -> bool:
    """Return whether it ever was what its customer stood on; a second trial never was."""
    if one.status != "canceled" or one.trial_end_at is None or one.ended_at is None:
        return one.status == "canceled"
    good = trials.trial.subscription_id if trials.trial is not None else ""
    return one.subscription_id == good or one.ended_at > one.trial_end_at


def _is_after(kept: TierSubscription, last: Subscription, known: Mapping[str, Record]) -> bool:
    assert last.ended_at is not None
    heard = known.get(last.subscription_id)
    return kept.updated_at >= last.ended_at or (heard is not None and heard.status in ENDED)


def _end_order(one: Subscription) -> tuple[datetime, str]:
    assert one.ended_at is not None
    return one.ended_at, one.subscription_id


def _landed(customer: Customer, tier: Tier, at: datetime) -> TierSubscription:
    return TierSubscription(
        subscription_id=tier_subscription_uuid(customer.customer_id),
        tier_id=tier.tier_id,
        status="active",
        created_at=at,
        updated_at=at,
        billing_provider=tier.billing_provider,
    )


def _terms_without(held: TierSubscription | None, tiers: Tiers) -> Terms:
    if held is None:
        return no_tier()
    tier = tiers.by_id(held.tier_id)
    if tier is None or held.billing_subscription_id or not held.is_active:
        return no_tier(held.status)
    return local_terms(tier, subscription_status=held.status)


def _tier(tiers: Tiers, tier_id: str) -> Tier:
    found = tiers.by_id(tier_id)
    assert found is not None
    return found

"""`/usage/me` and `/billing/sync-balance`: what a user has, and what it has used.

Source: hub-api.md 5.1, 5.2, 8. The shape has two sets of names: the specification's, and
four aliases that the public client reads.
"""

from collections.abc import Mapping
from datetime import timedelta

from creditbase.hub.door import HUB
from creditbase.hub.payer import Payer, payer_and_balance_of, payer_and_role_of
from creditbase.kernel.instants import write_seconds
from creditbase.kernel.money import (
    NANOS_PER_CREDIT,
    apportion_up,
    credits_remaining,
    credits_used,
)
from creditbase.ledger.domain.balance import Balance
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.use_cases import load_balance, sync_balance
from creditbase.runtime.http import Call, Reply, endpoint


@endpoint("usage_me", door=HUB)
def usage_me(call: Call) -> Reply:
    """Show plan, credits and usage: published at most a minute ago, or worked out now."""
    payer, known = payer_and_balance_of(call)
    balance, is_hit = load_balance(payer.wallet, now=call.now, published=known)
    age_s = max(timedelta(0), call.now - balance.published_at) // timedelta(seconds=1)
    headers = {"X-Cache": "HIT" if is_hit else "MISS", "Age": str(age_s)}
    return Reply(body={**usage_body(balance), **_account(payer)}, headers=headers)


@endpoint("billing_sync_balance", door=HUB)
def billing_sync_balance(call: Call) -> Reply:
    """Work the balance out from the ledger now, publish it, and show it."""
    payer = payer_and_role_of(call)
    balance = sync_balance(payer.wallet, now=call.now)
    synced_at = write_seconds(balance.published_at)
    return Reply(body={**usage_body(balance), **_account(payer), "synced_at": synced_at})


def _account(payer: Payer) -> Mapping[str, object]:
    """Return what a web page needs besides the figures: what to listen to, what to offer."""
    return {"balance_document": payer.wallet.balance, "is_admin": payer.is_admin}


def usage_body(balance: Balance) -> dict[str, object]:
    """Return the balance in credits: remaining rounded down, used up, rows that add up."""
    terms = balance.terms
    rows = _rows(balance)
    used = credits_used(balance.used_nanos)
    monthly = credits_remaining(balance.monthly_remaining_nanos)
    total = credits_remaining(terms.allocation_nanos)
    return {
        "plan": terms.plan_code,
        "monthly_credits_total": total,
        "monthly_credits_remaining": monthly,
        "topup_balance": credits_remaining(balance.topup_nanos),
        "credits_held": credits_used(balance.held_nanos),
        "billing_cycle_start": write_seconds(balance.window.start_at),
        "billing_cycle_end": write_seconds(balance.window.end_at),
        "usage": {
            "total_credits_used": used,
            "total_requests": balance.requests,
            "breakdown_by_model": rows,
        },
        "plan_allocation": total,
        "plan_credits_remaining": monthly,
        "this_month": {"credits_used": used, "requests": balance.requests},
        "by_model": {
            str(row["model"]): {
                "credits_used": row["credits_used"],
                "requests": row["requests"],
            }
            for row in rows
        },
        "subscription_status": terms.subscription_status,
        "cancel_at_period_end": terms.cancel_at_period_end,
        "scheduled_change": _scheduled(terms),
        "payment_issue": terms.payment_issue,
    }


def _scheduled(terms: Terms) -> Mapping[str, object] | None:
    """Return the plan that is to follow, and when; None where this one goes on, or ends."""
    if not terms.next_plan_code or terms.next_plan_at is None or terms.cancel_at_period_end:
        return None
    return {"plan": terms.next_plan_code, "at": write_seconds(terms.next_plan_at)}


def _rows(balance: Balance) -> list[Mapping[str, object]]:
    """Return a row per model, sorted by what is shown; the credits add up to the total."""
    # The remainder goes to the dearer of equals, so the shares follow the amounts.
    uses = sorted(balance.models.items(), key=lambda item: (-item[1].amount_nanos, item[0]))
    amounts_nanos = [use.amount_nanos for _, use in uses]
    shares = apportion_up(amounts_nanos, unit_nanos=NANOS_PER_CREDIT)
    shown = sorted(
        (-share, model, use.requests) for (model, use), share in zip(uses, shares, strict=True)
    )
    return [
        {"model": model, "credits_used": -negative, "requests": requests}
        for negative, model, requests in shown
    ]

"""The shapes of usage, balances and top-ups: whole cents that add up.

Remaining rounds down, used rounds up. Source: relay-api.md 4 and 9.
"""

from typing import Any

from creditbase.kernel.ids import billing_profile_uuid
from creditbase.kernel.money import NANOS_PER_CENT, ceil_div, cents_remaining
from creditbase.ledger.domain.balance import Balance
from creditbase.payments.domain import StripeSession
from creditbase.payments.refilling import AutoTopup
from creditbase.payments.wallet_topups import CURRENCY
from creditbase.relay.answers import Json, at, at_or_none, present

LOW_FROM_PERCENT = 80


# ---- usage -----------------------------------------------------------------------------------


def usage_answer(balance: Balance) -> dict[str, Any]:
    """Return what was used in the window, and what is left of the limit and the wallet."""
    days = balance.days
    cost_cents = ceil_div(balance.used_nanos, NANOS_PER_CENT)
    return {
        "window_start": at(balance.window.start_at),
        "window_end": at(balance.window.end_at),
        "requests": balance.requests,
        "tokens": sum(day.tokens for day in days.values()),
        "images": sum(day.images for day in days.values()),
        "total_cost_cents": cost_cents,
        **_limit(balance, cost_cents),
        **_wallet(balance),
        "daily": [
            {
                "day": f"{date}T00:00:00Z",
                "requests": days[date].requests,
                "tokens": days[date].tokens,
                "images": days[date].images,
            }
            for date in sorted(days)
        ],
    }


def _limit(balance: Balance, cost_cents: int) -> Json:
    """Return the four fields of a limit; none of them where there is no limit."""
    limit_nanos = balance.terms.limit_nanos
    if balance.terms.included != "limited" or limit_nanos == 0:
        return {}
    limit_cents = cents_remaining(limit_nanos)
    percentage = min(100, balance.used_nanos * 100 // limit_nanos)
    remaining_cents = max(0, limit_cents - cost_cents)
    if balance.is_over:
        # Nobody has paid for what comes after it, and what was left of it is gone.
        percentage, remaining_cents = 100, 0
    return {
        "spend_limit_cents": limit_cents,
        "spend_remaining_cents": remaining_cents,
        "percentage_used": percentage,
        "low": percentage >= LOW_FROM_PERCENT,
    }


def _wallet(balance: Balance) -> Json:
    """Return the wallet's fields; none of them where the tier does not draw on it."""
    if not balance.terms.draws_wallet:
        return {}
    figures = wallet_cents(balance)
    return {
        "wallet_balance_cents": figures["balance_cents"],
        "wallet_reserved_cents": figures["reserved_cents"],
        "overage_enabled": balance.terms.included != "none",
    }


# ---- the balance -----------------------------------------------------------------------------


def wallet_cents(balance: Balance) -> dict[str, int]:
    """Return what is in the wallet, what holds keep of it, and what is free, in whole cents."""
    total_cents = cents_remaining(balance.balance_nanos)
    free_cents = cents_remaining(balance.balance_nanos - balance.pinned_nanos)
    return {
        "balance_cents": total_cents,
        "reserved_cents": total_cents - free_cents,
        "available_cents": free_cents,
    }


def balance_answer(customer_id: str, balance: Balance) -> Json:
    """Return the balance of a wallet, bare."""
    return {
        "customer_id": customer_id,
        "billing_profile_id": billing_profile_uuid(customer_id),
        **wallet_cents(balance),
        "currency": CURRENCY,
    }


# ---- top-ups ---------------------------------------------------------------------------------


def split_of(gross_cents: int, *, credit_cents: int) -> dict[str, int]:
    """Return how a payment is shared out: all of it is the project's, and all is credit.

    The project's margin is in the price of each call, so a top-up is not marked up once
    more; and nobody stands between the project and its Stripe account.
    """
    return {
        "gross_amount_cents": gross_cents,
        "credit_amount_cents": credit_cents,
        "owner_revenue_cents": gross_cents,
        "platform_fee_cents": 0,
    }


def topup_answer(session: StripeSession, amount_cents: int) -> Json:
    """Return a page to pay on, its address under both names."""
    return {
        "session_id": session.session_id,
        "checkout_url": session.url,
        "url": session.url,
        **split_of(amount_cents, credit_cents=amount_cents),
        "status": session.status,
    }


def auto_topup_answer(kept: AutoTopup) -> Json:
    """Return how a wallet tops itself up, and why it does not any more, if it was stopped."""
    wanted = kept.settings
    return present(
        enabled=wanted.is_enabled,
        threshold_cents=wanted.threshold_cents or None,
        amount_cents=wanted.amount_cents or None,
        monthly_cap_cents=wanted.monthly_cap_cents or None,
        month=kept.month or None,
        month_charged_cents=kept.month_cents,
        is_in_flight=kept.in_flight is not None,
        failure=kept.failure or None,
        failed_at=at_or_none(kept.failed_at),
    )


# ---- the developer's own account -------------------------------------------------------------


def account_answer(balance: Balance, *, threshold_cents: int) -> Json:
    """Return the balance of the developer's own account, also as people read it."""
    cents = wallet_cents(balance)["balance_cents"]
    return {
        "balance_cents": cents,
        "currency": CURRENCY,
        "low_balance_threshold_cents": threshold_cents,
        "balance_formatted": f"${cents // 100:,}.{cents % 100:02d}",
    }


def summary_answer(balance: Balance) -> Json:
    """Return the account's usage in cents: what was used, and what is left to use."""
    used_cents = ceil_div(balance.used_nanos, NANOS_PER_CENT)
    left_cents = wallet_cents(balance)["available_cents"]
    return {
        "window_start": at(balance.window.start_at),
        "window_end": at(balance.window.end_at),
        "limit": used_cents + left_cents,
        "used": used_cents,
        "remaining": left_cents,
        "state": "allowed" if left_cents > 0 else "exhausted",
        "images": sum(day.images for day in balance.days.values()),
    }

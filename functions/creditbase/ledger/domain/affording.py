"""What a customer can afford: the price of a command, the room there is for it, the refusal.

The room is what the window's limit and the grants have left, and no more than what is left
of the budget of the credential that asks. All of it is decided on one wallet, so that any
number of calls at once spend no more than one after another.
"""

from dataclasses import replace
from datetime import datetime

from creditbase.kernel.errors import Forbidden, InvalidRequest, PaymentRequired
from creditbase.kernel.instants import write_seconds
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.ledger.domain.adjusting import check_amount
from creditbase.ledger.domain.budgets import left_nanos
from creditbase.ledger.domain.commands import (
    Budget,
    Charge,
    Cost,
    FixedAmount,
    MeteredUsage,
    PlaceHold,
    Priced,
)
from creditbase.ledger.domain.draft import Draft
from creditbase.ledger.domain.shadow import WOULD_ALLOW, WOULD_LOWER, WOULD_REFUSE
from creditbase.ledger.domain.wallet import Metered, Wallet

OUTPUT = "output_tokens"
REASONING = "reasoning_tokens"
FROZEN = "WALLET_FROZEN"
"""Why a wallet in shadow mode would have refused, where the refusal has no finer reason."""


def allowed_cost(draft: Draft, command: Charge | PlaceHold) -> Priced:
    """Return what the command takes, if its customer may spend at all.

    Raises:
        Forbidden: the wallet is frozen.
        BillingError: as `affordable_cost`.
    """
    if draft.wallet.frozen:
        raise Forbidden("This wallet is frozen")
    return affordable_cost(draft, command)


def shadowed_cost(
    draft: Draft, command: Charge | PlaceHold
) -> tuple[Priced, dict[str, object]]:
    """Return all that the command asks for, and what would have been decided of it.

    Raises:
        BillingError: nobody can say what it costs.
    """
    asked = _price_beyond_plan(draft, command.cost)
    told: dict[str, object] = {"would": WOULD_ALLOW}
    try:
        allowed = allowed_cost(draft, command)
    except PaymentRequired as refusal:
        short_nanos = refusal.required_nanos - refusal.available_nanos
        told = {"would": WOULD_REFUSE, "code": refusal.code, "reason": refusal.limit_source}
        told |= {"short_nanos": short_nanos} if short_nanos else {}
    except Forbidden as refusal:
        reason = refusal.reason or FROZEN
        told = {"would": WOULD_REFUSE, "code": refusal.code, "reason": reason}
    else:
        if allowed != asked:
            tokens = allowed.metered.quantity(OUTPUT, REASONING)
            told = {"would": WOULD_LOWER, "max_output_tokens": tokens}
    return asked, told


def _price_beyond_plan(draft: Draft, cost: Cost) -> Priced:
    """Return what something costs; what is not part of the plan, as where there is no plan."""
    try:
        return price_of_cost(draft, cost)
    except Forbidden:
        assert isinstance(cost, MeteredUsage)
        priced = cost.rate.price("", cost.model, cost.quantities, at=draft.at)
        check_amount(priced.amount_nanos)
        return priced


def affordable_cost(draft: Draft, command: Charge | PlaceHold) -> Priced:
    """Return what the command takes: all it asks for, or fewer output tokens if it lets us.

    Raises:
        PaymentRequired: neither is affordable.
        BillingError: as the rate refuses.
    """
    asked = price_of_cost(draft, command.cost)
    if not _has_funds(draft):
        raise payment_required(draft, asked.amount_nanos, command.budget)
    room_nanos = _room_nanos(draft, command.budget)
    if asked.amount_nanos <= room_nanos:
        return asked
    cost = command.cost
    least = command.output_at_least if isinstance(command, PlaceHold) else None
    if least is None or isinstance(cost, FixedAmount):
        raise payment_required(draft, asked.amount_nanos, command.budget)
    # All the output may be held for as thoughts, where those are dearer.
    unit = OUTPUT if cost.quantities.get(OUTPUT) else REASONING
    if cost.quantities.get(unit, 0) < least:
        raise payment_required(draft, asked.amount_nanos, command.budget)
    lowered = price_of_cost(draft, _with(cost, unit, least))
    if lowered.amount_nanos > room_nanos:
        raise payment_required(draft, lowered.amount_nanos, command.budget)
    return _most(draft, cost, unit, least, room_nanos)


def most_output(draft: Draft, cost: MeteredUsage, budget: Budget | None) -> int:
    """Return how many output tokens are affordable with the rest of the usage; -1 if none."""
    if not _has_funds(draft):
        return -1
    room_nanos = _room_nanos(draft, budget)
    if price_of_cost(draft, cost).amount_nanos <= room_nanos:
        return cost.quantities.get(OUTPUT, 0)
    if price_of_cost(draft, _with(cost, OUTPUT, 0)).amount_nanos > room_nanos:
        return -1
    return _most(draft, cost, OUTPUT, 0, room_nanos).metered.quantities.get(OUTPUT, 0)


def _most(draft: Draft, cost: MeteredUsage, unit: str, least: int, room_nanos: int) -> Priced:
    """Return the price of the most of a unit that there is room for; more never costs less."""
    fits, exceeds = least, cost.quantities[unit]
    while exceeds - fits > 1:
        middle = (fits + exceeds) // 2
        if price_of_cost(draft, _with(cost, unit, middle)).amount_nanos <= room_nanos:
            fits = middle
        else:
            exceeds = middle
    return price_of_cost(draft, _with(cost, unit, fits))


def _with(cost: MeteredUsage, unit: str, quantity: int) -> MeteredUsage:
    return replace(cost, quantities={**cost.quantities, unit: quantity})


def price_of_cost(draft: Draft, cost: Cost) -> Priced:
    """Return what something costs on the plan that the wallet is on.

    Raises:
        InvalidRequest: the amount is out of range.
        BillingError: as the rate refuses.
    """
    if isinstance(cost, FixedAmount):
        check_amount(cost.amount_nanos)
        return Priced(cost.amount_nanos, cost.metered)
    plan_code = draft.wallet.terms.plan_code
    priced = cost.rate.price(plan_code, cost.model, cost.quantities, at=draft.at)
    check_amount(priced.amount_nanos)
    return priced


def price_held(draft: Draft, cost: Cost, held_for: Metered) -> tuple[int, Metered]:
    """Return the amount and what was metered, for the model that the hold was placed for.

    At the price that the hold has pinned; one from before that, at the plan's of now.
    """
    if isinstance(cost, FixedAmount):
        check_amount(cost.amount_nanos)
        return cost.amount_nanos, Metered(held_for.model, held_for.provider)
    if not held_for.model:
        raise InvalidRequest("This hold names no model to price usage of", field="usage")
    plan_code = draft.wallet.terms.plan_code
    priced = cost.rate.price(
        plan_code, held_for.model, cost.quantities, at=draft.at, pinned=held_for.pricing
    )
    check_amount(priced.amount_nanos)
    return priced.amount_nanos, priced.metered


# ---- room ----------------------------------------------------------------------


def _has_funds(draft: Draft) -> bool:
    """Return whether anything pays: without a subscription not even what is free is served."""
    return draft.wallet.terms.included != "none" or draft.wallet.terms.draws_wallet


def _funds_nanos(draft: Draft) -> int:
    """Return what the window's limit and the grants would pay now."""
    wallet, at = draft.wallet, draft.at
    included_nanos = wallet.included_remaining_nanos(at)
    if included_nanos is None:
        return AMOUNT_NANOS_MAX
    return included_nanos + (wallet.available_nanos(at) if _pays_beyond(wallet, at) else 0)


def _pays_beyond(wallet: Wallet, at: datetime) -> bool:
    """Return whether grants pay what exceeds the limit; never for what a cap keeps of it."""
    return wallet.terms.draws_wallet and not wallet.is_capped(at)


def _room_nanos(draft: Draft, budget: Budget | None) -> int:
    funds_nanos = _funds_nanos(draft)
    return funds_nanos if budget is None else min(funds_nanos, left_nanos(draft, budget))


def payment_required(
    draft: Draft, required_nanos: int, budget: Budget | None
) -> PaymentRequired:
    """Return the refusal with what would have been payable, and what stands in the way."""
    wallet, at = draft.wallet, draft.at
    available_nanos = _funds_nanos(draft)
    if budget is not None and left_nanos(draft, budget) < available_nanos:
        available_nanos, limit_source, renews = left_nanos(draft, budget), "budget", True
    else:
        limit_source = "included"
        if _pays_beyond(wallet, at):
            live_nanos = wallet.live_nanos(at) - wallet.available_nanos(at)
            would_do = available_nanos + live_nanos >= required_nanos
            limit_source = "receivable" if would_do else "wallet"
        renews = wallet.terms.allocation_nanos > 0 or wallet.terms.included == "limited"
    is_later = at < wallet.window.span.end_at
    return PaymentRequired(
        available_nanos=available_nanos,
        required_nanos=required_nanos,
        limit_source=limit_source,
        next_credits_at=write_seconds(wallet.window.span.end_at) if renews and is_later else "",
        plan=wallet.terms.plan_code,
    )

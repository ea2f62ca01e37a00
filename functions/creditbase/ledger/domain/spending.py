"""Spending: a charge takes at once what a hold keeps until it ends.

All of it or nothing, but in shadow mode (ADR 0052): there what is left is drawn, and what
nothing could pay is noted as beyond.
"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from creditbase.kernel.errors import Contention, NotFound, TooManyHolds
from creditbase.ledger.domain.adjusting import check_amount
from creditbase.ledger.domain.affording import allowed_cost, price_held, shadowed_cost
from creditbase.ledger.domain.budgets import count_budget, counter_of
from creditbase.ledger.domain.commands import (
    HOLD_TTL_S_MAX,
    Charge,
    Cost,
    PlaceHold,
    Priced,
)
from creditbase.ledger.domain.comparing import noted, told_of_use
from creditbase.ledger.domain.draft import Draft, received_for
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.sizes import WALLET_BYTES_MAX, wallet_bytes
from creditbase.ledger.domain.wallet import DELETED, Draw, Hold, Metered


def spend(draft: Draft, command: Charge | PlaceHold) -> Entry:
    """Draw the amount, all of it or nothing: spent at once, or pinned by a hold."""
    if draft.wallet.frozen == DELETED:
        raise NotFound("Customer not found")
    told: dict[str, Any] = {}
    if draft.wallet.shadow_since is None:
        priced = allowed_cost(draft, command)
    else:
        priced, told = shadowed_cost(draft, command)
    window = draft.wallet.window
    check_amount(window.included_spent_nanos + window.included_held_nanos + priced.amount_nanos)
    draws, missing_nanos = draft.plan_draws(priced.amount_nanos)
    assert told or missing_nanos == 0
    counter = "" if command.budget is None else counter_of(window, command.budget)
    cause: dict[str, Any] = {"budget": counter} if counter else {}
    if isinstance(command, Charge):
        return _charge(draft, command, priced, draws, (cause, told))
    return _place_hold(draft, command, priced, draws, (cause, told))


Told = tuple[dict[str, Any], dict[str, Any]]
"""What the cause of an entry says, and what it says beside that in shadow mode."""


def _charge(
    draft: Draft, command: Charge, priced: Priced, draws: tuple[Draw, ...], told: Told
) -> Entry:
    cause, would = told
    amount_nanos, start_at = priced.amount_nanos, draft.wallet.window.span.start_at
    captured_nanos = sum(draw.amount_nanos for draw in draws)
    beyond_nanos = amount_nanos - captured_nanos
    postings: Counter[str] = Counter({"consumed": amount_nanos, "shortfall": -beyond_nanos})
    received_nanos = received_for(draft.wallet.grants, draws)
    draft.take(draws, postings, for_hold=False)
    draft.count(priced.metered, captured_nanos, start_at, received_nanos=received_nanos)
    count_budget(draft, cause.get("budget", ""), start_at, spent_nanos=captured_nanos)
    would |= told_of_use(
        draft.wallet,
        draft.at,
        command.theirs,
        amount_nanos=amount_nanos,
        beyond_nanos=beyond_nanos,
    )
    return draft.write(
        "charge",
        command.entry_id,
        postings,
        status="captured",
        request_digest=command.request_digest,
        amount_nanos=amount_nanos,
        captured_nanos=captured_nanos,
        shortfall_nanos=beyond_nanos,
        received_nanos=received_nanos,
        draws=draws,
        metered=priced.metered,
        metadata=command.metadata,
        cause={**cause, **noted(would)},
    )


def _place_hold(
    draft: Draft, command: PlaceHold, priced: Priced, draws: tuple[Draw, ...], told: Told
) -> Entry:
    assert 0 < command.ttl_s <= HOLD_TTL_S_MAX
    if command.hold_id in draft.wallet.holds:
        # A repeated key whose entry was not looked for yet: read it, and replay.
        raise Contention
    cause, would = told
    metered, amount_nanos = priced.metered, sum(draw.amount_nanos for draw in draws)
    if amount_nanos < priced.amount_nanos:
        would["undrawn_nanos"] = priced.amount_nanos - amount_nanos
    counter = cause.get("budget", "")
    postings: Counter[str] = Counter({"held": amount_nanos})
    draft.take(draws, postings, for_hold=True)
    hold = Hold(
        hold_id=command.hold_id,
        amount_nanos=amount_nanos,
        draws=draws,
        created_at=draft.at,
        expires_at=draft.at + timedelta(seconds=command.ttl_s),
        window_start_at=draft.wallet.window.span.start_at,
        metered=Metered(metered.model, metered.provider, pricing=priced.pinned),
        budget=counter,
    )
    count_budget(draft, counter, hold.window_start_at, held_nanos=amount_nanos)
    if command.accrued is not None:
        hold = accrue(draft, hold, command.accrued)
    keep_hold(draft, hold)
    return draft.write(
        "hold",
        command.entry_id,
        postings,
        status="held",
        hold_id=command.hold_id,
        request_digest=command.request_digest,
        amount_nanos=amount_nanos,
        draws=draws,
        started_at=hold.created_at,
        expires_at=hold.expires_at,
        metered=metered,
        metadata=command.metadata,
        cause={**cause, **noted(would)},
    )


def keep_hold(draft: Draft, hold: Hold) -> None:
    """Keep a new hold, or one that says more than before, if there is room for it."""
    draft.change(holds={**draft.wallet.holds, hold.hold_id: hold})
    if wallet_bytes(draft.wallet) > WALLET_BYTES_MAX:
        raise TooManyHolds


def accrue(draft: Draft, hold: Hold, used: Cost) -> Hold:
    """Return the hold with what it has used so far, which never becomes less."""
    used_nanos, metered = price_held(draft, used, hold.metered)
    if used_nanos < hold.accrued_nanos:
        return hold
    return replace(hold, accrued_nanos=used_nanos, metered=metered)

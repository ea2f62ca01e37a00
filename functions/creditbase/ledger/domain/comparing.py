"""What a wallet in shadow mode notes of an entry, and what its day counts of that. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from creditbase.ledger.domain.shadow import SHADOW, Compared, ComparedByModel, TheirCount
from creditbase.ledger.domain.wallet import (
    MODELS_MAX,
    OTHER_MODELS,
    UNSPECIFIED_MODEL,
    Wallet,
)


def noted(told: Mapping[str, Any]) -> dict[str, object]:
    """Return what the cause of an entry says of what was compared: nothing of nothing."""
    return {SHADOW: dict(told)} if told else {}


def told_of_use(
    wallet: Wallet,
    at: datetime,
    theirs: TheirCount | None,
    *,
    amount_nanos: int,
    beyond_nanos: int,
) -> dict[str, Any]:
    """Return what use tells in shadow mode, once it was taken: nothing outside of it.

    Differences are ours less theirs.
    """
    if wallet.shadow_since is None:
        return {}
    told: dict[str, Any] = {"beyond_nanos": beyond_nanos} if beyond_nanos else {}
    if theirs is None:
        return told
    if theirs.charged_nanos is not None:
        told["charged_nanos"] = theirs.charged_nanos
        told["charge_difference_nanos"] = amount_nanos - theirs.charged_nanos
    left_nanos = _left_nanos(wallet, at)
    if theirs.balance_nanos is not None and left_nanos is not None:
        told["balance_nanos"] = theirs.balance_nanos
        told["balance_difference_nanos"] = left_nanos - theirs.balance_nanos
    return told


def compared_with(
    known: ComparedByModel, model: str, told: Mapping[str, Any]
) -> ComparedByModel:
    """Return a day's counters with one more entry; past 200 models they are `other`."""
    model = model or UNSPECIFIED_MODEL
    if model not in known and len(known) >= MODELS_MAX:
        model = OTHER_MODELS
    return {**known, model: known.get(model, Compared()).plus(told)}


def _left_nanos(wallet: Wallet, at: datetime) -> int | None:
    """Return what is left to spend, open holds not taken off; None where there is no limit."""
    included_nanos = wallet.included_remaining_nanos(at)
    if included_nanos is None:
        return None
    left_nanos = included_nanos + wallet.window.included_held_nanos
    return left_nanos + (wallet.balance_nanos(at) if wallet.terms.draws_wallet else 0)

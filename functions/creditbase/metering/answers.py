"""Metering answers, made of nothing but what an entry keeps: so a replay is the same bytes.

Source: metering-api.md, `charge`, `hold` and `balance`.
"""

from typing import Any

from creditbase.kernel.ids import charge_public_id
from creditbase.kernel.instants import write_seconds
from creditbase.ledger.domain.entries import Entry, Figures
from creditbase.ledger.domain.quoting import Quote
from creditbase.ledger.domain.wallet import Draw, Hold

Json = dict[str, Any]
NOTHING_BEFORE: Json = {"captured_nanos": 0, "shortfall_nanos": 0, "draws": []}
"""Of a capture that no expiry had begun."""


def charge_answer(entry: Entry) -> Json:
    """Return `charge` and `balance` of a charge's entry."""
    customer_id = _customer_of(entry)
    charge: Json = {
        "id": charge_public_id(customer_id, entry.entry_id),
        "customer_id": customer_id,
        "status": entry.status,
    }
    if entry.metered.model:
        charge["model"] = entry.metered.model
    charge |= {
        "amount_nanos": entry.amount_nanos,
        "captured_nanos": entry.captured_nanos,
        "shortfall_nanos": entry.shortfall_nanos,
        "draws": _draws(entry.draws),
        "created_at": write_seconds(entry.at),
    }
    return {"charge": charge, "balance": balance_answer(entry.figures)}


def hold_answer(entry: Entry) -> Json:
    """Return `hold` and `balance` of the entry that placed or ended a hold."""
    assert entry.started_at is not None
    assert entry.expires_at is not None
    before = entry.cause.get("before", NOTHING_BEFORE)
    hold = _hold(
        hold_id=entry.hold_id,
        customer_id=_customer_of(entry),
        status=entry.status,
        model=entry.metered.model,
        figures={
            "amount_nanos": entry.amount_nanos,
            "captured_nanos": before["captured_nanos"] + entry.captured_nanos,
            "shortfall_nanos": before["shortfall_nanos"] + entry.shortfall_nanos,
        },
        draws=(*(Draw(**draw) for draw in before["draws"]), *entry.draws),
        ends=(write_seconds(entry.expires_at), write_seconds(entry.started_at)),
    )
    return {"hold": hold, "balance": balance_answer(entry.figures)}


def open_hold_answer(customer_id: str, hold: Hold) -> Json:
    """Return the `hold` object of one that is open."""
    return _hold(
        hold_id=hold.hold_id,
        customer_id=customer_id,
        status="held",
        model=hold.metered.model,
        figures={"amount_nanos": hold.amount_nanos, "captured_nanos": 0, "shortfall_nanos": 0},
        draws=hold.draws,
        ends=(write_seconds(hold.expires_at), write_seconds(hold.created_at)),
    )


def quote_answer(customer_id: str, quote: Quote) -> Json:
    """Return `quote` and `balance`: what was asked about, and what is affordable of it."""
    affordable = quote.affordable
    tokens = 0 if affordable is None else affordable.metered.quantity("output_tokens")
    found: Json = {
        "customer_id": customer_id,
        "model": quote.asked.metered.model,
        "amount_nanos": quote.asked.amount_nanos,
        "is_affordable": quote.asked == affordable,
        "max_output_tokens": tokens,
        "affordable_nanos": 0 if affordable is None else affordable.amount_nanos,
        "draws": _draws(quote.draws),
    }
    return {"quote": found, "balance": balance_answer(quote.figures)}


def balance_answer(figures: Figures) -> Json:
    """Return the `balance` object; the limit's remainder is left out where there is none."""
    balance: Json = {
        "available_nanos": figures.available_nanos,
        "held_nanos": figures.held_nanos,
        "receivable_nanos": figures.receivable_nanos,
    }
    if figures.included_remaining_nanos is not None:
        balance["included_remaining_nanos"] = figures.included_remaining_nanos
    return balance


def _hold(
    *,
    hold_id: str,
    customer_id: str,
    status: str,
    model: str,
    figures: dict[str, int],
    draws: tuple[Draw, ...],
    ends: tuple[str, str],
) -> Json:
    hold: Json = {"id": hold_id, "customer_id": customer_id, "status": status}
    if model:
        hold["model"] = model
    expires_at, created_at = ends
    return {
        **hold,
        **figures,
        "draws": _draws(draws),
        "expires_at": expires_at,
        "created_at": created_at,
    }


def _customer_of(entry: Entry) -> str:
    return entry.wallet_id.rpartition("/")[2]


def _draws(draws: tuple[Draw, ...]) -> list[Json]:
    """Return the draws by kind, in the order in which they were made."""
    amounts: dict[str, int] = {}
    for draw in draws:
        amounts[draw.kind] = amounts.get(draw.kind, 0) + draw.amount_nanos
    return [{"kind": kind, "amount_nanos": nanos} for kind, nanos in amounts.items()]

"""Wallets, entries and balances as Firestore fields, and back. Pure.

The written form is docs/data-model.md. Fields that are empty are left out of nested maps;
reading gives them back as their defaults.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from creditbase.kernel.windows import Window
from creditbase.ledger.domain.balance import Balance, DayUse, ModelUse
from creditbase.ledger.domain.cells import cell_of
from creditbase.ledger.domain.entries import PRIVATE_OF_METERED, Entry, Figures
from creditbase.ledger.domain.grants import Grant
from creditbase.ledger.domain.notes import Cut, Level
from creditbase.ledger.domain.shadow import Compared
from creditbase.ledger.domain.wallet import (
    BudgetCount,
    DayCount,
    Draw,
    Hold,
    Metered,
    Published,
    Tallies,
    Tally,
    Terms,
    Wallet,
    WindowCount,
)

Fields = dict[str, Any]
_GRANT = tuple(Grant.__dataclass_fields__)
_RARE_OF_GRANT = frozenset(
    {
        *("recalled_nanos", "forgone_nanos", "pledged_nanos", "redeemed_nanos"),
        *("cutting_nanos", "cut_nanos", "late_nanos", "paid_nanos"),
    }
)
_TALLY = tuple(Tally.__dataclass_fields__)
_COMPARED = tuple(Compared.__dataclass_fields__)
_TERMS = tuple(Terms.__dataclass_fields__)
_DAY_USE = tuple(DayUse.__dataclass_fields__)


def write_draw(draw: Draw) -> Fields:
    """Return a draw's fields."""
    return {"source": draw.source, "kind": draw.kind, "amount_nanos": draw.amount_nanos}


def read_draw(fields: Mapping[str, Any]) -> Draw:
    """Return the draw of those fields."""
    return Draw(fields["source"], fields["kind"], fields["amount_nanos"])


def write_grant(grant: Grant) -> Fields:
    """Return a grant's fields."""
    fields = _filled(grant, _GRANT)
    return {k: part for k, part in fields.items() if part or k not in _RARE_OF_GRANT}


def read_grant(fields: Mapping[str, Any]) -> Grant:
    """Return the grant of those fields."""
    return Grant(**{"expires_at": None, **fields})


def write_tally(tally: Tally) -> Fields:
    """Return the counters that are not zero."""
    return {name: count for name in _TALLY if (count := getattr(tally, name))}


def write_tallies(tallies: Tallies) -> Fields:
    """Return counters by model."""
    return {model: write_tally(tally) for model, tally in tallies.items()}


def read_tallies(fields: Mapping[str, Any]) -> dict[str, Tally]:
    """Return the counters by model of those fields."""
    return {model: Tally(**counts) for model, counts in fields.items()}


def write_metered(metered: Metered) -> Fields:
    """Return what was metered, without what is empty."""
    return {
        name: (dict(value) if isinstance(value, Mapping) else value)
        for name in Metered.__dataclass_fields__
        if (value := getattr(metered, name))
    }


def write_hold(hold: Hold) -> Fields:
    """Return a hold's fields."""
    return {
        "hold_id": hold.hold_id,
        "amount_nanos": hold.amount_nanos,
        "draws": [write_draw(draw) for draw in hold.draws],
        "created_at": hold.created_at,
        "expires_at": hold.expires_at,
        "window_start_at": hold.window_start_at,
        "metered": write_metered(hold.metered),
        "accrued_nanos": hold.accrued_nanos,
        **({"budget": hold.budget} if hold.budget else {}),
    }


def read_hold(fields: Mapping[str, Any]) -> Hold:
    """Return the hold of those fields."""
    draws = tuple(read_draw(draw) for draw in fields["draws"])
    return Hold(**{**fields, "draws": draws, "metered": Metered(**fields["metered"])})


def write_window(window: WindowCount) -> Fields:
    """Return a window's fields, its counters apart."""
    return {
        "start_at": window.span.start_at,
        "end_at": window.span.end_at,
        "number": window.number,
        "included_spent_nanos": window.included_spent_nanos,
        "included_held_nanos": window.included_held_nanos,
        "told_percent": window.told_percent,
    }


def write_budget(count: BudgetCount) -> Fields:
    """Return a budget's counters."""
    return {"spent_nanos": count.spent_nanos, "held_nanos": count.held_nanos}


def read_window(fields: Mapping[str, Any]) -> WindowCount:
    """Return the window of those fields."""
    return WindowCount(
        span=Window(fields["start_at"], fields["end_at"]),
        number=fields["number"],
        tallies=read_tallies(fields["models"]),
        included_spent_nanos=fields["included_spent_nanos"],
        included_held_nanos=fields["included_held_nanos"],
        budgets={name: BudgetCount(**c) for name, c in fields.get("budgets", {}).items()},
        told_percent=fields.get("told_percent", 0),
        days=read_tallies(fields.get("days", {})),
    )


def write_closed_window(window: WindowCount) -> Fields:
    """Return a closed window's document."""
    return {
        **write_window(window),
        "models": write_tallies(window.tallies),
        "days": write_tallies(window.days),
        "budgets": {name: write_budget(count) for name, count in window.budgets.items()},
    }


def write_closed_day(day: DayCount) -> Fields:
    """Return a closed day's document."""
    cells = {cell.key: write_tally(tally) for cell, tally in day.cells.items()}
    compared = {model: write_compared(it) for model, it in day.compared.items()}
    return {
        "date": day.date,
        "models": cells,
        **({"compared": compared} if compared else {}),
    }


def write_compared(compared: Compared) -> Fields:
    """Return the counters of what was compared that are not zero."""
    return {name: count for name in _COMPARED if (count := getattr(compared, name))}


def read_closed_day(fields: Mapping[str, Any]) -> DayCount:
    """Return the day of a closed day's document, or of a wallet's running one."""
    tallies = read_tallies(fields["models"])
    compared = {model: Compared(**it) for model, it in fields.get("compared", {}).items()}
    return DayCount(fields["date"], {cell_of(key): it for key, it in tallies.items()}, compared)


def write_level(level: Level) -> Fields:
    """Return a level's fields."""
    return {
        "below_nanos": level.below_nanos,
        "is_below": level.is_below,
        "crossings": level.crossings,
    }


def write_cut(cut: Cut | None) -> Fields | None:
    """Return what is kept of a cut; None where the plan was not cut."""
    return None if cut is None else {"room_nanos": cut.room_nanos, "over_nanos": cut.over_nanos}


def write_terms(terms: Terms) -> Fields:
    """Return the terms' fields."""
    return {name: getattr(terms, name) for name in _TERMS}


def write_scalars(wallet: Wallet) -> Fields:
    """Return the fields of a wallet's state that are not maps of many."""
    return {
        "owner_uid": wallet.owner_uid,
        "created_at": wallet.created_at,
        "at": wallet.at,
        "seq": wallet.seq,
        "head": wallet.head,
        "commits": wallet.commits,
        "receivable_nanos": wallet.receivable_nanos,
        "free_number": wallet.free_number,
        "frozen": wallet.frozen,
        "parked": wallet.parked,
        "rows": wallet.rows,
        "rowed_nanos": wallet.rowed_nanos,
        "plans_over_seq": wallet.plans_over_seq,
        "cut": write_cut(wallet.cut),
        "salt": wallet.salt,
        "shadow_since": wallet.shadow_since,
        "published_at": wallet.published.at,
        "is_settled": wallet.published.is_settled,
    }


def write_wallet(wallet: Wallet) -> Fields:
    """Return the whole `state` map."""
    return {
        **write_scalars(wallet),
        "terms": write_terms(wallet.terms),
        "window": write_closed_window(wallet.window),
        "closing": [write_closed_window(window) for window in wallet.closing],
        "today": write_closed_day(wallet.today),
        "grants": {key: write_grant(grant) for key, grant in wallet.grants.items()},
        "holds": {key: write_hold(hold) for key, hold in wallet.holds.items()},
        "levels": {name: write_level(level) for name, level in wallet.levels.items()},
    }


def read_wallet(wallet_id: str, state: Mapping[str, Any]) -> Wallet:
    """Return the wallet of a `state` map."""
    return Wallet(
        wallet_id=wallet_id,
        owner_uid=state["owner_uid"],
        created_at=state["created_at"],
        at=state["at"],
        terms=Terms(**state["terms"]),
        window=read_window(state["window"]),
        today=read_closed_day(state["today"]),
        published=Published(state["published_at"], state["is_settled"]),
        seq=state["seq"],
        head=state["head"],
        commits=state["commits"],
        grants={key: read_grant(fields) for key, fields in state["grants"].items()},
        holds={key: read_hold(fields) for key, fields in state["holds"].items()},
        closing=tuple(read_window(fields) for fields in state["closing"]),
        receivable_nanos=state["receivable_nanos"],
        free_number=state["free_number"],
        frozen=state["frozen"],
        parked=state["parked"],
        rows=state.get("rows", 0),
        rowed_nanos=state.get("rowed_nanos", 0),
        plans_over_seq=state.get("plans_over_seq", 0),
        cut=Cut(**state["cut"]) if state.get("cut") else None,
        levels={name: Level(**fields) for name, fields in state.get("levels", {}).items()},
        salt=state.get("salt", ""),
        shadow_since=state.get("shadow_since"),
    )


def write_entry(entry: Entry) -> Fields:
    """Return an entry's document: its facts, the hash, and the caller's metadata.

    Metadata is kept as JSON text: it may hold what Firestore's maps cannot.
    """
    fields = {**entry.facts(), "hash": entry.hash}
    if entry.metadata:
        fields["metadata"] = json.dumps(dict(entry.metadata), ensure_ascii=False)
    return fields


def read_entry(fields: Mapping[str, Any]) -> Entry:
    """Return the entry of a document."""
    values = {**fields, **fields.get("private", {})}
    values.pop("private", None)
    sealed = {name: values.pop(name) for name in PRIVATE_OF_METERED if name in values}
    values["figures"] = Figures(**{"included_remaining_nanos": None, **fields["figures"]})
    values["draws"] = tuple(read_draw(draw) for draw in fields.get("draws", ()))
    values["metered"] = Metered(**fields.get("metered", {}), **sealed)
    values["metadata"] = json.loads(fields.get("metadata", "{}"))
    return Entry(**values)


def write_balance(balance: Balance, *, shard: int) -> Fields:
    """Return the published balance's document."""
    fields: Fields = {
        "owner_uid": balance.owner_uid,
        "terms": write_terms(balance.terms),
        "window_start_at": balance.window.start_at,
        "window_end_at": balance.window.end_at,
        "monthly_remaining_nanos": balance.monthly_remaining_nanos,
        "topup_nanos": balance.topup_nanos,
        "held_nanos": balance.held_nanos,
        "receivable_nanos": balance.receivable_nanos,
        "available_nanos": balance.available_nanos,
        "included_remaining_nanos": balance.included_remaining_nanos,
        "balance_nanos": balance.balance_nanos,
        "pinned_nanos": balance.pinned_nanos,
        "frozen": balance.frozen,
        "models": {
            name: {"amount_nanos": use.amount_nanos, "requests": use.requests}
            for name, use in balance.models.items()
        },
        "days": {
            date: {name: count for name in _DAY_USE if (count := getattr(use, name))}
            for date, use in balance.days.items()
        },
        "seq": balance.seq,
        "published_at": balance.published_at,
        "valid_until": balance.valid_until,
        "recheck_at": balance.recheck_at,
        "is_settled": balance.is_settled,
        "shard": shard,
    }
    return fields


def read_balance(fields: Mapping[str, Any]) -> Balance:
    """Return the balance of a document."""
    values = {name: fields[name] for name in _BALANCE}
    return Balance(
        terms=Terms(**fields["terms"]),
        window=Window(fields["window_start_at"], fields["window_end_at"]),
        models={name: ModelUse(**use) for name, use in fields["models"].items()},
        days={date: DayUse(**use) for date, use in fields["days"].items()},
        **values,
    )


_BALANCE = tuple(
    name
    for name in Balance.__dataclass_fields__
    if name not in {"terms", "window", "models", "days"}
)


def _filled(value: object, names: tuple[str, ...]) -> Fields:
    """Return the named fields that are not None."""
    found: dict[str, int | str | datetime | None] = {
        name: getattr(value, name) for name in names
    }
    return {name: part for name, part in found.items() if part is not None}

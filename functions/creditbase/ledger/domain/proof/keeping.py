"""A tale as fields of a document, and back: so that a proof goes on where one has ended."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from creditbase.ledger.domain.proof.tale import DayTold, GrantTold, HoldTold, Tale, WindowTold
from creditbase.ledger.domain.shadow import Compared
from creditbase.ledger.domain.wallet import Draw, Tally

PLAIN = (
    *("wallet_id", "seq", "head", "at", "rows", "rowed_nanos", "loose_nanos"),
    *("days_closed", "periods_closed", "free_number", "used_at", "figures", "is_sealed"),
)


def write_tale(tale: Tale) -> dict[str, Any]:
    """Return a tale's fields; days that nobody took are not among them."""
    assert not tale.closed
    return {
        **{name: getattr(tale, name) for name in PLAIN},
        "pots": dict(tale.pots),
        "holds": {key: _write_hold(hold) for key, hold in tale.holds.items()},
        "grants": {key: asdict(grant) for key, grant in tale.grants.items()},
        "windows": [
            {
                "start_at": start_at,
                "models": _write_tallies(window.models),
                "days": _write_tallies(window.days),
                "spent_nanos": window.spent_nanos,
                "budgets": dict(window.budgets),
            }
            for start_at, window in tale.windows.items()
        ],
        "day": {
            "date": tale.day.date,
            "cells": [
                {"model": model, "provider": provider, "tally": asdict(tally)}
                for (model, provider), tally in tale.day.cells.items()
            ],
            "compared": {name: asdict(it) for name, it in tale.day.compared.items()},
        },
    }


def read_tale(fields: Mapping[str, Any]) -> Tale:
    """Return the tale of those fields."""
    tale = Tale(**{name: fields[name] for name in PLAIN})
    tale.pots = Counter(fields["pots"])
    tale.holds = {key: _read_hold(hold) for key, hold in fields["holds"].items()}
    tale.grants = {key: GrantTold(**grant) for key, grant in fields["grants"].items()}
    tale.windows = {
        window["start_at"]: WindowTold(
            _read_tallies(window["models"]),
            _read_tallies(window["days"]),
            window["spent_nanos"],
            Counter(window["budgets"]),
        )
        for window in fields["windows"]
    }
    cells = fields["day"]["cells"]
    tale.day = DayTold(
        fields["day"]["date"],
        {(cell["model"], cell["provider"]): Tally(**cell["tally"]) for cell in cells},
        {name: Compared(**it) for name, it in fields["day"].get("compared", {}).items()},
    )
    return tale


def _write_hold(hold: HoldTold) -> dict[str, Any]:
    return {**asdict(hold), "draws": [asdict(draw) for draw in hold.draws]}


def _read_hold(fields: Mapping[str, Any]) -> HoldTold:
    draws = tuple(Draw(**draw) for draw in fields["draws"])
    return HoldTold(**{**fields, "draws": draws})


def _write_tallies(tallies: Mapping[str, Tally]) -> dict[str, Any]:
    return {name: asdict(tally) for name, tally in tallies.items()}


def _read_tallies(fields: Mapping[str, Any]) -> dict[str, Tally]:
    return {name: Tally(**tally) for name, tally in fields.items()}

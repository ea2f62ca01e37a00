"""What of a wallet document a commit changes: the update mask of DESIGN section 4, step 3.

Values are immutable, so a part that is the same object has not changed, and a commit sends
only the holds, grants and counters that it touched.
"""

from collections.abc import Mapping
from typing import Any

from creditbase.ledger.domain.wallet import Tallies, Wallet
from creditbase.ledger.encoding import (
    write_budget,
    write_closed_day,
    write_closed_window,
    write_compared,
    write_grant,
    write_hold,
    write_level,
    write_scalars,
    write_tally,
    write_terms,
    write_window,
)
from creditbase.runtime.firestore import DELETE_FIELD

Changes = dict[tuple[str, ...], Any]
STATE = "state"


def changes_between(old: Wallet, new: Wallet) -> Changes:
    """Return the field paths that differ, with their new values."""
    changes: Changes = {}
    before = write_scalars(old)
    for name, value in write_scalars(new).items():
        if before[name] != value:
            changes[STATE, name] = value
    if new.terms is not old.terms and new.terms != old.terms:
        changes[STATE, "terms"] = write_terms(new.terms)
    _put_map(changes, (STATE, "grants"), old.grants, new.grants, write_grant)
    _put_map(changes, (STATE, "holds"), old.holds, new.holds, write_hold)
    _put_map(changes, (STATE, "levels"), old.levels, new.levels, write_level)
    if new.window is not old.window:
        if new.window.span != old.window.span:
            changes[STATE, "window"] = write_closed_window(new.window)
        else:
            was_open = write_window(old.window)
            for name, value in write_window(new.window).items():
                if was_open[name] != value:
                    changes[STATE, "window", name] = value
            _put_tallies(changes, "window", old.window.tallies, new.window.tallies)
            budgets = (STATE, "window", "budgets")
            _put_map(changes, budgets, old.window.budgets, new.window.budgets, write_budget)
            days = (STATE, "window", "days")
            _put_map(changes, days, old.window.days, new.window.days, write_tally)
    if new.closing != old.closing:
        changes[STATE, "closing"] = [write_closed_window(window) for window in new.closing]
    if new.today is not old.today:
        if new.today.date != old.today.date:
            changes[STATE, "today"] = write_closed_day(new.today)
        else:
            was = {cell.key: it for cell, it in old.today.cells.items()}
            now = {cell.key: it for cell, it in new.today.cells.items()}
            _put_tallies(changes, "today", was, now)
            compared = (STATE, "today", "compared")
            _put_map(changes, compared, old.today.compared, new.today.compared, write_compared)
    return changes


def _put_tallies(changes: Changes, name: str, old: Tallies, new: Tallies) -> None:
    _put_map(changes, (STATE, name, "models"), old, new, write_tally)


def _put_map(
    changes: Changes,
    path: tuple[str, ...],
    old: Mapping[Any, Any],
    new: Mapping[Any, Any],
    write: Any,
) -> None:
    if new is old:
        return
    for key, value in new.items():
        if old.get(key) is not value:
            changes[(*path, key)] = write(value)
    for key in old:
        if key not in new:
            changes[(*path, key)] = DELETE_FIELD

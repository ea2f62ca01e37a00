"""Budgets: what each credential has spent and holds in a window, held against its limit.

A budget is the caller's, given with the command; the wallet keeps only the counters, in the
window in which they count. The next window begins with none.
"""

from dataclasses import replace
from datetime import datetime

from creditbase.ledger.domain.commands import Budget
from creditbase.ledger.domain.draft import Draft
from creditbase.ledger.domain.wallet import BudgetCount, WindowCount

OTHER_BUDGETS = "other"
BUDGETS_MAX = 200
"""Credentials with a budget that a window counts apart; the others share one counter."""


def left_nanos(draft: Draft, budget: Budget) -> int:
    """Return what is left of a budget in the running window."""
    window = draft.wallet.window
    count = window.budgets.get(counter_of(window, budget), BudgetCount())
    return max(0, budget.limit_nanos - count.spent_nanos - count.held_nanos)


def counter_of(window: WindowCount, budget: Budget) -> str:
    """Return the counter of a credential: its own, or the shared one where there is no room.

    The shared one refuses early, and never late. Once it is in use nobody new gets a counter
    of its own: that would begin at nothing again.
    """
    counters = window.budgets
    if budget.credential_id in counters:
        return budget.credential_id
    if OTHER_BUDGETS in counters or len(counters) >= BUDGETS_MAX:
        return OTHER_BUDGETS
    return budget.credential_id


def count_budget(
    draft: Draft,
    counter: str,
    window_start_at: datetime,
    *,
    spent_nanos: int = 0,
    held_nanos: int = 0,
) -> None:
    """Move a counter, if the command has one. A counter of nothing goes."""
    if not counter:
        return
    window = draft.window_of(window_start_at)
    before = window.budgets.get(counter, BudgetCount())
    after = BudgetCount(before.spent_nanos + spent_nanos, before.held_nanos + held_nanos)
    budgets = {**window.budgets, counter: after}
    if after == BudgetCount():
        del budgets[counter]
    draft.put_window(replace(window, budgets=budgets))

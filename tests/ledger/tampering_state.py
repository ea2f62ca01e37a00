"""Ways to tamper with a wallet, its days, windows and balance, beside its entries."""

import copy
from datetime import timedelta

from tests.ledger.proofs import Ledger
from tests.ledger.tampering import TAMPERINGS, chain, entry, state, tampering

__all__ = ["TAMPERINGS"]


@tampering
def _a_grant_is_emptied(it: Ledger) -> None:
    state(it)["grants"]["topup:pi_1"]["remaining_nanos"] = 0


@tampering
def _a_grant_is_forgotten(it: Ledger) -> None:
    del state(it)["grants"]["topup:pi_1"]


@tampering
def _a_grant_that_is_empty_and_held_is_forgotten(it: Ledger) -> None:
    name = max(state(it)["grants"], key=lambda key: state(it)["grants"][key]["held_nanos"])
    del state(it)["grants"][name]


@tampering
def _a_grant_is_made_up(it: Ledger) -> None:
    state(it)["grants"]["gift"] = {**state(it)["grants"]["topup:pi_1"], "grant_id": "gift"}


@tampering
def _a_hold_is_forgotten(it: Ledger) -> None:
    del state(it)["holds"][next(iter(state(it)["holds"]))]


@tampering
def _a_hold_is_made_up(it: Ledger) -> None:
    state(it)["holds"]["hold_x"] = next(iter(state(it)["holds"].values()))


@tampering
def _a_debt_is_forgiven(it: Ledger) -> None:
    state(it)["receivable_nanos"] += 1


@tampering
def _a_window_is_counted_twice(it: Ledger) -> None:
    state(it)["closing"].append(copy.deepcopy(state(it)["window"]))


@tampering
def _a_closed_window_is_deleted(it: Ledger) -> None:
    it.documents["periods"].clear()


@tampering
def _a_closed_window_is_made_up(it: Ledger) -> None:
    it.documents["periods"]["2020-01-01T00:00:00.000000Z"] = {}


@tampering
def _a_closed_window_has_not_ended(it: Ledger) -> None:
    for window in it.documents["periods"].values():
        window["end_at"] = state(it)["at"] + timedelta(days=1)
        window["number"] = None


@tampering
def _a_closed_window_ends_before_it_begins(it: Ledger) -> None:
    for window in it.documents["periods"].values():
        window["end_at"] = window["start_at"]


@tampering
def _a_day_is_deleted(it: Ledger) -> None:
    it.documents["usage"].popitem()


@tampering
def _a_day_is_made_up(it: Ledger) -> None:
    it.documents["usage"]["2020-01-01"] = {"date": "2020-01-01", "models": {}}


@tampering
def _a_model_is_counted_as_another(it: Ledger) -> None:
    day = next(iter(it.documents["usage"].values()))
    key = next(iter(day["models"]))
    day["models"]['["other","",""]'] = day["models"].pop(key)


@tampering
def _a_model_of_a_window_is_made_up(it: Ledger) -> None:
    state(it)["window"]["models"]["gift"] = {"requests": 1}


@tampering
def _a_model_of_a_window_is_gone(it: Ledger) -> None:
    state(it)["window"]["models"].popitem()


@tampering
def _a_counter_is_written_that_is_zero(it: Ledger) -> None:
    next(iter(state(it)["window"]["models"].values()))["images"] = 0


@tampering
def _a_budget_is_forgotten(it: Ledger) -> None:
    state(it)["window"]["budgets"].clear()


@tampering
def _a_budget_is_made_up(it: Ledger) -> None:
    state(it)["window"]["budgets"]["key_9"] = {"spent_nanos": 0, "held_nanos": 0}


@tampering
def _the_wallet_is_no_map(it: Ledger) -> None:
    it.wallet = "nothing"  # type: ignore[assignment]


@tampering
def _the_balance_is_gone(it: Ledger) -> None:
    it.balance = []  # type: ignore[assignment]


@tampering
def _the_wallet_leads_the_jobs_astray(it: Ledger) -> None:
    it.wallet["holds_due_at"] = None


@tampering
def _the_wallet_was_used_before_it_says(it: Ledger) -> None:
    it.wallet["used_at"] -= timedelta(hours=1)


@tampering
def _the_wallet_was_never_used(it: Ledger) -> None:
    del it.wallet["used_at"]


@tampering
def _a_row_is_left_out(it: Ledger) -> None:
    del entry(it, "charge")["row"]
    chain(it)


@tampering
def _a_row_is_added_where_nothing_moved(it: Ledger) -> None:
    entry(it, "hold")["row"] = 4
    chain(it)


@tampering
def _time_goes_back(it: Ledger) -> None:
    entry(it, "charge", 2)["at"] -= timedelta(days=20)
    chain(it)


@tampering
def _an_entry_has_no_canonical_form(it: Ledger) -> None:
    entry(it, "charge")["cause"] = {"x": {1, 2}}

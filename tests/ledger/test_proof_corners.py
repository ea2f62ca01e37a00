"""What a proof says of lines that no life of a wallet comes to: each by itself, by hand."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from creditbase.ledger.domain.entries import digest_of, entry_salt
from creditbase.ledger.domain.grants import PRIORITY_OF
from creditbase.ledger.domain.proof import entries, grants, kinds, state, windows
from creditbase.ledger.domain.proof.reading import Broken, Doc
from creditbase.ledger.domain.proof.tale import DayTold, GrantTold, HoldTold, Tale
from creditbase.ledger.domain.wallet import OTHER_MODELS, Draw, Tally

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def doc(**fields: Any) -> Doc:
    """Return an entry's document with these fields."""
    return Doc("entries/e", fields, seq=1)


def found_in(act: Callable[[], object]) -> str:
    """Return the field at which a proof ends."""
    with pytest.raises(Broken) as broken:
        act()
    return broken.value.field


def told(kind: str = "topup", **more: Any) -> GrantTold:
    """Return a grant as entries have told of it."""
    return GrantTold(kind, AT, None, **more)


# ---- documents -------------------------------------------------------------------------------


def test_what_is_no_document_is_said_to_be_none() -> None:
    """Somebody may have put a text, or nothing, where a map was."""
    tale = Tale("w")

    assert found_in(lambda: entries.take_entry(tale, "e", None, {})) == "the entry"
    assert found_in(lambda: state.check_wallet(tale, "gone", shard=1)) == "the wallet"
    assert found_in(lambda: windows.check_closed_day(DayTold("2026-03-01"), None)) == "the day"
    assert found_in(lambda: doc(kind=7).text("kind")) == "kind"


# ---- seals -----------------------------------------------------------------------------------


def test_entries_of_before_the_seals_are_let_pass_until_the_first_that_has_one() -> None:
    """Afterwards a line without a seal is a line that was put in."""
    tale = Tale("w", salt="11" * 32)
    entries._sealed(tale, doc(), "old")
    assert found_in(lambda: entries._sealed(tale, doc(private={}), "old")) == "seal"

    sealed = digest_of({"cost_nanos": 5, "salt": entry_salt(tale.salt, "new")})
    entries._sealed(tale, doc(private={"cost_nanos": 5}, seal=sealed), "new")

    assert found_in(lambda: entries._sealed(tale, doc(), "old")) == "seal"
    wrong = doc(private={"cost_nanos": 6}, seal=sealed)
    assert found_in(lambda: entries._sealed(tale, wrong, "new")) == "seal"


# ---- pots ------------------------------------------------------------------------------------


def test_a_grant_that_nobody_gave_has_no_pot() -> None:
    """Credits into a grant of that name would be there without an entry that gives them."""
    moved = {"grant:nobody": 5, "granted": -5}

    assert found_in(lambda: entries._post(Tale("w"), doc(), moved)) == "postings.grant:nobody"


def test_what_is_available_is_not_computed_where_nobody_knows_until_when() -> None:
    """A grant that came back of a refund may be over: then the entry's own word stands."""
    tale = Tale("w", pots=Counter({"grant:g": 7}), grants={"g": told(knows_end=False)})
    sums = {"held_nanos": 0, "receivable_nanos": 0, "available_nanos": 3, "balance_nanos": 3}

    assert tale.live_nanos(AT) is None
    entries._figures(tale, doc(figures=sums, kind="charge", row=1), AT)

    assert tale.rowed_nanos == 3
    tale.grants["g"].knows_end = True
    assert tale.live_nanos(AT) == 7


# ---- kinds -----------------------------------------------------------------------------------


def test_a_charge_says_what_was_paid_for_what_it_took() -> None:
    """Margins are computed from it."""
    tale = Tale("w", grants={"g": told(granted_nanos=100, paid_nanos=50)})
    took = (Draw("g", "topup", 10),)

    kinds._received(tale, doc(received_nanos=5), took)

    assert found_in(lambda: kinds._received(tale, doc(received_nanos=6), took)) == (
        "received_nanos"
    )


def test_a_hold_is_placed_once() -> None:
    """Another under the same id while it is open would be forgotten, or forget it."""
    fields = {
        "status": "held",
        "captured_nanos": 0,
        "shortfall_nanos": 0,
        "amount_nanos": 0,
        "hold_id": "h",
        "at": AT,
        "started_at": AT,
        "expires_at": AT + HOUR,
        "window_start_at": AT,
    }
    tale = Tale("w")
    kinds._hold(tale, doc(**fields), {}, {})

    assert found_in(lambda: kinds._hold(tale, doc(**fields), {}, {})) == "hold_id"


def test_a_capture_within_its_hold_draws_on_nothing_else() -> None:
    """What exceeds a hold may come from elsewhere; what it covers may not."""
    hold = HoldTold(10, (Draw("g", "topup", 10),), AT, AT + HOUR, AT, "m", "", "")
    tale = Tale("w", holds={"h": hold}, grants={"g": told(), "other": told()})
    draws = [
        {"source": "g", "kind": "topup", "amount_nanos": 5},
        {"source": "other", "kind": "topup", "amount_nanos": 2},
    ]
    fields = {
        "kind": "capture",
        "status": "captured",
        "entry_id": "end:h",
        "hold_id": "h",
        "amount_nanos": 10,
        "captured_nanos": 7,
        "shortfall_nanos": 0,
        "draws": draws,
        "at": AT,
        "started_at": AT,
        "window_start_at": AT,
        "expires_at": AT + HOUR,
    }

    assert found_in(lambda: kinds._end(tale, doc(**fields), {}, {})) == "draws"


def test_what_came_back_too_late_is_told_to_its_grant_if_there_is_one() -> None:
    """A grant may be gone before its hold ends: nobody keeps what was late of it."""
    tale = Tale("w", grants={"g": told()})
    back = Counter({"g": 4, "gone": 3})

    kinds._goes_back(tale, doc(), {"expired": 7}, {}, (back, Counter()))

    assert tale.grants["g"].late_nanos == 4
    assert set(tale.grants) == {"g"}


def test_a_debt_that_is_none_any_more_leaves_no_adjustment_exact() -> None:
    """Of which one the returned credits became a part no entry says."""
    adjusted, bought = told("adjustment"), told()
    tale = Tale("w", grants={"a": adjusted, "b": bought})
    redeems = doc(at=AT, cause={"redeemed": {}})

    kinds._goes_back(tale, redeems, {"grant:new": 5}, {}, (Counter(), Counter()))

    assert (adjusted.is_exact, bought.is_exact, tale.grants["new"].is_exact) == (
        False,
        True,
        False,
    )


def test_a_grant_is_given_once() -> None:
    """A second under its own name would make it as large again."""
    fields = {
        "kind": "grant",
        "entry_id": "topup:a",
        "amount_nanos": 5,
        "at": AT,
        "cause": {"grant_id": "topup:a", "grant_kind": "topup"},
        "expires_at": None,
    }
    tale, moved = Tale("w"), {"granted": -5, "grant:topup:a": 5}
    kinds._KINDS["grant"](tale, doc(**fields), moved, {})

    again = found_in(lambda: kinds._KINDS["grant"](tale, doc(**fields), moved, {}))

    assert again == "entry_id"


def test_a_pot_that_was_held_when_it_was_over_moves_nothing() -> None:
    """The entry says only that it is over; what is held comes back to nobody later."""
    fields = {
        "kind": "expire_grant",
        "entry_id": "expire:g:held",
        "amount_nanos": 0,
        "at": AT,
        "cause": {"grant_id": "g", "grant_kind": "topup"},
    }

    kinds._lapse(Tale("w"), doc(**fields), {}, {})

    moved = {"expired": 1, "grant:g": -1}
    assert found_in(lambda: kinds._lapse(Tale("w"), doc(**fields), moved, {})) == "postings"


def test_what_is_told_of_a_grant_that_is_gone_is_let_be() -> None:
    """A wallet forgets empty grants; a late capture may still name one."""
    tale = Tale("w", grants={"g": told()})
    cause = Doc("entries/e", {"recall": {"g": 2, "gone": 3}}, "cause.", 1)

    kinds._tell(tale, cause, "recall", "recalled_nanos", 1)

    assert tale.grants["g"].recalled_nanos == 2


# ---- state -----------------------------------------------------------------------------------


def grant_of(**more: Any) -> Doc:
    """Return the document of a grant."""
    fields = {
        "kind": "topup",
        "priority": 2,
        "created_at": AT,
        "granted_nanos": 10,
        "remaining_nanos": 4,
        "held_nanos": 0,
        **more,
    }
    return Doc("", fields, "state.grants.g.")


def test_a_grant_of_which_little_is_told_is_still_possible() -> None:
    """Not below zero, and empty once its time is over."""
    unsure = told(is_exact=False, knows_end=False)
    over = {"expires_at": AT - HOUR, "created_at": AT - 2 * HOUR}
    priority = PRIORITY_OF["topup"]

    below = grant_of(granted_nanos=-1, priority=priority)
    late = grant_of(priority=priority, **over)

    with pytest.raises(Broken, match="granted_nanos"):
        grants._check_told(below, unsure, AT)
    with pytest.raises(Broken, match="expires_at"):
        grants._check_told(late, unsure, AT)


def free_state(created_at: datetime, **terms: Any) -> tuple[Doc, Doc]:
    """Return a state with free windows, and its terms."""
    fields = {
        "created_at": created_at,
        "free_number": 0,
        "grants": {},
        "window": {"number": 0},
    }
    told_terms = {"window": "free", "allocation_nanos": 0, **terms}
    return Doc("", fields, "state."), Doc("", told_terms, "state.terms.")


def test_a_wallet_is_not_younger_than_its_newest_entry() -> None:
    """And a plan that gives nothing need not have given it."""
    newer, terms = free_state(AT + HOUR)
    assert found_in(lambda: state._check_free(Tale("w"), newer, terms, AT)).endswith(
        "created_at"
    )

    state._check_free(Tale("w"), *free_state(AT), AT)


# ---- days with very many models --------------------------------------------------------------


def day_of(cells: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Return the document of a day."""
    return {"date": "2026-03-01", "models": cells}


def test_a_day_of_very_many_models_is_held_to_its_sum() -> None:
    """Beyond two hundred cells the rest is one, of which only the sum is known."""
    used = {("a", ""): Tally(3, 30), ("b", ""): Tally(2, 20), ("c", ""): Tally(1, 10)}
    day = DayTold("2026-03-01", used)
    a, rest = {"requests": 3, "amount_nanos": 30}, {"requests": 3, "amount_nanos": 30}

    windows.check_closed_day(day, day_of({"a": a, OTHER_MODELS: rest}))

    more = day_of({"a": a, OTHER_MODELS: {**rest, "amount_nanos": 31}})
    assert "all" in found_in(lambda: windows.check_closed_day(day, more))
    moved = day_of(
        {
            "a": {"requests": 4, "amount_nanos": 40},
            OTHER_MODELS: {"requests": 2, "amount_nanos": 20},
        }
    )
    assert found_in(lambda: windows.check_closed_day(day, moved)).endswith("a")


def test_a_day_that_knows_no_providers_is_held_to_its_models() -> None:
    """Days of before were kept by model alone; entries tell both."""
    used = {("a", "acme"): Tally(1, 10), ("a", "globex"): Tally(2, 20)}
    day = DayTold("2026-03-01", used)

    windows.check_closed_day(day, day_of({"a": {"requests": 3, "amount_nanos": 30}}))

    less = day_of({"a": {"requests": 3, "amount_nanos": 29}})
    assert found_in(lambda: windows.check_closed_day(day, less)).endswith("a.amount_nanos")
    nothing = day_of({"a": {"requests": 0}})
    assert found_in(lambda: windows.check_closed_day(day, nothing)).endswith("a")


def test_a_running_day_is_handed_out_when_it_is_over() -> None:
    """A wallet that looked at the clock and was not used has a new, empty day."""
    tale = Tale("w", day=DayTold("2026-02-28", {("a", ""): Tally(1, 1)}))
    fresh = Doc("", {"today": day_of({})}, "state.")

    windows.check_today(tale, fresh, AT)

    assert [day.date for day in tale.closed] == ["2026-02-28"]
    tale.day = DayTold("2026-02-27")
    windows.check_today(tale, fresh, AT)
    assert tale.days_closed == 1

"""A proof finds every line that does not hold, and no other.

Each tampering is done as somebody would who knows the format: where a line is changed, the
hashes from there on are made anew, up to the wallet's head.
"""

import copy
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.ledger.domain.entries import digest_of
from creditbase.ledger.domain.proof.keeping import read_tale, write_tale
from creditbase.ledger.domain.proof.reading import Broken, Doc, is_same, shown
from creditbase.ledger.domain.proof.tale import Tale
from creditbase.ledger.domain.proof.walk import walk_entries
from tests.kernel.profiles import STORIES
from tests.ledger.builders import WALLET_ID
from tests.ledger.programs import MONTHLY_FREE, PROGRAMS, RETURNS, Step, Twin
from tests.ledger.proofs import (
    Fields,
    Ledger,
    a_long_life,
    a_plan_life,
    kept,
    ledger_of,
    prove,
)

WHOLE = ledger_of(a_long_life())
OPEN = ledger_of(a_long_life(), is_settled=False)
PLAN = ledger_of(a_plan_life())


# ---- no false alarm --------------------------------------------------------------------------


@STORIES
@given(PROGRAMS, st.booleans(), st.integers(0, 40))
def test_no_alarm_is_raised_for_a_random_life(
    program: list[Step], is_settled: bool, pause: int
) -> None:
    """Whoever parks a wallet that is fine stops a customer who pays."""
    twin = Twin(story=kept(MONTHLY_FREE))
    tale = None
    for number, step in enumerate(program):
        twin.take(step)
        if number == pause:
            tale = prove(ledger_of(twin.story))

    # from its beginning, and from where a proof in between ended
    ledger = ledger_of(twin.story, is_settled=is_settled)
    whole = prove(ledger)
    if tale is not None:
        assert write_tale(prove(ledger, read_tale(write_tale(tale)))) == write_tale(whole)


@STORIES
@given(RETURNS)
def test_no_alarm_is_raised_for_refunds_around_holds(program: list[Step]) -> None:
    """Refunds, cuts and failed refunds between holds and their ends."""
    twin = Twin(story=kept(MONTHLY_FREE))
    for pick in (0, 0, 2):
        twin.take(Step(0, "grant", 30, pick))
    for step in program:
        twin.take(step)

    prove(ledger_of(twin.story))


def test_a_long_ledger_is_walked_in_parts() -> None:
    """As many entries as one likes, and the same tale in the end."""
    whole, tale = Tale(WALLET_ID), Tale(WALLET_ID)
    walk_entries(whole, WHOLE, most=10_000)
    while tale.seq < whole.seq:
        walk_entries(tale, WHOLE, most=3)

    assert write_tale(tale) == write_tale(whole)


# ---- any one field ---------------------------------------------------------------------------

NOT_TOLD = {
    "commits": "counts writes; any number is one",
    "plans_over_seq": "an entry's number, within the ledger",
    "accrued_nanos": "what a hold's caller reported last; its end tells it",
    "levels": "heights that somebody wants to hear of: no credits",
    "number": "of a closed paid window: none; of a free one its number",
}
"""What nothing else tells, so that one edit of it cannot be found; it moves no credits."""


def leaves(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every field, maps and lists among them."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, (*path, name))
    if isinstance(value, list):
        for place, part in enumerate(value):
            yield from leaves(part, (*path, place))


def edits(value: object) -> list[object]:
    """Return what somebody might write in place of a value: what is near it, and nonsense."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, float(value)]
    if isinstance(value, str):
        return [f"{value}x"]
    if isinstance(value, datetime):
        return [value + timedelta(microseconds=1), value - timedelta(days=1)]
    if isinstance(value, dict):
        return [{**value, "more": 1}, "x"]
    if isinstance(value, list):
        return [[*value, {}], value[:-1] if value else {}]
    return [0]


def documents(ledger: Ledger) -> dict[str, Any]:
    """Return all documents of a ledger; of each kind of entry one."""
    kinds = {fields["kind"]: name for name, fields in ledger.documents["entries"].items()}
    found: dict[str, Any] = {"wallet": ledger.wallet, "balance": ledger.balance}
    for kind in ("usage", "periods"):
        found |= {f"{kind}/{name}": it for name, it in ledger.documents[kind].items()}
    entries = ledger.documents["entries"]
    return found | {f"entries/{name}": entries[name] for name in kinds.values()}


@pytest.mark.parametrize("whole", [WHOLE, PLAN], ids=["free", "tier"])
def test_any_one_field_that_is_changed_or_gone_is_found(whole: Ledger) -> None:
    """Of every document there is: entry, wallet, day, period and balance."""
    missed, tried = [], 0
    for name, document in documents(whole).items():
        for path in list(leaves(document)):
            place: Any = document
            for part in path[:-1]:
                place = place[part]
            before = place[path[-1]]
            gone = [None] if isinstance(place, dict) else []
            for value in [*edits(before), *gone]:
                tried += 1
                if value is None:
                    del place[path[-1]]
                else:
                    place[path[-1]] = value
                try:
                    prove(whole)
                    missed.append((name, path, value))
                except Broken:
                    pass
                finally:
                    place[path[-1]] = before

    # a proof of what was put back: nothing else was changed
    prove(whole)
    assert tried > 800
    assert [it for it in missed if not set(it[1]) & NOT_TOLD.keys()] == []
    assert len(missed) < 12


# ---- tampering by those who know the format --------------------------------------------------

Tampering = Callable[[Ledger], None]
TAMPERINGS: dict[str, Tampering] = {}


def tampering(act: Tampering) -> Tampering:
    """Name a way to tamper with a ledger."""
    TAMPERINGS[act.__name__] = act
    return act


def chain(ledger: Ledger) -> None:
    """Number and hash all entries anew, and let the wallet agree."""
    prev = ""
    ordered = sorted(ledger.documents["entries"].values(), key=lambda it: it["seq"])
    for seq, fields in enumerate(ordered, start=1):
        fields["seq"], fields["prev"] = seq, prev
        covered = {k: v for k, v in fields.items() if k not in {"hash", "metadata"}}
        prev = fields["hash"] = digest_of(covered)
    ledger.wallet["state"]["seq"], ledger.wallet["state"]["head"] = len(ordered), prev


def entry(ledger: Ledger, kind: str, number: int = 0) -> Fields:
    """Return the n-th entry of a kind."""
    found = [it for it in ledger.documents["entries"].values() if it["kind"] == kind]
    return sorted(found, key=lambda it: it["seq"])[number]


def state(ledger: Ledger) -> Fields:
    """Return the wallet's state."""
    found: Fields = ledger.wallet["state"]
    return found


@tampering
def an_entry_is_deleted(it: Ledger) -> None:
    """Tamper."""
    del it.documents["entries"][entry(it, "charge", 1)["entry_id"]]


@tampering
def an_entry_is_deleted_and_the_rest_numbered_anew(it: Ledger) -> None:
    """Tamper."""
    del it.documents["entries"][entry(it, "charge", 1)["entry_id"]]
    chain(it)


@tampering
def the_newest_entry_is_deleted(it: Ledger) -> None:
    """Tamper."""
    del it.documents["entries"][entry(it, "refund", -1)["entry_id"]]
    chain(it)


@tampering
def two_entries_are_swapped(it: Ledger) -> None:
    """Tamper."""
    one, other = entry(it, "charge", 0), entry(it, "charge", 1)
    one["seq"], other["seq"] = other["seq"], one["seq"]
    chain(it)


@tampering
def an_entry_is_copied_under_another_name(it: Ledger) -> None:
    """Tamper."""
    copied = copy.deepcopy(entry(it, "charge"))
    it.documents["entries"]["op:copy"] = copied


@tampering
def a_charge_is_repeated_under_another_key(it: Ledger) -> None:
    """Tamper."""
    again = {**copy.deepcopy(entry(it, "charge")), "entry_id": "op:again", "seq": 10**6}
    again["at"] = state(it)["at"]
    it.documents["entries"]["op:again"] = again
    chain(it)


@tampering
def an_entry_without_a_number_lies_among_the_others(it: Ledger) -> None:
    """Tamper."""
    it.documents["entries"]["op:odd"] = {"kind": "charge"}


@tampering
def an_entry_is_of_another_wallet(it: Ledger) -> None:
    """Tamper."""
    entry(it, "charge")["wallet_id"] = "project/other"
    chain(it)


@tampering
def a_charge_is_made_smaller(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "charge")
    one["amount_nanos"] -= 1
    one["captured_nanos"] -= 1
    one["postings"]["consumed"] -= 1
    name = next(key for key in one["postings"] if key.startswith("grant:"))
    one["postings"][name] += 1
    one["draws"][0]["amount_nanos"] -= 1
    chain(it)


@tampering
def a_charge_takes_less_than_it_says(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "charge")
    one["postings"]["consumed"] -= 1
    name = next(key for key in one["postings"] if key.startswith("grant:"))
    one["postings"][name] += 1
    chain(it)


@tampering
def a_charge_falls_short_of_nothing(it: Ledger) -> None:
    """Tamper."""
    entry(it, "charge")["shortfall_nanos"] = 1
    chain(it)


@tampering
def a_draw_is_moved_to_another_grant(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "charge")
    one["draws"][0]["source"] = "topup:pi_1"
    chain(it)


@tampering
def a_draw_of_nothing_is_added(it: Ledger) -> None:
    """Tamper."""
    entry(it, "charge")["draws"].append({"source": "x", "kind": "x", "amount_nanos": 0})
    chain(it)


@tampering
def draws_are_no_list(it: Ledger) -> None:
    """Tamper."""
    entry(it, "charge")["draws"] = {}
    chain(it)


@tampering
def a_grant_is_made_larger(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "grant", 1)
    one["amount_nanos"] += 10
    one["postings"]["granted"] -= 10
    one["postings"]["grant:topup:pi_1"] += 10
    chain(it)


@tampering
def a_grant_is_made_larger_and_the_wallet_with_it(it: Ledger) -> None:
    """Tamper."""
    a_grant_is_made_larger(it)
    grant = state(it)["grants"]["topup:pi_1"]
    grant["remaining_nanos"] += 10
    grant["granted_nanos"] += 10


@tampering
def a_grant_gives_more_than_was_granted(it: Ledger) -> None:
    """Tamper."""
    entry(it, "grant", 1)["postings"]["granted"] -= 1
    chain(it)


@tampering
def a_grant_is_given_from_a_debt(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "grant", 1)
    one["postings"] = {"granted": -400, "grant:topup:pi_1": 401, "receivable": -1}
    chain(it)


@tampering
def a_grant_says_another_amount(it: Ledger) -> None:
    """Tamper."""
    entry(it, "grant", 1)["amount_nanos"] = 399
    chain(it)


@tampering
def a_cause_gives_twice(it: Ledger) -> None:
    """Tamper."""
    again = copy.deepcopy(entry(it, "grant", 1))
    again["seq"] += 1
    it.documents["entries"]["again"] = again
    chain(it)


@tampering
def a_grant_is_given_as_a_part_of_a_bought_one(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "grant", -1)
    one["cause"] = {"grant_id": "topup:pi_1", "grant_kind": "topup"}
    one["postings"] = {"granted": -one["amount_nanos"], "grant:topup:pi_1": one["amount_nanos"]}
    chain(it)


@tampering
def a_grant_is_given_as_what_it_is_not(it: Ledger) -> None:
    """Tamper."""
    entry(it, "grant", 1)["cause"]["grant_kind"] = "gift"
    chain(it)


@tampering
def a_hold_is_made_smaller(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "hold", -1)
    one["amount_nanos"] -= 1
    one["postings"]["held"] -= 1
    chain(it)


@tampering
def a_hold_lasts_longer_than_a_day(it: Ledger) -> None:
    """Tamper."""
    entry(it, "hold")["expires_at"] += timedelta(days=2)
    chain(it)


@tampering
def a_hold_is_placed_twice(it: Ledger) -> None:
    """Tamper."""
    entry(it, "hold", -1)["hold_id"] = entry(it, "hold", -2)["hold_id"]
    chain(it)


@tampering
def a_hold_ends_that_was_not_open(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "void")
    it.documents["entries"].pop(one["entry_id"])
    one["hold_id"] = "hold_x"
    one["entry_id"] = "end:hold_x"
    it.documents["entries"]["end:hold_x"] = one
    chain(it)


@tampering
def a_hold_ends_twice(it: Ledger) -> None:
    """Tamper."""
    one = copy.deepcopy(entry(it, "void"))
    one["seq"] += 1
    it.documents["entries"]["end:twice"] = one
    chain(it)


@tampering
def a_capture_is_made_to_expire(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "capture")
    one["kind"], one["status"] = "expire", "expired"
    chain(it)


@tampering
def a_capture_ends_at_a_time_that_no_hold_has(it: Ledger) -> None:
    """Tamper."""
    entry(it, "capture")["expires_at"] -= timedelta(seconds=1)
    chain(it)


@tampering
def a_capture_pays_for_another_key(it: Ledger) -> None:
    """Tamper."""
    entry(it, "capture")["cause"] = {"budget": "key_2"}
    chain(it)


@tampering
def a_void_takes_something(it: Ledger) -> None:
    """Tamper."""
    entry(it, "void")["captured_nanos"] = 1
    chain(it)


@tampering
def a_capture_draws_more_than_it_takes(it: Ledger) -> None:
    """Tamper."""
    entry(it, "capture")["draws"][0]["amount_nanos"] += 1
    chain(it)


@tampering
def a_capture_draws_beyond_what_was_asked(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "capture")
    draw = one["draws"][0]
    one["draws"] = [{**draw, "amount_nanos": 24}, {**draw, "source": "x", "amount_nanos": 1}]
    chain(it)


@tampering
def a_capture_gives_back_to_another_grant(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "capture")
    one["postings"]["grant:topup:pi_1"] = one["postings"].pop("grant:free:0")
    chain(it)


@tampering
def a_capture_consumes_less(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "capture")
    one["postings"]["consumed"] -= 1
    one["postings"]["grant:free:0"] += 1
    chain(it)


@tampering
def a_capture_lets_something_lapse_below_zero(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "capture")
    one["postings"]["expired"] = -1
    one["postings"]["grant:free:0"] += 1
    chain(it)


@tampering
def a_late_capture_comes_after_no_expiry(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "expire")
    one["kind"], one["status"] = "capture", "captured"
    one["at"] = one["started_at"]
    chain(it)


@tampering
def a_late_capture_says_the_expiry_took_less(it: Ledger) -> None:
    """Tamper."""
    entry(it, "late")["cause"]["before"]["captured_nanos"] = 1
    chain(it)


@tampering
def a_late_capture_draws_more(it: Ledger) -> None:
    """Tamper."""
    entry(it, "late")["draws"][0]["amount_nanos"] += 1
    chain(it)


@tampering
def a_late_capture_comes_before_its_expiry(it: Ledger) -> None:
    """Tamper."""
    entry(it, "expire")["seq"] = 10**6
    was = entry(it, "late")
    was["seq"] -= 0
    chain(it)


@tampering
def a_lapse_is_of_less_than_is_left(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "lapse")
    one["amount_nanos"] -= 1
    one["postings"]["expired"] -= 1
    name = next(key for key in one["postings"] if key.startswith("grant:"))
    one["postings"][name] += 1
    chain(it)


@tampering
def a_lapse_is_of_another_kind_of_grant(it: Ledger) -> None:
    """Tamper."""
    entry(it, "lapse")["cause"]["grant_kind"] = "promo"
    chain(it)


@tampering
def a_lapse_is_named_like_no_end(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "lapse")
    it.documents["entries"].pop(one["entry_id"])
    one["entry_id"] = "lapse:x"
    it.documents["entries"]["lapse:x"] = one
    chain(it)


@tampering
def a_refund_gives(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "refund")
    one["postings"] = {key: -nanos for key, nanos in one["postings"].items()}
    chain(it)


@tampering
def a_refund_draws_on_another(it: Ledger) -> None:
    """Tamper."""
    entry(it, "refund", 1)["draws"][0]["amount_nanos"] += 1
    chain(it)


@tampering
def postings_do_not_sum_to_zero(it: Ledger) -> None:
    """Tamper."""
    entry(it, "charge")["postings"]["consumed"] += 1
    chain(it)


@tampering
def an_account_that_nobody_knows_moves(it: Ledger) -> None:
    """Tamper."""
    entry(it, "charge")["postings"] |= {"gift": 1, "expired": -1}
    chain(it)


@tampering
def a_grant_that_was_never_given_is_drawn_on(it: Ledger) -> None:
    """Tamper."""
    one = entry(it, "refund")
    one["postings"] = {"grant:never": -one["amount_nanos"], "refunded": one["amount_nanos"]}
    chain(it)


@tampering
def an_entry_tells_another_balance(it: Ledger) -> None:
    """Tamper."""
    entry(it, "charge")["figures"]["balance_nanos"] += 1
    chain(it)


@tampering
def an_entry_tells_more_to_be_available(it: Ledger) -> None:
    """Tamper."""
    entry(it, "charge")["figures"]["available_nanos"] += 1
    chain(it)


@tampering
def a_row_is_left_out(it: Ledger) -> None:
    """Tamper."""
    del entry(it, "charge")["row"]
    chain(it)


@tampering
def a_row_is_added_where_nothing_moved(it: Ledger) -> None:
    """Tamper."""
    entry(it, "hold")["row"] = 4
    chain(it)


@tampering
def time_goes_back(it: Ledger) -> None:
    """Tamper."""
    entry(it, "charge", 2)["at"] -= timedelta(days=20)
    chain(it)


@tampering
def an_entry_has_no_canonical_form(it: Ledger) -> None:
    """Tamper."""
    entry(it, "charge")["cause"] = {"x": {1, 2}}


@tampering
def a_grant_is_emptied(it: Ledger) -> None:
    """Tamper."""
    state(it)["grants"]["topup:pi_1"]["remaining_nanos"] = 0


@tampering
def a_grant_is_forgotten(it: Ledger) -> None:
    """Tamper."""
    del state(it)["grants"]["topup:pi_1"]


@tampering
def a_grant_that_is_empty_and_held_is_forgotten(it: Ledger) -> None:
    """Tamper."""
    name = max(state(it)["grants"], key=lambda key: state(it)["grants"][key]["held_nanos"])
    del state(it)["grants"][name]


@tampering
def a_grant_is_made_up(it: Ledger) -> None:
    """Tamper."""
    state(it)["grants"]["gift"] = {**state(it)["grants"]["topup:pi_1"], "grant_id": "gift"}


@tampering
def a_hold_is_forgotten(it: Ledger) -> None:
    """Tamper."""
    del state(it)["holds"][next(iter(state(it)["holds"]))]


@tampering
def a_hold_is_made_up(it: Ledger) -> None:
    """Tamper."""
    state(it)["holds"]["hold_x"] = next(iter(state(it)["holds"].values()))


@tampering
def a_debt_is_forgiven(it: Ledger) -> None:
    """Tamper."""
    state(it)["receivable_nanos"] += 1


@tampering
def a_window_is_counted_twice(it: Ledger) -> None:
    """Tamper."""
    state(it)["closing"].append(copy.deepcopy(state(it)["window"]))


@tampering
def a_closed_window_is_deleted(it: Ledger) -> None:
    """Tamper."""
    it.documents["periods"].clear()


@tampering
def a_closed_window_is_made_up(it: Ledger) -> None:
    """Tamper."""
    it.documents["periods"]["2020-01-01T00:00:00.000000Z"] = {}


@tampering
def a_closed_window_has_not_ended(it: Ledger) -> None:
    """Tamper."""
    for window in it.documents["periods"].values():
        window["end_at"] = state(it)["at"] + timedelta(days=1)
        window["number"] = None


@tampering
def a_closed_window_ends_before_it_begins(it: Ledger) -> None:
    """Tamper."""
    for window in it.documents["periods"].values():
        window["end_at"] = window["start_at"]


@tampering
def a_day_is_deleted(it: Ledger) -> None:
    """Tamper."""
    it.documents["usage"].popitem()


@tampering
def a_day_is_made_up(it: Ledger) -> None:
    """Tamper."""
    it.documents["usage"]["2020-01-01"] = {"date": "2020-01-01", "models": {}}


@tampering
def a_model_is_counted_as_another(it: Ledger) -> None:
    """Tamper."""
    day = next(iter(it.documents["usage"].values()))
    key = next(iter(day["models"]))
    day["models"]['["other","",""]'] = day["models"].pop(key)


@tampering
def a_model_of_a_window_is_made_up(it: Ledger) -> None:
    """Tamper."""
    state(it)["window"]["models"]["gift"] = {"requests": 1}


@tampering
def a_model_of_a_window_is_gone(it: Ledger) -> None:
    """Tamper."""
    state(it)["window"]["models"].popitem()


@tampering
def a_counter_is_written_that_is_zero(it: Ledger) -> None:
    """Tamper."""
    next(iter(state(it)["window"]["models"].values()))["images"] = 0


@tampering
def a_budget_is_forgotten(it: Ledger) -> None:
    """Tamper."""
    state(it)["window"]["budgets"].clear()


@tampering
def a_budget_is_made_up(it: Ledger) -> None:
    """Tamper."""
    state(it)["window"]["budgets"]["key_9"] = {"spent_nanos": 0, "held_nanos": 0}


@tampering
def the_wallet_is_no_map(it: Ledger) -> None:
    """Tamper."""
    it.wallet = "nothing"  # type: ignore[assignment]


@tampering
def the_balance_is_gone(it: Ledger) -> None:
    """Tamper."""
    it.balance = []  # type: ignore[assignment]


@tampering
def the_wallet_leads_the_jobs_astray(it: Ledger) -> None:
    """Tamper."""
    it.wallet["holds_due_at"] = None


@tampering
def the_wallet_was_used_before_it_says(it: Ledger) -> None:
    """Tamper."""
    it.wallet["used_at"] -= timedelta(hours=1)


@tampering
def the_wallet_was_never_used(it: Ledger) -> None:
    """Tamper."""
    del it.wallet["used_at"]


@pytest.mark.parametrize("name", TAMPERINGS)
@pytest.mark.parametrize("whole", [WHOLE, OPEN], ids=["settled", "unsettled"])
def test_tampering_is_found(name: str, whole: Ledger) -> None:
    """Hashes that fit make no ledger: what it says must fit as well."""
    ledger = copy.deepcopy(whole)
    TAMPERINGS[name](ledger)

    with pytest.raises(Broken) as found:
        prove(ledger)

    assert found.value.field


def test_an_unsettled_balance_is_held_to_the_entry_that_it_knows() -> None:
    """It need not be of now; what it says of then must be right."""
    prove(OPEN)
    for field, value in (
        ("seq", OPEN.balance["seq"] + 1),
        ("owner_uid", "somebody"),
        ("recheck_at", OPEN.balance["published_at"]),
        ("available_nanos", OPEN.balance["available_nanos"] + 1),
        ("pinned_nanos", 0),
        ("held_nanos", 0),
        ("is_settled", True),
        ("shard", 99),
    ):
        ledger = copy.deepcopy(OPEN)
        ledger.balance[field] = value
        with pytest.raises(Broken):
            prove(ledger)


def test_values_are_compared_as_the_store_has_them() -> None:
    """One, 1.0 and true are three things in a document."""
    assert is_same({"a": [1, "x"]}, {"a": [1, "x"]})
    assert not is_same({"a": [1]}, {"a": [1.0]})
    assert not is_same({"a": [1]}, {"a": [True]})
    assert not is_same({"a": 1}, {"b": 1})
    assert not is_same([1], [1, 2])
    assert len(shown("x" * 1_000)) == 300
    assert Doc("p", {"a": None}).maybe_instant("a") is None


# ---- what no life of a wallet comes to by itself ---------------------------------------------


def broken_by(ledger: Ledger, place: dict[str, Any], field: str, value: object) -> str:
    """Return the field that a proof finds when one is another."""
    before = place.get(field, ...)
    place[field] = value
    try:
        prove(ledger)
    except Broken as line:
        return line.field
    finally:
        if before is ...:
            del place[field]
        else:
            place[field] = before
    return ""


def test_each_part_of_a_grant_is_held_to_what_was_told() -> None:
    """Also those that most grants do not have."""
    grants = state(WHOLE)["grants"]
    bought, free = grants["topup:pi_1"], grants["free:1"]
    at = state(WHOLE)["at"]
    later = at + timedelta(days=1)
    for place, field, value in (
        (bought, "created_at", later),
        (bought, "recalled_nanos", 1),
        (bought, "forgone_nanos", 1),
        (bought, "redeemed_nanos", 1),
        (bought, "cut_nanos", 1),
        (bought, "pledged_nanos", 10**9),
        (bought, "late_nanos", 1),
        (bought, "aside_nanos", 0),
        (bought, "returned_by", "return:topup:pi_1:1"),
        (bought, "paid_nanos", 299),
        (bought, "kind", "promo"),
        (free, "expires_at", at),
        (free, "aside_nanos", 1),
    ):
        assert broken_by(WHOLE, place, field, value).startswith("state.grants")


def test_each_small_field_is_at_least_possible() -> None:
    """What no entry tells of must be what it can be."""
    found = state(WHOLE)
    soon = found["at"] + timedelta(days=40)
    for field, value in (
        ("plans_over_seq", found["seq"] + 1),
        ("published_at", soon),
        ("created_at", soon),
        ("free_number", 9),
        ("cut", {"room_nanos": 0, "over_nanos": -1}),
        ("at", found["created_at"]),
    ):
        assert broken_by(WHOLE, found, field, value)
    assert not broken_by(WHOLE, found, "cut", {"room_nanos": 0, "over_nanos": None})
    assert not broken_by(WHOLE, found, "cut", {"room_nanos": 3, "over_nanos": 2})
    hold = next(iter(found["holds"].values()))
    assert broken_by(WHOLE, hold, "budget", "key_7") == next(
        f"state.holds.{name}.budget" for name in found["holds"]
    )
    assert broken_by(WHOLE, WHOLE.wallet, "used_at", found["at"] - timedelta(seconds=1))
    assert broken_by(WHOLE, WHOLE.wallet, "parked", "why")

"""A proof finds every line that does not hold, and no other."""

import copy
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditbase.ledger.domain.proof.keeping import read_tale, write_tale
from creditbase.ledger.domain.proof.reading import Broken, Doc, is_same, shown
from creditbase.ledger.domain.proof.tale import Tale
from creditbase.ledger.domain.proof.walk import walk_entries
from tests.kernel.profiles import STORIES
from tests.ledger.builders import WALLET_ID
from tests.ledger.programs import MONTHLY_FREE, PROGRAMS, RETURNS, Step, Twin
from tests.ledger.proofs import (
    Ledger,
    a_long_life,
    a_plan_life,
    kept,
    ledger_of,
    prove,
    salt_of,
)
from tests.ledger.tampering import state
from tests.ledger.tampering_state import TAMPERINGS

WHOLE = ledger_of(a_long_life())
OPEN = ledger_of(a_long_life(), is_settled=False)
PLAN = ledger_of(a_plan_life())


# ---- no false alarm --------------------------------------------------------------------------


CUT_AS_IT_COMES_BACK = [
    Step(0, "charge", 0, 0),
    Step(0, "cut", 0, 0),
    Step(0, "grant", 0, 0),
    Step(0, "give_back", 1, 0),
]
"""A refund that failed after a smaller plan was chosen: all of it is cut, so nothing moves."""
A_LIMIT_USED_BY_AN_OLD_HOLD_ALONE = [
    Step(5, "hold", 37, 17),
    Step(0, "terms", 37, 23),
    Step(0, "extend", 39, 19),
    Step(8, "terms", 13, 17),
]
"""A window is closed in which nothing was counted, but a limit used."""


@STORIES
@example(CUT_AS_IT_COMES_BACK, False, 1)
@example(A_LIMIT_USED_BY_AN_OLD_HOLD_ALONE, False, 1)
@given(PROGRAMS, st.booleans(), st.integers(0, 40))
def test_no_alarm_is_raised_for_a_random_life(
    program: list[Step], is_settled: bool, pause: int
) -> None:
    """Whoever parks a wallet that is fine stops a customer who pays."""
    story = kept(MONTHLY_FREE)
    twin = Twin(story=story)
    tale = None
    for number, step in enumerate(program):
        twin.take(step)
        if number == pause:
            tale = prove(ledger_of(story))

    # from its beginning, and from where a proof in between ended
    ledger = ledger_of(story, is_settled=is_settled)
    whole = prove(ledger)
    if tale is not None:
        assert write_tale(prove(ledger, read_tale(write_tale(tale)))) == write_tale(whole)


@STORIES
@given(RETURNS)
def test_no_alarm_is_raised_for_refunds_around_holds(program: list[Step]) -> None:
    """Refunds, cuts and failed refunds between holds and their ends."""
    story = kept(MONTHLY_FREE)
    twin = Twin(story=story)
    for pick in (0, 0, 2):
        twin.take(Step(0, "grant", 30, pick))
    for step in program:
        twin.take(step)

    prove(ledger_of(story))


def test_a_long_ledger_is_walked_in_parts() -> None:
    """As many entries as one likes, and the same tale in the end."""
    whole, tale = Tale(WALLET_ID), Tale(WALLET_ID)
    whole.salt = tale.salt = salt_of(WHOLE)
    walk_entries(whole, WHOLE, most=10_000)
    while tale.seq < whole.seq:
        walk_entries(tale, WHOLE, most=3)

    assert write_tale(tale) == write_tale(whole)


# ---- any one field ---------------------------------------------------------------------------

NOT_TOLD = {
    "shadow_since": "null where it is left out; an operator's switch is no entry",
    "commits": "counts writes; any number is one",
    "plans_over_seq": "an entry's number, within the ledger",
    "accrued_nanos": "what a hold's caller reported last; its end tells it",
    "levels": "heights that somebody wants to hear of: no credits",
    "number": "of a closed paid window: none; of a free one its number",
}
"""What nothing else tells, so that one edit of it cannot be found; it moves no credits."""


def is_told_by_nothing(path: tuple[Any, ...]) -> bool:
    """Return whether a field is one that nothing else tells."""
    if path[-1] == "expires_at" and path[1] == "holds":
        return True  # it may have been extended, which is no entry; a day at most
    return bool(set(path) & NOT_TOLD.keys())


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
    found = [it for it in missed if not is_told_by_nothing(it[1])]
    assert "\n".join(map(str, found)) == ""
    assert len(missed) < 12


# ---- tampering by those who know the format --------------------------------------------------


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

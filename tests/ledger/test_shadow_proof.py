"""Laws of shadow mode: it decides as ever and obeys nobody; and its notes are proved."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.errors import BillingError
from creditbase.ledger.domain.commands import (
    FixedAmount,
    SetLevel,
)
from creditbase.ledger.domain.decide import decide
from creditbase.ledger.domain.proof.keeping import read_tale, write_tale
from creditbase.ledger.domain.proof.reading import Broken
from creditbase.ledger.domain.proof.tale import Tale
from creditbase.ledger.domain.shadow import SwitchShadow, TheirCount
from creditbase.ledger.domain.wallet import Terms
from tests.kernel.profiles import STORIES
from tests.ledger.builders import (
    DAY,
    FREE,
    WALLET_ID,
    a_capture,
    a_charge,
    a_hold,
    a_story,
    tier,
)
from tests.ledger.programs import PROGRAMS, WAITS_S, Step, Twin
from tests.ledger.proofs import GPT, OPUS, Kept, Ledger, kept, ledger_of, prove
from tests.ledger.tampering import chain, entry, state
from tests.ledger.test_shadow import OFF, ON, noted, shadowed

# ---- laws ------------------------------------------------------------------------------------


SPENDS = st.lists(
    st.tuples(
        st.sampled_from(["charge", "hold", "capture", "void", "grant", "wait", "switch"]),
        st.integers(0, 60),
    ),
    max_size=25,
)
TERMS = st.sampled_from(
    [FREE, Terms("none"), tier(40), tier(40, draws_wallet=False), tier(included="unlimited")]
)


@STORIES
@given(TERMS, SPENDS)
def test_nobody_is_refused_and_the_note_is_what_the_normal_decision_says(
    terms: Terms, steps: list[tuple[str, int]]
) -> None:
    """On the same wallet, whatever came before: switched back and forth in between."""
    story = shadowed(a_story(terms, a=50))
    open_holds: list[str] = []
    for number, (action, amount) in enumerate(steps):
        if action == "grant":
            story.grant(f"g{number}", amount, "topup")
        elif action == "wait":
            story.wait(amount * timedelta(hours=7))
        elif action == "switch":
            story.do(OFF)
            story.do(ON)
        elif action in {"charge", "hold"}:
            make = a_charge if action == "charge" else a_hold
            asked = make(amount, f"k{number}", budget=("key", 45) if amount % 2 else ("", 0))
            normal = replace(story.wallet, shadow_since=None)
            try:
                decide(normal, {}, asked, now=story.now)
                would, short_nanos = "allow", 0
            except BillingError as refusal:
                facts = refusal.facts()
                would = "refuse"
                short_nanos = int(facts["required_nanos"]) - int(facts["available_nanos"])
            found = story.entry(asked)
            assert noted(found)["would"] == would
            assert noted(found).get("short_nanos", 0) == short_nanos
            if would == "allow":
                assert found.amount_nanos == amount
                assert found.shortfall_nanos == 0
            if action == "hold":
                open_holds.append(found.hold_id)
        elif open_holds:
            hold_id = open_holds.pop()
            story.void(hold_id) if action == "void" else story.capture(hold_id, amount)
        assert min(story.left().values(), default=0) >= 0
        assert story.wallet.receivable_nanos == 0


@STORIES
@given(PROGRAMS, st.booleans())
def test_a_proof_takes_a_random_life_in_shadow_mode(
    program: list[Step], is_switched: bool
) -> None:
    """Refunds, cuts, plans and expiries among it: no line is called broken."""
    twin = Twin()
    story = Kept(twin.story.wallet, twin.story.now, twin.story.entries)
    twin.story = story
    for number, step in enumerate(program):
        if number == 0 or (is_switched and number % 5 == 0):
            story.do(SwitchShadow(is_on=number % 2 == 0))
        twin.number += 1
        story.now += timedelta(seconds=WAITS_S[step.wait % len(WAITS_S)])
        asked = None if step.action == "again" else getattr(twin, step.action)(step)
        if asked is not None:
            with suppress(BillingError):
                story.do(asked[0])

    prove(ledger_of(story))


# ---- the proof -------------------------------------------------------------------------------


def a_shadow_life() -> Kept:
    """Return a story in shadow mode over two days, the first with nothing but a note."""
    story = kept(FREE)
    story.do(SetLevel("low", 300))
    story.do(ON)
    story.void(story.hold(900, model="opus"))
    story.wait(DAY)
    story.do(replace(a_charge(600, "over", metered=GPT), theirs=TheirCount(590, 0)))
    hold_id = story.hold(40, model="opus")
    story.do(replace(a_capture(hold_id, FixedAmount(25, OPUS)), theirs=TheirCount(25)))
    story.hold(7)
    return story


def test_what_was_compared_is_counted_again_from_the_entries() -> None:
    """Also by a proof that stopped half-way; a day of nothing but notes is a document."""
    story = a_shadow_life()
    whole = ledger_of(story)

    assert list(whole.documents["usage"].values()) == [
        {
            "date": "2026-03-10",
            "models": {},
            "compared": {"opus": {"decided": 1, "refused": 1, "different": 1}},
        }
    ]
    tale = prove(whole)
    assert read_tale(write_tale(tale)) == replace(tale, salt="")
    story.charge(1)
    prove(ledger_of(story), read_tale(write_tale(tale)))


def _a_refusal_is_forgotten(it: Ledger) -> None:
    del state(it)["today"]["compared"]["gpt-5"]["refused"]


def _a_model_was_never_compared(it: Ledger) -> None:
    del state(it)["today"]["compared"]["opus"]


def _a_model_is_made_up(it: Ledger) -> None:
    state(it)["today"]["compared"]["m"] = {"decided": 1}


def _a_closed_day_forgets(it: Ledger) -> None:
    it.documents["usage"]["2026-03-10"]["compared"] = {}


def _a_closed_day_is_gone(it: Ledger) -> None:
    it.documents["usage"].clear()


def _something_else_is_noted(it: Ledger) -> None:
    entry(it, "charge")["cause"]["shadow"]["because"] = "x"
    chain(it)


def _a_grant_is_compared(it: Ledger) -> None:
    entry(it, "grant")["cause"]["shadow"] = {"would": "allow"}
    chain(it)


def _less_is_beyond(it: Ledger) -> None:
    entry(it, "capture")["cause"]["shadow"]["beyond_nanos"] = 1
    chain(it)


def _a_charge_is_short_without_a_note(it: Ledger) -> None:
    del entry(it, "charge")["cause"]["shadow"]
    chain(it)


def _the_mode_begins_tomorrow(it: Ledger) -> None:
    since: datetime = state(it)["at"]
    state(it)["shadow_since"] = since + DAY


def _a_level_is_reached_and_is_below(it: Ledger) -> None:
    state(it)["levels"]["low"] = {"below_nanos": 0, "is_below": True, "crossings": 1}


def _the_mode_is_over_and_nobody_saw_the_level(it: Ledger) -> None:
    state(it)["shadow_since"] = None


TAMPERINGS = [it for name, it in sorted(globals().items()) if name.startswith(("_a_", "_the_"))]
TAMPERINGS += [_something_else_is_noted, _less_is_beyond]


@pytest.fixture(name="life", scope="module")
def _life() -> Kept:
    return a_shadow_life()


@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_a_proof_finds_what_was_changed_of_the_notes(life: Kept, tamper: Any) -> None:
    """Each of them would make a customer look ready who is not, or the other way round."""
    ledger = ledger_of(life)
    tamper(ledger)

    with pytest.raises(Broken):
        prove(ledger, Tale(WALLET_ID))

"""The invariants: silent on every real step, and loud on every way to break one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.ledger.domain.decide import Decision, decide
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.invariants import breach
from creditbase.ledger.domain.wallet import BudgetCount, Draw, Wallet
from tests.ledger.builders import NOON, a_charge, a_story, tier

STORY = a_story(tier(100), a=100, b=100)
STORY.hold(130)
BEFORE = STORY.wallet
GOOD = decide(BEFORE, {}, a_charge(50, "k"), now=NOON + timedelta(seconds=1))
(ENTRY,) = GOOD.entries
AFTER = GOOD.wallet
HOLD_ID = next(iter(AFTER.holds))
HOLD = AFTER.holds[HOLD_ID]


def wallet(**fields: Any) -> Wallet:
    """Return the good wallet with a fault in it."""
    return replace(AFTER, **fields)


def grant(name: str, **fields: Any) -> Wallet:
    """Return the good wallet with a fault in one grant."""
    return wallet(grants={**AFTER.grants, name: replace(AFTER.grants[name], **fields)})


def hold(**fields: Any) -> Wallet:
    """Return the good wallet with a fault in its hold."""
    return wallet(holds={HOLD_ID: replace(HOLD, **fields)})


def budget(count: BudgetCount) -> Wallet:
    """Return the good wallet with a counter of a key that did nothing."""
    return wallet(window=replace(AFTER.window, budgets={"key": count}))


def entry(**fields: Any) -> list[Entry]:
    """Return the good entry with a fault in it."""
    return [replace(ENTRY, **fields)]


def postings(**changes: int) -> list[Entry]:
    """Return the good entry with other amounts; accounts by name."""
    named = {name.replace("grant_", "grant:"): nanos for name, nanos in changes.items()}
    return entry(postings={**ENTRY.postings, **named})


CORRUPTIONS: dict[str, tuple[Wallet, list[Entry], str]] = {
    "a negative debt": (wallet(receivable_nanos=-1), [ENTRY], "receivable is out of range"),
    "a debt too large": (wallet(receivable_nanos=2**53 + 1), [ENTRY], "receivable is out"),
    "a grant below zero": (grant("a", remaining_nanos=-1), [ENTRY], "below zero"),
    "pins below zero": (grant("b", held_nanos=-1), [ENTRY], "below zero"),
    "too many credits": (grant("b", remaining_nanos=AMOUNT_NANOS_MAX), [ENTRY], "exceed"),
    "a hold that does not add up": (hold(amount_nanos=129), [ENTRY], "does not add up"),
    "a hold on another grant": (
        hold(draws=(HOLD.draws[0], Draw("b", "topup", 30))),
        [ENTRY],
        "disagree",
    ),
    "a hold on another window": (
        hold(window_start_at=NOON - timedelta(days=1)),
        [ENTRY],
        "disagree",
    ),
    "a hold that vanished": (wallet(holds={}), [ENTRY], "disagree"),
    "a pin forgotten": (grant("a", held_nanos=29), [ENTRY], "disagree"),
    "a limit spent below zero": (
        wallet(window=replace(AFTER.window, included_spent_nanos=-1)),
        [ENTRY],
        "window's limit",
    ),
    "a limit held below zero": (
        wallet(window=replace(AFTER.window, included_held_nanos=-1)),
        [ENTRY],
        "window's limit",
    ),
    "more recalled than held": (grant("a", recalled_nanos=31), [ENTRY], "does not hold"),
    "less cut than nothing": (grant("a", cut_nanos=-1), [ENTRY], "less than nothing"),
    "a budget below zero": (budget(BudgetCount(spent_nanos=-1)), [ENTRY], "budget of key"),
    "a budget held by nothing": (budget(BudgetCount(held_nanos=1)), [ENTRY], "disagree"),
    "credits from nowhere": (grant("b", remaining_nanos=101), [ENTRY], "became of grant:b"),
    "credits lost": (grant("a", remaining_nanos=19), [ENTRY], "became of grant:a"),
    "credits moved between grants": (
        wallet(
            grants={
                "a": replace(AFTER.grants["a"], remaining_nanos=10),
                "b": replace(AFTER.grants["b"], remaining_nanos=110),
            }
        ),
        [ENTRY],
        "became of grant:a",
    ),
    "a debt from nowhere": (wallet(receivable_nanos=1), [ENTRY], "became of receivable"),
    "a line that does not sum": (AFTER, postings(consumed=51), "sum to zero"),
    "a line about another grant": (
        AFTER,
        postings(grant_a=0, grant_b=-50),
        "became of grant:a",
    ),
    "a line about an account that is none": (
        AFTER,
        postings(consumed=0, pocket=50),
        "became of pocket",
    ),
    "a line that holds and does not": (AFTER, postings(held=-1, consumed=51), "became of held"),
    "a line missing": (AFTER, [], "head is not its last"),
    "a line twice": (AFTER, [ENTRY, ENTRY], "breaks the chain"),
    "a gap": (AFTER, entry(seq=ENTRY.seq + 1), "breaks the chain"),
    "a broken link": (AFTER, entry(prev="00"), "breaks the chain"),
    "time going back": (AFTER, entry(at=NOON - timedelta(days=1)), "breaks the chain"),
    "a wallet older than its line": (wallet(at=NOON), [ENTRY], "head is not its last"),
    "another head": (wallet(head="00"), [ENTRY], "head is not its last"),
    "another count": (wallet(seq=AFTER.seq + 1), [ENTRY], "head is not its last"),
    "another balance told": (
        AFTER,
        entry(figures=replace(ENTRY.figures, available_nanos=121)),
        "tells another balance",
    ),
    "another hold told": (
        AFTER,
        entry(figures=replace(ENTRY.figures, held_nanos=0)),
        "tells another balance",
    ),
    "another debt told": (
        AFTER,
        entry(figures=replace(ENTRY.figures, receivable_nanos=1)),
        "tells another balance",
    ),
}


def test_the_step_that_is_broken_below_is_a_good_one() -> None:
    """Otherwise the corruptions would prove nothing."""
    assert breach(BEFORE, AFTER, GOOD.entries) == ""
    assert HOLD.draws == (Draw("included", "included", 100), Draw("a", "topup", 30))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_named(name: str) -> None:
    """The wallet is parked with the reason, and nothing of it is written."""
    after, entries, reason = CORRUPTIONS[name]

    assert reason in breach(BEFORE, after, entries)


def test_a_step_without_entries_may_move_nothing() -> None:
    """An extension or a freeze has no line, so no pot may change by it."""
    assert breach(AFTER, AFTER, []) == ""
    assert breach(AFTER, grant("b", remaining_nanos=99), []) != ""


def test_several_steps_are_one_step() -> None:
    """A batch of commands is checked once, from the first wallet to the last."""
    first = decide(BEFORE, {}, a_charge(50, "1"), now=NOON)
    second = decide(first.wallet, {}, a_charge(70, "2"), now=NOON)
    together = (*first.entries, *second.entries)

    assert breach(BEFORE, second.wallet, together) == ""
    assert breach(BEFORE, second.wallet, reversed(together)) != ""


# ---- decisions that went wrong -------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: replace(d.wallet, grants=BEFORE.grants),
        lambda d: replace(d.wallet, holds={}),
        lambda d: replace(BEFORE, commits=d.wallet.commits),
    ],
    ids=["undebited", "unheld", "unmoved"],
)
def test_a_forgotten_half_of_a_decision_is_named(spoil: Callable[[Decision], Wallet]) -> None:
    """Entries without their wallet are as wrong as the reverse."""
    decided = decide(BEFORE, {}, Charge("op:1", "d", FixedAmount(10)), now=NOON)

    assert breach(BEFORE, spoil(decided), decided.entries) != ""

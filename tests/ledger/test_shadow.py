"""Shadow mode: nobody is refused, and what would have been is noted by the same decision."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from creditbase.kernel.errors import BillingError, Conflict, Forbidden, NotFound
from creditbase.kernel.ids import operation_entry_id
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.ledger.domain.commands import (
    Budget,
    CaptureHold,
    Charge,
    FixedAmount,
    Freeze,
    MeteredUsage,
    PlaceHold,
    Priced,
    SetLevel,
)
from creditbase.ledger.domain.comparing import compared_with
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.shadow import Compared, ComparedByModel, SwitchShadow, TheirCount
from creditbase.ledger.domain.wallet import DELETED, MODELS_MAX
from tests.ledger.builders import (
    DAY,
    FlatRate,
    Story,
    a_charge,
    a_story,
    hold_id_of,
    tier,
)

ON, OFF = SwitchShadow(is_on=True), SwitchShadow(is_on=False)


def shadowed(story: Story) -> Story:
    """Put a story's wallet into shadow mode."""
    story.do(ON)
    return story


def noted(found: Entry) -> dict[str, Any]:
    """Return what an entry notes of shadow mode."""
    told: dict[str, Any] = found.cause["shadow"]
    return told


def compared(story: Story, model: str = "unspecified") -> Compared:
    """Return what the running day has compared of a model."""
    return story.wallet.today.compared[model]


# ---- what is noted, and what is taken --------------------------------------------------------


def test_what_is_beyond_the_balance_is_used_and_noted_and_not_charged() -> None:
    """The call was made: what is left is gone, and nothing is below zero."""
    story = shadowed(a_story(a=30))

    found = story.charge(100)

    assert (found.amount_nanos, found.captured_nanos, found.shortfall_nanos) == (100, 30, 70)
    assert noted(found) == {
        "would": "refuse",
        "code": "PAYMENT_REQUIRED",
        "reason": "wallet",
        "short_nanos": 70,
        "beyond_nanos": 70,
    }
    assert (story.available_nanos, story.wallet.receivable_nanos) == (0, 0)
    assert compared(story) == Compared(decided=1, refused=1, beyond_nanos=70, different=1)


def test_what_would_have_been_allowed_says_no_more_than_that() -> None:
    """So a day without a difference can be told from a day without use."""
    story = shadowed(a_story(a=30))

    assert noted(story.charge(30)) == {"would": "allow"}
    assert compared(story) == Compared(decided=1)


def test_a_hold_keeps_what_there_is_and_its_capture_takes_what_came_meanwhile() -> None:
    """It is a hold like any other: it ends once, and draws on what is there then."""
    story = shadowed(a_story(a=30))
    hold_id = story.hold(100, model="opus")
    placed = story.written("hold")[0]
    story.grant("b", 50, "topup")

    ended = story.capture(hold_id, 90)

    assert (placed.amount_nanos, noted(placed)["undrawn_nanos"]) == (30, 70)
    assert (ended.captured_nanos, ended.shortfall_nanos) == (80, 10)
    assert noted(ended) == {"beyond_nanos": 10}
    assert compared(story, "opus") == Compared(
        decided=1, refused=1, beyond_nanos=10, different=1
    )
    with pytest.raises(Conflict):
        story.capture(hold_id, 91, key="another")


def test_a_hold_that_would_be_lowered_is_placed_for_all_its_output() -> None:
    """To answer with fewer tokens would be a refusal of the others."""
    story = shadowed(a_story(a=30))
    usage = MeteredUsage({"input_tokens": 10, "output_tokens": 100}, FlatRate(), "m")

    placed = story.entry(
        PlaceHold(operation_entry_id("k"), hold_id_of("k"), "d", usage, 900, output_at_least=1)
    )

    assert placed.metered.quantities["output_tokens"] == 100
    assert noted(placed) == {"would": "lower", "max_output_tokens": 20, "undrawn_nanos": 80}
    assert compared(story, "m") == Compared(decided=1, lowered=1, different=1)


def test_a_budget_and_a_frozen_wallet_refuse_nobody() -> None:
    """Each is noted by its own name; a budget goes on counting."""
    story = shadowed(a_story(a=30))
    cost = FixedAmount(9)

    over = story.entry(Charge("op:1", "d", cost, budget=Budget("key_1", 5)))
    story.do(Freeze("operator"))
    frozen = story.charge(1)

    assert noted(over)["reason"] == "budget"
    assert over.captured_nanos == 9
    assert noted(frozen) == {
        "would": "refuse",
        "code": "FORBIDDEN",
        "reason": "WALLET_FROZEN",
    }


class OutsidePlan(FlatRate):
    """A rate by which no plan has the model."""

    def price(self, plan_code: str, *args: Any, **named: Any) -> Priced:
        """Return the price of who is on no plan."""
        if plan_code:
            raise Forbidden("no", reason="MODEL_OUTSIDE_PLAN")
        return super().price(plan_code, *args, **named)


def test_a_model_outside_the_plan_is_priced_as_without_one() -> None:
    """What it costs is known; that it is not sold is noted."""
    story = shadowed(a_story(a=30))
    usage = MeteredUsage({"input_tokens": 10}, OutsidePlan(), "m")

    found = story.entry(Charge("op:1", "d", usage))

    assert (found.captured_nanos, noted(found)["reason"]) == (10, "MODEL_OUTSIDE_PLAN")


def test_who_was_deleted_is_not_there_in_shadow_mode_either() -> None:
    """That is no decision about credits."""
    story = shadowed(a_story(a=30))
    story.do(Freeze(DELETED))

    with pytest.raises(NotFound):
        story.charge(1)


# ---- the other counter -----------------------------------------------------------------------


def test_what_the_other_counter_says_is_held_against_ours() -> None:
    """Ours less theirs, of what was used and of what is left with no hold open."""
    story = shadowed(a_story(tier(100, draws_wallet=True), a=50))
    story.hold(20)

    def charge(key: str, theirs: TheirCount) -> dict[str, Any]:
        return noted(story.entry(replace(a_charge(10, key), theirs=theirs)))

    same = charge("a", TheirCount(10, 140))
    less = charge("b", TheirCount(charged_nanos=7))
    more = charge("c", TheirCount(balance_nanos=-5))

    assert (same["charge_difference_nanos"], same["balance_difference_nanos"]) == (0, 0)
    assert less == {"would": "allow", "charged_nanos": 7, "charge_difference_nanos": 3}
    assert (more["balance_nanos"], more["balance_difference_nanos"]) == (-5, 125)
    assert compared(story) == Compared(
        decided=4,
        told=3,
        charge_differs=1,
        charge_difference_nanos=3,
        balance_differs=1,
        different=2,
    )


def test_a_limit_that_is_none_and_a_wallet_that_may_not_pay_have_no_part_in_what_is_left() -> (
    None
):
    """What is left of no limit is no figure; credits that may not be drawn are not left."""
    boundless = shadowed(a_story(tier(included="unlimited"), a=50))
    limited = shadowed(a_story(tier(100, draws_wallet=False), a=50))
    asked = replace(a_charge(10, "a"), theirs=TheirCount(10, 90))

    assert "balance_nanos" not in noted(boundless.entry(asked))
    assert noted(limited.entry(asked))["balance_difference_nanos"] == 0


def test_a_late_capture_is_compared_with_the_whole_call() -> None:
    """What the expiry took was a part of it."""
    story = shadowed(a_story(a=30))
    hold_id = story.hold(10, ttl_s=60)
    story.wait(timedelta(hours=1))

    late = story.entry(CaptureHold(hold_id, "d", FixedAmount(50), theirs=TheirCount(49)))

    assert noted(late) == {
        "beyond_nanos": 20,
        "charged_nanos": 49,
        "charge_difference_nanos": 1,
    }


def test_outside_the_mode_nothing_of_it_is_kept() -> None:
    """The gateway may go on saying what the other counter says."""
    story = a_story(a=30)
    asked = replace(a_charge(10, "a"), theirs=TheirCount(9, 9))

    assert story.entry(asked).cause == {}
    assert story.capture(story.hold(5), 25).cause == {}
    assert story.wallet.today.compared == {}


def test_absurd_figures_of_others_block_nothing() -> None:
    """Sums stop where readers still take them exactly."""
    most = {"charge_difference_nanos": AMOUNT_NANOS_MAX}
    full = Compared().plus(most).plus(most)

    assert full.charge_difference_nanos == AMOUNT_NANOS_MAX
    assert full.joined(full) == Compared(
        charge_differs=4, charge_difference_nanos=AMOUNT_NANOS_MAX, different=4
    )


def test_models_beyond_two_hundred_are_compared_together() -> None:
    """A caller who invents names does not fill the wallet."""
    known: ComparedByModel = {}
    for number in range(MODELS_MAX + 2):
        known = compared_with(known, f"m{number}", {"would": "allow"})

    assert len(known) == MODELS_MAX + 1
    assert known["other"] == Compared(decided=2)


# ---- the switch ------------------------------------------------------------------------------


def test_the_switch_is_absolute_and_remembers_since_when() -> None:
    """Said twice, the first time counts."""
    story = a_story(a=30)
    since = story.now
    story.do(ON)
    story.wait(DAY).do(ON)
    was_on = story.wallet.shadow_since
    story.do(OFF)

    assert (was_on, story.wallet.shadow_since) == (since, None)
    with pytest.raises(BillingError):
        story.charge(31)


def test_a_hold_of_one_mode_ends_in_the_other() -> None:
    """What it held is where it was; what it could not hold is drawn if it is there by then."""
    story = shadowed(a_story(a=30))
    first = story.hold(100)
    story.do(OFF)
    story.grant("b", 40, "topup")
    second = story.hold(40)
    taken = story.capture(first, 50)
    story.do(ON)
    rest = story.capture(second, 60)

    assert (taken.captured_nanos, taken.shortfall_nanos, taken.cause) == (30, 20, {})
    assert (rest.captured_nanos, noted(rest)) == (40, {"beyond_nanos": 20})
    assert story.accounts()["consumed"] == 110


def test_who_runs_low_in_shadow_mode_is_told_once_as_it_ends() -> None:
    """No mail and no payment for a balance that does not count yet, and none is lost."""
    story = a_story(a=100)
    story.do(SetLevel("low", 50))
    shadowed(story)

    silent = story.do(a_charge(80, "a"))
    ended = story.do(OFF)

    assert silent.crossings == ()
    assert [it.number for it in ended.crossings] == [1]
    shadowed(story)
    assert story.do(OFF).crossings == ()


def test_a_wallet_that_is_filled_again_in_shadow_mode_has_not_run_low() -> None:
    """What nobody was told of needs no taking back."""
    story = a_story(a=100)
    story.do(SetLevel("low", 50))
    story.charge(60)
    shadowed(story)
    story.grant("b", 100, "topup")

    assert story.wallet.levels["low"].is_below is False
    assert story.do(OFF).crossings == ()

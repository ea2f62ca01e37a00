"""What a call costs is decided with the wallet at hand: the plan, the pin, and the room."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.errors import Forbidden, PaymentRequired
from creditbase.kernel.ids import operation_entry_id
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.ledger.domain.affording import most_output
from creditbase.ledger.domain.commands import Budget, Charge, MeteredUsage, PlaceHold
from creditbase.ledger.domain.draft import Draft
from creditbase.ledger.domain.quoting import quote
from creditbase.ledger.domain.wallet import Terms
from tests.kernel.profiles import PURE
from tests.ledger.builders import (
    HOUR,
    NOON,
    PERIOD,
    FlatRate,
    Story,
    a_story,
    hold_id_of,
    tier,
)

RATE = FlatRate(1, {"dear": 5, "cheap": 2})


def usage(input_tokens: int = 0, output_tokens: int = 0, rate: FlatRate = RATE) -> MeteredUsage:
    """Return usage of a model."""
    tokens = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    return MeteredUsage(tokens, rate, "m")


def hold(
    story: Story,
    cost: MeteredUsage,
    *,
    key: str = "h",
    at_least: int | None = None,
    budget: Budget | None = None,
) -> str:
    """Place a hold for usage and return its id."""
    command = PlaceHold(
        operation_entry_id(key), hold_id_of(key), key, cost, 900, {}, budget, at_least
    )
    story.do(command)
    return hold_id_of(key)


class TestPlans:
    """The price is the plan's, and only the wallet knows the plan."""

    @pytest.mark.parametrize(("plan", "nanos"), [("dear", 50), ("cheap", 20), ("other", 10)])
    def test_a_charge_costs_what_the_plan_says(self, plan: str, nanos: int) -> None:
        """One command, three customers, three prices."""
        story = a_story(Terms(plan), a=100)

        entry = story.entry(Charge(operation_entry_id("k"), "d", usage(10)))

        assert entry.captured_nanos == nanos

    def test_a_hold_is_captured_at_the_price_at_which_it_was_placed(self) -> None:
        """The customer agreed to that one, whatever plan and prices have become since."""
        story = a_story(Terms("cheap"), a=100)
        hold_id = hold(story, usage(10))
        story.terms(tier(100, plan_code="dear"), PERIOD)

        entry = story.capture(hold_id, MeteredUsage({"input_tokens": 7}, FlatRate(9)))

        assert entry.captured_nanos == 14

    def test_a_late_capture_knows_the_price_of_the_hold_too(self) -> None:
        """The hold is gone; its expiry has told at which price it was placed."""
        story = a_story(Terms("cheap"), a=100)
        hold_id = hold(story, usage(10))
        story.terms(tier(100, plan_code="dear"), PERIOD)
        story.wait(HOUR)

        entry = story.capture(hold_id, MeteredUsage({"input_tokens": 7}, FlatRate(9)))

        assert (entry.kind, entry.captured_nanos) == ("late", 14)

    def test_a_repeated_charge_replays_at_the_price_of_then(self) -> None:
        """The digest of a request has no price in it."""
        story = a_story(Terms("cheap"), a=100)
        first = story.entry(Charge(operation_entry_id("k"), "d", usage(10)))
        story.terms(tier(100, plan_code="dear"), PERIOD)

        again = story.do(Charge(operation_entry_id("k"), "d", usage(10, rate=FlatRate(9))))

        assert again.is_replay
        assert again.entry == first

    def test_without_a_subscription_not_even_what_is_free_is_served(self) -> None:
        """Terms that neither include nor draw anything are no subscription: 402."""
        story = a_story(Terms("", draws_wallet=False), a=100)

        with pytest.raises(PaymentRequired) as refused:
            story.entry(Charge(operation_entry_id("k"), "d", usage(0)))

        assert (refused.value.available_nanos, refused.value.limit_source) == (0, "included")

    def test_an_unpaid_window_of_an_unlimited_tier_has_a_limit_of_nothing(self) -> None:
        """It has ended, nothing was paid, and the next has not begun: only the wallet pays."""
        story = a_story(tier(0, included="unlimited"), a=10)
        story.charge(10**6)
        story.now = PERIOD.end_at

        with pytest.raises(PaymentRequired) as refused:
            story.charge(11)

        assert refused.value.available_nanos == 10


class TestLoweredOutput:
    """A hold is lowered to what the customer can afford, by the decision that places it."""

    @PURE
    @given(
        funds=st.integers(0, 60),
        budget=st.none() | st.integers(0, 60),
        tokens=st.tuples(st.integers(0, 10), st.integers(0, 30), st.integers(0, 30)),
    )
    def test_it_is_the_most_that_fits(
        self, funds: int, budget: int | None, tokens: tuple[int, int, int]
    ) -> None:
        """One token more would exceed the funds or the budget; one less would be too mean."""
        story = a_story(Terms("cheap"), a=funds)
        allowed = None if budget is None else Budget("key", budget)
        prompt, most, least = tokens
        room = funds if budget is None else min(funds, budget)
        fits = [n for n in range(most + 1) if 2 * (prompt + n) <= room]
        cost = usage(prompt, most)
        draft = Draft(story.wallet, NOON)
        assert most_output(draft, cost, allowed) == max(fits, default=-1)

        if not fits or (max(fits) < most and max(fits) < least):
            with pytest.raises(PaymentRequired):
                hold(story, cost, at_least=least, budget=allowed)
            return

        hold(story, cost, at_least=least, budget=allowed)

        entry = story.written("hold")[0]
        assert entry.metered.quantities["output_tokens"] == max(fits)
        assert entry.amount_nanos == 2 * (prompt + max(fits))

    def test_output_that_is_held_for_as_thoughts_is_lowered_too(self) -> None:
        """Where a model's thoughts are dearer than its words, all of it might be thoughts."""
        story = a_story(Terms("cheap"), a=19)
        tokens = {"input_tokens": 4, "reasoning_tokens": 100}

        hold(story, MeteredUsage(tokens, RATE, "m"), at_least=1)

        (entry,) = story.written("hold")
        assert entry.metered.quantities == {"input_tokens": 4, "reasoning_tokens": 5}
        assert entry.amount_nanos == 18

    def test_the_refusal_says_what_the_least_would_cost(self) -> None:
        """So that a caller can tell how much is missing for any answer at all."""
        with pytest.raises(PaymentRequired) as refused:
            hold(a_story(Terms("cheap"), a=9), usage(4, 100), at_least=1)

        assert (refused.value.required_nanos, refused.value.available_nanos) == (10, 9)

    def test_without_the_wish_nothing_is_lowered(self) -> None:
        """A back end that holds for what it will do must not be given less."""
        with pytest.raises(PaymentRequired) as refused:
            hold(a_story(Terms("cheap"), a=9), usage(1, 100))

        assert refused.value.required_nanos == 202

    def test_an_unlimited_tier_affords_everything(self) -> None:
        """There is no room to be lowered to."""
        story = a_story(tier(0, included="unlimited"))

        assert most_output(Draft(story.wallet, NOON), usage(1, 10**9), None) == 10**9
        with pytest.raises(Exception, match="out of range"):
            hold(story, usage(0, AMOUNT_NANOS_MAX + 1), at_least=1)

    @pytest.mark.parametrize("stop", ["frozen", "parked"])
    def test_a_stopped_wallet_is_quoted_nothing(self, stop: str) -> None:
        """A hold would be refused, so a quote must not promise one."""
        story = a_story(Terms("cheap"), a=9)
        named: dict[str, Any] = {stop: "why"}
        stopped = replace(story.wallet, **named)

        with pytest.raises(Forbidden):
            quote(stopped, usage(1, 1), now=NOON)

        assert quote(story.wallet, usage(1, 1), now=NOON).asked.amount_nanos == 4

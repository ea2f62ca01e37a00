"""A day of a wallet: by model, provider and plan, and what was received for it in money."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.ledger.domain.cells import Cell, cell_of
from creditbase.ledger.domain.wallet import (
    OTHER_CELLS,
    DayCount,
    Metered,
    Tally,
    Terms,
)
from creditbase.ledger.encoding import read_closed_day, write_closed_day
from creditbase.ledger.used import BUCKET, is_used_since, used_bucket
from tests.kernel.profiles import PURE
from tests.ledger.builders import DAY, MINUTE, NOON, a_story, tier

NAMES = st.text(max_size=6) | st.sampled_from(['["', '["a","b","c"]', '["a"]', "[", "a|b"])


@PURE
@given(st.builds(Cell, NAMES, NAMES, NAMES))
def test_a_cell_is_found_again_under_its_key(cell: Cell) -> None:
    """Whatever models and plans are called, none is taken for another."""
    assert cell_of(cell.key) == cell


@pytest.mark.parametrize("name", ['["', '["a"', '["a","b"]', '["a","b",3]'])
def test_a_model_of_an_older_day_may_look_like_a_cell(name: str) -> None:
    """What is no list of three names is a model's own name."""
    assert cell_of(name) == Cell(name)


def test_a_day_of_before_is_read_by_model() -> None:
    """Documents that were written when days knew models alone stay readable."""
    old = {"date": "2026-03-10", "models": {"m": {"requests": 2}, "[x": {"requests": 1}}}

    day = read_closed_day(old)

    assert day.tallies == {"m": Tally(requests=2), "[x": Tally(requests=1)}
    assert read_closed_day(write_closed_day(day)) == day


class TestCells:
    """What a day's use is told apart by."""

    def test_a_call_counts_under_its_model_provider_and_the_plan_of_that_moment(self) -> None:
        """One model by two providers, on two plans: never in one heap."""
        story = a_story(a=100)
        story.charge(1, Metered("m", "acme"))
        story.charge(2, Metered("m", "other"))
        story.terms(Terms("better"))
        story.charge(4, Metered("m", "acme"))

        cells = {cell: it.amount_nanos for cell, it in story.wallet.today.cells.items()}

        assert cells == {
            Cell("m", "acme", "none"): 1,
            Cell("m", "other", "none"): 2,
            Cell("m", "acme", "better"): 4,
        }
        assert story.wallet.today.tallies == {"m": Tally(requests=3, amount_nanos=7)}

    def test_beyond_two_hundred_cells_all_is_counted_as_other(self) -> None:
        """The wallet stays small, and nothing is lost of the sum."""
        day = DayCount("2026-03-10")
        for number in range(203):
            used = Tally(requests=1, amount_nanos=1, received_nanos=2)
            day = day.plus(Cell(f"m{number}", "", "p"), used)

        assert len(day.cells) == 201
        assert day.cells[OTHER_CELLS] == Tally(requests=3, amount_nanos=3, received_nanos=6)


class TestReceived:
    """What was paid in money for credits that are used."""

    def test_a_draw_brings_its_share_of_what_was_paid_rounded_down(self) -> None:
        """A pack at a discount brings less than its face, a gift nothing."""
        story = a_story(free=10)
        story.grant("topup:1", 1_000, "topup", paid_nanos=700)

        charged = story.charge(15)

        assert [(draw.source, draw.amount_nanos) for draw in charged.draws] == [
            *(("free", 10), ("topup:1", 5))
        ]
        assert charged.received_nanos == 3
        (tally,) = story.wallet.today.cells.values()
        assert (tally.amount_nanos, tally.received_nanos) == (15, 3)
        assert story.entries["topup:1"].cause["paid_nanos"] == 700

    def test_the_end_of_a_hold_brings_what_it_took_and_no_more(self) -> None:
        """Of both sources of a capture above its hold, each once."""
        story = a_story()
        story.grant("topup:1", 1_000, "topup", paid_nanos=501)
        hold_id = story.hold(3)

        captured = story.capture(hold_id, 5)

        assert captured.received_nanos == 5 * 501 // 1_000
        assert story.wallet.today.tallies["unspecified"].received_nanos == 2

    def test_a_tiers_limit_counts_at_its_face(self) -> None:
        """Its price pays for a month, not for an amount."""
        story = a_story(tier(100))

        assert story.charge(7).received_nanos == 7

    def test_a_void_brings_nothing(self) -> None:
        """Nothing was used."""
        story = a_story()
        story.grant("topup:1", 10, "topup", paid_nanos=10)

        assert story.void(story.hold(3)).received_nanos == 0
        assert story.wallet.today.cells == {}


class TestUsedSince:
    """Which commits say that the wallet was used."""

    def test_only_what_counts_says_so(self) -> None:
        """A grant or an open hold is nothing to roll up; a charge and a capture are."""
        story = a_story(a=100)
        for step, is_used in (
            (lambda: story.grant("b", 1, "promo"), False),
            (lambda: story.hold(1), False),
            (lambda: story.charge(1), True),
            (lambda: story.wait(DAY).tidy(), False),
            (lambda: story.charge(2), True),
        ):
            before, closed = story.wallet, len(story.closed_days)
            step()
            days = [before.today] if len(story.closed_days) > closed else []
            assert is_used_since(before, story.wallet, days) is is_used

    def test_use_in_a_day_that_the_same_commit_closed_is_said(self) -> None:
        """A hold that times out counts on its own day, which may be long over."""
        story = a_story(a=100)
        before = story.wallet
        closed = replace(before.today, cells={Cell("m"): Tally(requests=1)})

        assert is_used_since(before, story.wallet, [closed])

    @pytest.mark.parametrize("minutes", [0, 14, 15, 44])
    def test_a_bucket_is_a_quarter_of_an_hour(self, minutes: int) -> None:
        """So its index is written four times an hour at the most."""
        at = NOON + minutes * MINUTE + timedelta(seconds=7, microseconds=9)

        assert used_bucket(at) == NOON + minutes // 15 * BUCKET

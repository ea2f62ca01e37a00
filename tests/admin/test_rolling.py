"""What is new in a wallet's days, and which values of a sweep count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.admin.domain.kept import Kept, Published
from creditbase.admin.domain.rolling import (
    NOTHING_MARKED,
    Cells,
    DayUse,
    Shrunk,
    added_up,
    news_of,
    total_of,
)
from creditbase.admin.rollup_store import read_bitmap, write_bitmap
from creditbase.ledger.domain.cells import Cell
from creditbase.ledger.domain.wallet import OTHER_CELLS, DayCount, Tally
from tests.kernel.profiles import PURE

CALLS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 9)),
    max_size=30,
).map(sorted)
"""Calls in the order of their days: day, model, amount, what was received."""


def lived(calls: list[tuple[int, str, int, int]]) -> list[tuple[list[DayCount], DayCount]]:
    """Return a wallet's closed days and its running one after each call, as the ledger has."""
    closed: list[DayCount] = []
    today = DayCount("2026-03-10")
    states = [(list(closed), today)]
    for day, model, amount, received in calls:
        date = f"2026-03-1{day}"
        if today.date < date:
            closed += [today] if today.cells else []
            today = DayCount(date)
        used = Tally(1, amount, received_nanos=received)
        today = today.plus(Cell(model, "acme", "p"), used)
        states.append((list(closed), today))
    return states


@PURE
@given(CALLS, st.sets(st.integers(0, 30)))
def test_all_that_is_new_adds_up_to_all_there_is(
    calls: list[tuple[int, str, int, int]], looks: set[int]
) -> None:
    """However often, and however late, somebody looks: no call twice, none forgotten."""
    states = lived(calls)
    seen = [states[at] for at in sorted(look for look in looks if look < len(states))]
    mark, rolled = NOTHING_MARKED, dict[str, Cells]()
    for closed, today in [*seen, states[-1]]:
        recent = [day for day in closed if day.date >= mark.date]
        news = news_of(mark, [*recent, today])
        mark = news.mark
        for date, cells in news.added.items():
            rolled[date] = added_up(rolled.get(date, {}), cells)

    closed, today = states[-1]
    assert rolled == {day.date: day.cells for day in (*closed, today) if day.cells}


def test_who_looks_twice_finds_nothing_the_second_time() -> None:
    """A wallet that is found by its quarter of an hour again costs no write."""
    today = DayCount("2026-03-10").plus(Cell("m"), Tally(1, 1))

    first = news_of(NOTHING_MARKED, [today])
    again = news_of(first.mark, [today])

    assert (first.added, again.added) == ({"2026-03-10": today.cells}, {})
    assert again.mark == first.mark


class TestDayUse:
    """What all customers used on a day."""

    @PURE
    @given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 2))))
    def test_the_bitmap_is_the_set_of_those_who_made_a_request(
        self, uses: list[tuple[int, int]]
    ) -> None:
        """Distinct, whoever comes how often; and written and read it stays the same."""
        day = DayUse()
        for ordinal, requests in uses:
            day = day.plus({Cell("m"): Tally(requests, 1)}, ordinal)

        active = {ordinal for ordinal, requests in uses if requests}
        assert {bit for bit in range(201) if day.active >> bit & 1} == active
        assert day.active.bit_count() == len(active)
        assert read_bitmap(write_bitmap(day.active)) == day.active

    def test_a_million_customers_are_an_eighth_of_a_megabyte(self) -> None:
        """Two of them and the counters are far from what a document may be."""
        everybody = (1 << 1_000_000) - 1
        every_other = int("01" * 500_000, 2)

        assert len(everybody.to_bytes(125_000, "little")) == 125_000
        assert len(write_bitmap(every_other)) < 126_000

    def test_a_cell_that_finds_no_room_counts_as_other(self) -> None:
        """The document stays small, and nothing is lost of the sum."""
        cells: Cells = {}
        for number in range(5):
            cells = added_up(cells, {Cell(f"m{number}"): Tally(1, 2)}, most=3)
        cells = added_up(cells, {Cell("m0"): Tally(1, 2)}, most=3)

        assert cells[OTHER_CELLS] == Tally(2, 4)
        assert cells[Cell("m0")] == Tally(2, 4)
        assert total_of(cells) == Tally(6, 12)


class TestKept:
    """Which of two values counts."""

    def test_a_value_counts_once_its_sweep_is_published(self) -> None:
        """Until then the one before it does, for whoever reads."""
        kept = Kept("old", "", 1).changed("new", Published(1), 2)

        assert kept.settled(Published(1)) == "old"
        assert kept.settled(Published(2)) == "new"

    def test_a_sweep_goes_on_from_its_own_value(self) -> None:
        """Steps of one sweep add up; the value before it stays what was published."""
        once = Kept("old", "", 1).changed("new", Published(1), 2)
        twice = once.changed(once.base(Published(1), 2) + "er", Published(1), 2)

        assert (twice.now, twice.before) == ("newer", "old")

    def test_what_a_sweep_left_that_was_given_up_never_counts(self) -> None:
        """Though later sweeps are published, and whether they touch the document or not."""
        left = Kept("old", "", 1).changed("wrong", Published(1), 2)
        later = Published(3, (2,))

        assert left.settled(later) == "old"
        assert left.base(Published(1, (2,)), 3) == "old"
        assert left.changed("new", Published(1, (2,)), 3) == Kept("new", "old", 3)

    @PURE
    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=12))
    def test_any_number_of_sweeps_given_up_changes_nothing(
        self, sweeps: list[tuple[bool, int]]
    ) -> None:
        """The sum is that of the steps of the sweeps that were published."""
        published, kept, expected = Published(), Kept(0, 0), [0]
        for number, (is_finished, steps) in enumerate(sweeps, start=1):
            for _ in range(steps):
                kept = kept.changed(kept.base(published, number) + 1, published, number)
                assert kept.settled(published) == expected[-1]
            if is_finished:
                published = Published(number, published.given_up)
                expected.append(expected[-1] + steps)
            else:
                published = Published(published.number, (*published.given_up, number))
            assert kept.settled(published) == expected[-1]


@pytest.mark.parametrize("left", [{}, {Cell("m"): Tally(1, 5)}])
def test_a_day_that_has_become_less_is_no_news(left: Cells) -> None:
    """Somebody wrote into the wallet: what was counted is not taken back from the sum."""
    mark = DayCount("2026-03-10", {Cell("m"): Tally(2, 5)})

    with pytest.raises(Shrunk):
        news_of(mark, [DayCount("2026-03-10", left)])


def test_days_before_the_mark_and_days_without_use_are_no_news() -> None:
    """Nothing is counted, and the mark stays where something was."""
    before = DayCount("2026-03-09", {Cell("m"): Tally(1, 1)})
    mark = DayCount("2026-03-10", {Cell("m"): Tally(2, 5)})

    news = news_of(mark, [before, mark, DayCount("2026-03-11")])

    assert news.added == {}
    assert news.mark == mark
